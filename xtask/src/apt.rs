//! Debian packages that the tests need.

use std::{
    io::IsTerminal,
    path::Path,
    process::{Command, Stdio},
};

use crate::call::{self, Outcome};

/// busybox-static: a root filesystem in one file; mmdebstrap: a real one; uidmap: newuidmap for rootless containers;
/// docker-registry: where images are pulled from and pushed to, apache2-utils: its users, and skopeo: an independent look at it;
/// passwd and util-linux (useradd, setpriv) are always there, but say so.
const NEEDED: &[&str] =
    &["apache2-utils", "busybox-static", "docker-registry", "mmdebstrap", "passwd", "skopeo", "uidmap", "util-linux"];

/// Installs what is missing. Without the right to do so, says what is missing and goes on.
pub fn install() -> Outcome<()> {
    let missing: Vec<_> = NEEDED.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    let Some(privilege) = privilege() else {
        println!("missing, and not installed because that needs root or sudo: {names}");
        return Ok(());
    };
    println!("installing {names}");
    // The lists may be absent (a fresh machine) or stale; a source of somebody else's that fails does not matter
    // as long as the packages can be had.
    let _ = call::run(&mut apt_get(privilege, &["update", "--quiet=2"]));
    let install = ["install", "--yes", "--quiet=2", "--no-install-recommends"];
    call::run(apt_get(privilege, &install).args(missing))
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", package]).stderr(Stdio::null());
    query.output().is_ok_and(|output| output.stdout == b"installed")
}

/// What goes before apt-get: nothing for root, sudo where it works or a person can answer it.
fn privilege() -> Option<&'static [&'static str]> {
    if !Path::new("/usr/bin/apt-get").exists() {
        return None;
    }
    if rustix::process::geteuid().is_root() {
        return Some(&[]);
    }
    let person = std::io::stdin().is_terminal() && call::succeeds(Command::new("sudo").arg("--version"));
    let allowed = person || call::succeeds(Command::new("sudo").args(["--non-interactive", "true"]));
    allowed.then_some(&["sudo"])
}

fn apt_get(privilege: &[&str], arguments: &[&str]) -> Command {
    // `env`, because sudo does not hand over its own environment.
    let words = [privilege, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], arguments].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}
