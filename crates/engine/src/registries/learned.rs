//! `short-name-aliases.conf`: what people answered when a short name was ambiguous. Podman reads and writes the same file.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{DirBuilder, File},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use diag::Result;
use rustix::fs::{FlockOperation, fcntl_lock};

use super::{Candidate, Registries, file};
use crate::conf_file;

impl Registries {
    /// Keeps the user's choice, after the image was fetched. Does nothing for a candidate that nobody chose.
    pub fn remember(&self, candidate: &Candidate) -> Result<()> {
        let (Some(path), Some(short)) = (&self.learned, &candidate.chosen_for) else { return Ok(()) };
        let _lock = lock(path)?;
        let text = conf_file::read(path, false)?.unwrap_or_default();
        let known = file::parse(path, &text)?.aliases.into_iter();
        let mut known: BTreeMap<_, _> = known
            .map(|(name, full)| (name, full.value.map(|full| full.name().to_owned()).unwrap_or_default()))
            .collect();
        known.insert(short.clone(), candidate.reference.name().to_owned());
        conf_file::replace(path, &written(&known))
    }
}

/// Neither names nor references have a character that TOML would want to be escaped.
fn written(aliases: &BTreeMap<String, String>) -> String {
    aliases.iter().fold(String::from("[aliases]\n"), |mut text, (name, full)| {
        let _ = writeln!(text, "  \"{name}\" = \"{full}\"");
        text
    })
}

/// The lock that Podman takes too.
fn lock(path: &Path) -> Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let dir = name.parent().unwrap_or(Path::new("."));
    let locked = DirBuilder::new().recursive(true).mode(0o700).create(dir).and_then(|()| {
        let file = File::options().write(true).create(true).truncate(false).open(&name)?;
        fcntl_lock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    });
    locked.map_err(|error| conf_file::unwritable(&name, &error))
}
