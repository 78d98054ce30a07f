//! What a person asks for: the command line's words, each with the place where it was written, nothing looked up yet.

mod identity;
mod network;
mod process;
mod security;

use diag::{Error, Origin};

pub use identity::Identity;
pub use network::Network;
pub use process::Process;
pub use security::Security;

/// A value, and where the user wrote it (`None`: nowhere; it is a default).
#[derive(Clone, Debug, Default)]
pub struct Given<T> {
    /// The value.
    pub value: T,
    /// Its place on the command line.
    pub at: Option<Origin>,
}

impl<T> Given<T> {
    /// A value that nobody wrote.
    pub fn unwritten(value: T) -> Self {
        Given { value, at: None }
    }

    /// Lets an error point to where this was written.
    pub fn blame(&self, error: Error) -> Error {
        match &self.at {
            Some(origin) => error.at(origin.clone()),
            None => error,
        }
    }
}

impl<T> Given<T> {
    /// As [`Given::blame`], unless the error knows a better place.
    pub fn blame_if_bare(&self, error: Error) -> Error {
        if error.report().at.is_some() { error } else { self.blame(error) }
    }
}

/// `unroot run` (and later `create`): which container to make. One file a family of options.
#[derive(Clone, Debug, Default)]
pub struct RunRequest {
    /// The image's name, or with `rootfs` the path of a directory.
    pub image: Given<String>,
    /// `--rootfs`: `image` is the path of a root filesystem.
    pub rootfs: bool,
    /// The words after the image: the command's arguments, or the whole command.
    pub command: Vec<Given<String>>,
    /// `--name`.
    pub name: Option<Given<String>>,
    /// `--detach`.
    pub detach: bool,
    /// `--rm`.
    pub remove: bool,
    /// Who it is.
    pub identity: Identity,
    /// Its process.
    pub process: Process,
    /// Its network and names.
    pub network: Network,
    /// What it may do.
    pub security: Security,
}
