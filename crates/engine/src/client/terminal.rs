//! This process's terminal: raw while a container has it.

use std::os::fd::BorrowedFd;

use diag::{Error, Result, codes};
use rustix::{
    stdio,
    termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr},
};

/// The terminal in raw mode; dropping it gives it back as it was.
pub struct Raw {
    before: Termios,
}

impl Raw {
    /// Makes standard input raw, if it is a terminal.
    pub fn enter() -> Result<Option<Raw>> {
        let stdin = stdio::stdin();
        if !isatty(stdin) {
            return Ok(None);
        }
        let failed = |call: &str, errno: rustix::io::Errno| {
            Error::new(codes::UR0511, "the terminal cannot be made raw").os(call, errno.raw_os_error())
        };
        let before = tcgetattr(stdin).map_err(|errno| failed("tcgetattr(0)", errno))?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin, OptionalActions::Now, &raw).map_err(|errno| failed("tcsetattr(0)", errno))?;
        Ok(Some(Raw { before }))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // If the terminal has gone, nothing is left to give back.
        let _ = tcsetattr(stdio::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Rows and columns of the terminal, wherever there is one.
pub fn size() -> Option<(u16, u16)> {
    let of = |fd: BorrowedFd| tcgetwinsize(fd).ok().map(|size| (size.ws_row, size.ws_col));
    of(stdio::stdin()).or_else(|| of(stdio::stdout())).or_else(|| of(stdio::stderr()))
}
