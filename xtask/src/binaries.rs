//! The two programs that are shipped: their release build, and what is promised of it.

use std::{os::unix::process::CommandExt, path::PathBuf, process::Command};

use crate::{
    Workspace,
    call::{self, Fault, Outcome, While},
    elf,
};

/// Bytes that `unroot-runtime` must stay below. (They are on the disk: what of it is in a resting monitor's own memory is some 64 kB.)
const RUNTIME_LIMIT: usize = 2_000_000;

/// The release builds of `unroot` and `unroot-runtime`.
pub struct Binaries {
    /// The directory that has both.
    pub directory: PathBuf,
}

impl Binaries {
    /// Builds both.
    pub fn build(workspace: &Workspace) -> Outcome<Self> {
        call::run(&mut call::cargo(
            workspace,
            &["build", "--release", "--package=unroot", "--package=unroot-runtime"],
        ))?;
        Ok(Self { directory: workspace.release() })
    }

    /// The path of one of them.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Becomes `unroot run ARGUMENTS…`; returns only if that fails.
    pub fn become_unroot_run(&self, arguments: &[String]) -> Fault {
        let mut command = Command::new(self.path("unroot"));
        let error = command.arg("run").args(arguments).exec();
        format!("{}: {error}", call::shown(&command)).into()
    }

    /// Both are static, and the runtime is small.
    pub fn check(&self) -> Outcome<()> {
        for (name, limit) in [("unroot", usize::MAX), ("unroot-runtime", RUNTIME_LIMIT)] {
            let path = self.path(name);
            let file = std::fs::read(&path).during(|| path.display().to_string())?;
            if !elf::is_static(&file).during(|| path.display().to_string())? {
                return Err(format!("{} needs a dynamic linker; it must be static", path.display()).into());
            }
            if file.len() >= limit {
                return Err(format!("`{name}` has {} bytes; it must stay below {limit}", file.len()).into());
            }
            println!("{name}: static, {} bytes", file.len());
        }
        Ok(())
    }
}
