//! From what a person writes to an image.

use diag::{Error, Result, codes};
use oci::{Digest, Reference, nearest};

use super::{Image, Images, record};

/// The shortest beginning of an id that counts as one.
const PREFIX_MINIMUM: usize = 3;

impl Images<'_> {
    /// Finds an image by a name (`debian:trixie` means `localhost/debian:trixie`, then `docker.io/library/debian:trixie`,
    /// then the only image whose name ends so), by `NAME@DIGEST`, by a digest, or by the beginning of its id.
    ///
    /// Errors: UR0701 (with what was perhaps meant), UR0702, UR0713.
    pub fn resolve(&self, text: &str) -> Result<Image> {
        match self.by_name(text)? {
            Some(image) => Ok(image),
            None => pick(text, self.list()?),
        }
    }

    /// The way of nearly every `run`: the name is recorded as it was written, and no other image is looked at.
    fn by_name(&self, text: &str) -> Result<Option<Image>> {
        let _lock = self.store.share()?;
        for name in Reference::candidates(text).unwrap_or_default() {
            if name.digest().is_some() {
                return Ok(None);
            }
            if let Some(found) = record::find(self.store, &name.tagged())? {
                let same = record::legible(self.store)?.into_iter().filter(|record| record.manifest == found.manifest);
                let mut names: Vec<Reference> = same.filter_map(|record| record.reference).collect();
                names.sort();
                return Ok(Some(Image { names, ..self.follow(&found.manifest)? }));
            }
        }
        Ok(None)
    }
}

/// Chooses among all images.
pub(super) fn pick(text: &str, images: Vec<Image>) -> Result<Image> {
    let found = match positions(text, &images)?.as_slice() {
        [] => return Err(unknown(text, &images)),
        [one] => *one,
        several => return Err(ambiguous(text, several.iter().map(|index| &images[*index]))),
    };
    let mut images = images;
    Ok(images.swap_remove(found))
}

/// Which images are meant, by the first way of reading the text that leads to any.
fn positions(text: &str, images: &[Image]) -> Result<Vec<usize>> {
    let matching = |wanted: &dyn Fn(&Image) -> bool| -> Vec<usize> {
        images.iter().enumerate().filter(|(_, image)| wanted(image)).map(|(index, _)| index).collect()
    };
    if text.starts_with("sha256:") {
        let digest = Digest::parse(text)?;
        return Ok(matching(&|image| image.id == digest || image.manifest == digest));
    }
    // 64 digits are no name, and a name of fewer digits comes before an id that begins so.
    let named = Reference::candidates(text);
    for reference in named.iter().flatten() {
        let found = matching(&|image| fits(image, reference));
        if !found.is_empty() {
            return Ok(found);
        }
    }
    if is_prefix(text) {
        let found = matching(&|image| image.id.hex().starts_with(text));
        if !found.is_empty() || named.is_err() {
            return Ok(found);
        }
    }
    let local = named?.swap_remove(0);
    if local.host() != "localhost" || text.starts_with("localhost/") {
        return Ok(Vec::new());
    }
    let ending = format!("/{}", local.path());
    let tag = local.clone().tagged();
    Ok(matching(&|image| {
        image.names.iter().any(|name| name.name().ends_with(&ending) && name.tag() == tag.tag())
            && local.digest().is_none_or(|digest| digest == image.manifest)
    }))
}

/// Whether an image has this name; a digest must be its manifest's, and the tag beside it then does not count.
fn fits(image: &Image, reference: &Reference) -> bool {
    match reference.digest() {
        // An image that was pulled by the digest of an index has it in its name.
        Some(_)
            if image
                .names
                .iter()
                .any(|name| name.name() == reference.name() && name.digest() == reference.digest()) =>
        {
            true
        }
        Some(digest) => {
            (image.manifest == digest || image.id == digest)
                && (image.names.is_empty() || image.names.iter().any(|name| name.name() == reference.name()))
        }
        None => image.names.contains(&reference.clone().tagged()),
    }
}

/// Whether the text can be the beginning of an id.
pub(super) fn is_prefix(text: &str) -> bool {
    (PREFIX_MINIMUM..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn ambiguous<'a>(text: &str, images: impl Iterator<Item = &'a Image>) -> Error {
    let error = Error::new(codes::UR0713, format!("`{text}` fits several images"));
    images.fold(error, |error, image| match image.names.first() {
        Some(name) => error.fact(format!("{} is `{name}`", image.id.short())),
        None => error.fact(format!("{} has no name", image.id.short())),
    })
}

fn unknown(text: &str, images: &[Image]) -> Error {
    let error = Error::new(codes::UR0701, format!("there is no image `{text}`"));
    let names: Vec<String> = images.iter().flat_map(|image| &image.names).flat_map(spellings).collect();
    if let Some(near) = nearest(text, names.iter().map(String::as_str)) {
        return error.help(format!("did you mean `{near}`?"));
    }
    let wanted = Reference::candidates(text).ok().and_then(|names| names.into_iter().next());
    let other_tags: Vec<String> = images
        .iter()
        .flat_map(|image| &image.names)
        .filter(|name| wanted.as_ref().is_some_and(|wanted| name.path().ends_with(wanted.path())))
        .map(|name| format!("`{name}`"))
        .collect();
    match (other_tags.is_empty(), images.len()) {
        (false, _) => error.help(format!("there is {}", other_tags.join(", "))),
        (true, 0) => error.fact("no image is here yet").help_run("bring one in", "unroot load -i IMAGE.tar"),
        (true, _) => error.help_run("see which images are here", "unroot images"),
    }
}

/// A name as people may write it: in full, and without its host.
fn spellings(name: &Reference) -> Vec<String> {
    let tag = name.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
    let path = name.path().strip_prefix("library/").unwrap_or(name.path());
    let mut spellings = vec![name.to_string(), format!("{path}{tag}")];
    if tag == ":latest" {
        spellings.push(path.to_owned());
    }
    spellings
}
