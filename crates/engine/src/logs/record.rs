//! A log's records, as the monitor writes them (`runtime::monitor::log`) and as journalctl shows them.

use oci::Timestamp;
use serde_json::Value;

/// A piece of what a container has printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When: nanoseconds since the epoch.
    pub at: u64,
    /// Whether it was printed to standard error.
    pub stderr: bool,
    /// Whether its line ends with it.
    pub whole: bool,
    /// What was printed, without a newline.
    pub text: Vec<u8>,
}

/// Reads a line of a log file, in whichever format; `None` if it is none.
pub fn parse(line: &[u8]) -> Option<Record> {
    if line.first() == Some(&b'{') { parse_json(line) } else { parse_k8s(line) }
}

/// `TIME stdout|stderr F|P TEXT`
fn parse_k8s(line: &[u8]) -> Option<Record> {
    let mut parts = line.splitn(4, |&byte| byte == b' ');
    let (time, stream, kind, text) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let stderr = match stream {
        b"stdout" => false,
        b"stderr" => true,
        _ => return None,
    };
    Some(Record {
        at: time_of(std::str::from_utf8(time).ok()?)?,
        stderr,
        whole: kind.starts_with(b"F"),
        text: text.to_vec(),
    })
}

/// `{"log":TEXT,"stream":…,"time":…}`
fn parse_json(line: &[u8]) -> Option<Record> {
    let object: Value = serde_json::from_slice(line).ok()?;
    let member = |name: &str| object.get(name).and_then(Value::as_str);
    let text = member("log")?;
    let whole = text.strip_suffix('\n');
    Some(Record {
        at: time_of(member("time")?)?,
        stderr: member("stream")? == "stderr",
        whole: whole.is_some(),
        text: whole.unwrap_or(text).as_bytes().to_vec(),
    })
}

/// Reads a line of `journalctl -o json`.
pub fn parse_journal(line: &[u8]) -> Option<Record> {
    let object: Value = serde_json::from_slice(line).ok()?;
    let member = |name: &str| object.get(name).and_then(Value::as_str);
    let text = match object.get("MESSAGE")? {
        Value::String(text) => text.as_bytes().to_vec(),
        // What is not text is an array of bytes.
        Value::Array(bytes) => bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect(),
        _ => return None,
    };
    let microseconds: u64 = member("__REALTIME_TIMESTAMP")?.parse().ok()?;
    Some(Record {
        at: microseconds.checked_mul(1000)?,
        stderr: member("PRIORITY") == Some("3"),
        whole: member("CONTAINER_PARTIAL_MESSAGE") != Some("true"),
        text,
    })
}

/// Nanoseconds since the epoch of a time in UTC (`…Z` or `…+00:00`).
fn time_of(text: &str) -> Option<u64> {
    let bare = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (seconds, part) = bare.split_once('.').unwrap_or((bare, ""));
    let whole = format!("{seconds}Z").parse::<Timestamp>().ok()?.0;
    if part.len() > 9 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos: u64 = if part.is_empty() { 0 } else { format!("{part:0<9}").parse().ok()? };
    u64::try_from(whole).ok()?.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// A time as Podman's logs and events show it: `2026-11-21T20:00:00.000012345Z`.
pub fn show_time(at: u64) -> String {
    runtime::chronicle::time(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT: u64 = 1_795_291_200_000_012_345;

    #[test]
    fn both_formats_and_the_journal_are_read() {
        let record = |whole, text: &str| Some(Record { at: AT, stderr: true, whole, text: text.into() });
        assert_eq!(parse(b"2026-11-21T20:00:00.000012345+00:00 stderr F a b"), record(true, "a b"));
        assert_eq!(parse(b"2026-11-21T20:00:00.000012345+00:00 stderr P "), record(false, ""));
        let json = br#"{"log":"a\n","stream":"stderr","time":"2026-11-21T20:00:00.000012345Z"}"#;
        assert_eq!(parse(json), record(true, "a"));
        let journal = br#"{"MESSAGE":[97,255],"__REALTIME_TIMESTAMP":"1795291200000012","PRIORITY":"6"}"#;
        let expected = Record { at: AT - 345, stderr: false, whole: true, text: vec![97, 255] };
        assert_eq!(parse_journal(journal), Some(expected));
        assert_eq!(show_time(AT), "2026-11-21T20:00:00.000012345Z");
    }

    proptest! {
        #[test]
        fn any_bytes(line in any::<Vec<u8>>()) {
            parse(&line);
            parse_journal(&line);
        }

        #[test]
        fn times_come_back(at in 0..4_000_000_000_000_000_000_u64) {
            prop_assert_eq!(time_of(&show_time(at)), Some(at));
        }
    }
}
