//! Which hierarchies of control groups this host has, where they are mounted, and where in them this process is.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Component, Path, PathBuf},
};

use diag::{Result, codes};
use rustix::fs::{Access, AtFlags, accessat};
use sys::Dir;

use super::{controllers, plan::HOME};

/// The longest mountinfo that is read: a host with ten thousand mounts has some 2 MiB.
const MOUNTINFO_LIMIT: usize = 32 << 20;

/// One hierarchy that is mounted here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Its controllers as `/proc/self/cgroup` lists them: `cpu,cpuacct`, `name=systemd`; empty for version 2.
    pub controllers: String,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// This process's own group, relative to the mount; empty if it is the mount's root or lies outside of the mount.
    pub own: PathBuf,
}

impl Hierarchy {
    /// Whether it is the one of version 2.
    pub fn is_v2(&self) -> bool {
        self.controllers.is_empty()
    }
}

/// The hierarchies of this host. A host has version 1, version 2, or both side by side ("hybrid").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CgroupHost {
    /// In the order of `/proc/self/cgroup`, which has version 2 last.
    pub hierarchies: Vec<Hierarchy>,
}

impl CgroupHost {
    /// Asks the kernel.
    pub fn read() -> Result<CgroupHost> {
        let failed =
            |failed: sys::Failed| failed.into_error(codes::UR0607, "the control groups of this host are not known");
        let proc = Dir::open("/proc/self").map_err(failed)?;
        let mountinfo = proc.read("mountinfo", MOUNTINFO_LIMIT).map_err(failed)?;
        let own = proc.read("cgroup", 1 << 20).map_err(failed)?;
        Ok(CgroupHost::parse(&mountinfo, &own))
    }

    /// Reads `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`) and `/proc/self/cgroup` (cgroups(7)). Lines that are not
    /// understood say nothing about control groups; a hierarchy that is not mounted is left out.
    pub fn parse(mountinfo: &[u8], own: &[u8]) -> CgroupHost {
        let mounts = mounts(mountinfo);
        let hierarchies = own.split(|&byte| byte == b'\n').filter_map(|line| hierarchy(line, &mounts)).collect();
        CgroupHost { hierarchies }
    }

    /// The controllers, by the names of version 1 (`blkio` is `io`), by which this process can limit a container that names no group of its
    /// own. What an ordinary user was not delegated is not among them: limits that nobody asked for may be left out then.
    pub fn limiting(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for hierarchy in &self.hierarchies {
            let places = [hierarchy.mount.join(HOME), hierarchy.mount.clone(), hierarchy.mount.join(&hierarchy.own)];
            let Some(usable) = places.iter().filter_map(|place| Dir::open(place).ok()).find(may_make_groups) else {
                continue;
            };
            if hierarchy.is_v2() {
                let names = controllers::available(usable.path());
                found.extend(names.into_iter().map(|name| if name == "io" { "blkio".to_owned() } else { name }));
            } else {
                found.extend(hierarchy.controllers.split(',').map(str::to_owned));
            }
        }
        found
    }

    /// The hierarchy of version 2.
    pub fn v2(&self) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| hierarchy.is_v2())
    }
}

/// Whether groups can be made below a directory, and processes be put into them.
fn may_make_groups(dir: &Dir) -> bool {
    let writable = |name: &str| accessat(dir, name, Access::WRITE_OK, AtFlags::EACCESS).is_ok();
    writable(".") && writable("cgroup.procs")
}

/// One mount of a hierarchy.
struct Mount {
    v2: bool,
    options: String,
    root: PathBuf,
    point: PathBuf,
}

/// The mounts of hierarchies that can be reached, in the order of mountinfo.
fn mounts(mountinfo: &[u8]) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for line in mountinfo.split(|&byte| byte == b'\n') {
        let mut fields = line.split(|&byte| byte == b' ');
        let (Some(root), Some(point)) = (fields.nth(3).map(unescape), fields.next().map(unescape)) else { continue };
        // Whatever is mounted over an earlier mount, or over a directory above it, hides it.
        mounts.retain(|earlier| !earlier.point.starts_with(&point));
        let mut rest = fields.skip_while(|field| *field != b"-").skip(1);
        let v2 = match rest.next() {
            Some(b"cgroup2") => true,
            Some(b"cgroup") => false,
            _ => continue,
        };
        let options = rest.nth(1).map(|options| String::from_utf8_lossy(options).into_owned()).unwrap_or_default();
        mounts.push(Mount { v2, options, root, point });
    }
    mounts
}

