//! Extended attributes, from an inode to the one that stands for it.

use std::{ffi::CStr, os::fd::BorrowedFd};

use sys::rustix::{
    fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr},
    io::Errno,
};

use super::{
    translation::Translation,
    walk::{Done, call},
};

/// The most that an attribute, or the list of their names, can have (`linux/limits.h`).
const LIMIT: usize = 64 << 10;

/// The mark of a directory that hides what lies below it.
pub(crate) const OPAQUE: &[u8] = b"user.overlay.opaque";

/// Room for names and values, to be used for one inode after the other.
pub(crate) struct Xattrs {
    names: Vec<u8>,
    value: Vec<u8>,
}

impl Default for Xattrs {
    fn default() -> Self {
        Xattrs { names: vec![0; LIMIT], value: vec![0; LIMIT] }
    }
}

impl Xattrs {
    /// Whether an inode has an attribute that matters.
    pub fn any(&mut self, of: BorrowedFd<'_>) -> Done<bool> {
        let length = self.list(of)?;
        Ok(self.names[..length].split(|byte| *byte == 0).any(matters))
    }

    /// Calls `found` with each attribute that matters, as it reads under the translation.
    pub fn each(
        &mut self,
        from: BorrowedFd<'_>,
        ids: &Translation,
        mut found: impl FnMut(&CStr, &[u8]) -> Done,
    ) -> Done {
        let length = self.list(from)?;
        for name in self.names[..length].split_inclusive(|byte| *byte == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
            if !matters(name.to_bytes()) {
                continue;
            }
            let length = match fgetxattr(from, name, &mut *self.value) {
                // Capabilities of a root that this namespace does not know, and so neither does the container.
                Err(Errno::NODATA | Errno::OVERFLOW) => continue,
                length => length.map_err(call("fgetxattr"))?,
            };
            if let Some(value) = translated(name.to_bytes(), &self.value[..length], ids) {
                found(name, &value)?;
            }
        }
        Ok(())
    }

    fn list(&mut self, of: BorrowedFd<'_>) -> Done<usize> {
        match flistxattr(of, &mut *self.names) {
            Err(Errno::OPNOTSUPP) => Ok(0),
            length => length.map_err(call("flistxattr")),
        }
    }

    /// Gives one inode what another has.
    pub fn carry(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>, ids: &Translation) -> Done {
        self.each(from, ids, |name, value| fsetxattr(to, name, value, XattrFlags::empty()).map_err(call("fsetxattr")))
    }
}

/// Those that unpacking keeps. What else speaks to overlayfs speaks of the tree that it was found in.
fn matters(name: &[u8]) -> bool {
    if name.starts_with(b"user.overlay.") {
        return name == OPAQUE;
    }
    name.starts_with(b"user.") || name.starts_with(b"system.posix_acl_") || name == b"security.capability"
}

fn translated<'v>(name: &[u8], value: &'v [u8], ids: &Translation) -> Option<std::borrow::Cow<'v, [u8]>> {
    match name {
        b"security.capability" => ids.capability(value).map(Into::into),
        name if name.starts_with(b"system.posix_acl_") => ids.acl(value).map(Into::into),
        _ => Some(value.into()),
    }
}
