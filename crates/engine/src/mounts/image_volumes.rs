//! What an image declares as volumes (`VOLUME`), and `--image-volume`.

use std::path::Path;

use diag::Result;
use oci::ImageConfig;

use super::{Mount, Options, Source, VolumeSource, option::clean, reject::wrong};
use crate::request::RunRequest;

/// The mounts for an image's volumes: volumes of the container's own, unless the request says something else. Errors: UR0843.
pub(super) fn of(request: &RunRequest, defaults: &ImageConfig) -> Result<Vec<Mount>> {
    let asked = request.volumes.image_volume.as_ref();
    let source: fn() -> Source = match asked.map_or("anonymous", |given| given.value.as_str()) {
        // Podman's older name for the same thing.
        "anonymous" | "bind" => || Source::Volume(VolumeSource { anonymous: true, ..VolumeSource::default() }),
        "tmpfs" => || Source::Tmpfs,
        "ignore" => return Ok(Vec::new()),
        other => {
            let Some(given) = asked else { return Ok(Vec::new()) };
            return Err(wrong(given, &given.value, format!("`{other}` is no way to treat an image's volumes"))
                .help("there are `anonymous` (or `bind`), `tmpfs` and `ignore`"));
        }
    };
    let mut all: Vec<Mount> = Vec::new();
    for path in &defaults.volumes {
        // An image's words are a stranger's: what is no path of the container is no volume.
        let destination = clean(&Path::new("/").join(path));
        if destination == Path::new("/") || all.iter().any(|mount| mount.destination == destination) {
            continue;
        }
        let source = source();
        let mut words: Vec<String> = ["nosuid", "nodev"].map(str::to_owned).to_vec();
        words.push(if source == Source::Tmpfs { "tmpcopyup" } else { "rbind" }.to_owned());
        words.push("rprivate".to_owned());
        all.push(Mount { destination, source, options: Options { words, ..Options::default() }, at: None });
    }
    Ok(all)
}
