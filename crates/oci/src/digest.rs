//! Content digests.

use std::{fmt, str::FromStr};

use diag::{Error, Result, codes};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, written `sha256:` and 64 lower-case hexadecimal digits.
///
/// The image specification knows SHA-512 too; nothing in the field writes it, and the store refuses it.
/// Source: OCI image specification, descriptor.md.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Digest {
        Digest(Sha256::digest(bytes.as_ref()).into())
    }

    /// Takes what a hasher has computed.
    pub const fn from_raw(raw: [u8; 32]) -> Digest {
        Digest(raw)
    }

    /// Reads `sha256:…`, strictly. Error: UR0702.
    pub fn parse(text: &str) -> Result<Digest> {
        match text.split_once(':') {
            Some(("sha256", hex)) => Digest::from_hex(hex).ok_or_else(|| {
                Error::new(codes::UR0702, format!("`{text}` is not a digest"))
                    .help("`sha256:` is followed by exactly 64 digits of 0-9 and a-f")
            }),
            Some(("sha384" | "sha512" | "blake3", _)) => {
                Err(Error::new(codes::UR0702, format!("the digest `{text}` is not of the kind sha256"))
                    .help("only sha256 is supported"))
            }
            _ => Err(Error::new(codes::UR0702, format!("`{text}` is not a digest"))
                .help("a digest is written `sha256:` and 64 digits of 0-9 and a-f")),
        }
    }

    /// Reads the 64 digits alone; nothing else, no upper case.
    pub fn from_hex(hex: &str) -> Option<Digest> {
        let mut raw = [0; 32];
        if hex.len() != 64 {
            return None;
        }
        for (byte, pair) in raw.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Digest(raw))
    }

    /// The 64 digits without `sha256:`, as the store names its files.
    pub fn hex(&self) -> String {
        use fmt::Write;
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// The first twelve digits, as people see them.
    pub fn short(&self) -> String {
        let mut hex = self.hex();
        hex.truncate(12);
        hex
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Digest> {
        Digest::parse(text)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Digest::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn knows_the_digest_of_nothing() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of("").to_string(), empty);
        assert_eq!(Digest::parse(empty).unwrap(), Digest::of(""));
        assert_eq!(Digest::of("").short(), "e3b0c44298fc");
    }

    #[test]
    fn is_strict() {
        let hex = Digest::of("").hex();
        for bad in [
            hex.clone(),
            format!("sha256:{}", hex.to_uppercase()),
            format!("sha256:{}", &hex[1..]),
            format!("sha256:{hex}0"),
            format!("SHA256:{hex}"),
            format!(" sha256:{hex}"),
            format!("sha256:../{}", &hex[3..]),
            format!("sha512:{hex}{hex}"),
            "sha256:".into(),
            String::new(),
        ] {
            assert_eq!(Digest::parse(&bad).unwrap_err().code(), codes::UR0702, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(raw: [u8; 32]) {
            let digest = Digest::from_raw(raw);
            prop_assert_eq!(Digest::parse(&digest.to_string()).unwrap(), digest);
            let json = serde_json::to_string(&digest).unwrap();
            prop_assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        }

        #[test]
        fn never_panics(text in "\\PC{0,80}") {
            let _ = Digest::parse(&text);
        }
    }
}
