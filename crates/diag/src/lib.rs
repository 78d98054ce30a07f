//! One error type for all of unroot: a stable code, one sentence, where it comes from, what the kernel said,
//! facts that were looked up, and help that can be run.
//!
//! The way of an error:
//! 1. it is built once, near its cause, from a [`Code`] and a sentence;
//! 2. on its way up it gains an [`Origin`], facts and help, never a second message;
//! 3. `main` prints it, as text or as JSON, and takes the exit status from the code.
//!
//! Nobody logs *and* returns. Warnings are [`Report`]s too.

mod code;
pub mod codes;
pub mod errno;
mod error;
pub mod explain;
mod origin;
pub mod render;
mod report;
pub mod shell;

pub use code::{Class, Code};
pub use error::{Error, Result};
pub use origin::{Origin, Pointer};
pub use report::{Cause, Help, Report, Severity};
