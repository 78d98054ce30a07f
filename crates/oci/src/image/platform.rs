//! For which machine an image is made.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Operating system and architecture, in the words of the Go language, as OCI documents have them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// Such as `linux`.
    #[serde(default)]
    pub os: String,
    /// Such as `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// Such as `v7` of `arm`; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

impl Platform {
    /// The machine that this program was built for.
    pub fn here() -> Platform {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            "powerpc64" => "ppc64",
            "loongarch64" => "loong64",
            same => same,
        };
        Platform { os: "linux".into(), architecture: architecture.into(), variant: String::new() }
    }

    /// Whether an image for `image` runs on this platform: how well it suits, the least best; `None` if it does not.
    pub fn suits(&self, image: &Platform) -> Option<u8> {
        if self.os != image.os || self.architecture != image.architecture {
            return None;
        }
        // Variants are `v` and a number that grows with what the image demands of the machine.
        let demands = image.variant.strip_prefix('v').and_then(|number| number.parse().ok());
        match (image.variant.as_str(), image.architecture.as_str()) {
            ("", _) => Some(0),
            ("v8", "arm64") => Some(1),
            _ => Some(demands.unwrap_or(u8::MAX)),
        }
    }
}

/// `linux/arm/v7`.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_demanding_suits_best() {
        let platform = |architecture: &str, variant: &str| Platform {
            os: "linux".into(),
            architecture: architecture.into(),
            variant: variant.into(),
        };
        let here = platform("amd64", "");
        assert!(here.suits(&platform("amd64", "v3")) > here.suits(&platform("amd64", "v1")));
        assert!(here.suits(&platform("amd64", "v1")) > here.suits(&platform("amd64", "")));
        assert_eq!(here.suits(&platform("arm64", "")), None);
        assert_eq!(platform("arm", "v7").to_string(), "linux/arm/v7");
    }
}
