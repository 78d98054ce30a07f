//! One file a verb.

mod create;
mod delete;
mod events;
mod exec;
mod features;
mod foreground;
mod kill;
mod list;
mod pause;
mod ps;
mod run;
mod spec;
mod start;
mod state;
pub mod update;

use std::{os::fd::OwnedFd, path::PathBuf, process::ExitCode};

use diag::{Error, Result, codes};
use runtime::{
    containers::Containers,
    host::{Host, WITHOUT},
};
use sys::Alone;

pub use create::create;
pub use delete::delete;
pub use events::events;
pub use exec::exec;
pub use features::features;
pub use kill::kill;
pub use list::list;
pub use pause::{pause, resume};
pub use ps::ps;
pub use run::run;
pub use spec::spec;
pub use start::start;
pub use state::state;
pub use update::update;

use crate::arguments::Global;

/// `monitor`: watches a container of the engine's.
pub fn monitor(alone: &Alone, job: i32) -> Result<ExitCode> {
    let job: OwnedFd = sys::descriptors::inherited(job).map_err(|errno| {
        Error::new(codes::UR0610, format!("`--job {job}`: there is no such descriptor"))
            .os(format!("fcntl({job}, F_GETFD)"), errno.raw_os_error())
            .fact("`monitor` is started by unroot, which hands it its job as a descriptor")
    })?;
    runtime::monitor::run(alone, &this_host()?, job).map(ExitCode::from)
}

fn this_host() -> Result<Host> {
    Host::new(std::env::var(WITHOUT).ok().as_deref())
}

/// The containers below `--root`.
fn containers(global: &Global) -> Result<Containers> {
    Containers::open(&root(global)?)
}

/// `--root`, or the place that belongs to this user.
fn root(global: &Global) -> Result<PathBuf> {
    if let Some(root) = &global.root {
        return Ok(root.clone());
    }
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/run/unroot-runtime"));
    }
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => Ok(PathBuf::from(dir).join("unroot-runtime")),
        None => {
            Err(Error::new(codes::UR0606, "there is no place for the containers' states: XDG_RUNTIME_DIR is not set")
                .help("log in through a session that sets it, or give a directory of yours: --root DIR"))
        }
    }
}
