//! Sends an image to a registry, with the digests that it has here.
//!
//! Theory of operation: the archives of layers are kept as they came, so they are sent as they are; what the registry has already, in
//! this repository or in another one that the image came from, is not sent. The manifest goes last: until then nobody sees the image.
//! If a layer came with another image, in another archive, that one is sent, and the manifest says so: its digest is new then. So it is for
//! layers that are compressed on their way: those of images that were made here of a plain tar file, and those for which
//! another compression is asked. Each worker packs and sends one layer at a time; what it has packed lies in `tmp/` meanwhile.

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
    image::{Descriptor, House, Kind, Manifest},
};

use super::{
    Image, Images,
    intake::MADE_HERE,
    packing::{self, Method, Packing},
    record,
};
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

/// What is to be different about an image there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wrapping {
    /// Whose manifest it gets; what it has otherwise.
    pub house: Option<House>,
    /// How layers are compressed that have to be; gzip otherwise.
    pub packing: Option<Packing>,
    /// Layers that are compressed in another way have to be, too.
    pub force: bool,
}

/// How an image is sent.
#[derive(Clone, Copy, Debug)]
pub struct Shipment<'a> {
    /// Under which tag or digest.
    pub which: &'a str,
    /// The paths of other repositories of the registry that may have its layers.
    pub from: &'a [String],
    /// So many layers at a time.
    pub jobs: usize,
    /// What is to be different.
    pub wrapping: Wrapping,
}

/// A layer, and its archive if it is here.
struct Cargo {
    descriptor: Descriptor,
    diff_id: Digest,
    archive: Option<File>,
    /// It is compressed so on its way.
    repack: Option<Packing>,
}

