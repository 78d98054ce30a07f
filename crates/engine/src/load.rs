//! `load`: images from an archive or a directory.

use std::{io, path::PathBuf};

use diag::Result;
use store::image::{Images, Input};

use crate::{Engine, request::Given};

impl Engine<'_> {
    /// Loads all images of an archive or a directory (standard input without one); the names that they have now, or their
    /// ids.
    pub fn load(&self, input: Option<&Given<PathBuf>>) -> Result<Vec<String>> {
        self.tell_note();
        let source = match input {
            Some(path) => Input::Path(&path.value),
            None => Input::Stream(Box::new(io::stdin()), "standard input"),
        };
        let loaded = Images::of(&self.store).load(source, &self.intake()?);
        let loaded = loaded.map_err(|error| self.explain_full(error)).map_err(|error| match input {
            Some(input) => input.blame(error),
            None => error,
        })?;
        let mut names = Vec::new();
        for one in loaded {
            one.warnings.iter().for_each(|warning| self.warn(warning));
            let name = one.image.names.first().map(ToString::to_string).unwrap_or_default();
            self.note_image("loadfromarchive", &one.image.id.hex(), &name);
            if one.image.names.is_empty() {
                names.push(one.image.id.to_string());
            }
            names.extend(one.image.names.iter().map(ToString::to_string));
        }
        Ok(names)
    }
}
