//! Reports as text: for people, for programs, for log files.
//!
//! Nothing here looks at the environment, the clock or the terminal; the caller says what they are.

mod excerpt;
mod log;
mod place;
mod rfc3339;
mod text;
pub(crate) mod visible;

use std::ffi::OsStr;

pub use log::{json, log_text, message};
pub use rfc3339::format as rfc3339;
pub use text::text;

/// How text for people looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colours may be used.
    pub color: bool,
    /// Columns of the terminal; source lines are shortened to them.
    pub width: usize,
}

impl Style {
    /// No colours, 120 columns: for files and pipes.
    pub const PLAIN: Style = Style { color: false, width: 120 };

    /// Columns for quoted text beside the gutter, which has room for line numbers of five digits.
    pub(crate) fn columns(self) -> usize {
        self.width.clamp(60, 400) - 8
    }
}

/// Whether to use colours, by <https://no-color.org>: never with a non-empty `NO_COLOR`, never for `TERM=dumb`, else on a
/// terminal.
pub fn wants_color(no_color: Option<&OsStr>, term: Option<&OsStr>, is_terminal: bool) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests;
