//! An image in a directory as skopeo's `dir` and Podman's `docker-dir` have it: `manifest.json` is the image's own manifest, and each blob
//! lies beside it under its digest.

use diag::{Error, Pointer, Result, codes};
use oci::{Digest, Source, image::Document};

use super::{intake::Stage, oci_layout, tree::Tree};

/// Whether a `manifest.json` is that of this kind: Docker's archives have a list there.
pub(super) fn is(source: &Source) -> bool {
    source.text.trim_start().starts_with('{')
}

/// Stages the one image. It has no name.
pub(super) fn read(tree: &mut Tree, stage: &mut Stage<'_>, source: &Source) -> Result<()> {
    let Document::Manifest(manifest) = Document::parse(source, None)? else {
        return Err(Error::new(codes::UR0706, "`manifest.json` is a list of images, and one image is needed")
            .at(source.at(Pointer::root()))
            .help_run("copy one image", format!("skopeo copy docker://IMAGE dir:{}", tree.name)));
    };
    tree.flat = true;
    oci_layout::read_image(tree, stage, &manifest)?;
    let digest: Digest = stage.document(source.text.as_bytes())?;
    stage.image(digest, Vec::new());
    Ok(())
}
