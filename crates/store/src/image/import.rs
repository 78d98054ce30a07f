//! Makes an image of a plain root filesystem: one archive, one layer.

use std::io::Read;

use diag::{Error, Result, codes};
use oci::{
    Digest, ImageConfig, Reference, Timestamp,
    image::{History, Platform},
};

use super::{
    Images, Input, Intake, changes,
    input::{self, Opened},
    intake::Stage,
    load::Loaded,
};

impl Images<'_> {
    /// Imports an archive (tar as it is, or compressed with gzip or zstd). `changes` are instructions in the words of a
    /// Containerfile, as Podman's `--change` has them; `message` becomes the comment of the image's history.
    ///
    /// Errors: UR0704, UR0705, UR0711, UR0714; UR0806 or UR0808 for an instruction.
    pub fn import(
        &self,
        input: Input<'_>,
        name: Option<&Reference>,
        changes: &[String],
        message: Option<&str>,
        how: &Intake,
    ) -> Result<Loaded> {
        // Before the archive is read: that may take minutes.
        let mut config = ImageConfig { platform: Platform::here(), ..ImageConfig::default() };
        changes.iter().try_for_each(|change| changes::apply(&mut config, change))?;
        let (archive, source) = open(input)?;
        let mut stage = Stage::new(self.store, *how);
        // Without the lock: the archive may come from a program that takes its time, and nothing here relies on what is here.
        let (diff_id, layer) = stage.unknown_layer(archive)?;
        let _lock = self.store.share()?;
        let now = Timestamp::now();
        config.created = Some(now);
        config.diff_ids = vec![diff_id];
        config.history = vec![History {
            created: Some(now.to_string()),
            created_by: String::new(),
            comment: message.map_or_else(|| format!("imported from {source}"), Into::into),
            empty_layer: false,
        }];
        let (text, names) = (config.to_json(), name.cloned().map(Reference::tagged));
        stage.document(text.as_bytes())?;
        let manifest: Digest = stage.manifest(text.as_bytes(), vec![layer])?;
        stage.image(manifest, names.map(Reference::without_digest).into_iter().collect());
        let loaded = stage.publish()?.pop();
        loaded.ok_or_else(|| Error::new(codes::UR0707, "the imported image was not recorded"))
    }
}

/// The archive, and what it is called.
fn open(input: Input<'_>) -> Result<(Box<dyn Read + Send + '_>, String)> {
    let path = match input {
        Input::Stream(stream, name) => return Ok((stream, name.to_owned())),
        Input::Path(path) => path,
    };
    let shown = path.display();
    match input::open(path)? {
        Opened::File(file) => Ok((Box::new(file), shown.to_string())),
        Opened::Dir(_) => {
            Err(Error::new(codes::UR0704, format!("`{shown}` is a directory, and an archive is imported"))
                .help_run("make an archive of it on the way", format!("tar -C {shown} -c . | unroot import -")))
        }
    }
}
