//! (contract, to be filled) From a request to a running init.

use std::os::fd::OwnedFd;

use diag::{Error, Result};
use oci::Bundle;
use sys::{Alone, Dir};

use crate::job::Root;

/// What is asked for: everything that was on the command line, nothing looked up yet.
pub struct Request {
    /// The container's id.
    pub id: String,
    /// The bundle: its directory, the parsed config.json and its text.
    pub bundle: Bundle,
    /// What becomes the root filesystem.
    pub root: Root,
    /// Standard input, output and error of init; with a terminal they are replaced by it.
    pub stdio: Option<[OwnedFd; 3]>,
    /// `--no-pivot`: `MS_MOVE` and `chroot` instead of `pivot_root`.
    pub no_pivot: bool,
    /// Descriptors 3 to 2 + n are handed to the process.
    pub preserve_fds: u32,
    /// Whether init is to be killed when this process dies.
    pub die_with_parent: bool,
    /// The directory of `state.json`.
    pub state_dir: Dir,
}

/// An init whose set-up is done and that waits for the word to execute the command.
pub struct Init {
    /// Becomes readable when init ends.
    pub pidfd: OwnedFd,
    /// Its pid on the host.
    pub pid: i32,
    /// The master of its terminal, if it has one.
    pub terminal: Option<OwnedFd>,
    /// What the user should know.
    pub warnings: Vec<Error>,
}

/// Makes the container and stops before its command. Dropping the result kills it.
pub fn create(alone: &Alone, request: Request) -> Result<Init> {
    let _ = (alone, request);
    unimplemented!()
}

impl Init {
    /// Lets the command execute; returns when it does, or with the diagnosis of why it does not.
    pub fn start(&mut self) -> Result<()> {
        unimplemented!()
    }
}
