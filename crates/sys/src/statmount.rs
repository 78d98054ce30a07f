//! What the kernel tells about a mount (`statmount(2)`, Linux 6.8; the maps of idmapped mounts since 6.15).

use std::{
    mem,
    os::fd::{AsFd, AsRawFd},
};

use rustix::{
    fs::{AtFlags, StatxFlags, statx},
    io::{self, Errno},
};

use crate::{errno::last_errno, mount::Attr};

/// The same number on every architecture.
const SYS_STATMOUNT: libc::c_long = 457;
/// `STATX_MNT_ID_UNIQUE` (Linux 6.8): the id that is never used again.
const UNIQUE: StatxFlags = StatxFlags::from_bits_retain(0x4000);

const MNT_BASIC: u64 = 0x2;
const MNT_ROOT: u64 = 0x8;
const MNT_POINT: u64 = 0x10;
const FS_TYPE: u64 = 0x20;
const SB_SOURCE: u64 = 0x200;
const SUPPORTED: u64 = 0x1000;
const UIDMAP: u64 = 0x2000;
const GIDMAP: u64 = 0x4000;

/// The largest answer that is waited for. Two maps of a page each, two paths and a source are far from it.
const LARGEST: usize = 1 << 20;

/// `struct mnt_id_req`, version 1.
#[repr(C)]
struct Request {
    size: u32,
    spare: u32,
    mnt_id: u64,
    param: u64,
    mnt_ns_id: u64,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its unique id.
    pub id: u64,
    /// Its attributes.
    pub attributes: Attr,
    /// Where it is, relative to this process's root.
    pub point: Vec<u8>,
    /// Which directory of its file system is its root.
    pub root: Vec<u8>,
    /// `ext4`.
    pub filesystem: Vec<u8>,
    /// What was mounted: a device, as a rule; may be empty.
    pub source: Vec<u8>,
    /// Its maps.
    pub maps: Maps,
}

/// How a mount translates ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Maps {
    /// Not at all.
    None,
    /// Each a line an extent: the first id in the file system, the first id that is seen (in the ids of this process's user namespace;
    /// extents that it does not have are left out), how many.
    Known {
        /// For uids.
        uid: String,
        /// For gids.
        gid: String,
    },
    /// It does, and this kernel does not tell how.
    Untold,
}

/// The unique id of the mount that a descriptor lies on (Linux 6.8). `EOPNOTSUPP` if the kernel has none.
pub fn mount_id(fd: impl AsFd) -> io::Result<u64> {
    let found = statx(fd, c"", AtFlags::EMPTY_PATH, UNIQUE)?;
    if found.stx_mask & UNIQUE.bits() == 0 {
        return Err(Errno::OPNOTSUPP);
    }
    Ok(found.stx_mnt_id)
}

/// Asks about a mount by its unique id, in this process's mount namespace or in another by its id
/// ([`crate::mount_namespace_id`]; needs `CAP_SYS_ADMIN` there). `ENOENT` if it is not in that namespace, `ENOSYS` before Linux 6.8.
pub fn statmount(id: u64, namespace: Option<u64>) -> io::Result<Mount> {
    let wanted = MNT_BASIC | MNT_ROOT | MNT_POINT | FS_TYPE | SB_SOURCE | SUPPORTED | UIDMAP | GIDMAP;
    let request = Request { size: 32, spare: 0, mnt_id: id, param: wanted, mnt_ns_id: namespace.unwrap_or(0) };
    let mut size = 4096;
    loop {
        match call(&request, size) {
            Ok(answer) => return Answer(answer).mount(),
            Err(Errno::OVERFLOW) if size < LARGEST => size *= 4,
            Err(errno) => return Err(errno),
        }
    }
}

