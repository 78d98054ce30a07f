//! Measurements beside other engines: `cargo xtask bench FAMILY…`.
//!
//! Each family is a module with a `run`. What is compared takes turns, so that whatever else the machine does is done to all of them, and what is
//! printed are medians and their ratios to ours. Nothing is judged here: an absolute time is the machine's, not the program's.
//!
//! Everything lies in `target/bench/`. Images are made once, from a seed; they are the same everywhere.

mod contestant;
mod image;
mod measure;
mod pull;
mod registry;
mod table;

use std::path::PathBuf;

use crate::{
    Workspace,
    binaries::Binaries,
    call::{Outcome, While},
};

const USAGE: &str = "usage: cargo xtask bench pull [ROUNDS]";

/// What families work with.
pub struct Bench {
    /// Release builds.
    pub binaries: Binaries,
    /// `target/bench`.
    pub directory: PathBuf,
    /// How often everything is done.
    pub rounds: usize,
}

/// Builds, and runs one family.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome<()> {
    let (family, rounds) = match arguments {
        [family] => (family, 3),
        [family, rounds] => (family, rounds.parse().during(|| USAGE.to_owned())?),
        _ => return Err(USAGE.into()),
    };
    if !rustix::process::geteuid().is_root() {
        return Err("`bench` needs root: the other engines are measured as root".into());
    }
    let directory = workspace.target.join("bench");
    std::fs::create_dir_all(&directory).during(|| directory.display().to_string())?;
    let bench = Bench { binaries: Binaries::build(workspace)?, directory, rounds };
    match family.as_str() {
        "pull" => pull::run(&bench),
        _ => Err(USAGE.into()),
    }
}
