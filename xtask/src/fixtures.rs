//! Root filesystems for tests, from Debian's packages.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Workspace,
    call::{self, Outcome, While},
};

/// The suite where the host is no Debian.
const OTHERWISE: &str = "trixie";

/// What could be had of them.
pub struct Fixtures {
    /// A statically linked busybox.
    pub busybox: Option<PathBuf>,
    /// A tar archive of a Debian root filesystem.
    pub debian: Option<PathBuf>,
}

impl Fixtures {
    /// Makes what is missing. Root must get them all; another user is told what it does without.
    pub fn prepare(workspace: &Workspace) -> Outcome<Self> {
        let busybox = busybox();
        let debian = debian(&workspace.target.join("fixtures"));
        if rustix::process::geteuid().is_root() {
            let busybox = busybox.ok_or("there is no static busybox in /bin, though busybox-static is installed")?;
            return Ok(Self { busybox: Some(busybox), debian: Some(debian?) });
        }
        if busybox.is_none() {
            println!("no static busybox: the tests that need one will skip (UNROOT_TEST_BUSYBOX is not set)");
        }
        if let Err(fault) = &debian {
            println!("no Debian root filesystem: tests will skip (UNROOT_TEST_DEBIAN is not set): {fault}");
        }
        Ok(Self { busybox, debian: debian.ok() })
    }
}

/// The busybox of Debian's busybox-static, if it is there; the package called busybox has another at the same path.
pub fn busybox() -> Option<PathBuf> {
    ["/bin/busybox", "/usr/bin/busybox"].map(PathBuf::from).into_iter().find(|path| is_static(path))
}

fn is_static(path: &Path) -> bool {
    fs::read(path).is_ok_and(|file| crate::elf::is_static(&file).unwrap_or(false))
}

/// The archive in `directory`; a complete one is never made twice.
fn debian(directory: &Path) -> Outcome<PathBuf> {
    let suite = suite(&fs::read_to_string("/etc/os-release").unwrap_or_default());
    let archive = directory.join(format!("debian-{suite}.tar"));
    if archive.exists() {
        return Ok(archive);
    }
    fs::create_dir_all(directory).during(|| directory.display().to_string())?;
    let partial = directory.join(format!("debian-{suite}.partial.tar"));
    println!("making {}", archive.display());
    call::run(Command::new("mmdebstrap").args(["--quiet", "--variant=minbase", &suite]).arg(&partial))?;
    fs::rename(&partial, &archive).during(|| archive.display().to_string())?;
    Ok(archive)
}

/// The code name of the Debian that os-release(5) describes.
fn suite(release: &str) -> String {
    let field = |key: &str| {
        let value = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        value.map(|value| value.trim_matches('"').to_owned())
    };
    let own = field("ID").is_some_and(|id| id == "debian");
    field("VERSION_CODENAME").filter(|_| own).unwrap_or_else(|| OTHERWISE.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_is_the_hosts_own_if_that_is_debian() {
        assert_eq!(suite("VERSION_CODENAME=bookworm\nID=debian\n"), "bookworm");
        assert_eq!(suite("ID=\"debian\"\nVERSION_CODENAME=\"forky\"\n"), "forky");
        assert_eq!(suite("ID=ubuntu\nVERSION_CODENAME=noble\n"), OTHERWISE);
        assert_eq!(suite(""), OTHERWISE);
    }
}
