//! Layers: whether those that are needed are here, and whether they are what they should be.

use diag::{Error, Result, codes};
use oci::Digest;

use super::{Cure, Look, compare, content::is_missing};
use crate::{Layer, Meta, Owners, Ownership, Unpack, io, mapped::walk::walk};

/// How many differences of a layer are told.
const TOLD: usize = 5;

impl Look<'_> {
    pub(super) fn missing_layers(&mut self, present: &[Digest]) {
        let missing: Vec<Digest> =
            self.needed.keys().filter(|layer| present.binary_search(layer).is_err()).copied().collect();
        for layer in missing {
            self.broken(&layer, format!("layer {layer} is missing"), Vec::new());
        }
    }

    /// One layer that is here.
    pub(super) fn layer(&mut self, digest: &Digest) -> Result<()> {
        let Some(layer) = self.store.layer(digest)? else { return Ok(()) };
        let meta = match layer.meta() {
            Ok(meta) if meta.diff_id == digest.to_string() => meta,
            Ok(meta) => {
                let fact = format!("its `meta.json` speaks of {}", meta.diff_id);
                self.broken(digest, format!("layer {digest} is not what its name says"), vec![fact]);
                return Ok(());
            }
            Err(error) => {
                let facts = error.report().cause.iter().map(ToString::to_string).collect();
                self.broken(digest, format!("what is known about layer {digest} cannot be read"), facts);
                return Ok(());
            }
        };
        match self.store.layers.dir(digest.hex()).and_then(|dir| dir.dir("fs")) {
            Err(failed) if is_missing(&failed) => {
                self.broken(digest, format!("layer {digest} has lost its files"), Vec::new());
                return Ok(());
            }
            opened => opened.map_err(io(format!("the files of layer {digest} cannot be opened")))?,
        };
        self.trees(digest)?;
        if self.asked.quick { Ok(()) } else { self.compare(&layer, &meta) }
    }

    /// Compares a layer with its archive, or, without one, with what was counted when it was unpacked.
    fn compare(&mut self, layer: &Layer, meta: &Meta) -> Result<()> {
        let digest = *layer.diff_id();
        let differences = match self.again(&digest, meta)? {
            Some(differences) => differences,
            None => counted(layer, meta)?,
        };
        if differences.is_empty() {
            return Ok(());
        }
        let mut facts: Vec<String> = differences.iter().take(TOLD).cloned().collect();
        if differences.len() > TOLD {
            facts.push(format!("and {} more", differences.len() - TOLD));
        }
        self.broken(&digest, format!("the files of layer {digest} were changed"), facts);
        Ok(())
    }

    /// Unpacks a layer once more beside itself; how it differs. `None` if no archive of it can be unpacked.
    fn again(&self, digest: &Digest, meta: &Meta) -> Result<Option<Vec<String>>> {
        let ownership = match meta.ownership {
            Owners::Canonical => Ownership::Canonical,
            Owners::Flattened => Ownership::Single,
        };
        for archived in self.archives.get(digest).into_iter().flatten() {
            let Some(file) = self.store.blob(&archived.archive)? else { continue };
            let how = Unpack { diff_id: Some(digest), ownership, limits: self.asked.how.limits };
            let right = match self.store.unpack(file, &how) {
                Ok(staged) => staged,
                // It is damaged itself, which is found where blobs are looked at.
                Err(error) if error.code() != codes::UR0711 => continue,
                Err(error) => {
                    return Err(error
                        .fact("to compare a layer with its archive, it is unpacked once more")
                        .help_run("leave that out", "unroot system check --quick"));
                }
            };
            let files = self.store.layer(digest)?.map(|layer| layer.files()).transpose()?;
            return files
                .map(|files| {
                    compare::differences(&right.files().map_err(io("the files of a layer cannot be opened"))?, &files)
                })
                .transpose();
        }
        Ok(None)
    }

    /// A layer that cannot be used as it is: whom it harms, and what helps.
    fn broken(&mut self, digest: &Digest, what: String, facts: Vec<String>) {
        let who = self.who_needs(digest);
        let known = self.archives.get(digest).cloned().unwrap_or_default();
        let archives: Vec<Digest> =
            known.iter().map(|one| one.archive).filter(|one| self.store.blobs.has(one.hex())).collect();
        let error = if who.is_empty() {
            Error::warning(codes::UR0721, what).fact("nothing needs it")
        } else {
            Error::new(codes::UR0721, what).fact(format!("it is needed by {}", who.join(", ")))
        };
        let error = facts.into_iter().fold(error, Error::fact);
        if who.is_empty() {
            return self.find(error.help_run("remove it", "unroot system prune"), Cure::Collect);
        }
        if archives.is_empty() {
            let error = error
                .fact("its archive is not kept here, so it cannot be made again")
                .help_run("remove what needs it, then pull or load it again", "unroot system check --repair --force");
            return self.find(error, Cure::Images(*digest));
        }
        let error = error.help_run("make it again from its archive, which is here", "unroot system check --repair");
        self.find(error, Cure::Layer(*digest, archives));
    }
}

/// What differs from what was counted when the layer was unpacked.
fn counted(layer: &Layer, meta: &Meta) -> Result<Vec<String>> {
    let mut count = compare::Count::default();
    walk(&layer.files()?, &mut count).map_err(io(format!("the files of layer {} cannot be read", layer.diff_id())))?;
    Ok(count.differences(meta))
}
