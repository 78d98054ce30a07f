//! Writes images into files: oci-archive, oci-dir, docker-archive, docker-dir.
//!
//! Theory of operation: OCI's forms have the image's own documents and the layers' archives as they came, so every digest stays what it was.
//! Docker's archive has the layers as tar files under their diff ids; Docker's directory has a manifest of schema 2. Whatever is
//! copied is hashed on the way and compared with its name (UR0703).

mod sink;

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::Write,
};

use diag::{Error, Result, codes};
use oci::{
    Digest, Reference,
    image::{Descriptor, House, Index, Manifest, media_type},
};
use sys::Dir;

use super::{
    Documents, Image, Images,
    packing::{self, Method, Packing, Verified},
    push::not_kept,
};
use sink::Sink;

/// What an image is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An OCI layout in a tar file.
    OciArchive,
    /// An OCI layout in a directory.
    OciDir,
    /// What `docker save` has written since Docker 1.10.
    DockerArchive,
    /// A manifest of schema 2 and its blobs in a directory: skopeo's `dir`.
    DockerDir,
}

/// An image, and the names that it is to have where it goes.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The image.
    pub image: Image,
    /// Its names there.
    pub names: Vec<Reference>,
}

/// Where it goes.
pub enum Output<'a> {
    /// An archive.
    Stream(Box<dyn Write + 'a>),
    /// An empty directory.
    Dir(Dir),
}

/// One image with the archives of its layers, as far as they are here.
struct Cargo {
    documents: Documents,
    /// The layers' archives, the lowest first, in the words of the manifest.
    layers: Vec<(Digest, Descriptor, File)>,
    /// A layer came with another image, in another archive.
    changed: bool,
}

impl Images<'_> {
    /// Writes images; what the user should know about them. With `compress`, layers of a [`Form::DockerDir`] that are not compressed
    /// become so. A [`Form::DockerDir`] holds one image.
    ///
    /// Errors: UR0703 if content is not what it should be; UR0740 if it cannot be written; UR0925 if the archive of a layer is not here.
    pub fn save(&self, all: &[Outgoing], form: Form, compress: bool, output: Output<'_>) -> Result<Vec<Error>> {
        let mut sink = match output {
            Output::Stream(stream) => Sink::Tar(Box::new(tar::Builder::new(stream))),
            Output::Dir(dir) => Sink::Dir(dir),
        };
        let _lock = self.store.share()?;
        let mut saving = Saving { images: self, sink: &mut sink, written: HashSet::new(), warnings: Vec::new() };
        match form {
            Form::OciArchive | Form::OciDir => saving.layout(all)?,
            Form::DockerArchive => saving.docker(all)?,
            Form::DockerDir => all.iter().try_for_each(|one| saving.docker_dir(one, compress))?,
        }
        let warnings = saving.warnings;
        sink.finish()?;
        Ok(warnings)
    }

    /// Finds an image's archives; a layer whose own is not kept has perhaps come with another image.
    fn cargo(&self, image: &Image) -> Result<Cargo> {
        let documents = self.documents_locked(image)?;
        let mut others: Option<HashMap<Digest, Descriptor>> = None;
        let (mut layers, mut changed) = (Vec::new(), false);
        for (descriptor, diff_id) in documents.manifest.layers.iter().zip(&image.layers) {
            if let Some(archive) = self.store.blob(&descriptor.digest)? {
                layers.push((*diff_id, descriptor.clone(), archive));
                continue;
            }
            let others = match &mut others {
                Some(others) => others,
                none => none.insert(self.archives()?),
            };
            let other = others.get(diff_id).ok_or_else(|| not_kept(image, diff_id))?.clone();
            let archive = self.store.blob(&other.digest)?.ok_or_else(|| not_kept(image, diff_id))?;
            layers.push((*diff_id, other, archive));
            changed = true;
        }
        Ok(Cargo { documents, layers, changed })
    }
}

/// What is being written.
struct Saving<'a, 's, 'o> {
    images: &'a Images<'s>,
    sink: &'a mut Sink<'o>,
    written: HashSet<String>,
    warnings: Vec<Error>,
}

