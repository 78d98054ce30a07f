//! POSIX extended headers: records `LENGTH KEY=VALUE\n` whose values may hold any bytes.

use diag::Result;

use super::{Time, broken, shown};

/// The records of one extended header, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Records(Vec<(Vec<u8>, Vec<u8>)>);

/// Keys that would make every following entry the same; they make no sense in a global header.
const NOT_GLOBAL: [&[u8]; 3] = [b"path", b"linkpath", b"size"];

impl Records {
    /// Takes a header's contents apart.
    pub(super) fn parse(mut bytes: &[u8]) -> Result<Records> {
        let mut records = Vec::new();
        while !bytes.is_empty() {
            let (record, rest) =
                split(bytes).ok_or_else(|| broken("an extended header of the archive is malformed"))?;
            records.push(record);
            bytes = rest;
        }
        Ok(Records(records))
    }

    /// Takes over the records of a global header; they hold for all entries from now on.
    pub(super) fn take_global(&mut self, new: Records) -> Result<()> {
        for (key, value) in new.0 {
            if NOT_GLOBAL.contains(&key.as_slice()) || key.starts_with(b"GNU.sparse.") {
                return Err(broken(format!("a global header of the archive sets `{}`", shown(&key)))
                    .fact("tar programs disagree about what that means"));
            }
            self.0.retain(|(old, _)| *old != key);
            self.0.push((key, value));
        }
        Ok(())
    }

    /// The records that hold for one entry: its own, before the global ones.
    pub(super) fn over(self, global: &Records) -> Records {
        let inherited = global.0.iter().filter(|(key, _)| !self.0.iter().any(|(own, _)| own == key)).cloned();
        let inherited: Vec<_> = inherited.collect();
        Records(inherited.into_iter().chain(self.0).collect())
    }

    /// The last value of a key. An empty value is none: it takes back an earlier one.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        let value = self.0.iter().rev().find(|(own, _)| own == key.as_bytes()).map(|(_, value)| value.as_slice());
        value.filter(|value| !value.is_empty())
    }

    /// All values of a key, in their order.
    pub(super) fn all(&self, key: &'static str) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |(own, _)| own == key.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// A decimal number.
    pub(super) fn number(&self, key: &str) -> Result<Option<u64>> {
        self.get(key).map(|value| decimal(value).ok_or_else(|| malformed(key, value))).transpose()
    }

    /// A moment: decimal seconds, with a fraction or without.
    pub(super) fn time(&self, key: &str) -> Result<Option<Time>> {
        self.get(key).map(|value| time(value).ok_or_else(|| malformed(key, value))).transpose()
    }

    /// Extended attributes: their names and values.
    pub(super) fn xattrs(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let named =
            |(key, value): &(Vec<u8>, Vec<u8>)| Some((key.strip_prefix(b"SCHILY.xattr.")?.to_vec(), value.clone()));
        self.0.iter().filter_map(named).collect()
    }

    /// Access control lists in words, each with the attribute that it is about.
    pub(super) fn acls(&self) -> Vec<(&'static str, Vec<u8>)> {
        ACLS.iter().filter_map(|(record, attribute)| Some((*attribute, self.get(record)?.to_vec()))).collect()
    }
}

/// The records that hold access control lists in words, and the attributes that they are about.
const ACLS: [(&str, &str); 2] =
    [("SCHILY.acl.access", "system.posix_acl_access"), ("SCHILY.acl.default", "system.posix_acl_default")];

type Record = (Vec<u8>, Vec<u8>);

/// The first record, and what follows it.
fn split(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&bytes[..space])?).ok()?;
    if length <= space + 1 || length > bytes.len() {
        return None;
    }
    let (record, rest) = bytes.split_at(length);
    let record = record[space + 1..].strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&record[..equals], &record[equals + 1..]);
    (!key.is_empty()).then(|| ((key.to_vec(), value.to_vec()), rest))
}

/// Decimal digits and nothing else.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// `-1.5` is half a second before the second -1: nanoseconds always count forward.
fn time(text: &[u8]) -> Option<Time> {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let seconds = i64::try_from(decimal(parts.next()?)?).ok()?;
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = digits.fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'));
    Some(match (negative, nanoseconds) {
        (false, _) => Time { seconds, nanoseconds },
        (true, 0) => Time { seconds: -seconds, nanoseconds },
        (true, _) => Time { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds },
    })
}

fn malformed(key: &str, value: &[u8]) -> diag::Error {
    broken(format!("an extended header of the archive has the {key} `{}`, which is not a number", shown(value)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_may_hold_anything() {
        let records = Records::parse(b"13 a=\n=\x00 12\n\n12 path=b/c\n").unwrap();
        assert_eq!(records.get("a"), Some(&b"\n=\x00 12\n"[..]));
        assert_eq!(records.get("path"), Some(&b"b/c"[..]));
    }

    #[test]
    fn malformed_records_are_refused() {
        for bytes in [
            &b"5 a=b"[..],
            b"99 a=b\n",
            b"a=b\n",
            b"6 a=bc",
            b"4 ab\n",
            b"5 =ab\n",
            b"0 \n",
            b"1 2",
            b"18446744073709551616 a=b\n",
        ] {
            assert!(Records::parse(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn times_have_fractions_and_signs() {
        assert_eq!(time(b"1.5"), Some(Time { seconds: 1, nanoseconds: 500_000_000 }));
        assert_eq!(time(b"-1.5"), Some(Time { seconds: -2, nanoseconds: 500_000_000 }));
        assert_eq!(time(b"-3"), Some(Time { seconds: -3, nanoseconds: 0 }));
        assert_eq!(time(b"7.1234567891"), Some(Time { seconds: 7, nanoseconds: 123_456_789 }));
        for text in [&b""[..], b".5", b"1.x", b"+1", b"1e9", b"99999999999999999999"] {
            assert_eq!(time(text), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_records_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Records::parse(&bytes);
            let _ = time(&bytes);
        }

        #[test]
        fn what_is_written_is_read(key in "[a-zA-Z.]{1,20}", value in proptest::collection::vec(any::<u8>(), 1..100)) {
            let body = [key.as_bytes(), b"=", &value, b"\n"].concat();
            let mut length = body.len() + 2;
            while format!("{length} ").len() + body.len() != length { length += 1; }
            let records = Records::parse(&[format!("{length} ").as_bytes(), &body].concat()).unwrap();
            prop_assert_eq!(records.get(&key), Some(value.as_slice()));
        }
    }
}
