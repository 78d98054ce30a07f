//! `volume export`, `import`, `mount`, `unmount`.

use std::io::{Read, Write};

use diag::Result;

use super::{bound_to, mount_own, unmount_own};
use crate::{Engine, map::Host, request::Given};

impl Engine<'_> {
    /// Writes a volume's files as a tar archive. Errors: UR0840, UR0704, UR0707.
    pub fn export_volume(&self, key: &Given<String>, out: impl Write) -> Result<()> {
        let volume = self.store.find_volume(&key.value).map_err(|error| key.blame(error))?;
        mount_own(&volume)?;
        volume.export(out)
    }

    /// Unpacks an archive into a volume that is there. Errors: UR0840, those of archives (UR0704, UR0705), UR0707.
    pub fn import_volume(&self, key: &Given<String>, archive: impl Read + Send) -> Result<()> {
        let volume = self.store.find_volume(&key.value).map_err(|error| key.blame(error))?;
        mount_own(&volume)?;
        let current = Host::look(self.entered)?.current;
        volume.import(&self.store, archive, self.intake()?.ownership, &current)
    }

    /// Mounts a volume's own file system; where its files are.
    pub fn mounted_volume(&self, key: &Given<String>) -> Result<String> {
        let volume = self.store.find_volume(&key.value).map_err(|error| key.blame(error))?;
        mount_own(&volume)?;
        let path = bound_to(volume.record()).unwrap_or_else(|| volume.path());
        Ok(path.display().to_string())
    }

    /// Unmounts a volume's own file system, if it has one and it is mounted; the volume's name.
    pub fn unmounted_volume(&self, key: &Given<String>) -> Result<String> {
        let volume = self.store.find_volume(&key.value).map_err(|error| key.blame(error))?;
        unmount_own(&volume)?;
        Ok(volume.name().to_owned())
    }
}
