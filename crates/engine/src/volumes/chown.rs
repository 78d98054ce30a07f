//! `volume undo-chown`.

use diag::Result;

use crate::{
    Engine,
    mounts::{self, Undone},
    request::Given,
};

impl Engine<'_> {
    /// Plays back what `:U` last changed below a directory, or in a volume. Errors: UR0847.
    pub fn undo_chown(&self, key: &Given<String>) -> Result<Undone> {
        let path = match self.store.volume(&key.value) {
            Ok(volume) => volume.path(),
            Err(_) => std::path::absolute(&key.value).unwrap_or_else(|_| key.value.clone().into()),
        };
        mounts::undo(&self.store, &path).map_err(|error| key.blame(error))
    }

    /// What can be taken back: paths, and how many files, the latest last.
    pub fn changed_owners(&self) -> Result<Vec<(String, usize)>> {
        let all = mounts::journal::all(&self.store)?;
        Ok(all.into_iter().map(|(_, journal)| (journal.top.display().to_string(), journal.inodes.len())).collect())
    }
}
