//! `import`: an image of a plain root filesystem.

use std::path::Path;

use diag::{Error, Result};
use oci::Reference;
use store::image::{Images, Input};

use crate::{
    Engine,
    interruption::{interruptibly, standard_input},
    request::Given,
};

/// What to import.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The archive's path; `-` is standard input.
    pub file: Given<String>,
    /// The image's name.
    pub reference: Option<Given<String>>,
    /// `--change`.
    pub changes: Vec<Given<String>>,
    /// `--message`.
    pub message: Option<String>,
}

impl Engine<'_> {
    /// Imports an archive; the image's id.
    pub fn import(&self, request: &ImportRequest) -> Result<String> {
        self.tell_note();
        let name = request.reference.as_ref().map(reference).transpose()?;
        let changes: Vec<String> = request.changes.iter().map(|change| change.value.clone()).collect();
        let input = match request.file.value.as_str() {
            "-" => Input::Stream(standard_input()?, "standard input"),
            path => Input::Path(Path::new(path)),
        };
        let images = Images::of(&self.store);
        let intake = self.intake()?;
        let loaded = interruptibly(|| {
            images
                .import(input, name.as_ref(), &changes, request.message.as_deref(), &intake)
                .map_err(|error| blame(request, self.explain_full(error)))
        })?;
        loaded.warnings.iter().for_each(|warning| self.warn(warning));
        let name = loaded.image.names.first().map(ToString::to_string).unwrap_or_default();
        self.note_image("import", &loaded.image.id.hex(), &name);
        Ok(loaded.image.id.to_string())
    }
}

/// An instruction that is wrong is found by its words; all else is the archive's.
fn blame(request: &ImportRequest, error: Error) -> Error {
    let instruction = request.changes.iter().find(|change| error.report().what.contains(change.value.trim()));
    instruction.unwrap_or(&request.file).blame(error)
}

/// A name for an image that is made here.
fn reference(given: &Given<String>) -> Result<Reference> {
    Reference::parse_local(&given.value).map_err(|fault| given.blame(Error::from(fault)))
}
