//! The chores of this repository: `cargo xtask TASK`.
//!
//! | task | what it does |
//! |---|---|
//! | `run ARGS…` | builds both binaries and becomes `unroot run ARGS…` |
//! | `test` | installs what the tests need, prepares fixtures, runs every test that this user may run |
//! | `ci` | formatting, clippy, documentation, the DAG of crates, the binaries' size, then `test` |
//! | `dag` | whether every crate imports only what `ARCHITECTURE.md` allows |
//! | `bench FAMILY [ROUNDS]` | time, processor and memory beside other engines: `pull` |
//! | `compare` | system calls of `unroot-runtime run`, and its time beside crun's |
//! | `crash [--rounds N] [--seed S]` | kills commands at random moments, and looks what is left of the store |
//! | `idle` | 200 containers at rest: time to start them, memory of their monitors, beside podman |
//! | `man` | `docs/man/*.md` as man pages, in `target/man` |
//!
//! # How tests are chosen
//! By name. `privileged_*` needs root, `rootless_*` must not have it, everything else does not care. A test that cannot run
//! where it is prints a line that begins with `skipped:` and says why, and returns. As root `test` runs the rootless tests
//! as the user `unroot-test`, which it makes, from a copy that this user can read: they must not read files of the
//! source tree (`env!("CARGO_MANIFEST_DIR")`) at run time.
//!
//! # What tests are given
//! In the environment, each as an absolute path:
//!
//! * `UNROOT_TEST_BIN_DIR`: the directory with `unroot` and `unroot-runtime`, release builds;
//! * `UNROOT_TEST_BUSYBOX`: a statically linked busybox;
//! * `UNROOT_TEST_DEBIAN`: a tar archive of a Debian root filesystem (mmdebstrap's `minbase`).
//!
//! A variable is missing where its fixture could not be had; then `test` has said why.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "chores talk to whoever started them")]

mod account;
mod apt;
mod bench;
mod binaries;
mod bundle;
mod call;
mod ci;
mod compare;
mod crash;
mod dag;
mod elf;
mod fixtures;
mod idle;
mod manual;
mod medians;
mod roff;
mod suites;
mod tally;
mod trace;
mod workspace;

use std::process::ExitCode;

use call::Outcome;
use workspace::Workspace;

const USAGE: &str = "usage: cargo xtask run ARGS… | test | ci | dag | bench FAMILY | compare | idle | crash [--rounds N] [--seed S] | man";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    match perform(&task, &arguments.collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("xtask: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: &str, arguments: &[String]) -> Outcome<()> {
    if !["run", "bench", "crash"].contains(&task) && !arguments.is_empty() {
        return Err(format!("`{task}` takes no arguments; {USAGE}").into());
    }
    match task {
        "run" => Err(binaries::Binaries::build(&Workspace::find()?)?.become_unroot_run(arguments)),
        "test" => suites::run(&Workspace::find()?),
        "ci" => ci::run(&Workspace::find()?),
        "dag" => dag::check(&Workspace::find()?),
        "bench" => bench::run(&Workspace::find()?, arguments),
        "compare" => compare::run(&Workspace::find()?),
        "crash" => crash::run(&Workspace::find()?, arguments),
        "idle" => idle::run(&Workspace::find()?),
        "man" => manual::run(&Workspace::find()?),
        _ => Err(USAGE.into()),
    }
}
