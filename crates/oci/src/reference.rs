//! Names of images: `[host[:port]/]path[:tag][@digest]`.
//!
//! Source: the grammar of the distribution project (`reference` package) and Docker's normalisation of short names.

mod grammar;

use std::{fmt, ops::Range, str::FromStr, sync::Arc};

use diag::{Error, Origin, codes};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Digest;

/// The host that short names get, as Docker has it.
const DEFAULT_HOST: &str = "docker.io";
/// The host that names of this machine's own images get, as Podman has it.
const LOCAL_HOST: &str = "localhost";

/// The full name of an image. It always has a host; [`Reference::tagged`] gives it a tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    name: String,
    host_length: usize,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// What is wrong with the text of a reference, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The whole text.
    pub text: String,
    /// The bytes of it that are at fault.
    pub range: Range<usize>,
    /// What is wrong with them: half a sentence, such as "a path has lower-case letters only".
    pub what: &'static str,
}

impl Reference {
    /// Reads a reference as Docker does: `debian` is `docker.io/library/debian`, `a/b` is `docker.io/a/b`.
    pub fn parse(text: &str) -> Result<Reference, Fault> {
        Reference::read(text, qualify_docker)
    }

    /// Reads the name for an image that is made here: `debian` is `localhost/debian`, `a/b` is `localhost/a/b`.
    pub fn parse_local(text: &str) -> Result<Reference, Fault> {
        Reference::read(text, |path| format!("{LOCAL_HOST}/{path}"))
    }

    /// All full names that a person can mean by `text`, the likeliest first: names made here, then Docker's.
    /// A text with a host means only itself.
    pub fn candidates(text: &str) -> Result<Vec<Reference>, Fault> {
        let (docker, local) = (Reference::parse(text)?, Reference::parse_local(text)?);
        Ok(if docker == local { vec![docker] } else { vec![local, docker] })
    }

    fn read(text: &str, qualify: impl Fn(&str) -> String) -> Result<Reference, Fault> {
        let parts = grammar::split(text)?;
        let name = match parts.host {
            // The old host is the same registry under another name.
            Some(DEFAULT_HOST | "index.docker.io") => qualify_docker(parts.path),
            Some(host) => format!("{host}/{}", parts.path),
            None => qualify(parts.path),
        };
        if name.len() > grammar::NAME_LIMIT {
            let range = 0..parts.name_length;
            return Err(Fault { text: text.into(), range, what: "a name has at most 255 characters" });
        }
        let host_length = name.find('/').unwrap_or(name.len());
        Ok(Reference { name, host_length, tag: parts.tag.map(Into::into), digest: parts.digest })
    }

    /// Host and path, without tag and digest: `docker.io/library/debian`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The registry's host, with its port if it has one.
    pub fn host(&self) -> &str {
        &self.name[..self.host_length]
    }

    /// What comes after the host.
    pub fn path(&self) -> &str {
        &self.name[(self.host_length + 1).min(self.name.len())..]
    }

    /// The tag, if one was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest, if one was written.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// With the tag `latest` if it has neither a tag nor a digest.
    #[must_use]
    pub fn tagged(mut self) -> Reference {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some("latest".into());
        }
        self
    }

    /// Without its digest.
    #[must_use]
    pub fn without_digest(mut self) -> Reference {
        self.digest = None;
        self
    }
}

fn qualify_docker(path: &str) -> String {
    let folder = if path.contains('/') { "" } else { "library/" };
    format!("{DEFAULT_HOST}/{folder}{path}")
}

/// In full; [`Reference::parse`] reads it back.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Reference, Error> {
        Ok(Reference::parse(text)?)
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Fault {
    /// As an error that points into an argument of the command line: the reference begins `offset` bytes into it.
    pub fn in_arg(self, argv: Arc<[String]>, index: usize, offset: usize) -> Error {
        let range = Some(offset + self.range.start..offset + self.range.end);
        let label = self.what;
        Error::from(self).at(Origin::Arg { argv, index, range }).label(label)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        let Fault { text, range, what } = fault;
        let part = text.get(range).unwrap_or_default();
        let error = match part {
            "" => Error::new(codes::UR0702, format!("`{text}` does not name an image: {what}")),
            part if part == text => Error::new(codes::UR0702, format!("`{text}` does not name an image: {what}")),
            part => Error::new(codes::UR0702, format!("`{text}` does not name an image, because of `{part}`: {what}")),
        };
        let lower = text.to_lowercase();
        if lower != text && Reference::parse(&lower).is_ok() {
            return error.help(format!("write it in lower case: `{lower}`"));
        }
        error.help("an image is written `[host[:port]/]path[:tag][@sha256:…]`, as in `localhost/web:1.2`")
    }
}

#[cfg(test)]
mod tests;
