//! What a person asks for: the command line's words, each with the place where it was written, nothing looked up yet.

use diag::{Error, Origin};

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

/// `unroot run` (and later `create`): which container to make.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that the user gave or not")]
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
    /// `--userns`.
    pub userns: Option<Given<String>>,
    /// `--uidmap`, in order; may hold comma lists.
    pub uidmap: Vec<Given<String>>,
    /// `--gidmap`, in order; may hold comma lists.
    pub gidmap: Vec<Given<String>>,
    /// `--subuidname`.
    pub subuidname: Option<Given<String>>,
    /// `--subgidname`.
    pub subgidname: Option<Given<String>>,
    /// `--map`, in order; may hold comma lists.
    pub map: Vec<Given<String>>,
    /// `--me-as`.
    pub me_as: Option<Given<String>>,
    /// `--user`.
    pub user: Option<Given<String>>,
    /// `--workdir`.
    pub workdir: Option<Given<String>>,
    /// `--env`: `NAME=VALUE`, `NAME` (from the caller's environment) or `NAME*`.
    pub env: Vec<Given<String>>,
    /// `--hostname`.
    pub hostname: Option<Given<String>>,
    /// `--read-only`.
    pub read_only: bool,
    /// `--entrypoint`: a word, or a JSON array of words; empty removes the image's.
    pub entrypoint: Option<Given<String>>,
    /// `--network`.
    pub network: Option<Given<String>>,
    /// `--privileged`: all capabilities within the container's user namespace, nothing masked.
    pub privileged: bool,
    /// `--interactive`.
    pub interactive: bool,
    /// `--tty`.
    pub tty: bool,
    /// `--detach`.
    pub detach: bool,
    /// `--rm`.
    pub remove: bool,
}
