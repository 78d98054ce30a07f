//! Brings in images from files: an OCI layout directory, an oci-archive, a docker-archive, skopeo's `dir`.

use diag::{Error, Result, codes};

use super::{Image, Images, Input, Intake, docker_archive, intake::Stage, oci_layout, skopeo_dir, tree::Tree};

/// An image that has come in.
#[derive(Debug)]
pub struct Loaded {
    /// The image, with the names that it came with.
    pub image: Image,
    /// What the user should know about it.
    pub warnings: Vec<Error>,
}

impl Images<'_> {
    /// Loads all images of a directory, a file or a stream; archives may be compressed as a whole with gzip or zstd.
    /// Layers that are here already are not unpacked again. Either all images come in or none.
    ///
    /// Errors: UR0703, UR0704, UR0705, UR0706, UR0711, UR0712, UR0714.
    pub fn load(&self, input: Input<'_>, how: &Intake) -> Result<Vec<Loaded>> {
        self.load_permitted(input, how, &|_| Ok(()))
    }

    /// As [`Images::load`], if `permit` lets it: it is told Podman's word for the form (`oci`, `oci-archive`, `docker-archive`, `dir`) before
    /// anything is read but the name of a file.
    pub fn load_permitted(
        &self,
        input: Input<'_>,
        how: &Intake,
        permit: &dyn Fn(&str) -> Result<()>,
    ) -> Result<Vec<Loaded>> {
        let mut tree = Tree::open(self.store, input, &how.limits)?;
        let _lock = self.store.share()?;
        let mut stage = Stage::new(self.store, *how);
        // An archive of a newer Docker is both; the OCI half has the true manifests.
        if tree.has("oci-layout") || tree.has("index.json") {
            permit(if tree.is_dir() { "oci" } else { "oci-archive" })?;
            oci_layout::read(&tree, &mut stage)?;
        } else if let Some(source) = tree.document("manifest.json")? {
            if skopeo_dir::is(&source) {
                permit("dir")?;
                skopeo_dir::read(&mut tree, &mut stage, &source)?;
            } else {
                permit("docker-archive")?;
                docker_archive::read(&tree, &mut stage)?;
            }
        } else {
            return Err(no_image(&tree));
        }
        let loaded = stage.publish()?;
        if loaded.is_empty() {
            return Err(Error::new(codes::UR0704, format!("`{}` lists no image", tree.name)));
        }
        Ok(loaded)
    }
}

fn no_image(tree: &Tree) -> Error {
    let name = &tree.name;
    let error = Error::new(codes::UR0704, format!("`{name}` holds no image"))
        .fact("neither `oci-layout` nor `manifest.json` is in it");
    if tree.has("repositories") {
        return error.help("it was written by a Docker older than 1.10: load it there, and save it with a newer one");
    }
    let looks_like_a_system =
        ["bin/sh", "usr/bin/env", "etc/passwd", "etc/os-release"].iter().any(|path| tree.has(path));
    if looks_like_a_system {
        return error.help_run("it looks like a root filesystem: import it", format!("unroot import {name}"));
    }
    error.help("an image is loaded from an oci-archive, a docker-archive or an OCI layout directory")
}