impl Images<'_> {
    /// Pushes an image.
    ///
    /// Errors: UR0921, UR0922, UR0924 for the registry; UR0925 if the archive of a layer is neither here nor there; UR0703 if one that is
    /// compressed is not the layer's.
    pub fn push(
        &self,
        image: &Image,
        registry: &Registry,
        how: &Shipment<'_>,
        progress: &dyn Progress,
    ) -> Result<Pushed> {
        let lock = self.store.share()?;
        let documents = self.documents_locked(image)?;
        let mut cargo = Vec::new();
        for (descriptor, diff_id) in documents.manifest.layers.iter().zip(&image.layers) {
            let archive = self.store.blob(&descriptor.digest)?;
            cargo.push(Cargo { descriptor: descriptor.clone(), diff_id: *diff_id, archive, repack: None });
        }
        let mut warnings = Vec::new();
        let substituted = self.substitute(image, &mut cargo, registry, how.from)?;
        // What is open stays, whoever removes its name.
        drop(lock);
        let house = how.wrapping.house.unwrap_or_else(|| House::of(&documents.manifest_type));
        for cargo in &mut cargo {
            cargo.repack = cargo.packing(how.wrapping, house);
        }
        let parts = cargo.iter().map(|cargo| part(&cargo.descriptor, true)).collect::<Vec<_>>();
        progress.expect(&[parts, vec![part(&documents.manifest.config, false)]].concat());
        let sent = self.send_layers(registry, &cargo, how, progress)?;
        let id = documents.manifest.config.digest;
        if registry.has_blob(&id)? {
            progress.tell(&id, State::Here);
        } else {
            registry.upload_bytes(&id, documents.config_text.as_bytes())?;
            progress.tell(&id, State::Done);
        }
        let same = sent == documents.manifest.layers && house == House::of(&documents.manifest_type);
        let (kind, bytes) = if same {
            (documents.manifest_type, documents.manifest_text.into_bytes())
        } else {
            let manifest = Manifest { config: documents.manifest.config, layers: sent };
            (house.manifest_type().to_owned(), manifest.to_json_of(house).into_bytes())
        };
        if substituted {
            warnings.push(other_archives(image, &image.manifest, &Digest::of(&bytes)));
        }
        registry.put_manifest(how.which, &kind, &bytes)?;
        Ok(Pushed { digest: Digest::of(&bytes), warnings })
    }

    /// Finds other archives of layers whose own are neither here nor there; whether there were any.
    fn substitute(&self, image: &Image, cargo: &mut [Cargo], registry: &Registry, from: &[String]) -> Result<bool> {
        let mut others: Option<HashMap<Digest, Descriptor>> = None;
        let mut changed = false;
        for cargo in cargo.iter_mut() {
            let diff_id = &cargo.diff_id.clone();
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
    pub(super) fn archives(&self) -> Result<HashMap<Digest, Descriptor>> {
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

impl Cargo {
    /// How it has to be compressed, if it has to be.
    fn packing(&self, wrapping: Wrapping, house: House) -> Option<Packing> {
        let archive = self.archive.as_ref()?;
        let wanted = wrapping.packing.unwrap_or(Packing { method: Method::Gzip, level: None });
        match packing::method_of(archive) {
            // What came from elsewhere without compression keeps its digest.
            None => (wrapping.force || self.descriptor.annotations.contains_key(MADE_HERE)).then_some(wanted),
            Some(Method::Zstd) if house == House::Docker => Some(Packing { method: Method::Gzip, ..wanted }),
            Some(own) => (wrapping.force && own != wanted.method).then_some(wanted),
        }
    }
}

impl Images<'_> {
    /// Sends what is not there, several at a time; all threads have ended when it returns. The layers as they are there.
    fn send_layers(
        &self,
        registry: &Registry,
        cargo: &[Cargo],
        how: &Shipment<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<Descriptor>> {
        let (next, failure) = (AtomicUsize::new(0), Mutex::new(None::<Error>));
        let sent: Vec<Mutex<Descriptor>> = cargo.iter().map(|cargo| Mutex::new(cargo.descriptor.clone())).collect();
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let (Some(cargo), Some(place)) = (cargo.get(index), sent.get(index)) else { return };
                if failure.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                    return;
                }
                match self.send(registry, cargo, how.from, progress) {
                    Ok(descriptor) => *place.lock().unwrap_or_else(PoisonError::into_inner) = descriptor,
                    Err(error) => {
                        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..how.jobs.min(cargo.len()) {
                // Should no thread be to be had, this one does it all.
                let _ = thread::Builder::new().name("push".to_owned()).spawn_scoped(scope, work);
            }
            work();
        });
        let failed = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        let sent = sent.into_iter().map(|place| place.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
        failed.map_or(Ok(sent), Err)
    }

    /// Sends a layer; what it is there.
    fn send(&self, registry: &Registry, cargo: &Cargo, from: &[String], progress: &dyn Progress) -> Result<Descriptor> {
        let shown = &cargo.descriptor.digest;
        let Some(archive) = &cargo.archive else {
            progress.tell(shown, State::Here);
            return Ok(cargo.descriptor.clone());
        };
        let packed = match cargo.repack {
            Some(how) => Some(packing::pack(self.store, archive, &cargo.diff_id, how)?),
            None => None,
        };
        let (archive, descriptor) = match &packed {
            Some((blob, descriptor)) => (blob.file(), descriptor),
            None => (archive, &cargo.descriptor),
        };
        if is_there(registry, &descriptor.digest, from)? {
            progress.tell(shown, State::Here);
        } else {
            let told = |bytes| progress.tell(shown, State::Moved(bytes));
            registry.upload(&descriptor.digest, archive, descriptor.size, &told)?;
            progress.tell(shown, State::Done);
        }
        Ok(descriptor.clone())
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

fn name(image: &Image) -> String {
    image.names.first().map_or_else(|| image.id.short(), ToString::to_string)
}

pub(super) fn not_kept(image: &Image, diff_id: &Digest) -> Error {
    Error::new(
        codes::UR0925,
        format!("the image `{}` cannot be passed on: the archive of a layer is not here", name(image)),
    )
    .fact(format!("the layer is {diff_id}; its files are here, and not the archive that they came in"))
    .help("remove the image, and pull or load it again; archives are kept since this version of unroot")
}

pub(super) fn other_archives(image: &Image, before: &Digest, after: &Digest) -> Error {
    Error::warning(codes::UR0925, format!("layers of `{}` are sent in other archives than they came in", name(image)))
        .fact(format!("its manifest was {before} and is {after} there; the files in it are the same"))
}
