//! The files in a container's /etc that the engine writes: they lie in the container's directory and are bound into place.

use std::{fmt::Write as _, fs, path::Path};

use diag::{Error, Result, codes};
use rustix::{
    fs::{AtFlags, FileType, Gid, Mode, StatVfsMountFlags, Uid, chmodat, chownat, fstatvfs, makedev, mknodat, stat},
    io::Errno,
};
use sys::Dir;

use crate::{
    config::{Config, HostsBase, Network},
    create::process::ZONES,
};

/// The files of a container. Without a network there is nobody to ask for names, unless the user names a server.
pub fn names(config: &Config) -> Vec<&'static str> {
    let names = &config.names;
    let asked = !(names.servers.is_empty() && names.searches.is_empty() && names.options.is_empty());
    let resolv = !names.no_resolv && (asked || config.network != Network::None);
    let all = [("hosts", !names.no_hosts), ("hostname", !names.no_hostname), ("resolv.conf", resolv)];
    let zone = config.surroundings.time_zone.is_some().then_some("localtime");
    all.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name).chain(zone).collect()
}

/// Writes them anew.
pub fn write(config: &Config, dir: &Dir) -> Result<()> {
    for name in names(config) {
        let text = match name {
            "hosts" => hosts(config).into_bytes(),
            "hostname" => format!("{}\n", config.hostname).into_bytes(),
            "localtime" => zone(config)?,
            _ => resolv(config).into_bytes(),
        };
        dir.write(name, &text, 0o644).map_err(|failed| {
            failed.into_error(codes::UR0707, format!("the container's `/etc/{name}` cannot be written"))
        })?;
    }
    Ok(())
}

/// The name of a device's node.
pub fn node(index: usize) -> String {
    format!("device-{index}")
}

/// Whether nodes of devices can be used that lie in a container's directory.
pub fn may_have_nodes(root: &Dir) -> bool {
    fstatvfs(root).is_ok_and(|found| !found.f_flag.contains(StatVfsMountFlags::NODEV))
}

/// Makes nodes of the container's devices, with the owners and the mode of the host's: the container sees the same ids.
pub fn make_nodes(config: &Config, dir: &Dir) -> Result<()> {
    for (index, device) in config.security.devices.iter().enumerate() {
        let (name, source) = (node(index), &device.source);
        let refused = |call: &str, errno: Errno| {
            Error::new(codes::UR0835, format!("the device `{}` cannot be given to the container", source.display()))
                .os(format!("{call}({})", source.display()), errno.raw_os_error())
        };
        let found = stat(source).map_err(|errno| refused("stat", errno))?;
        let kind = if device.block { FileType::BlockDevice } else { FileType::CharacterDevice };
        dir.remove_file(&name).map_err(|failed| failed.into_error(codes::UR0707, "an old device cannot be removed"))?;
        let mode = Mode::from_raw_mode(found.st_mode & 0o777);
        mknodat(dir, &name, kind, mode, makedev(device.major, device.minor))
            .map_err(|errno| refused("mknodat", errno))?;
        let owner = (Some(Uid::from_raw(found.st_uid)), Some(Gid::from_raw(found.st_gid)));
        chownat(dir, &name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| refused("fchownat", errno))?;
        // The mask of this process has nothing to say here.
        chmodat(dir, &name, mode, AtFlags::empty()).map_err(|errno| refused("fchmodat", errno))?;
    }
    Ok(())
}

/// What is added comes first, because the first entry of a name counts.
fn hosts(config: &Config) -> String {
    let names = &config.names;
    let mut text = String::new();
    for (address, names) in &names.hosts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{address}\t{}", names.join(" "));
    }
    let base = match (&names.base, config.network) {
        // On the host's network the host's own names hold.
        (HostsBase::Network, Network::Host) => fs::read_to_string("/etc/hosts").ok(),
        (HostsBase::Network | HostsBase::None, _) => None,
        (HostsBase::Image(text), _) => Some(text.clone()),
        (HostsBase::File(path), _) => fs::read_to_string(path).ok(),
    };
    text.push_str(base.as_deref().unwrap_or("127.0.0.1\tlocalhost\n::1\tlocalhost\n"));
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let _ = writeln!(text, "127.0.1.1\t{} {}", config.hostname, config.name);
    text
}

/// The host's, except for the parts that the user has said.
fn resolv(config: &Config) -> String {
    let names = &config.names;
    let host = match config.network {
        Network::Host => fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
        Network::None => String::new(),
    };
    let replaced = |line: &str| match line.split_whitespace().next() {
        Some("nameserver") => !names.servers.is_empty(),
        Some("search" | "domain") => !names.searches.is_empty(),
        Some("options") => !names.options.is_empty(),
        _ => false,
    };
    let mut text = String::new();
    let searches: Vec<&str> = names.searches.iter().map(String::as_str).filter(|domain| *domain != ".").collect();
    if !searches.is_empty() {
        let _ = writeln!(text, "search {}", searches.join(" "));
    }
    for line in host.lines().filter(|line| !replaced(line)) {
        let _ = writeln!(text, "{line}");
    }
    for server in &names.servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    if !names.options.is_empty() {
        let _ = writeln!(text, "options {}", names.options.join(" "));
    }
    text
}

/// The description of the container's time zone.
fn zone(config: &Config) -> Result<Vec<u8>> {
    let path = match config.surroundings.time_zone.as_deref() {
        None | Some("local") => "/etc/localtime".into(),
        Some(zone) => Path::new(ZONES).join(zone),
    };
    fs::read(&path).map_err(|error| {
        Error::new(codes::UR0831, format!("the time zone `{}` cannot be read", path.display())).words(error)
    })
}
