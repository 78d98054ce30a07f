//! One header block.

use diag::Result;

use super::{BLOCK, broken, shown};

/// A header whose checksum is right.
pub(super) struct Header([u8; BLOCK]);

impl Header {
    /// Takes a block for a header.
    pub(super) fn new(block: &[u8; BLOCK]) -> Result<Header> {
        let spaces = 8 * u64::from(b' ');
        let field = 148..156;
        let sum: u64 = spaces
            + block.iter().enumerate().filter(|(i, _)| !field.contains(i)).map(|(_, b)| u64::from(*b)).sum::<u64>();
        if unsigned(&block[field]) == Some(sum) {
            return Ok(Header(*block));
        }
        Err(broken("the archive has something that is not a tar header where one should be")
            .fact("its checksum is wrong")
            .help("an archive has to be a tar file, as it is or compressed with gzip or zstd"))
    }

    /// The type of the entry, as a character.
    pub(super) fn kind(&self) -> u8 {
        self.0[156]
    }

    /// The name, with POSIX's prefix.
    pub(super) fn path(&self) -> Vec<u8> {
        let name = text(&self.0[0..100]);
        let prefix = if &self.0[257..263] == b"ustar\0" { text(&self.0[345..500]) } else { &[] };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    /// The target of a link.
    pub(super) fn link(&self) -> Vec<u8> {
        text(&self.0[157..257]).to_vec()
    }

    pub(super) fn mode(&self) -> Result<u64> {
        self.field("mode", &self.0[100..108])
    }

    pub(super) fn uid(&self) -> Result<u64> {
        self.field("uid", &self.0[108..116])
    }

    pub(super) fn gid(&self) -> Result<u64> {
        self.field("gid", &self.0[116..124])
    }

    /// How many bytes follow.
    pub(super) fn size(&self) -> Result<u64> {
        self.field("size", &self.0[124..136])
    }

    /// Seconds since the epoch.
    pub(super) fn mtime(&self) -> Result<i64> {
        signed(&self.0[136..148]).ok_or_else(|| self.not_a_number("mtime"))
    }

    /// Major and minor number of a device.
    pub(super) fn device(&self) -> Result<(u64, u64)> {
        Ok((self.field("major number", &self.0[329..337])?, self.field("minor number", &self.0[337..345])?))
    }

    /// GNU's old sparse format: the first four segments' fields, whether more blocks follow, and the real size.
    pub(super) fn gnu_sparse(&self) -> Result<(&[u8], bool, u64)> {
        let size = self.field("real size", &self.0[483..495])?;
        Ok((&self.0[386..482], self.0[482] != 0, size))
    }

    fn field(&self, what: &str, bytes: &[u8]) -> Result<u64> {
        unsigned(bytes).ok_or_else(|| self.not_a_number(what))
    }

    fn not_a_number(&self, what: &str) -> diag::Error {
        broken(format!("the {what} of the archive's entry `{}` is not a number", shown(&self.path())))
    }
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number that cannot be negative: octal digits, or GNU's binary form. An empty field is 0.
pub(super) fn unsigned(field: &[u8]) -> Option<u64> {
    signed(field).and_then(|number| u64::try_from(number).ok())
}

/// A number: octal digits, or GNU's binary form (two's complement, big-endian, marked by the highest bit).
fn signed(field: &[u8]) -> Option<i64> {
    match field {
        [0x80, rest @ ..] => binary(rest, 0),
        [0xff, rest @ ..] => binary(rest, 0xff),
        [0x81..=0xfe, ..] => None,
        _ => octal(field),
    }
}

/// The lowest eight bytes, if those above are nothing but sign and the result has that sign.
fn binary(bytes: &[u8], sign: u8) -> Option<i64> {
    let mut value = [sign; 8];
    let (above, low) = bytes.split_at(bytes.len().saturating_sub(8));
    value[8 - low.len()..].copy_from_slice(low);
    let number = i64::from_be_bytes(value);
    (above.iter().all(|byte| *byte == sign) && (number < 0) == (sign != 0)).then_some(number)
}

fn octal(field: &[u8]) -> Option<i64> {
    let padding = |byte: &u8| matches!(byte, b' ' | 0);
    let begin = field.iter().position(|byte| !padding(byte)).unwrap_or(field.len());
    let end = field.iter().rposition(|byte| !padding(byte)).map_or(begin, |last| last + 1);
    field[begin..end].iter().try_fold(0_i64, |number, byte| match byte {
        b'0'..=b'7' => number.checked_mul(8)?.checked_add(i64::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_octal_or_binary() {
        assert_eq!(unsigned(b"0000644\0"), Some(0o644));
        assert_eq!(unsigned(b"   644 \0"), Some(0o644));
        assert_eq!(unsigned(b"\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(unsigned(b"77777777777 "), Some(0o777_7777_7777));
        assert_eq!(unsigned(b"0000 44\0"), None);
        assert_eq!(unsigned(b"0000648\0"), None);
        assert_eq!(unsigned(&[0x80, 0, 0, 0, 0, 0, 1, 0]), Some(256));
        assert_eq!(signed(&[0xff; 12]), Some(-1));
        assert_eq!(unsigned(&[0xff; 12]), None);
        assert_eq!(unsigned(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(unsigned(&[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(unsigned(&[0xc0, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn any_field_is_a_number_or_not(field in proptest::collection::vec(any::<u8>(), 1..13)) {
            let _ = signed(&field);
        }
    }
}
