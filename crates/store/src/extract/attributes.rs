//! Owners, extended attributes, modes and times.

use std::os::fd::{AsFd, BorrowedFd};

use diag::{Error, Result, codes};
use sys::{
    Dir,
    rustix::{
        fs::{
            AtFlags, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fchmod, fchown, fsetxattr,
            futimens, utimensat,
        },
        io::Errno,
        process::{getegid, geteuid},
    },
};

use super::{acl, tally::Tally};
use crate::{
    Ownership,
    archive::{Entry, Time, refused, shown},
    io,
};

/// What an entry's inode gets besides its contents.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Access and modification; the moment of unpacking if there is none.
    pub times: Option<(Time, Time)>,
}

impl Attributes {
    /// Takes them out of an entry. A list in words becomes the attribute that it is about.
    pub(super) fn of(entry: &mut Entry, tally: &mut Tally) -> Attributes {
        for (attribute, text) in std::mem::take(&mut entry.acls) {
            match acl::from_text(&text) {
                _ if entry.xattrs.iter().any(|(key, _)| key == attribute.as_bytes()) => {}
                Some(value) => entry.xattrs.push((attribute.as_bytes().to_vec(), value)),
                None => tally.skip("access control list with names and no ids".to_owned()),
            }
        }
        Attributes {
            uid: entry.uid,
            gid: entry.gid,
            mode: entry.mode,
            xattrs: std::mem::take(&mut entry.xattrs),
            times: Some((entry.atime.unwrap_or(entry.mtime), entry.mtime)),
        }
    }

    /// What a directory has that the archive does not mention.
    pub(super) fn implied() -> Attributes {
        Attributes { mode: 0o755, ..Attributes::default() }
    }

    /// Roughly how much memory they take.
    pub(super) fn weight(&self) -> usize {
        self.xattrs.iter().map(|(name, value)| name.len() + value.len() + 64).sum::<usize>() + 128
    }
}

/// Who unpacks: new files belong to him already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    uid: u32,
    gid: u32,
    ownership: Ownership,
    /// The permission bits that new files never get.
    mask: u32,
}

impl Caller {
    /// Makes sure of whose new files below `files` are: a set-gid directory or a mount option may give them another group.
    pub(super) fn settle(files: &Dir, ownership: Ownership) -> Result<Caller> {
        let (uid, gid) = (geteuid(), getegid());
        let settled = fchown(files, Some(uid), Some(gid)).and_then(|()| fchmod(files, Mode::RWXU));
        settled.map_err(|errno| {
            io("a layer's directory cannot be made")(sys::Failed::new("fchown", files.path(), errno))
        })?;
        Ok(Caller { uid: uid.as_raw(), gid: gid.as_raw(), ownership, mask: file_mode_mask().unwrap_or(0o777) })
    }

    /// The mode to make a file with. If it is the final one, nobody has to change it: a system call less for each of 100,000 files.
    /// Attributes are written through the file's descriptor, whatever its mode.
    pub(super) fn first_mode(self, attributes: &Attributes) -> Mode {
        let mode = if self.is_final(attributes) { attributes.mode } else { 0o600 };
        Mode::from_raw_mode(mode)
    }

    /// Whether a file that is made with its mode has it in the end: special bits are lost with a change of owners, and user
    /// attributes want permission to write.
    fn is_final(self, attributes: &Attributes) -> bool {
        attributes.mode & (0o7000 | self.mask) == 0 && attributes.xattrs.is_empty()
    }

    /// Whether an inode that was just made has to be given to somebody else.
    fn gives_away(self, attributes: &Attributes) -> bool {
        self.ownership == Ownership::Canonical && (self.uid, self.gid) != (attributes.uid, attributes.gid)
    }
}

/// The umask, which only /proc tells without changing it for all threads.
fn file_mode_mask() -> Option<u32> {
    let status = sys::Dir::open("/proc/self").ok()?.read_text("status", 64 << 10).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

/// Whether an inode was made with its final mode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// With [`Caller::first_mode`].
    WithFirstMode,
    /// For its owner alone.
    Private,
}

/// Gives an open file or directory its attributes. A chown takes set-uid bits and capabilities away, so it is the first; write
/// permission is needed for extended attributes, so the mode comes after them.
pub(super) fn give(
    fd: BorrowedFd<'_>,
    name: &[u8],
    attributes: &Attributes,
    made: Made,
    caller: Caller,
    tally: &mut Tally,
) -> Result<()> {
    let owners = (Some(Uid::from_raw(attributes.uid)), Some(Gid::from_raw(attributes.gid)));
    if caller.gives_away(attributes) {
        fchown(fd, owners.0, owners.1).map_err(|errno| not_given(name, attributes, errno))?;
    }
    for (key, value) in &attributes.xattrs {
        set_xattr(fd, name, key, value, tally)?;
    }
    if made == Made::Private || !caller.is_final(attributes) {
        fchmod(fd, Mode::from_raw_mode(attributes.mode)).map_err(|errno| failed(name, "fchmod", errno))?;
    }
    if let Some(times) = attributes.times {
        futimens(fd, &timestamps(times)).map_err(|errno| failed(name, "futimens", errno))?;
    }
    tally.inode(attributes.uid, attributes.gid);
    Ok(())
}

