//! Where the user wrote what is at fault. Spans are found only when an error is printed.

use std::{fmt, ops::Range, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

/// A JSON pointer (RFC 6901) into a document, such as `/mounts/2/options/1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pointer(String);

impl Pointer {
    /// The whole document.
    pub const fn root() -> Self {
        Pointer(String::new())
    }

    /// Takes a pointer as it is written: empty, or beginning with `/`.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        debug_assert!(text.is_empty() || text.starts_with('/'), "not a JSON pointer: {text}");
        Pointer(text)
    }

    /// The pointer of a member or an element of what this one points to.
    #[must_use]
    pub fn child(&self, name: impl fmt::Display) -> Self {
        let name = name.to_string().replace('~', "~0").replace('/', "~1");
        Pointer(format!("{}/{name}", self.0))
    }

    /// The pointer as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The unescaped names on the way, from the outermost.
    pub fn segments(&self) -> impl Iterator<Item = String> {
        self.0.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"))
    }
}

/// As people write it: `mounts[2].options[1]`, `linux.sysctl["net.ipv4.ip_forward"]`.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.segments().enumerate() {
            match (segment.parse::<usize>(), i) {
                (Ok(index), _) => write!(f, "[{index}]")?,
                // A name with dots in it, as those of kernel parameters, would read as several.
                (Err(_), _) if segment.contains('.') => write!(f, "[{segment:?}]")?,
                (Err(_), 0) => f.write_str(&segment)?,
                (Err(_), _) => write!(f, ".{segment}")?,
            }
        }
        Ok(())
    }
}

/// The place in the user's own input that a report is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A place in a JSON document.
    Config {
        /// The document's name, as the user would find it.
        file: String,
        /// The place in it.
        pointer: Pointer,
        /// The document. It does not travel with a report; its receiver may put it back ([`crate::Error::with_text`]).
        #[serde(skip)]
        text: Arc<str>,
    },
    /// An argument of the command line, or a part of one.
    Arg {
        /// The whole command line, the program's name first.
        argv: Arc<[String]>,
        /// Which argument.
        index: usize,
        /// Bytes of that argument, if only a part of it is meant.
        range: Option<Range<usize>>,
    },
    /// A line of a text file, counted from 1.
    Line {
        /// The file's name.
        file: String,
        /// Its number, from 1.
        line: usize,
        /// The line itself.
        text: String,
    },
    /// An environment variable.
    Env {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A file or a directory.
    Path {
        /// Its path.
        path: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_as_people_write_them() {
        let shown = |text: &str| Pointer::new(text).to_string();
        assert_eq!(shown("/mounts/2/options/1"), "mounts[2].options[1]");
        assert_eq!(shown("/linux/sysctl/net.ipv4.ip_forward"), "linux.sysctl[\"net.ipv4.ip_forward\"]");
        assert_eq!(shown("/a~1b/~0"), "a/b.~");
        assert_eq!(shown(""), "");
    }
}
