//! One record of a log file.
//!
//! ```text
//! 2026-11-21T20:00:00.123456789+00:00 stdout F a whole line
//! 2026-11-21T20:00:00.123456789+00:00 stderr P the beginning of one, which the next record of this stream goes on with
//! {"log":"a whole line\n","stream":"stdout","time":"2026-11-21T20:00:00.123456789Z"}
//! ```
//! The first is what Podman calls `k8s-file`, the second Docker's `json-file`: there a record without `\n` is a beginning.

use oci::Timestamp;
use rustix::time::Timespec;

use super::Stream;

/// How records look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Podman's.
    K8s,
    /// Docker's.
    Json,
}

impl Format {
    /// Appends one record.
    pub(super) fn append(self, records: &mut Vec<u8>, now: Timespec, stream: Stream, line: &[u8], whole: bool) {
        let seconds = Timestamp(now.tv_sec).to_string();
        let (seconds, nanos) = (seconds.trim_end_matches('Z'), now.tv_nsec);
        match self {
            Format::K8s => {
                let kind = if whole { 'F' } else { 'P' };
                let head = format!("{seconds}.{nanos:09}+00:00 {} {kind} ", stream.name());
                records.extend_from_slice(head.as_bytes());
                records.extend_from_slice(line);
            }
            Format::Json => {
                let mut text = String::from_utf8_lossy(line).into_owned();
                text.extend(whole.then_some('\n'));
                // A string cannot fail to become JSON.
                let text = serde_json::to_string(&text).unwrap_or_default();
                let stream = stream.name();
                let record = format!("{{\"log\":{text},\"stream\":\"{stream}\",\"time\":\"{seconds}.{nanos:09}Z\"}}");
                records.extend_from_slice(record.as_bytes());
            }
        }
        records.push(b'\n');
    }
}

/// How many bytes at the end of a piece of text are the beginning of a character that the next piece goes on with.
pub(super) fn incomplete(piece: &[u8]) -> usize {
    match std::str::from_utf8(&piece[piece.len().saturating_sub(3)..]) {
        Ok(_) => 0,
        Err(_) => (1..=piece.len().min(3)).find(|&n| begins_character(&piece[piece.len() - n..])).unwrap_or(0),
    }
}

/// Whether these are the first bytes of a longer character.
fn begins_character(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timespec = Timespec { tv_sec: 1_795_291_200, tv_nsec: 12_345 };

    fn record(format: Format, line: &[u8], whole: bool) -> String {
        let mut records = Vec::new();
        format.append(&mut records, NOW, Stream::Stderr, line, whole);
        String::from_utf8(records).unwrap()
    }

    #[test]
    fn records_look_like_podmans_and_dockers() {
        assert_eq!(record(Format::K8s, b"x", true), "2026-11-21T20:00:00.000012345+00:00 stderr F x\n");
        assert_eq!(record(Format::K8s, b"", false), "2026-11-21T20:00:00.000012345+00:00 stderr P \n");
        assert_eq!(
            record(Format::Json, b"a \"b\"\t\xff", true),
            "{\"log\":\"a \\\"b\\\"\\t\u{fffd}\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-21T20:00:00.000012345Z\"}\n"
        );
        assert!(record(Format::Json, b"x", false).starts_with("{\"log\":\"x\","));
    }

    proptest! {
        #[test]
        fn characters_are_not_cut(text in "\\PC{0,20}", at in 0..80_usize) {
            let at = at.min(text.len());
            let (first, _) = text.as_bytes().split_at(at);
            let cut = incomplete(first);
            prop_assert!(std::str::from_utf8(&first[..first.len() - cut]).is_ok());
            prop_assert_eq!(cut == 0, text.is_char_boundary(at));
        }

        #[test]
        fn any_bytes(piece in any::<Vec<u8>>()) {
            prop_assert!(incomplete(&piece) <= piece.len().min(3));
        }
    }
}
