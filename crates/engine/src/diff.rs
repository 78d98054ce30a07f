//! `diff`: what a container has changed of its image, or an image's last layer of those below it.

use std::path::{Path, PathBuf};

use diag::{Error, Result, codes};
use rustix::fs::{FileType, Stat, fgetxattr};
use sys::{Alone, Dir, Failed};

use crate::{
    Engine,
    outside::{Stack, is_mounted},
    request::Given,
};

/// What has become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is new.
    Added,
    /// It was there already, and is another now, or its attributes are.
    Changed,
    /// It is gone.
    Deleted,
}

/// What is compared with what is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A container, or if there is none of that name, an image.
    Any,
    /// A container.
    Container,
    /// An image.
    Image,
}

impl Engine<'_> {
    /// All changes, by path. Errors: UR0701, UR0802, UR0860.
    pub fn diff(&self, alone: &Alone, name: &Given<String>, kind: Kind) -> Result<Vec<(PathBuf, Change)>> {
        let (stack, container) = match (kind, self.target(name)) {
            (Kind::Image, _) => (self.stack_of_image(name)?, false),
            (_, Ok(target)) => (self.stack(&target)?, true),
            (Kind::Any, Err(error)) if error.code() == codes::UR0802 => {
                (self.stack_of_image(name).map_err(|_| error)?, false)
            }
            (_, Err(error)) => return Err(error),
        };
        let mut changes = compare(&stack, alone)?;
        changes.retain(|(path, _)| !container || !is_mounted(path.strip_prefix("/").unwrap_or(path)));
        changes.sort();
        Ok(changes)
    }
}

fn compare(stack: &Stack, alone: &Alone) -> Result<Vec<(PathBuf, Change)>> {
    let mut changes = Vec::new();
    let below = stack.merged(alone, true)?;
    walk(&stack.top()?, below.as_ref(), Path::new("/"), &mut changes)?;
    Ok(changes)
}

fn unreadable(failed: Failed) -> Error {
    failed.into_error(codes::UR0707, "a file of a layer cannot be read")
}

fn walk(top: &Dir, below: Option<&Dir>, path: &Path, changes: &mut Vec<(PathBuf, Change)>) -> Result<()> {
    let names = top.names().map_err(unreadable)?;
    if let Some(below) = below.filter(|_| is_opaque(top)) {
        let hidden = below.names().map_err(unreadable)?.into_iter().filter(|name| names.binary_search(name).is_err());
        changes.extend(hidden.map(|name| (path.join(name), Change::Deleted)));
    }
    for name in names {
        let stat = top.stat(&name).map_err(unreadable)?;
        let was = below.and_then(|below| below.stat(&name).ok());
        if is_whiteout(&stat) {
            if was.is_some() {
                changes.push((path.join(&name), Change::Deleted));
            }
            continue;
        }
        changes.push((path.join(&name), if was.is_some() { Change::Changed } else { Change::Added }));
        if is_directory(&stat) {
            let under = below.filter(|_| was.as_ref().is_some_and(is_directory));
            let under = under.map(|below| below.dir(&name)).transpose().map_err(unreadable)?;
            walk(&top.dir(&name).map_err(unreadable)?, under.as_ref(), &path.join(&name), changes)?;
        }
    }
    Ok(())
}

fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// How overlayfs says that something is gone: a character device 0, 0.
fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

/// How it says that nothing of the directories below is seen.
fn is_opaque(dir: &Dir) -> bool {
    ["trusted.overlay.opaque", "user.overlay.opaque"].into_iter().any(|name| {
        let mut value = [0; 2];
        fgetxattr(dir, name, &mut value[..]).is_ok_and(|length| &value[..length] == b"y")
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_new_and_what_is_another() {
        let (top, below) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (dir, path) in
            [(&top, "etc/new"), (&top, "etc/old"), (&below, "etc/old"), (&below, "etc/same"), (&top, "opt/x")]
        {
            let file = dir.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "x").unwrap();
        }
        let (top, below) = (Dir::open(top.path()).unwrap(), Dir::open(below.path()).unwrap());
        let mut changes = Vec::new();
        walk(&top, Some(&below), Path::new("/"), &mut changes).unwrap();
        let expected = [
            ("/etc", Change::Changed),
            ("/etc/new", Change::Added),
            ("/etc/old", Change::Changed),
            ("/opt", Change::Added),
            ("/opt/x", Change::Added),
        ];
        assert_eq!(changes, expected.map(|(path, change)| (PathBuf::from(path), change)));
    }
}
