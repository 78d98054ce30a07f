//! The way to a directory of a layer whose archive put links there.
//!
//! Podman, Docker and containerd all follow such links as a container would, with the layer's directory for `/`; archives that were put
//! together from others have them (`var/run -> /run`, then `var/run/x`). The way is walked by us, one component a call,
//! without ever following a link: so nothing outside can be reached, and what is made on the way is known by its real name.

use std::os::fd::{AsFd, OwnedFd};

use diag::Result;
use sys::rustix::{
    fs::{Mode, OFlags, openat, readlinkat},
    io::Errno,
};

use super::{
    attributes::failed,
    name::{DEEPEST, LONGEST, components, join, split},
    tree::{Present, Tree, present},
};
use crate::archive::refused;

/// As many links as the kernel follows in one path.
const LINKS: usize = 40;

/// Among the components that are ahead: the layer's root, which is the container's. No component can be called so.
const ROOT: &[u8] = b"/";

/// Somebody on the way.
pub(super) struct Walk<'e> {
    entry: &'e [u8],
    /// Where we are: a name without links.
    pub(super) real: Vec<u8>,
    pub(super) fd: OwnedFd,
    /// The components that are still to go, the last first.
    ahead: Vec<Vec<u8>>,
    links: usize,
}

/// How a step went.
pub(super) enum Step {
    /// The way is at its end.
    There,
    /// One component further, or into a link.
    On,
    /// Something of this name is no directory, or nothing is. It stays ahead.
    Met(Vec<u8>, Present),
}

impl<'e> Walk<'e> {
    pub(super) fn new(tree: &Tree, name: &[u8], entry: &'e [u8]) -> Result<Walk<'e>> {
        let fd = tree.open(&[]).map_err(|errno| failed(entry, "openat2", errno))?;
        let mut walk = Walk { entry, real: Vec::new(), fd, ahead: Vec::new(), links: 0 };
        walk.go(name);
        Ok(walk)
    }

    pub(super) fn step(&mut self, tree: &Tree) -> Result<Step> {
        let Some(part) = self.ahead.pop() else { return Ok(Step::There) };
        if part == b".." || part == ROOT {
            let above = if part == ROOT { Vec::new() } else { split(&self.real).0.to_vec() };
            self.fd = tree.open(&above).map_err(|errno| failed(self.entry, "openat2", errno))?;
            self.real = above;
            return Ok(Step::On);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&self.fd, part.as_slice(), flags, Mode::empty()) {
            Ok(fd) => {
                self.real = join(&self.real, &part);
                self.fd = fd;
                Ok(Step::On)
            }
            Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => self.obstacle(part),
            Err(errno) => Err(failed(self.entry, "openat", errno)),
        }
    }

    /// A link is followed by what it says; about everything else the caller decides.
    fn obstacle(&mut self, part: Vec<u8>) -> Result<Step> {
        let found = present(self.fd.as_fd(), &part).map_err(|errno| failed(self.entry, "fstatat", errno))?;
        if found == Present::Symlink {
            return self.follow(&part).map(|()| Step::On);
        }
        let step = join(&self.real, &part);
        if step.len() > LONGEST || components(&step).count() > DEEPEST {
            return Err(refused(self.entry, "lies too deep, by way of symbolic links"));
        }
        self.ahead.push(part);
        Ok(Step::Met(step, found))
    }

    fn follow(&mut self, part: &[u8]) -> Result<()> {
        self.links += 1;
        if self.links > LINKS {
            return Err(refused(self.entry, format!("lies behind more than {LINKS} symbolic links")));
        }
        let target = readlinkat(&self.fd, part, Vec::new()).map_err(|errno| failed(self.entry, "readlinkat", errno))?;
        let target = target.into_bytes();
        self.go(&target);
        Ok(())
    }

    /// Puts a way before what is ahead.
    fn go(&mut self, way: &[u8]) {
        let parts = components(way).filter(|part| *part != b".").collect::<Vec<_>>();
        self.ahead.extend(parts.into_iter().rev().map(<[u8]>::to_vec));
        if way.starts_with(ROOT) {
            self.ahead.push(ROOT.to_vec());
        }
    }
}