/// One call with a buffer of so many bytes.
fn call(request: &Request, size: usize) -> io::Result<Vec<u8>> {
    // Whole words, so that the answer is aligned as the kernel's structure is.
    let mut buffer = vec![0_u64; size / mem::size_of::<u64>()];
    // SAFETY: `request` is initialised, says its own size, and is only read; the kernel writes at most `size` bytes into `buffer`,
    // which has that many, is aligned for it, and lives through the call.
    let result = unsafe { libc::syscall(SYS_STATMOUNT, &raw const *request, buffer.as_mut_ptr(), size, 0) };
    if result != 0 {
        return Err(last_errno());
    }
    Ok(buffer.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

/// `struct statmount`: numbers at fixed places, and where its strings begin, counted from its end. What a kernel does not know stays 0.
struct Answer(Vec<u8>);

/// Where the strings begin.
const STRINGS: usize = 512;

impl Answer {
    fn mount(&self) -> io::Result<Mount> {
        let told = self.long(8);
        let attributes = Attr::from_bits_retain(self.long(64));
        Ok(Mount {
            id: self.long(40),
            attributes,
            point: self.string(told & MNT_POINT != 0, 108)?,
            root: self.string(told & MNT_ROOT != 0, 104)?,
            filesystem: self.string(told & FS_TYPE != 0, 36)?,
            source: self.string(told & SB_SOURCE != 0, 124)?,
            maps: self.maps(attributes)?,
        })
    }

    fn maps(&self, attributes: Attr) -> io::Result<Maps> {
        if !attributes.contains(Attr::IDMAP) {
            return Ok(Maps::None);
        }
        // Before 6.15 the kernel says nothing about what it supports, or not this.
        if self.long(144) & (UIDMAP | GIDMAP) != UIDMAP | GIDMAP {
            return Ok(Maps::Untold);
        }
        Ok(Maps::Known { uid: self.lines(152)?, gid: self.lines(160)? })
    }

    fn word(&self, at: usize) -> u32 {
        self.0.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
    }

    fn long(&self, at: usize) -> u64 {
        self.0.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_ne_bytes)
    }

    /// The string whose place is at `at`.
    fn string(&self, told: bool, at: usize) -> io::Result<Vec<u8>> {
        if !told {
            return Ok(Vec::new());
        }
        let bytes = self.0.get(STRINGS + self.word(at) as usize..).ok_or(Errno::BADMSG)?;
        Ok(bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
    }

    /// So many strings, one after the other: their number is at `at`, their place right behind it.
    fn lines(&self, at: usize) -> io::Result<String> {
        let count = self.word(at) as usize;
        if count == 0 {
            return Ok(String::new());
        }
        let bytes = self.0.get(STRINGS + self.word(at + 4) as usize..).ok_or(Errno::BADMSG)?;
        let lines = bytes.split(|byte| *byte == 0).take(count);
        Ok(lines.map(|line| String::from_utf8_lossy(line).into_owned() + "\n").collect())
    }
}

/// The number of a mount namespace that is never used again (`NS_GET_MNTNS_ID`, Linux 6.11).
pub fn mount_namespace_id(namespace: impl AsFd) -> io::Result<u64> {
    const NS_GET_MNTNS_ID: libc::Ioctl = libc::_IOR::<u64>(0xb7, 5);
    let mut id = 0_u64;
    // SAFETY: this ioctl writes one `u64` to its argument, which is one and lives through the call; files that are no mount
    // namespace refuse it.
    let result = unsafe { libc::ioctl(namespace.as_fd().as_raw_fd(), NS_GET_MNTNS_ID, &raw mut id) };
    if result < 0 { Err(last_errno()) } else { Ok(id) }
}

#[cfg(test)]
#[expect(clippy::print_stderr, reason = "a test that is skipped says why")]
mod tests {
    use std::{fs::File, path::Path};

    use super::*;

    /// Whether the kernel has all of this; says why not.
    fn id_of_root() -> Option<u64> {
        let root = File::open("/").unwrap();
        match mount_id(&root).and_then(|id| statmount(id, None).map(|_| id)) {
            Ok(id) => Some(id),
            Err(errno) => {
                eprintln!("skipped: statmount: {errno}");
                None
            }
        }
    }

    #[test]
    fn the_root_mount_is_known() {
        let Some(id) = id_of_root() else { return };
        let found = statmount(id, None).unwrap();
        assert_eq!((found.id, found.point.as_slice()), (id, b"/".as_slice()));
        let table = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let filesystem = String::from_utf8(found.filesystem).unwrap();
        assert!(table.lines().any(|line| line.split(' ').skip(1).take(2).eq(["/", &filesystem])), "{filesystem}");
    }

    #[test]
    fn other_mounts_have_other_ids() {
        let Some(id) = id_of_root() else { return };
        let proc = mount_id(File::open("/proc").unwrap()).unwrap();
        assert_ne!(id, proc);
        let found = statmount(proc, None).unwrap();
        assert_eq!((found.filesystem, found.maps), (b"proc".to_vec(), Maps::None));
        assert_eq!(statmount(u64::MAX - 5, None).unwrap_err(), Errno::NOENT);
    }

    #[test]
    fn a_namespace_by_its_number() {
        let Some(id) = id_of_root() else { return };
        let namespace = File::open("/proc/self/ns/mnt").unwrap();
        let Ok(number) = mount_namespace_id(&namespace) else { return eprintln!("skipped: no numbers of namespaces") };
        match statmount(id, Some(number)) {
            Ok(found) => assert_eq!(found.id, id),
            Err(errno) => assert_eq!(errno, Errno::PERM, "only root of that namespace may ask so"),
        }
        assert_eq!(mount_namespace_id(File::open(Path::new("/dev/null")).unwrap()), Err(Errno::NOTTY));
    }

    #[test]
    fn answers_that_are_cut_off_do_not_panic() {
        let mut bytes = vec![0xff; 600];
        assert_eq!(Answer(bytes.clone()).mount(), Err(Errno::BADMSG));
        bytes.truncate(20);
        assert_eq!(Answer(bytes).mount(), Err(Errno::BADMSG));
        assert_eq!(Answer(Vec::new()).mount().map(|mount| mount.maps), Ok(Maps::None));
    }
}
