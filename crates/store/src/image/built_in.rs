//! Images that the program carries in itself.

use std::collections::BTreeSet;

use diag::{Error, Result, codes};
use oci::{
    Digest, ImageConfig, Reference,
    image::{Descriptor, Manifest, Platform, media_type},
};

use super::{Image, Images, Intake, intake::Stage, record};

/// A file of a built-in image; it belongs to root, and its time is the epoch.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInFile<'a> {
    /// Its path in the image; the directories above it are made with mode 0755.
    pub path: &'a str,
    /// Its permission bits.
    pub mode: u32,
    /// Its contents.
    pub contents: &'a [u8],
}

impl Images<'_> {
    /// Makes a one-layer image of bytes in memory, the same image from the same bytes. Its platform is this machine's,
    /// its layers and times are set here. If `name` leads to this very image already, nothing is done.
    pub fn built_in(
        &self,
        name: &Reference,
        files: &[BuiltInFile<'_>],
        config: ImageConfig,
        how: &Intake,
    ) -> Result<Image> {
        let archive = archive(files).map_err(|error| {
            Error::new(codes::UR0705, format!("the built-in image `{name}` cannot be made")).words(error)
        })?;
        let layer = Descriptor::of(media_type::LAYER, &archive);
        let config = ImageConfig { platform: Platform::here(), diff_ids: vec![layer.digest], ..config };
        let text = config.to_json();
        let manifest =
            Manifest { config: Descriptor::of(media_type::CONFIG, text.as_bytes()), layers: vec![layer.clone()] };
        let name = name.clone().without_digest().tagged();
        let _lock = self.store.share()?;
        if let Some(image) = self.known(&name, &Digest::of(manifest.to_json()))? {
            return Ok(image);
        }
        let mut stage = Stage::new(self.store, *how);
        stage.document(text.as_bytes())?;
        // They can be had again at any time.
        stage.keep = false;
        stage.layer(&layer.digest, archive.as_slice(), Some(&layer))?;
        let manifest = stage.manifest(text.as_bytes(), vec![layer])?;
        stage.image(manifest, vec![name]);
        let loaded = stage.publish()?.pop().map(|loaded| loaded.image);
        loaded.ok_or_else(|| Error::new(codes::UR0707, "the built-in image was not recorded"))
    }

    fn known(&self, name: &Reference, manifest: &Digest) -> Result<Option<Image>> {
        match record::find(self.store, name)? {
            Some(record) if record.manifest == *manifest => {
                // What is damaged is made again.
                Ok(self.follow(manifest).ok().map(|image| Image { names: vec![name.clone()], ..image }))
            }
            _ => Ok(None),
        }
    }
}

/// The layer's archive: directories first, everything in order.
fn archive(files: &[BuiltInFile<'_>]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for folder in folders(files) {
        let mut header = header(tar::EntryType::Directory, 0o755, 0);
        archive.append_data(&mut header, folder, std::io::empty())?;
    }
    let mut files: Vec<_> = files.iter().collect();
    files.sort_by_key(|file| file.path);
    for file in files {
        let mut header = header(tar::EntryType::Regular, file.mode & 0o7777, file.contents.len() as u64);
        archive.append_data(&mut header, file.path.trim_start_matches('/'), file.contents)?;
    }
    archive.into_inner()
}

fn folders<'a>(files: &[BuiltInFile<'a>]) -> BTreeSet<&'a str> {
    let paths = files.iter().map(|file| file.path.trim_start_matches('/'));
    paths.flat_map(|path| path.match_indices('/').map(move |(end, _)| &path[..end])).collect()
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}
