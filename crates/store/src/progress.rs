//! How a transfer goes, for whoever shows it.

use crate::Digest;

/// A blob that is to travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// It is a layer, not a configuration or a manifest.
    pub layer: bool,
}

/// What has happened to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// It need not travel.
    Here,
    /// Another process brings it in, and is waited for.
    Waiting,
    /// So many of its bytes are through.
    Moved(u64),
    /// It broke off, for this reason, and will be tried again.
    Interrupted(&'a str),
    /// It is through and verified.
    Done,
}

/// Is told how a transfer goes, from several threads.
pub trait Progress: Sync {
    /// These will travel, in the order of the image: the lowest layer first.
    fn expect(&self, parts: &[Part]);
    /// This has happened to one of them.
    fn tell(&self, digest: &Digest, state: State<'_>);
    /// Everything is through: what was expected is not expected any more.
    fn end(&self) {}
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn expect(&self, _: &[Part]) {}
    fn tell(&self, _: &Digest, _: State<'_>) {}
}
