//! `system reset`: an end to all of it.

use std::fs;

use diag::{Error, Result, codes};

use super::Known;
use crate::{Engine, request::Given};

impl Engine<'_> {
    /// Removes all containers, images and volumes, and both directories. With `force` containers that run are stopped first;
    /// otherwise they are a reason to refuse (UR0727).
    pub fn reset(self, force: bool) -> Result<()> {
        let live: Vec<Known> = self.known()?.into_iter().filter(Known::is_live).collect();
        if !live.is_empty() && !force {
            return Err(refusal(&live));
        }
        for known in self.known()? {
            match self.remove(&Given::unwritten(known.id.to_string()), true) {
                // What cannot be read any more goes with the directory.
                Err(error) if known.is_live() => return Err(error),
                _ => {}
            }
        }
        let (root, run_root) = (self.scope.root.clone(), self.scope.run_root.clone());
        self.detach_memory();
        self.store.clear()?;
        // Where others keep something beside, or a mount stands in it, the directory itself stays.
        let _ = fs::remove_dir(root);
        let _ = fs::remove_dir(run_root);
        Ok(())
    }

    /// Inodes in memory hang in the run root of an ordinary user's namespace.
    fn detach_memory(&self) {
        let place = self.scope.run_root.join(crate::ladder::MEMORY);
        while rustix::mount::unmount(&place, rustix::mount::UnmountFlags::DETACH).is_ok() {}
    }
}

fn refusal(live: &[Known]) -> Error {
    let name = |known: &Known| match &known.config {
        Ok(config) => config.name.clone(),
        Err(_) => known.id.short().to_owned(),
    };
    let names: Vec<String> = live.iter().map(|known| format!("`{}`", name(known))).collect();
    Error::new(codes::UR0727, format!("{} of the containers run", live.len()))
        .fact(format!("they are {}", names.join(", ")))
        .help_run("stop them first", "unroot stop NAME")
        .help_run("or have them stopped and everything removed", "unroot system reset --force")
}
