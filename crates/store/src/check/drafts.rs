//! Files that a writer was killed over: `.NAME.PID`, beside what they were to replace.
//!
//! They hurt nobody: nobody reads them, and who writes the same file takes another name. What is written in `tmp/` is swept there.

use diag::{Error, Result, codes};
use sys::{
    Dir,
    dir::writer_of,
    rustix::{
        io::Errno,
        process::{Pid, test_kill_process},
    },
};

use super::{Cure, Look};
use crate::io;

/// Where files are replaced: these directories themselves …
const PLACES: [&str; 4] = [".", "images", "layers", "networks"];
/// … and those in them.
const HOMES: [&str; 3] = ["containers", "layers", "volumes"];

impl Look<'_> {
    pub(super) fn drafts(&mut self) -> Result<()> {
        let root = &self.store.root;
        let mut left = Vec::new();
        for place in PLACES {
            in_directory(root, place, &mut left)?;
        }
        for home in HOMES {
            for name in names(root, home)? {
                if let Some(name) = name.to_str() {
                    in_directory(root, &format!("{home}/{name}"), &mut left)?;
                }
            }
        }
        for path in left {
            let error = Error::warning(codes::UR0725, format!("`{path}` was not written to its end"))
                .fact("the process that wrote it does not run any more")
                .help_run("remove it", "unroot system check --repair");
            self.find(error, Cure::Draft(path));
        }
        Ok(())
    }
}

fn names(root: &Dir, place: &str) -> Result<Vec<std::ffi::OsString>> {
    match root.dir(place).and_then(|dir| dir.names()) {
        // A container may go while it is looked.
        Err(failed) if matches!(failed.errno, Errno::NOENT | Errno::NOTDIR) => Ok(Vec::new()),
        names => names.map_err(io(format!("`{place}` cannot be listed"))),
    }
}

fn in_directory(root: &Dir, place: &str, left: &mut Vec<String>) -> Result<()> {
    for name in names(root, place)? {
        let Some(pid) = writer_of(&name) else { continue };
        // What lies beside the store's own directories may be somebody else's.
        let ours = |name: &&str| place != "." || name.starts_with(".version.");
        if let Some(name) = name.to_str().filter(ours).filter(|_| !is_running(pid)) {
            left.push(if place == "." { name.to_owned() } else { format!("{place}/{name}") });
        }
    }
    Ok(())
}

/// Whether there is such a process. One that has got the number since keeps a file for longer, which does no harm.
fn is_running(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}
