//! `tag`, `untag` and `image exists`.

use diag::{Error, Result, codes};
use oci::Reference;
use store::image::{Image, Images};

use crate::{Engine, request::Given};

impl Engine<'_> {
    /// Gives an image further names; a name without a host is one of this machine. Errors: UR0701, UR0702, UR0713.
    pub fn tag(&self, image: &Given<String>, names: &[Given<String>]) -> Result<()> {
        let images = Images::of(&self.store);
        let found = self.image(image)?;
        let names: Vec<Reference> = names.iter().map(new_name).collect::<Result<_>>()?;
        names.iter().try_for_each(|name| {
            images.tag(&found, name)?;
            self.note_image("tag", &found.id.hex(), &name.to_string());
            Ok(())
        })
    }

    /// Takes names from an image, all without `names`; an image without a name stays. Errors: UR0701, UR0702, UR0713.
    pub fn untag(&self, image: &Given<String>, names: &[Given<String>]) -> Result<()> {
        let images = Images::of(&self.store);
        let found = self.image(image)?;
        let gone: Vec<Reference> = if names.is_empty() {
            found.names.clone()
        } else {
            names.iter().map(|name| name_of(&found, name)).collect::<Result<_>>()?
        };
        gone.iter().try_for_each(|name| {
            images.untag(name)?;
            self.note_image("untag", &found.id.hex(), &name.to_string());
            Ok(())
        })
    }

    /// Whether there is such an image. Errors: UR0702, UR0707, UR0713.
    pub fn image_exists(&self, image: &Given<String>) -> Result<bool> {
        match self.image(image) {
            Ok(_) => Ok(true),
            Err(error) if error.code() == codes::UR0701 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The image that is meant. Errors: UR0701, UR0702, UR0713.
    pub(crate) fn image(&self, name: &Given<String>) -> Result<Image> {
        Images::of(&self.store).resolve(&name.value).map_err(|error| name.blame(error))
    }
}

/// A name to give.
fn new_name(given: &Given<String>) -> Result<Reference> {
    let name = Reference::parse_local(&given.value).map_err(|fault| given.blame(Error::from(fault)))?;
    if name.digest().is_some() {
        let what = format!("`{}` has a digest, and only the image's own fits it", given.value);
        return Err(given.blame(Error::new(codes::UR0702, what)).help("write a name with or without a tag"));
    }
    Ok(name.tagged())
}

/// The name of the image that is meant.
fn name_of(image: &Image, given: &Given<String>) -> Result<Reference> {
    let wanted = Reference::candidates(&given.value).map_err(|fault| given.blame(Error::from(fault)))?;
    let found = wanted.into_iter().map(Reference::tagged).find(|name| image.names.contains(name));
    found.ok_or_else(|| {
        let names: Vec<String> = image.names.iter().map(|name| format!("`{name}`")).collect();
        let error = Error::new(codes::UR0701, format!("the image {} has no name `{}`", image.id.short(), given.value));
        let known = if names.is_empty() {
            "it has no name at all".into()
        } else {
            format!("its names are {}", names.join(", "))
        };
        given.blame(error.fact(known))
    })
}
