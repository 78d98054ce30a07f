//! What `--repair` does about one finding.

use diag::{Result, codes};
use oci::Digest;

use super::{Cure, Examination, Finding, Mended};
use crate::{Durability, Store, Unpack, draft::Draft, image::Images, io, layer::Claim};

impl Store {
    /// Does what helps against a finding. With `force` also what loses something: images that cannot be made whole, and
    /// containers with what they have written. What a container that runs stands on is left alone.
    ///
    /// Errors: UR0707 and UR0711.
    pub fn mend(&self, finding: &Finding, asked: &Examination, force: bool) -> Result<Mended> {
        match &finding.cure {
            Cure::None => Ok(Mended::Left("nothing can be done about it here".to_owned())),
            Cure::Record(_) | Cure::Images(_) | Cure::Container(_, true) if !force => {
                Ok(Mended::Left("that would remove it, which --force allows".to_owned()))
            }
            Cure::Record(file) => {
                let _lock = self.exclude()?;
                Images::of(self).forget(file)?;
                Ok(Mended::Done("the image was removed".to_owned()))
            }
            Cure::Layer(digest, archives) => self.remake(digest, archives, asked),
            Cure::Images(layer) => self.remove_images(layer, asked),
            Cure::Blob(digest) => {
                let _lock = self.exclude()?;
                self.remove_blob(digest)?;
                Ok(Mended::Done("the damaged file was removed".to_owned()))
            }
            Cure::Collect => Ok(self.collect(asked)),
            Cure::Name(name) => {
                self.names.remove_file(name).map_err(io(format!("`names/{name}` cannot be removed")))?;
                Ok(Mended::Done("the link was removed".to_owned()))
            }
            Cure::Container(id, _) => {
                if asked.containers.iter().any(|standing| standing.id == *id && standing.live) {
                    return Ok(Mended::Left("it runs".to_owned()));
                }
                self.remove_container(id)?;
                Ok(Mended::Done("the container was removed".to_owned()))
            }
            Cure::Tree(path) => self.remove_tree_of_layer(path, asked),
            Cure::Draft(path) => {
                self.root.remove_file(path).map_err(io(format!("`{path}` cannot be removed")))?;
                Ok(Mended::Done("it was removed".to_owned()))
            }
        }
    }

    /// Unpacks a layer from one of its archives, and puts it in its place.
    fn remake(&self, digest: &Digest, archives: &[Digest], asked: &Examination) -> Result<Mended> {
        if let Some(name) = runs_on(asked, digest) {
            return Ok(Mended::Left(format!("the container `{name}` runs on it; stop it first")));
        }
        let mut why = "its archive is gone".to_owned();
        for archive in archives {
            let Some(file) = self.blob(archive)? else { continue };
            let how = Unpack { diff_id: Some(digest), ownership: asked.how.ownership, limits: asked.how.limits };
            match self.unpack(file, &how) {
                Ok(staged) => {
                    if asked.how.durability == Durability::Synced {
                        self.sync()?;
                    }
                    let _lock = self.exclude()?;
                    let Some(_claim) = Claim::to_remove(self, digest)? else {
                        return Ok(Mended::Left("another process is bringing it in".to_owned()));
                    };
                    self.remove_layer(digest)?;
                    self.publish(Vec::new(), vec![staged], Durability::Volatile)?;
                    return Ok(Mended::Done("it was made again from its archive".to_owned()));
                }
                Err(error) if error.code() == codes::UR0711 => return Err(error),
                Err(error) => why = format!("its archive is of no use: {}", error.report().what),
            }
        }
        Ok(Mended::Left(format!("{why}; --force removes the images that need it")))
    }

    /// Removes the records of all images that need a layer which cannot be made again.
    fn remove_images(&self, layer: &Digest, asked: &Examination) -> Result<Mended> {
        if let Some(name) = runs_on(asked, layer) {
            return Ok(Mended::Left(format!("the container `{name}` runs on it; stop it first")));
        }
        let _lock = self.exclude()?;
        let images = Images::of(self);
        let mut removed = Vec::new();
        for traced in images.trace()? {
            let needs = traced.leads_to.is_ok_and(|(_, layers)| layers.iter().any(|one| one.diff_id == *layer));
            if needs {
                images.forget(&traced.file)?;
                removed.push(format!("`{}`", traced.name));
            }
        }
        for standing in asked.containers.iter().filter(|standing| standing.layers.contains(layer)) {
            self.remove_container(&standing.id)?;
            removed.push(format!("the container `{}`", standing.name));
        }
        Ok(Mended::Done(format!("removed: {}", removed.join(", "))))
    }

    fn collect(&self, asked: &Examination) -> Mended {
        let in_use = || Ok(asked.containers.iter().filter_map(|standing| standing.image).collect());
        match Images::of(self).collect(in_use) {
            Ok(collected) => {
                let (blobs, layers) = (collected.blobs.len(), collected.layers.len());
                Mended::Done(format!("{blobs} blobs and {layers} layers were removed"))
            }
            Err(error) => Mended::Left(error.report().what.to_string()),
        }
    }

    /// Trees of a layer that somebody uses are left alone: containers that run on the layer may.
    fn remove_tree_of_layer(&self, path: &str, asked: &Examination) -> Result<Mended> {
        let _lock = self.exclude()?;
        let Some((place, name)) = path.rsplit_once('/') else { return Ok(Mended::Left("it has no place".to_owned())) };
        let digest = place.split('/').nth(1).and_then(Digest::from_hex);
        if let Some(name) = digest.and_then(|digest| runs_on(asked, &digest)) {
            return Ok(Mended::Left(format!("the container `{name}` runs on it; stop it first")));
        }
        let what = || format!("`{path}` cannot be removed");
        let from = self.root.dir(place).map_err(io(what()))?;
        Draft::withdraw(self, &from, name).and_then(Draft::remove).map_err(io(what()))?;
        Ok(Mended::Done("it was removed".to_owned()))
    }
}

/// A container that runs on a layer.
fn runs_on<'a>(asked: &'a Examination, layer: &Digest) -> Option<&'a str> {
    let live = asked.containers.iter().filter(|standing| standing.live);
    live.into_iter().find(|standing| standing.layers.contains(layer)).map(|standing| standing.name.as_str())
}
