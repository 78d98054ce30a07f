//! The contents of a diagnostic.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use crate::{Code, Origin, errno};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing goes on.
    Error,
    /// It goes on; the user should know.
    Warning,
}

/// What the kernel or a library answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A system call with its arguments, as in `mount_setattr([9]</srv/data>, IDMAP)`, and its errno.
    Os {
        /// The call and its arguments.
        call: String,
        /// The number of the errno.
        errno: i32,
    },
    /// Words of a library or a program.
    Words(String),
}

/// Something that the user can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Help {
    /// One sentence, lower case, no period.
    pub text: String,
    /// A command that can be run as it stands.
    pub command: Option<String>,
}

/// One diagnostic. See the crate's documentation for its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Which case it is.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence, lower case, no period, the user's own words in backticks.
    pub what: Cow<'static, str>,
    /// The place in the user's input.
    pub at: Option<Origin>,
    /// What is to be said right below that place; may be empty.
    pub label: Cow<'static, str>,
    /// What the kernel or a library said.
    pub cause: Option<Cause>,
    /// What was looked up: owners, modes, maps, lines of the kernel's log.
    pub facts: Vec<String>,
    /// What can be done.
    pub help: Vec<Help>,
}

impl Report {
    /// An error with nothing but its sentence.
    pub fn new(code: Code, what: impl Into<Cow<'static, str>>) -> Self {
        Report {
            code,
            severity: Severity::Error,
            what: what.into(),
            at: None,
            label: Cow::Borrowed(""),
            cause: None,
            facts: Vec::new(),
            help: Vec::new(),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Words(words) => f.write_str(words),
            Cause::Os { call, errno } => write!(f, "{call}: {}", errno::describe(*errno)),
        }
    }
}
