//! What a person asks for: the command line's words, each with the place where it was written, nothing looked up yet.

mod attachment;
mod identity;
mod life;
mod network;
mod process;
mod resources;
mod security;
mod supervision;
mod volumes;

use std::ops::Range;

use diag::{Error, Origin};

pub use attachment::Attachment;
pub use identity::Identity;
pub use life::Life;
pub use network::Network;
pub use process::Process;
pub use resources::Resources;
pub use security::Security;
pub use supervision::Supervision;
pub use volumes::Volumes;

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

impl Given<String> {
    /// These bytes of it, with their place.
    #[must_use]
    pub fn part(&self, bytes: Range<usize>) -> Given<String> {
        let value = self.value.get(bytes.clone()).unwrap_or_default().to_owned();
        let at = match self.at.clone() {
            Some(Origin::Arg { argv, index, range }) => {
                let start = range.map_or(0, |range| range.start);
                Some(Origin::Arg { argv, index, range: Some(start + bytes.start..start + bytes.end) })
            }
            other => other,
        };
        Given { value, at }
    }
}

/// Whether a switch is on; it is off where nobody wrote it.
pub fn is_on(switch: Option<&Given<bool>>) -> bool {
    switch.is_some_and(|switch| switch.value)
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
    /// Who stays connected to it.
    pub attachment: Attachment,
    /// How it is kept.
    pub life: Life,
    /// How it is looked after.
    pub supervision: Supervision,
    /// Who it is.
    pub identity: Identity,
    /// Its process.
    pub process: Process,
    /// Its network and names.
    pub network: Network,
    /// What it may use.
    pub resources: Resources,
    /// What it may do.
    pub security: Security,
    /// What is mounted into it.
    pub volumes: Volumes,
}
