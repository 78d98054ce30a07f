//! `--volumes-from CONTAINER[:OPTIONS]`: the volumes and binds of another container.

use diag::Result;

use super::{Mount, Source, reject::wrong};
use crate::{Engine, request::Given};

/// Reads the option and takes the mounts over. Errors: UR0802, UR0843.
pub(super) fn volumes_from(engine: &Engine<'_>, given: &Given<String>) -> Result<Vec<Mount>> {
    let (name, options) = given.value.split_once(':').unwrap_or((&given.value, ""));
    let key = Given { value: name.to_owned(), at: given.at.clone() };
    let target = engine.target(&key)?;
    let mut access = None;
    for word in options.split(',').filter(|word| !word.is_empty()) {
        match word {
            "ro" | "rw" if access.is_none() => access = Some(word),
            // Without SELinux there are no labels to share, and with it volumes are refused that would need them.
            "z" => {}
            _ => {
                return Err(wrong(given, word, format!("`{word}` is no option of --volumes-from"))
                    .help("there are `ro`, `rw` and `z`"));
            }
        }
    }
    let taken =
        target.config.mounts.into_iter().filter(|mount| matches!(mount.source, Source::Bind(_) | Source::Volume(_)));
    Ok(taken
        .map(|mut mount| {
            if let Some(access) = access {
                mount.options.words.retain(|word| !matches!(word.as_str(), "ro" | "rro" | "rw"));
                mount.options.words.push(access.to_owned());
            }
            // Its contents are there already, and it stays the other container's.
            mount.options.chown = super::Chown::No;
            mount.at.clone_from(&given.at);
            mount
        })
        .collect())
}
