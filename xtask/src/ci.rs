//! Everything that must hold before a change is good, the quick checks first.

use crate::{
    Workspace,
    binaries::Binaries,
    call::{self, Outcome},
    dag, manual, suites,
};

/// Stops at the first check that fails.
pub fn run(workspace: &Workspace) -> Outcome<()> {
    step("the order of crates");
    dag::check(workspace)?;
    step("formatting");
    call::run(&mut call::cargo(workspace, &["fmt", "--all", "--check"]))?;
    step("clippy");
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny=warnings"];
    call::run(&mut call::cargo(workspace, &clippy))?;
    step("documentation");
    let doc = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    call::run(call::cargo(workspace, &doc).env("RUSTDOCFLAGS", "--deny=warnings"))?;
    manual::run(workspace)?;
    step("binaries");
    Binaries::build(workspace)?.check()?;
    step("tests");
    suites::run(workspace)
}

fn step(name: &str) {
    println!("\n== {name}");
}
