//! Volumes that are another file system than the store's: `--opt type=`, `device=`, `o=`.
//!
//! `type=none,o=bind` (or no type, and `o=bind`) stands for a directory of the host. Any other type is mounted on the volume's own directory when a
//! container needs it first, and stays until `volume unmount`, `volume rm`, or the end of the machine (for an ordinary user: of their last
//! container, whose namespace it is in).

use std::path::PathBuf;

use diag::{Error, Result, codes};
use rustix::{
    fs::{AtFlags, StatxAttributes, StatxFlags, statx},
    io::Errno,
    mount::{MountFlags, UnmountFlags, mount, unmount},
};
use store::{Volume, VolumeRecord};

/// The directory of the host that a volume stands for.
pub(crate) fn bound_to(record: &VolumeRecord) -> Option<PathBuf> {
    let is_bind = record.options.get("o").is_some_and(|o| o.split(',').any(|word| matches!(word, "bind" | "rbind")));
    is_bind.then(|| record.options.get("device").map(PathBuf::from))?
}

/// Looks at a volume's options: which there are, and what `uid=` and `gid=` of `o=` say. Errors: UR0843, UR0808.
pub(crate) fn checked(mut record: VolumeRecord) -> Result<VolumeRecord> {
    let wrong = |what: String| Error::new(codes::UR0843, what);
    for (name, value) in &record.options {
        if !matches!(name.as_str(), "type" | "device" | "o") {
            return Err(wrong(format!("`{name}` is no option of a volume")).help("there are `type`, `device` and `o`"));
        }
        if value.contains('\0') {
            return Err(wrong(format!("the option `{name}` of a volume has a NUL in it")));
        }
    }
    let own_file_system = record.options.get("type").is_some_and(|kind| kind != "none");
    let words: Vec<String> = record.options.get("o").iter().flat_map(|o| o.split(',')).map(str::to_owned).collect();
    for word in &words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let id = || value.parse::<u32>().map_err(|_| wrong(format!("`{word}` is no id")));
        match name {
            "uid" if !own_file_system => record.uid = Some(id()?),
            "gid" if !own_file_system => record.gid = Some(id()?),
            "size" | "inodes" if !own_file_system => {
                return Err(Error::new(
                    codes::UR0808,
                    format!("`o={word}` limits the store's file system, which this version does not do"),
                )
                .help("a volume with a limit of its own is one in memory: `--opt type=tmpfs --opt o=size=64m`"));
            }
            _ => {}
        }
    }
    let bind = words.iter().any(|word| word == "bind" || word == "rbind");
    match record.options.get("device") {
        None if bind => Err(wrong("`o=bind` without `device` binds nothing".to_owned()).help("add `--opt device=DIR`")),
        Some(device) if bind && !device.starts_with('/') => Err(wrong(format!("`device={device}` is not absolute"))),
        Some(_) if !bind && !own_file_system => Err(wrong("`device` without `type` cannot be mounted".to_owned())
            .help("add `--opt type=ext4`, or `--opt o=bind` for a directory")),
        _ => Ok(record),
    }
}

/// Mounts a volume's own file system on its directory, unless it is. Errors: UR0848.
pub(crate) fn mount_own(volume: &Volume) -> Result<()> {
    let record = volume.record();
    let Some(kind) = record.options.get("type").filter(|kind| *kind != "none") else { return Ok(()) };
    if bound_to(record).is_some() || is_mount_point(volume)? {
        return Ok(());
    }
    let device = record.options.get("device").map_or(kind.as_str(), String::as_str);
    let (flags, data) = flags(record.options.get("o").map_or("", String::as_str));
    let data = std::ffi::CString::new(data).unwrap_or_default();
    mount(device, volume.path(), kind.as_str(), flags, data.as_c_str()).map_err(|errno| {
        Error::new(codes::UR0848, format!("the file system of the volume `{}` cannot be mounted", volume.name()))
            .os(format!("mount({device}, {kind}, {})", data.to_string_lossy()), errno.raw_os_error())
    })
}

/// Unmounts it, if it is mounted. Containers that have it keep it. Errors: UR0848.
pub(crate) fn unmount_own(volume: &Volume) -> Result<bool> {
    if !volume.record().is_mounted() || bound_to(volume.record()).is_some() || !is_mount_point(volume)? {
        return Ok(false);
    }
    match unmount(volume.path(), UnmountFlags::DETACH) {
        Ok(()) | Err(Errno::INVAL) => Ok(true),
        Err(errno) => Err(Error::new(
            codes::UR0848,
            format!("the file system of the volume `{}` cannot be unmounted", volume.name()),
        )
        .os(format!("umount2({})", volume.path().display()), errno.raw_os_error())),
    }
}

fn is_mount_point(volume: &Volume) -> Result<bool> {
    let found = statx(rustix::fs::CWD, volume.path(), AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS);
    let found = found.map_err(|errno| {
        Error::new(codes::UR0707, format!("the volume `{}` cannot be seen", volume.name()))
            .os(format!("statx({})", volume.path().display()), errno.raw_os_error())
    })?;
    Ok(found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// The words of mount(8) that are flags of the mount, and the rest, which the file system reads.
fn flags(words: &str) -> (MountFlags, String) {
    let mut flags = MountFlags::empty();
    let mut rest = Vec::new();
    for word in words.split(',').filter(|word| !word.is_empty()) {
        match word {
            "ro" => flags |= MountFlags::RDONLY,
            "nosuid" => flags |= MountFlags::NOSUID,
            "nodev" => flags |= MountFlags::NODEV,
            "noexec" => flags |= MountFlags::NOEXEC,
            "noatime" => flags |= MountFlags::NOATIME,
            "relatime" => flags |= MountFlags::RELATIME,
            "sync" => flags |= MountFlags::SYNCHRONOUS,
            "rw" | "suid" | "dev" | "exec" | "defaults" | "async" => {}
            other => rest.push(other),
        }
    }
    (flags, rest.join(","))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn with(options: &[(&str, &str)]) -> Result<VolumeRecord> {
        let options: BTreeMap<String, String> =
            options.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        checked(VolumeRecord { options, ..VolumeRecord::default() })
    }

    #[test]
    fn options_of_volumes() {
        let own = with(&[("o", "uid=5,gid=6")]).unwrap();
        assert_eq!((own.uid, own.gid), (Some(5), Some(6)));
        let bind = with(&[("type", "none"), ("o", "bind"), ("device", "/srv")]).unwrap();
        assert_eq!(bound_to(&bind), Some(PathBuf::from("/srv")));
        assert_eq!(bound_to(&with(&[("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m,uid=5")]).unwrap()), None);
        for bad in [
            &[("x", "y")][..],
            &[("o", "bind")],
            &[("o", "bind"), ("device", "srv")],
            &[("device", "/dev/sda")],
            &[("o", "uid=x")],
        ] {
            assert_eq!(with(bad).unwrap_err().code(), codes::UR0843, "{bad:?}");
        }
        assert_eq!(with(&[("o", "size=5G")]).unwrap_err().code(), codes::UR0808);
    }

    #[test]
    fn words_of_mount() {
        let (flags, rest) = flags("ro,size=1m,nosuid,mode=700");
        assert_eq!((flags, rest.as_str()), (MountFlags::RDONLY | MountFlags::NOSUID, "size=1m,mode=700"));
    }
}
