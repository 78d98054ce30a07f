//! `push`: images to registries.

use diag::{Error, Result, codes};
use oci::{Digest, Reference};
use store::{
    image::{Image, Images, Pushed, Shipment},
    registry::{Access, Registry},
};

pub use oci::image::House;
pub use store::image::{Method, Packing, Wrapping};

use crate::{
    Engine,
    interruption::interruptibly,
    pull::jobs,
    registries::{Endpoint, Places, Registries},
    request::Given,
    transfer::{Gate, Progress, Way, without_transport},
};

/// What to push, and where.
#[derive(Clone, Debug, Default)]
pub struct PushRequest {
    /// The image here.
    pub image: Given<String>,
    /// Its name there; without it, the name that it has here.
    pub destination: Option<Given<String>>,
    /// What is to be different about it there.
    pub wrapping: Wrapping,
    /// How registries are reached.
    pub way: Way,
}

impl Engine<'_> {
    /// Pushes; the digest of the manifest there. Errors: UR0701, UR0702, UR0713 for the names; UR0903; those of [`Images::push`].
    pub fn push(&self, request: &PushRequest, progress: &dyn Progress) -> Result<String> {
        let images = Images::of(&self.store);
        let image = images.resolve(&request.image.value).map_err(|error| request.image.blame(error))?;
        let (given, name) = match &request.destination {
            Some(destination) => (destination, destination_of(destination)?),
            None => (&request.image, own_name(&request.image, &image)?),
        };
        let places = Places::look(self.scope.rootless);
        let place = Registries::read(&places)?.endpoint_to_push(&name).map_err(|error| given.blame_if_bare(error))?;
        let pushed = interruptibly(|| {
            self.push_to(&place, &image, request, &places, progress).map_err(|error| given.blame_if_bare(error))
        });
        progress.end();
        let pushed = pushed?;
        pushed.warnings.iter().for_each(|warning| self.warn(warning));
        self.note_image("push", &image.id.hex(), &name.to_string());
        Ok(pushed.digest.to_string())
    }

    fn push_to(
        &self,
        place: &Endpoint,
        image: &Image,
        request: &PushRequest,
        places: &Places,
        progress: &dyn Progress,
    ) -> Result<Pushed> {
        let endpoint = Gate::new(&request.way, places)?.endpoint(place)?;
        let from = self.siblings(&place.reference, image)?;
        let registry = Registry::open(endpoint, &Access::Push { from: from.clone() })?;
        let which = match (place.reference.tag(), place.reference.digest()) {
            (Some(tag), _) => tag.to_owned(),
            (None, Some(digest)) => digest.to_string(),
            (None, None) => "latest".to_owned(),
        };
        let how = Shipment { which: &which, from: &from, jobs: jobs(self)?, wrapping: request.wrapping };
        Images::of(&self.store).push(image, &registry, &how, progress)
    }

    /// The paths of other repositories of this registry that images with any of these layers came from or went to.
    fn siblings(&self, there: &Reference, image: &Image) -> Result<Vec<String>> {
        let shares = |other: &Image| other.layers.iter().any(|layer: &Digest| image.layers.contains(layer));
        let mut paths: Vec<String> = Images::of(&self.store)
            .list()?
            .iter()
            .filter(|other| shares(other))
            .flat_map(|other| &other.names)
            .filter(|name| name.host() == there.host() && name.path() != there.path())
            .map(|name| name.path().to_owned())
            .collect();
        paths.sort();
        paths.dedup();
        // Each costs a question for each layer.
        paths.truncate(3);
        Ok(paths)
    }
}

/// Where an image is to go.
fn destination_of(given: &Given<String>) -> Result<Reference> {
    let text = without_transport(given, "write it to a file instead: unroot save -o PATH")?;
    let reference = Reference::parse(text).map_err(|fault| given.blame(Error::from(fault)))?;
    if reference.digest().is_some() {
        let what = format!("`{text}` has a digest, and a destination has none: it follows from what is sent");
        return Err(given.blame(Error::new(codes::UR0702, what)).help("leave it away, and write a tag if you like"));
    }
    Ok(reference.tagged())
}

/// The name that an image has here, if it can be one of a registry.
fn own_name(given: &Given<String>, image: &Image) -> Result<Reference> {
    let wanted = Reference::candidates(&given.value).unwrap_or_default();
    let written = image.names.iter().find(|name| wanted.iter().any(|wanted| wanted.clone().tagged() == **name));
    let name = written.or_else(|| image.names.first()).cloned();
    name.filter(|name| name.host() != "localhost").ok_or_else(|| {
        let what = format!("it is not said where to push `{}`", given.value);
        given
            .blame(Error::new(codes::UR0702, what))
            .fact("it has no name of a registry")
            .help_run("name the place", format!("unroot push {} HOST/REPOSITORY:TAG", given.value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_names_of_registries() {
        let read = |text: &str| destination_of(&Given::unwritten(text.to_owned())).map(|name| name.to_string());
        assert_eq!(read("docker://r.io/a/b").unwrap(), "r.io/a/b:latest");
        assert_eq!(read("r.io:5000/a:1").unwrap(), "r.io:5000/a:1");
        let digest = Digest::of("");
        for bad in [format!("r.io/a@{digest}"), "oci:x:y".to_owned(), "r.io/UP".to_owned()] {
            assert_eq!(read(&bad).unwrap_err().code(), codes::UR0702, "{bad}");
        }
    }
}
