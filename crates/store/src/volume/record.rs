//! What is known of a volume: `volume.json`.

use std::collections::BTreeMap;

use diag::{Error, Result, codes};
use serde::{Deserialize, Serialize};
use sys::Dir;

use crate::io;

/// The only driver.
pub const DRIVER: &str = "local";

const NAME: &str = "volume.json";

/// The longest record that is read: 1 MiB, far more than a command line can have.
const LIMIT: usize = 1 << 20;

/// What is known of a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// When it was made: seconds since the epoch.
    pub created: u64,
    /// `--label`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// `--opt`: `type`, `device`, `o`, as they were written.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Whether it was made for one container, and goes with it.
    #[serde(default)]
    pub anonymous: bool,
    /// Whom `data/` was given to, if that was asked for: as containers see it.
    #[serde(default)]
    pub uid: Option<u32>,
    /// As `uid`, of the group.
    #[serde(default)]
    pub gid: Option<u32>,
    /// Whether it has had its first contents, or has been found to have some.
    #[serde(default)]
    pub filled: bool,
}

impl Record {
    pub(super) fn read(name: &str, dir: &Dir) -> Result<Record> {
        let text = dir.read(NAME, LIMIT).map_err(io(format!("the record of the volume `{name}` cannot be read")))?;
        let record: Record = serde_json::from_slice(&text).map_err(|error| {
            Error::new(codes::UR0707, format!("the record of the volume `{name}` is not understood"))
                .words(error)
                .fact(format!("it is in `{}`", dir.path().join(NAME).display()))
        })?;
        // The directory's name is what counts.
        Ok(Record { name: name.to_owned(), ..record })
    }

    /// Writes it; readers see the old one or the new one.
    pub(super) fn write(&self, dir: &Dir) -> Result<()> {
        let what = || format!("the record of the volume `{}` cannot be written", self.name);
        let text = serde_json::to_vec(self).map_err(|error| Error::new(codes::UR0707, what()).words(error))?;
        dir.write_synced(NAME, &text, 0o600).map_err(io(what()))
    }

    /// Whether a file system is mounted for it, or a directory elsewhere stands for it.
    pub fn is_mounted(&self) -> bool {
        self.options.contains_key("type") || self.options.contains_key("device")
    }
}
