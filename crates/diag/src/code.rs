//! What a diagnostic code is.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What the failing command's exit status says, as Podman documents it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The engine itself failed: exit status 125.
    Engine,
    /// The contained command cannot be invoked: exit status 126.
    CannotInvoke,
    /// The contained command was not found: exit status 127.
    NotFound,
}

impl Class {
    /// The exit status of `unroot`. (`unroot-runtime` exits with 1 for every failure of its own, as runc does.)
    pub const fn exit_status(self) -> u8 {
        match self {
            Class::Engine => 125,
            Class::CannotInvoke => 126,
            Class::NotFound => 127,
        }
    }
}

/// The contents of one registry entry; only [`crate::codes`] makes them.
#[derive(Debug)]
pub struct Entry {
    /// `UR` and four digits.
    pub(crate) id: &'static str,
    /// The general case in half a sentence.
    pub(crate) title: &'static str,
    pub(crate) class: Class,
}

/// A stable name for one cause of failure. Codes are never renumbered and never reused.
#[derive(Clone, Copy)]
pub struct Code(pub(crate) &'static Entry);

impl Code {
    /// `UR` and four digits.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// The general case in half a sentence.
    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// What the exit status says.
    pub fn class(self) -> Class {
        self.0.class
    }

    /// Finds a code by its id; case does not matter.
    pub fn find(id: &str) -> Option<Code> {
        crate::codes::all().find(|code| code.id().eq_ignore_ascii_case(id))
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Code {}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Code::find(&id).ok_or_else(|| serde::de::Error::custom(format!("no such code: {id}")))
    }
}