/// Undoes the kernel's `\ooo` for blanks, newlines and backslashes.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|digits| first == b'\\' && digits.iter().all(|d| (b'0'..b'8').contains(d)));
        if let Some(digits) = octal {
            let value = digits.iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
            bytes.push(u8::try_from(value & 0xff).unwrap_or_default());
            rest = &after[3..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// One line of `/proc/self/cgroup`: `4:memory:/a/b`, and where that hierarchy is mounted.
fn hierarchy(line: &[u8], mounts: &[Mount]) -> Option<Hierarchy> {
    let mut fields = line.splitn(3, |&byte| byte == b':');
    let _number = fields.next()?;
    let controllers = String::from_utf8(fields.next()?.to_vec()).ok()?;
    let own = PathBuf::from(OsString::from_vec(fields.next()?.to_vec()));
    let fits = |mount: &&Mount| {
        mount.v2 == controllers.is_empty()
            && (mount.v2 || controllers.split(',').all(|name| mount.options.split(',').any(|option| option == name)))
    };
    let below = |mount: &&Mount| below(&own, &mount.root).is_some();
    let mount = mounts.iter().filter(fits).find(below).or_else(|| mounts.iter().find(fits))?;
    let own = below_or_root(&own, &mount.root);
    Some(Hierarchy { controllers, mount: mount.point.clone(), own })
}

fn below_or_root(own: &Path, root: &Path) -> PathBuf {
    below(own, root).unwrap_or_default()
}

/// The way from a mount's root to a group; `None` if it does not lie below, as for a group outside of a cgroup namespace
/// (`/../a`) or one that has been deleted.
fn below(own: &Path, root: &Path) -> Option<PathBuf> {
    let way = own.strip_prefix(root).ok()?;
    way.components().all(|part| matches!(part, Component::Normal(_))).then(|| way.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HYBRID: &str = "\
23 1 8:1 / / rw,relatime - ext4 /dev/root rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    fn found(mountinfo: &str, own: &str) -> Vec<(String, String, String)> {
        let host = CgroupHost::parse(mountinfo.as_bytes(), own.as_bytes());
        let text = |path: &Path| path.display().to_string();
        host.hierarchies.iter().map(|h| (h.controllers.clone(), text(&h.mount), text(&h.own))).collect()
    }

    fn one(controllers: &str, mount: &str, own: &str) -> (String, String, String) {
        (controllers.to_owned(), mount.to_owned(), own.to_owned())
    }

    #[test]
    fn a_hybrid_host() {
        let own = "9:pids:/\n4:memory:/a/b\n3:cpu,cpuacct:/\n1:name=systemd:/user.slice\n0::/\n";
        assert_eq!(
            found(HYBRID, own),
            [
                one("memory", "/sys/fs/cgroup/memory", "a/b"),
                one("cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", ""),
                one("name=systemd", "/sys/fs/cgroup/systemd", "user.slice"),
                one("", "/sys/fs/cgroup/unified", ""),
            ]
        );
    }

    #[test]
    fn a_unified_host_and_one_in_a_container() {
        let unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(found(unified, "0::/user.slice/x y\n"), [one("", "/sys/fs/cgroup", "user.slice/x y")]);
        let inside = "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        assert_eq!(found(inside, "0::/docker/abc/init\n"), [one("", "/sys/fs/cgroup", "init")]);
        assert_eq!(found(inside, "0::/other\n"), [one("", "/sys/fs/cgroup", "")]);
        let outside = "30 23 0:26 /../.. /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        assert_eq!(found(outside, "0::/\n"), [one("", "/sys/fs/cgroup", "")]);
        assert_eq!(found(unified, "0::/../sibling\n"), [one("", "/sys/fs/cgroup", "")]);
    }

    #[test]
    fn what_is_mounted_over_counts() {
        let over = format!("{HYBRID}50 31 0:60 / /sys/fs/cgroup rw - cgroup2 none rw\n");
        assert_eq!(found(&over, "4:memory:/\n0::/\n"), [one("", "/sys/fs/cgroup", "")]);
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape(br"/a\040b\134c\09"), Path::new(r"/a b\c\09"));
        assert_eq!(unescape(br"\777\"), PathBuf::from(OsString::from_vec(vec![0xff, b'\\'])));
    }

    proptest! {
        #[test]
        fn nothing_panics(mountinfo in any::<Vec<u8>>(), own in "[0-9:,a-z/.\n]{0,80}") {
            CgroupHost::parse(&mountinfo, own.as_bytes());
            CgroupHost::parse(HYBRID.as_bytes(), own.as_bytes());
        }
    }

    #[test]
    fn this_host_can_be_read() {
        let host = CgroupHost::read().unwrap();
        // An ordinary user may have none.
        assert!(host.limiting().len() <= 64);
    }
}
