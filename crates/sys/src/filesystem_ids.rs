//! The ids by which this thread opens and creates files, apart from its other ids.

use rustix::{
    io,
    thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities},
};

/// While it lives, files are opened and created as other ids. The thread keeps its capabilities.
///
/// overlayfs remembers its mounter's ids and creates its own files by them, so a mounter of idmapped layers must have ids
/// that the map reaches; otherwise the overlay comes up read-only (EOVERFLOW in the kernel's log).
#[derive(Debug)]
pub struct FilesystemIds {
    uid: u32,
    gid: u32,
}

impl FilesystemIds {
    /// Changes them (`setfsuid(2)`, `setfsgid(2)`) and raises again the capabilities that the kernel drops with uid 0.
    pub fn set(uid: u32, gid: u32) -> io::Result<FilesystemIds> {
        let before = capabilities(None)?;
        let old = FilesystemIds { gid: raw(libc::SYS_setfsgid, gid), uid: raw(libc::SYS_setfsuid, uid) };
        raise(before)?;
        Ok(old)
    }
}

impl Drop for FilesystemIds {
    fn drop(&mut self) {
        // Going back to ids that this thread had is always permitted.
        raw(libc::SYS_setfsuid, self.uid);
        raw(libc::SYS_setfsgid, self.gid);
    }
}

fn raise(before: CapabilitySets) -> io::Result<()> {
    let now = capabilities(None)?;
    let lost = before.effective.difference(now.effective);
    if lost == CapabilitySet::empty() {
        return Ok(());
    }
    set_capabilities(None, CapabilitySets { effective: before.effective, ..now })
}

/// Both calls return the former id and tell nothing about success.
fn raw(call: libc::c_long, id: u32) -> u32 {
    // SAFETY: the calls take an integer and touch no memory of this process.
    let old = unsafe { libc::syscall(call, id) };
    u32::try_from(old).unwrap_or(u32::MAX)
}
