//! The monitor leaves everything behind that belongs to the engine which started it.

use diag::{Error, Result, codes};
use rustix::{
    fs::{Mode, OFlags, open},
    io::{self, Errno},
    process::{Signal, chdir, setsid, umask},
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
};

/// The signals that must not end a monitor.
///
/// A monitor forwards no signal and ends by none but SIGKILL, as conmon does. What a person types at a terminal never
/// reaches it (it has a session of its own); what a service manager sends to every process of a unit reaches the
/// container's init as well, and the monitor has to outlive it to record how it ended. A signal for the container comes
/// in a message.
///
/// They are outlived by a handler, not ignored: what is ignored stays ignored in the container's processes.
const OUTLIVED: [Signal; 5] = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::PIPE];

/// A session of its own, no directory kept busy, no terminal, no pipe of the engine's held open, files for nobody else.
pub(super) fn detach() -> Result<()> {
    let failed = |call: &'static str| {
        move |errno: Errno| {
            Error::new(codes::UR0699, "the monitor cannot detach from its engine").os(call, errno.raw_os_error())
        }
    };
    match setsid() {
        // It leads a process group, and so it was started by a shell's hand: then its session is good enough.
        Ok(_) | Err(Errno::PERM) => {}
        Err(errno) => return Err(failed("setsid()")(errno)),
    }
    chdir("/").map_err(failed("chdir(/)"))?;
    umask(Mode::RWXG | Mode::RWXO);
    sys::signals::outlive(&OUTLIVED).map_err(failed("sigaction()"))?;
    replace_stdio().map_err(failed("dup2(/dev/null)"))
}

/// Whoever reads what the engine prints must see its end when the engine ends, not when the container does.
fn replace_stdio() -> io::Result<()> {
    let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        os::unix::process::ExitStatusExt,
        path::Path,
        process::{Command, Stdio},
    };

    use rustix::process::{getpid, getsid, kill_process};

    use super::*;

    /// Where the detached copy of this test writes what it sees; only that copy has it.
    const REPORT: &str = "DETACH_REPORT";

    #[test]
    fn nothing_of_the_engine_is_kept() {
        if let Some(report) = std::env::var_os(REPORT) {
            return detached(Path::new(&report));
        }
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["monitor::detach::tests::nothing_of_the_engine_is_kept", "--exact", "--nocapture"])
            .env(REPORT, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The pipe ends though the process lives on: it waits for the file that is made only then.
        child.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
        let report = sys::Dir::open(dir.path()).unwrap();
        report.write("go", b"", 0o600).unwrap();
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(0), None));
        assert_eq!(report.read_text("seen", 100).unwrap(), "leader true, in /, umask 77");
    }

    fn detached(report: &Path) {
        let dir = sys::Dir::open(report).unwrap();
        detach().unwrap();
        for signal in OUTLIVED {
            kill_process(getpid(), signal).unwrap();
        }
        while !dir.has("go") {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let leader = getsid(None).unwrap() == getpid();
        let mask = umask(Mode::empty()).bits();
        let seen = format!("leader {leader}, in {}, umask {mask:o}", std::env::current_dir().unwrap().display());
        dir.write("seen", seen.as_bytes(), 0o600).unwrap();
    }
}
