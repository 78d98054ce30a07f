//! Sends an image to a registry, with the digests that it has here.
//!
//! Theory of operation: the archives of layers are kept as they came, so they are sent as they are; what the registry has already, in
//! this repository or in another one that the image came from, is not sent. The manifest goes last: until then nobody sees the image.
//! If a layer came with another image, in another archive, that one is sent, and the manifest says so: its digest is new then.

use std::{
    collections::HashMap,
    fs::File,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use diag::{Error, Result, codes};
use oci::{
    Digest,
    image::{Descriptor, Kind, media_type},
};

use super::{Image, Images, record};
use crate::{
    progress::{Part, Progress, State},
    registry::Registry,
};

/// What was sent.
#[derive(Debug)]
pub struct Pushed {
    /// The digest of the manifest there.
    pub digest: Digest,
    /// What the user should know about it.
    pub warnings: Vec<Error>,
}

/// A layer, and its archive if it is here.
struct Cargo {
    descriptor: Descriptor,
    archive: Option<File>,
}

impl Images<'_> {
    /// Pushes an image under `which`, a tag or its digest. `from` are paths of other repositories of this registry that may have its layers.
    ///
    /// Errors: UR0921, UR0922, UR0924 for the registry; UR0925 if the archive of a layer is neither here nor there.
    pub fn push(
        &self,
        image: &Image,
        registry: &Registry,
        which: &str,
        from: &[String],
        jobs: usize,
        progress: &dyn Progress,
    ) -> Result<Pushed> {
        let lock = self.store.share()?;
        let mut bytes = self.document(&image.manifest, "manifest")?.text.as_bytes().to_vec();
        let mut manifest = self.manifest(&image.manifest)?;
        let config = self.document(&image.id, "configuration")?;
        let mut cargo = Vec::new();
        for descriptor in &manifest.layers {
            cargo.push(Cargo { descriptor: descriptor.clone(), archive: self.store.blob(&descriptor.digest)? });
        }
        let mut warnings = Vec::new();
        if self.substitute(image, &mut cargo, registry, from)? {
            manifest.layers = cargo.iter().map(|cargo| cargo.descriptor.clone()).collect();
            manifest.config.media_type = media_type::CONFIG.into();
            bytes = manifest.to_json().into_bytes();
            warnings.push(other_archives(image, &image.manifest, &Digest::of(&bytes)));
        }
        // What is open stays, whoever removes its name.
        drop(lock);
        let parts = cargo.iter().map(|cargo| part(&cargo.descriptor, true)).collect::<Vec<_>>();
        progress.expect(&[parts, vec![part(&manifest.config, false)]].concat());
        send_layers(registry, &cargo, from, jobs, progress)?;
        let id = manifest.config.digest;
        if registry.has_blob(&id)? {
            progress.tell(&id, State::Here);
        } else {
            registry.upload_bytes(&id, config.text.as_bytes())?;
            progress.tell(&id, State::Done);
        }
        let kind = own_type(&bytes).unwrap_or_else(|| media_type::MANIFEST.to_owned());
        registry.put_manifest(which, &kind, &bytes)?;
        Ok(Pushed { digest: Digest::of(&bytes), warnings })
    }

    /// Finds other archives of layers whose own are neither here nor there; whether there were any.
    fn substitute(&self, image: &Image, cargo: &mut [Cargo], registry: &Registry, from: &[String]) -> Result<bool> {
        let mut others: Option<HashMap<Digest, Descriptor>> = None;
        let mut changed = false;
        for (cargo, diff_id) in cargo.iter_mut().zip(&image.layers) {
            if cargo.archive.is_some() || is_there(registry, &cargo.descriptor.digest, from)? {
                continue;
            }
            let others = match &mut others {
                Some(others) => others,
                none => none.insert(self.archives()?),
            };
            let other = others.get(diff_id).ok_or_else(|| not_kept(image, diff_id))?;
            cargo.archive = self.store.blob(&other.digest)?;
            cargo.descriptor = other.clone();
            changed = true;
        }
        Ok(changed)
    }

    /// All archives that are kept, by diff id.
    fn archives(&self) -> Result<HashMap<Digest, Descriptor>> {
        let mut archives = HashMap::new();
        for record in record::legible(self.store)? {
            let Ok(manifest) = self.manifest(&record.manifest) else { continue };
            let Ok((config, _)) = self.config(&manifest.config.digest) else { continue };
            for (descriptor, diff_id) in manifest.layers.into_iter().zip(config.diff_ids) {
                if self.store.blob_size(&descriptor.digest)?.is_some() {
                    archives.insert(diff_id, descriptor);
                }
            }
        }
        Ok(archives)
    }
}

fn part(descriptor: &Descriptor, layer: bool) -> Part {
    Part { digest: descriptor.digest, size: descriptor.size, layer }
}

/// What a manifest calls itself.
pub(super) fn own_type(bytes: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Named {
        media_type: Option<String>,
    }
    let named: Named = serde_json::from_slice(bytes).ok()?;
    named.media_type.filter(|name| Kind::of(name) == Kind::Manifest)
}

/// Whether the repository has a blob, or takes it over from another one.
fn is_there(registry: &Registry, digest: &Digest, from: &[String]) -> Result<bool> {
    if registry.has_blob(digest)? {
        return Ok(true);
    }
    for path in from {
        if registry.mount(digest, path)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sends what is not there, several at a time; all threads have ended when it returns.
fn send_layers(
    registry: &Registry,
    cargo: &[Cargo],
    from: &[String],
    jobs: usize,
    progress: &dyn Progress,
) -> Result<()> {
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    let work = || {
        while let Some(cargo) = cargo.get(next.fetch_add(1, Ordering::Relaxed)) {
            let failed =
                |failure: &Mutex<Option<Error>>| failure.lock().unwrap_or_else(PoisonError::into_inner).is_some();
            if failed(&failure) {
                return;
            }
            if let Err(error) = send(registry, cargo, from, progress) {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..jobs.min(cargo.len()) {
            // Should no thread be to be had, this one does it all.
            let _ = thread::Builder::new().name("push".to_owned()).spawn_scoped(scope, work);
        }
        work();
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

fn send(registry: &Registry, cargo: &Cargo, from: &[String], progress: &dyn Progress) -> Result<()> {
    let Descriptor { digest, size, .. } = &cargo.descriptor;
    let Some(archive) = &cargo.archive else {
        progress.tell(digest, State::Here);
        return Ok(());
    };
    if is_there(registry, digest, from)? {
        progress.tell(digest, State::Here);
        return Ok(());
    }
    registry.upload(digest, archive, *size, &|bytes| progress.tell(digest, State::Moved(bytes)))?;
    progress.tell(digest, State::Done);
    Ok(())
}

fn name(image: &Image) -> String {
    image.names.first().map_or_else(|| image.id.short(), ToString::to_string)
}

fn not_kept(image: &Image, diff_id: &Digest) -> Error {
    Error::new(
        codes::UR0925,
        format!("the image `{}` cannot be passed on: the archive of a layer is not here", name(image)),
    )
    .fact(format!("the layer is {diff_id}; its files are here, and not the archive that they came in"))
    .help("remove the image, and pull or load it again; archives are kept since this version of unroot")
}

fn other_archives(image: &Image, before: &Digest, after: &Digest) -> Error {
    Error::warning(codes::UR0925, format!("layers of `{}` are sent in other archives than they came in", name(image)))
        .fact(format!("its manifest was {before} and is {after} there; the files in it are the same"))
}
