//! `load`: images from an archive or a directory.

use std::{fs, path::PathBuf};

use diag::Result;
use store::image::{Images, Input};

use crate::{
    Engine,
    interruption::{interruptibly, standard_input},
    registries::{Places, Policy},
    request::Given,
};

impl Engine<'_> {
    /// Loads all images of an archive or a directory (standard input without one); the names that they have now, or their
    /// ids.
    ///
    /// The policy decides before anything is read: UR0906, UR0907. `policy` is `--signature-policy`.
    pub fn load(&self, input: Option<&Given<PathBuf>>, policy: Option<&Given<PathBuf>>) -> Result<Vec<String>> {
        self.tell_note();
        let policy = self.policy(policy)?;
        // What comes from a pipe has no place that a policy could name.
        let path = input.map(|input| fs::canonicalize(&input.value).unwrap_or_else(|_| input.value.clone()));
        let path = path.unwrap_or_else(|| PathBuf::from("standard input"));
        let source = match input {
            Some(path) => Input::Path(&path.value),
            None => Input::Stream(standard_input()?, "standard input"),
        };
        let permit = |form: &str| policy.allows_file(form, &path);
        let intake = self.intake()?;
        let loaded = interruptibly(|| {
            let loaded = Images::of(&self.store).load_permitted(source, &intake, &permit);
            loaded.map_err(|error| self.explain_full(error)).map_err(|error| match input {
                Some(input) => input.blame_if_bare(error),
                None => error,
            })
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

    /// What the policy says, or the one of `--signature-policy`. UR0811.
    pub(crate) fn policy(&self, named: Option<&Given<PathBuf>>) -> Result<Policy> {
        let places = Places::look(self.scope.rootless);
        let policy = Policy::read(&places, named.map(|named| named.value.as_path()));
        policy.map_err(|error| match named {
            Some(named) => named.blame_if_bare(error),
            None => error,
        })
    }
}
