//! Into a new namespace, and the clone that stays outside and has the maps written.

use std::{
    fs,
    io::ErrorKind,
    os::fd::OwnedFd,
    process::{Command, Stdio},
};

use diag::{Error, Report, Result, codes};
use idmap::{IdMap, Kind};
use rustix::{
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{Signal, set_parent_process_death_signal},
};
use sys::{
    Alone,
    carrier::{reap, write_proc},
    clone::{How, Namespaces, clone3, unshare as move_into},
    dir::{read_all, write_all},
};

/// The longest report that the clone sends.
const REPORT_LIMIT: usize = 64 * 1024;

/// Moves this process into a new user namespace with this map, and into a new mount namespace that it owns.
pub fn unshare(alone: &Alone, map: &IdMap) -> Result<()> {
    if map.uid.ids() == 1 { by_itself(alone, map) } else { with_programs(alone, map) }
}

/// A map of one's own id needs nobody's help; the kernel wants `setgroups` given up for it (`user_namespaces(7)`).
fn by_itself(alone: &Alone, map: &IdMap) -> Result<()> {
    enter(alone)?;
    let pid = own_pid()?;
    let files = [("setgroups", "deny".to_owned()), ("uid_map", map.uid.to_kernel()), ("gid_map", map.gid.to_kernel())];
    for (name, text) in files {
        write_proc(pid, name, &text).map_err(|errno| refused(&format!("write(/proc/self/{name})"), errno))?;
    }
    Ok(())
}

fn with_programs(alone: &Alone, map: &IdMap) -> Result<()> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|errno| refused("pipe2", errno));
    let ((go, ready), (answer, said)) = (pipe()?, pipe()?);
    let (pid, work) = (own_pid()?, map.clone());
    // The clone's closure owns its ends: in this process they are closed when `clone3` returns, so the clone's death is seen.
    let clone = clone3(alone, How::default(), move |_| outside(&go, &said, pid, &work))
        .map_err(|errno| refused("clone3", errno))?;
    let done = enter(alone).and_then(|()| {
        write_all(&ready, b"1").map_err(|errno| refused("write", errno))?;
        let text = read_all(&answer, REPORT_LIMIT).map_err(|errno| refused("read", errno))?;
        match serde_json::from_slice::<Option<Report>>(&text) {
            Ok(None) => Ok(()),
            Ok(Some(report)) => Err(Error::from(report)),
            Err(error) => Err(Error::new(codes::UR0203, "the maps could not be written").words(error)),
        }
    });
    reap(&clone);
    done
}

/// The clone's life: it waits until the other has moved, has the maps written, and says how that went.
fn outside(go: &OwnedFd, said: &OwnedFd, pid: i32, map: &IdMap) -> u8 {
    // If the other one dies, nobody will ever say go: the clone holds a copy of that end itself.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let mut byte = [0];
    while rustix::io::read(go, &mut byte) == Err(Errno::INTR) {}
    let outcome = write_map(pid, Kind::Uid, map).and_then(|()| write_map(pid, Kind::Gid, map));
    let report = outcome.err().map(Error::into_report);
    let text = serde_json::to_vec(&report).unwrap_or_default();
    u8::from(write_all(said, &text).is_err())
}

/// Runs newuidmap or newgidmap.
fn write_map(pid: i32, kind: Kind, map: &IdMap) -> Result<()> {
    let (program, file) = match kind {
        Kind::Uid => ("newuidmap", "/etc/subuid"),
        Kind::Gid => ("newgidmap", "/etc/subgid"),
    };
    let mut command = Command::new(program);
    command.arg(pid.to_string());
    for extent in map.get(kind) {
        command.args([extent.inside.0, extent.outside.0, extent.len].map(|number| number.to_string()));
    }
    let line = std::iter::once(program.to_owned())
        .chain(command.get_args().map(|word| word.to_string_lossy().into_owned()))
        .collect::<Vec<_>>()
        .join(" ");
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(Error::new(codes::UR0203, format!("`{program}` refused the map ({})", output.status))
            .words(String::from_utf8_lossy(&output.stderr).trim())
            .fact(format!("it was called as `{line}`"))
            .help(format!(
                "the ranges must be delegated in {file}, and {program} must be setuid root or have its file capability"
            ))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Error::new(codes::UR0204, format!("`{program}` is not installed"))
                .fact(format!("{file} delegates further ids, and only {program} can put them into a map"))
                .help_run("on Debian and Ubuntu it is in the package uidmap", "sudo apt install uidmap"))
        }
        Err(error) => Err(Error::new(codes::UR0204, format!("`{program}` cannot be executed")).words(error)),
    }
}

fn enter(alone: &Alone) -> Result<()> {
    move_into(alone, Namespaces::USER | Namespaces::MOUNT)
        .map_err(|errno| refused("unshare(CLONE_NEWUSER | CLONE_NEWNS)", errno))
}

fn own_pid() -> Result<i32> {
    i32::try_from(std::process::id()).map_err(|_| refused("getpid", Errno::RANGE))
}

/// Why a host does not let its users have namespaces: the knobs that there are, looked up.
fn refused(call: &str, errno: Errno) -> Error {
    let error =
        Error::new(codes::UR0206, "this host does not let you create a user namespace").os(call, errno.raw_os_error());
    let knob = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let bad = [
        ("kernel.unprivileged_userns_clone", "0", "1"),
        ("user.max_user_namespaces", "0", "28633"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ];
    bad.into_iter().fold(error, |error, (name, forbids, allows)| {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        match knob(&path) {
            Some(value) if value == forbids => error
                .fact(format!("{name} is {value}"))
                .help_run("let the administrator allow it", format!("sudo sysctl -w {name}={allows}")),
            _ => error,
        }
    })
}