/// Gives a node that cannot be opened (a symbolic link, a device, a fifo) its attributes. It was made just now, in a
/// directory that nobody else can enter.
pub(super) fn give_node(
    (dir, last): (BorrowedFd<'_>, &[u8]),
    name: &[u8],
    attributes: &Attributes,
    caller: Caller,
    tally: &mut Tally,
) -> Result<()> {
    if caller.gives_away(attributes) {
        let owners = (Some(Uid::from_raw(attributes.uid)), Some(Gid::from_raw(attributes.gid)));
        chownat(dir, last, owners.0, owners.1, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| not_given(name, attributes, errno))?;
    }
    for (key, _) in attributes.xattrs.iter().filter(|(key, _)| class(key) != Class::Ignored) {
        tally.skip(format!("{} of a file that is not regular", shown(key)));
    }
    if let Some(times) = attributes.times {
        utimensat(dir, last, &timestamps(times), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| failed(name, "utimensat", errno))?;
    }
    tally.inode(attributes.uid, attributes.gid);
    Ok(())
}

/// Gives a device or a fifo its mode; the file mode mask does not count.
pub(super) fn give_mode(dir: BorrowedFd<'_>, last: &[u8], name: &[u8], mode: u32) -> Result<()> {
    chmodat(dir, last, Mode::from_raw_mode(mode), AtFlags::empty()).map_err(|errno| failed(name, "fchmodat", errno))
}

/// Marks a directory as hiding everything below it. Which mark counts depends on who mounts the overlay.
pub(super) fn make_opaque(dir: impl AsFd, name: &[u8]) -> Result<()> {
    let dir = dir.as_fd();
    let trusted = fsetxattr(dir, c"trusted.overlay.opaque", b"y", XattrFlags::empty());
    let user = fsetxattr(dir, c"user.overlay.opaque", b"y", XattrFlags::empty());
    match (trusted, user) {
        // Without privileges only the second works; without user attributes (tmpfs before 6.6) only the first.
        (Ok(()), _) | (_, Ok(())) => Ok(()),
        (_, Err(errno)) => Err(failed(name, "fsetxattr", errno)),
    }
}

/// What becomes of an extended attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// It is set.
    Kept,
    /// It speaks to overlayfs or to this host's policy: an image has no say in that.
    Ignored,
    /// It is not known here.
    Foreign,
}

fn class(key: &[u8]) -> Class {
    let begins = |prefix: &str| key.starts_with(prefix.as_bytes());
    if begins("trusted.") || begins("user.overlay.") || begins("security.selinux") {
        return Class::Ignored;
    }
    let kept = begins("user.") || is_acl(key) || key == b"security.capability";
    if kept { Class::Kept } else { Class::Foreign }
}

fn set_xattr(fd: BorrowedFd<'_>, name: &[u8], key: &[u8], value: &[u8], tally: &mut Tally) -> Result<()> {
    match class(key) {
        Class::Ignored => return Ok(()),
        Class::Foreign => {
            tally.skip(shown(key));
            return Ok(());
        }
        Class::Kept => {}
    }
    let capability = key == b"security.capability";
    if capability && !is_capability(value) {
        return Err(refused(name, "has file capabilities that are malformed"));
    }
    if key.contains(&0) {
        return Err(refused(name, format!("has the extended attribute `{}`, with a NUL in its name", shown(key))));
    }
    if key.len() > 255 || value.len() > 65536 {
        return Err(refused(name, format!("has the extended attribute `{}`, which is too long", shown(key))));
    }
    match fsetxattr(fd, key, value, XattrFlags::empty()) {
        Ok(()) if capability => tally.capable(root_of(value)),
        Ok(()) if is_acl(key) => tally.acl(acl::named(value)),
        Ok(()) => {}
        // Capabilities need privileges, user attributes a file system that has them, ACLs ids that are mapped here.
        Err(Errno::PERM | Errno::OPNOTSUPP) => tally.skip(shown(key)),
        Err(Errno::INVAL) if is_acl(key) => tally.skip(shown(key)),
        Err(errno) => return Err(failed(name, "fsetxattr", errno)),
    }
    Ok(())
}

/// Revision 2 or 3 of `struct vfs_cap_data` (linux/capability.h), of the right size.
fn is_capability(value: &[u8]) -> bool {
    let revision = value.first_chunk().map(|magic| u32::from_le_bytes(*magic) >> 24);
    matches!((revision, value.len()), (Some(2), 20) | (Some(3), 24))
}

/// Root of the user namespaces in which they count: revision 3 says it, revision 2 means root.
fn root_of(capability: &[u8]) -> u32 {
    capability.get(20..).and_then(|root| root.first_chunk()).map_or(0, |root| u32::from_le_bytes(*root))
}

fn is_acl(key: &[u8]) -> bool {
    key.starts_with(b"system.posix_acl_")
}

fn timestamps((access, modification): (Time, Time)) -> Timestamps {
    let timespec = |time: Time| Timespec { tv_sec: time.seconds, tv_nsec: time.nanoseconds.into() };
    Timestamps { last_access: timespec(access), last_modification: timespec(modification) }
}

/// An owner that an inode cannot get.
fn not_given(name: &[u8], attributes: &Attributes, errno: Errno) -> Error {
    let owners = format!("{}:{}", attributes.uid, attributes.gid);
    if !matches!(errno, Errno::INVAL | Errno::PERM) {
        return failed(name, "fchown", errno);
    }
    Error::new(
        codes::UR0107,
        format!("the archive's entry `{}` belongs to {owners}, and not both ids are available here", shown(name)),
    )
    .os(format!("fchownat({}, {owners})", shown(name)), errno.raw_os_error())
    .help("ask the administrator for more subordinate ids in /etc/subuid and /etc/subgid, or run this as root")
}

/// A call about an entry that failed.
pub(super) fn failed(name: &[u8], call: &'static str, errno: Errno) -> Error {
    let what = format!("the archive's entry `{}` cannot be unpacked", shown(name));
    let path = std::path::PathBuf::from(shown(name));
    io(what)(sys::Failed::new(call, &path, errno))
}