impl Saving<'_, '_, '_> {
    /// An OCI layout. Source: OCI image specification, image-layout.md.
    fn layout(&mut self, all: &[Outgoing]) -> Result<()> {
        let mut entries = Vec::new();
        for Outgoing { image, names } in all {
            let cargo = self.images.cargo(image)?;
            for (_, descriptor, archive) in &cargo.layers {
                self.blob(&blob_path(&descriptor.digest), descriptor, archive)?;
            }
            self.document(&cargo.documents.config_text)?;
            let (text, kind) = self.manifest(image, &cargo);
            self.document(&text)?;
            let entry = Descriptor::of(&kind, text.as_bytes());
            let named = |name: &Reference| Descriptor {
                annotations: [("org.opencontainers.image.ref.name".to_owned(), name.to_string())].into(),
                ..entry.clone()
            };
            entries.extend(names.iter().map(named));
            entries.extend(names.is_empty().then(|| entry.clone()));
        }
        self.sink.put_text("index.json", &Index { manifests: entries }.to_json())?;
        self.sink.put_text("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
    }

    /// The manifest as it came, unless a layer goes in another archive.
    fn manifest(&mut self, image: &Image, cargo: &Cargo) -> (String, String) {
        let documents = &cargo.documents;
        if !cargo.changed {
            return (documents.manifest_text.clone(), documents.manifest_type.clone());
        }
        let text = cargo.own_manifest().to_json_of(House::Oci);
        self.warnings.push(super::push::other_archives(image, &image.manifest, &Digest::of(&text)));
        (text, media_type::MANIFEST.to_owned())
    }

    fn document(&mut self, text: &str) -> Result<()> {
        let path = blob_path(&Digest::of(text));
        if self.written.insert(path.clone()) { self.sink.put_text(&path, text) } else { Ok(()) }
    }

    /// A blob as it is kept, verified.
    fn blob(&mut self, path: &str, descriptor: &Descriptor, archive: &File) -> Result<()> {
        if !self.written.insert(path.to_owned()) {
            return Ok(());
        }
        let mut verified = Verified::new(archive);
        self.sink.put(path, descriptor.size, &mut verified)?;
        verified.verify(&descriptor.digest)
    }

    /// Docker's archive. Source: Docker image specification 1.2, "combined image JSON + filesystem changeset format".
    fn docker(&mut self, all: &[Outgoing]) -> Result<()> {
        let mut entries = Vec::new();
        for Outgoing { image, names } in all {
            let cargo = self.images.cargo(image)?;
            let mut layers = Vec::new();
            for (diff_id, _, archive) in &cargo.layers {
                let name = format!("{}.tar", diff_id.hex());
                self.tar(&name, diff_id, archive)?;
                layers.push(name);
            }
            let config = format!("{}.json", image.id.hex());
            if self.written.insert(config.clone()) {
                self.sink.put_text(&config, &cargo.documents.config_text)?;
            }
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            entries.push(serde_json::json!({ "Config": config, "RepoTags": names, "Layers": layers }));
        }
        self.sink.put_text("manifest.json", &serde_json::Value::Array(entries).to_string())
    }

    /// A layer as it was before compression, verified by its diff id.
    fn tar(&mut self, name: &str, diff_id: &Digest, archive: &File) -> Result<()> {
        if !self.written.insert(name.to_owned()) {
            return Ok(());
        }
        let layer = self.images.store.layer(diff_id)?.ok_or_else(|| super::missing("layer", diff_id))?;
        let size = layer.meta()?.archive_bytes;
        let mut verified = packing::unpacked(archive, diff_id)?;
        self.sink.put(name, size, &mut verified)?;
        let read = verified.size();
        verified.verify(diff_id).map_err(|error| error.fact(format!("{read} bytes were read of {size}")))
    }

    /// skopeo's `dir`, with a manifest of schema 2, which knows no zstd.
    fn docker_dir(&mut self, one: &Outgoing, compress: bool) -> Result<()> {
        let cargo = self.images.cargo(&one.image)?;
        let mut manifest = cargo.own_manifest();
        for (index, (diff_id, descriptor, archive)) in cargo.layers.iter().enumerate() {
            let method = packing::method_of(archive);
            if method == Some(Method::Zstd) || (method.is_none() && compress) {
                let how = Packing { method: Method::Gzip, level: None };
                let (blob, described) = packing::pack(self.images.store, archive, diff_id, how)?;
                self.blob(&described.digest.hex(), &described, &rewound(blob.file())?)?;
                manifest.layers[index] = described;
            } else {
                self.blob(&descriptor.digest.hex(), descriptor, archive)?;
            }
        }
        self.sink.put_text(&one.image.id.hex(), &cargo.documents.config_text)?;
        self.sink.put_text("manifest.json", &manifest.to_json_of(House::Docker))?;
        self.sink.put_text("version", "Directory Transport Version: 1.1\n")
    }
}

impl Cargo {
    /// A manifest of the archives that go.
    fn own_manifest(&self) -> Manifest {
        let layers = self.layers.iter().map(|(_, descriptor, _)| descriptor.clone()).collect();
        Manifest { config: self.documents.manifest.config.clone(), layers }
    }
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// A file to be read from its beginning.
fn rewound(file: &File) -> Result<File> {
    use std::io::Seek;
    let again = file.try_clone().and_then(|mut again| again.rewind().map(|()| again));
    again.map_err(|error| Error::new(codes::UR0707, "what was compressed cannot be read again").words(error))
}
