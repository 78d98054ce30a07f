//! Names of ids, on both sides of a map.

use crate::{Inside, Kind, Outside};

/// Looks names up: inside in the image's `/etc/passwd` and `/etc/group`, outside in the host's.
pub trait Names {
    /// The container's name for an id.
    fn inside(&self, kind: Kind, id: Inside) -> Option<String>;
    /// The host's name for an id.
    fn outside(&self, kind: Kind, id: Outside) -> Option<String>;
}

/// No id has a name.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNames;

impl Names for NoNames {
    fn inside(&self, _: Kind, _: Inside) -> Option<String> {
        None
    }

    fn outside(&self, _: Kind, _: Outside) -> Option<String> {
        None
    }
}

/// One of the two columns, as a place where users and groups have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The image's `/etc/passwd` and `/etc/group`.
    Inside,
    /// The host's.
    Outside,
}

/// The other direction of [`Names`]: from a name to its id.
pub trait Accounts {
    /// A user's uid and primary gid.
    fn user(&self, side: Side, name: &str) -> Option<(u32, u32)>;
    /// A group's gid.
    fn group(&self, side: Side, name: &str) -> Option<u32>;
    /// The primary gid of the user with this uid.
    fn primary_group(&self, side: Side, uid: u32) -> Option<u32>;
    /// A name that is known, and hardly differs from this one: what was perhaps meant.
    fn near(&self, side: Side, kind: Kind, name: &str) -> Option<String>;
}

/// No name has an id.
impl Accounts for NoNames {
    fn user(&self, _: Side, _: &str) -> Option<(u32, u32)> {
        None
    }

    fn group(&self, _: Side, _: &str) -> Option<u32> {
        None
    }

    fn primary_group(&self, _: Side, _: u32) -> Option<u32> {
        None
    }

    fn near(&self, _: Side, _: Kind, _: &str) -> Option<String> {
        None
    }
}

/// How long a name may be: as long as `useradd(8)` allows.
const LONGEST: usize = 32;

/// A name, if it is one that may be printed and typed as it stands. Images are made by strangers: what has control
/// characters, spaces or quotes in it is no name.
pub fn printable(name: Option<String>) -> Option<String> {
    name.filter(|name| {
        (1..=LONGEST).contains(&name.len())
            && !name.starts_with('-')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            && !name.bytes().all(|byte| byte.is_ascii_digit())
    })
}
