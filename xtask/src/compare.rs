//! How much `unroot-runtime run` does: its system calls, and its time beside crun's on the same bundle.
//!
//! Times are printed, never judged: they are the machine's as much as the program's. System calls are the program's own.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    Workspace,
    binaries::Binaries,
    bundle::Bundle,
    call::{self, Outcome, While},
    fixtures, medians,
    trace::Calls,
};

/// System calls that one `run` must stay below, its container's included.
const CALLS: usize = 400;

const WARM_UP: usize = 5;
const ROUNDS: usize = 60;

/// Counts, measures, prints.
pub fn run(workspace: &Workspace) -> Outcome<()> {
    if !rustix::process::geteuid().is_root() {
        return Err("`compare` needs root: its bundle's files belong to other users".into());
    }
    let binaries = Binaries::build(workspace)?;
    see_cgroup2_alone()?;
    let runtime = binaries.path("unroot-runtime");
    let busybox = fixtures::busybox().ok_or("there is no static busybox; install busybox-static")?;
    let bundle = Bundle::make(&runtime, &busybox)?;
    let state = tempfile::tempdir().during(|| "a directory for states".to_owned())?;
    let calls = count(&runtime, &bundle, state.path())?;
    time(&runtime, &bundle, state.path())?;
    judge(&calls)
}

/// crun works on control groups of version 2 only. Where the host has others, this program starts again in a mount
/// namespace of its own, in which an empty version 2 covers them.
fn see_cgroup2_alone() -> Outcome<()> {
    let mounted = rustix::fs::statfs("/sys/fs/cgroup").during(|| "/sys/fs/cgroup".to_owned())?;
    // CGROUP2_SUPER_MAGIC of statfs(2).
    if mounted.f_type == 0x6367_7270 {
        return Ok(());
    }
    let own = std::env::current_exe().during(|| "this program".to_owned())?;
    let script = "umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec \"$0\" compare";
    let mut again = Command::new("unshare");
    again.args(["--mount", "sh", "-c", script]).arg(own);
    let error = again.exec();
    Err(format!("{}: {error}", call::shown(&again)).into())
}

fn count(runtime: &Path, bundle: &Bundle, state: &Path) -> Outcome<Calls> {
    let log = state.join("strace.log");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-o"]).arg(&log).arg("--").arg(runtime);
    traced.arg("--root").arg(state.join("unroot")).args(["run", "--bundle"]).arg(bundle.path()).arg("counted");
    call::run(traced.stdin(Stdio::null()))?;
    let calls = Calls::count(&std::fs::read_to_string(&log).during(|| log.display().to_string())?);
    println!("system calls, the container's own included: {} (clone3: {})", calls.total(), calls.of("clone3"));
    println!("  {}", calls.top(12));
    Ok(calls)
}

fn judge(calls: &Calls) -> Outcome<()> {
    let others = ["clone", "fork", "vfork", "unshare"].map(|name| calls.of(name)).iter().sum::<usize>();
    if calls.of("clone3") != 1 || others != 0 || calls.total() >= CALLS {
        return Err(
            format!("expected one clone3, nothing else that makes processes, and fewer than {CALLS} calls").into()
        );
    }
    Ok(())
}

fn time(runtime: &Path, bundle: &Bundle, state: &Path) -> Outcome<()> {
    if !call::succeeds(Command::new("crun").arg("--version")) {
        println!("crun is not installed: nothing to compare with");
        return Ok(());
    }
    let start = |program: &Path, options: &[&str], round: usize| {
        let name = program.file_name().unwrap_or_default();
        let mut command = Command::new(program);
        command.args(options).arg("--root").arg(state.join(name)).arg("run").arg("--bundle").arg(bundle.path());
        command.arg(format!("round-{round}"));
        command
    };
    let ours = |round| start(runtime, &[], round);
    let crun = |round| start(Path::new("crun"), &["--cgroup-manager=disabled"], round);
    let [ours, crun] = medians::measure([&ours, &crun], WARM_UP, ROUNDS)?;
    println!("milliseconds of {ROUNDS} runs of /bin/true, in turn:");
    for (name, times) in [("unroot-runtime", &ours), ("crun", &crun)] {
        let [median, minimum] = [times.median(), times.minimum()].map(|time| time.as_secs_f64() * 1e3);
        println!("  {name:<15} median {median:7.2}   minimum {minimum:7.2}");
    }
    let ratio = |part: std::time::Duration, whole: std::time::Duration| part.as_secs_f64() / whole.as_secs_f64();
    let [median, minimum] = [ratio(ours.median(), crun.median()), ratio(ours.minimum(), crun.minimum())];
    println!("  ratio           median {median:7.2}   minimum {minimum:7.2}");
    Ok(())
}
