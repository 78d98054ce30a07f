//! The error type: one word wide.

use std::{borrow::Cow, fmt, sync::Arc};

use crate::{Cause, Code, Help, Origin, Report, Severity};

/// What every fallible function of unroot returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A diagnostic on its way to the user.
pub struct Error(Box<Report>);

impl Error {
    /// Begins an error: its code and one sentence (lower case, no period).
    pub fn new(code: Code, what: impl Into<Cow<'static, str>>) -> Self {
        Error(Box::new(Report::new(code, what)))
    }

    /// Begins a warning.
    pub fn warning(code: Code, what: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Error::new(code, what);
        error.0.severity = Severity::Warning;
        error
    }

    /// Says where the user wrote it. The first origin stays: it is the nearest.
    #[must_use]
    pub fn at(mut self, origin: Origin) -> Self {
        self.0.at.get_or_insert(origin);
        self
    }

    /// Replaces the origin, when a farther place is what the user really wrote.
    #[must_use]
    pub fn moved_to(mut self, origin: Origin) -> Self {
        self.0.at = Some(origin);
        self
    }

    /// What is to be said right below the origin.
    #[must_use]
    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.0.label = label.into();
        self
    }

    /// The system call that failed, with its arguments, and its errno.
    #[must_use]
    pub fn os(mut self, call: impl Into<String>, errno: i32) -> Self {
        self.0.cause = Some(Cause::Os { call: call.into(), errno });
        self
    }

    /// The words of a library or of a program.
    #[must_use]
    pub fn words(mut self, words: impl fmt::Display) -> Self {
        self.0.cause = Some(Cause::Words(words.to_string()));
        self
    }

    /// Adds something that was looked up.
    #[must_use]
    pub fn fact(mut self, fact: impl Into<String>) -> Self {
        self.0.facts.push(fact.into());
        self
    }

    /// Adds advice without a command.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.0.help.push(Help { text: text.into(), command: None });
        self
    }

    /// Adds advice with a command that can be run as it stands.
    #[must_use]
    pub fn help_run(mut self, text: impl Into<String>, command: impl Into<String>) -> Self {
        self.0.help.push(Help { text: text.into(), command: Some(command.into()) });
        self
    }

    /// Puts the document back that did not travel with the report.
    #[must_use]
    pub fn with_text(mut self, document: &Arc<str>) -> Self {
        if let Some(Origin::Config { text, .. }) = &mut self.0.at {
            *text = Arc::clone(document);
        }
        self
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Its contents.
    pub fn report(&self) -> &Report {
        &self.0
    }

    /// Takes the contents out.
    pub fn into_report(self) -> Report {
        *self.0
    }
}

impl From<Report> for Error {
    fn from(report: Report) -> Self {
        Error(Box::new(report))
    }
}

/// The sentence and its cause on one line: for logs. People get [`crate::Report`] rendered.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.what)?;
        match &self.0.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {}
