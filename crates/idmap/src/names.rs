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

/// How long a name may be: as long as `useradd(8)` allows.
const LONGEST: usize = 32;

/// A name, if it is one that may be printed and typed as it stands. Images are made by strangers: what has control
/// characters, spaces or quotes in it is no name.
pub(crate) fn printable(name: Option<String>) -> Option<String> {
    name.filter(|name| {
        (1..=LONGEST).contains(&name.len())
            && !name.starts_with('-')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            && !name.bytes().all(|byte| byte.is_ascii_digit())
    })
}
