//! One list of all that is mounted into a container, from the options, other containers and the image.

use std::path::Path;

use diag::{Error, Result, codes};
use oci::{Digest, ImageConfig};
use rustix::fs::stat;
use store::image::Images;

use super::{
    Mount, Source,
    from::volumes_from,
    image_volumes,
    keys::{self, Asked},
    option,
    reject::blame,
};
use crate::{
    Engine,
    request::{Given, RunRequest},
};

impl Engine<'_> {
    /// The mounts that a request asks for, by destination. Options win over `--volumes-from`, which wins over the image's volumes.
    ///
    /// Errors: UR0843 and UR0804 for what is written wrongly, UR0844 for two options with one destination, UR0315 for a source
    /// that is not there, UR0802 for another container.
    pub(crate) fn mounts(&self, request: &RunRequest, defaults: &ImageConfig) -> Result<Vec<Mount>> {
        let asked = &request.volumes;
        let mut own = Vec::new();
        for given in &asked.volume {
            add(&mut own, option::volume(given)?, given)?;
        }
        for given in &asked.mount {
            for mount in keys::mount(given)? {
                add(&mut own, self.found(mount, given)?, given)?;
            }
        }
        for given in &asked.tmpfs {
            add(&mut own, option::tmpfs(given)?, given)?;
        }
        own.iter().try_for_each(check_source)?;
        let mut all = image_volumes::of(request, defaults)?;
        for given in &asked.from {
            replace(&mut all, volumes_from(self, given)?);
        }
        replace(&mut all, own);
        name_anonymous(&mut all);
        all.sort_by(|a, b| a.destination.cmp(&b.destination));
        Ok(all)
    }

    fn found(&self, asked: Asked, given: &Given<String>) -> Result<Mount> {
        match asked {
            Asked::Mount(mount) => Ok(mount),
            Asked::Image { name, mut mount } => {
                let image = Images::of(&self.store).resolve(&name).map_err(|error| given.blame(error))?;
                if let Source::Image(source) = &mut mount.source {
                    source.layers = image.layers.iter().map(Digest::to_string).collect();
                }
                Ok(mount)
            }
        }
    }
}

/// Takes one more; UR0844 if its destination is taken.
fn add(all: &mut Vec<Mount>, mount: Mount, given: &Given<String>) -> Result<()> {
    if let Some(other) = all.iter().find(|other| other.destination == mount.destination) {
        let shown = mount.destination.display();
        let error = Error::new(codes::UR0844, format!("two mounts have the destination `{shown}`"))
            .fact(format!("the other one is a {}", other.kind()))
            .help("leave one of them out, or mount one below the other");
        return Err(blame(given, &given.value, error));
    }
    all.push(mount);
    Ok(())
}

/// What has the same destination gives way.
fn replace(all: &mut Vec<Mount>, by: Vec<Mount>) {
    all.retain(|mount| by.iter().all(|new| new.destination != mount.destination));
    all.extend(by);
}

fn name_anonymous(all: &mut [Mount]) {
    for mount in all {
        if let Source::Volume(volume) = &mut mount.source
            && volume.name.is_empty()
        {
            volume.name = store::anonymous_volume_name();
        }
    }
}

/// The source of a bind must be there: to make it would give it an owner and a mode that nobody has chosen.
fn check_source(mount: &Mount) -> Result<()> {
    let Source::Bind(path) = &mount.source else { return Ok(()) };
    stat(path).map(drop).map_err(|errno| {
        let error = missing(path).os(format!("stat({})", path.display()), errno.raw_os_error());
        match &mount.at {
            Some(at) => error.moved_to(at.clone()),
            None => error,
        }
    })
}

fn missing(path: &Path) -> Error {
    let shown = path.display();
    let error = oci::way::find(path).into_error(codes::UR0315, &format!("the source `{shown}` of a mount"));
    if path.symlink_metadata().is_err() && path.parent().is_some_and(Path::is_dir) {
        return error.help_run("make it", format!("mkdir {shown}"));
    }
    error
}
