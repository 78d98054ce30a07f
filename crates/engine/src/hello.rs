//! The built-in image: one file, which is this very program. Called by that name, it shows a newcomer what a container is.

mod attempts;

use std::{collections::BTreeMap, env, fmt::Write as _, fs};

use diag::{Error, Result, codes};
use idmap::{
    Extents, IdMap, Inside, Kind, NoNames, draw,
    slots::{FIRST_SLOT, SLOT_SIZE, SLOTS},
};
use oci::{ImageConfig, Reference};
use rustix::process::{getgid, getpid, getuid};
use store::image::{BuiltInFile, Image, Images};

use crate::{Engine, config::Config};

/// The image's name: that of an image which was made on this machine. An image of the user's with this name, or with one
/// that `hello` can mean too, is always preferred.
pub const NAME: &str = "localhost/hello:latest";

/// What else people write for it.
const SHORT: [&str; 3] = ["hello", "hello:latest", "localhost/hello"];

/// The variable in which a container of this image finds its map in the host's ids: what the kernel tells it stops at the
/// next user namespace, which for an ordinary user's container is not the host's.
const HOST_MAP: &str = "UNROOT_HOST_UID_MAP";

/// What follows the last id of the last slot.
const SLOTS_END: u32 = FIRST_SLOT + SLOTS * SLOT_SIZE;

/// The label by which its containers are known.
const LABEL: &str = "org.unroot.built-in";

impl Engine<'_> {
    /// Makes the image if `text` means it: if the store has no other image that it can mean. Whether it does. The caller
    /// does not hold the store.
    pub(crate) fn ready_hello(&self, text: &str) -> Result<bool> {
        if !is_meant(text) {
            return Ok(false);
        }
        let images = Images::of(&self.store);
        match images.resolve(text) {
            Ok(image) if !is_built_in(&image) => return Ok(false),
            Err(error) if error.code() != codes::UR0701 => return Err(error),
            // The one that was made before may be of another version of this program.
            Ok(_) | Err(_) => {}
        }
        // A name with a host means no other; a short one also means what was loaded since under another host's name.
        if !text.starts_with("localhost/") && self.step_aside(&images)? {
            return Ok(false);
        }
        self.built_in().and_then(|image| self.drop_superseded(&image)).map(|()| true)
    }

    /// Gives the name up if an image of the user's could be meant by `hello`. Whether there is one.
    fn step_aside(&self, images: &Images) -> Result<bool> {
        let all = images.list()?;
        let is_hello =
            |name: &Reference| name.tag() == Some("latest") && name.path().rsplit('/').next() == Some("hello");
        if !all.iter().any(|image| !is_built_in(image) && image.names.iter().any(is_hello)) {
            return Ok(false);
        }
        if all.iter().any(|image| is_built_in(image) && image.names.iter().any(|name| name.to_string() == NAME)) {
            images.remove(NAME, || self.images_in_use(), true)?;
        }
        Ok(true)
    }

    /// Removes the images of other versions of this program that no container stands on.
    fn drop_superseded(&self, current: &Image) -> Result<()> {
        let images = Images::of(&self.store);
        let old = |image: &Image| image.names.is_empty() && image.id != current.id && is_built_in(image);
        for image in images.list()?.iter().filter(|image| old(image)) {
            match images.remove(&image.id.to_string(), || self.images_in_use(), false) {
                Err(error) if error.code() != codes::UR0710 => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn built_in(&self) -> Result<Image> {
        let program = fs::read("/proc/self/exe")
            .map_err(|error| Error::new(codes::UR0699, "this program's own file cannot be read").words(error))?;
        let name = Reference::parse(NAME).map_err(Error::from)?;
        let config = ImageConfig {
            entrypoint: vec!["/hello".to_owned()],
            labels: BTreeMap::from([(LABEL.to_owned(), "hello".to_owned())]),
            ..ImageConfig::default()
        };
        let file = BuiltInFile { path: "/hello", mode: 0o755, contents: &program };
        Images::of(&self.store).built_in(&name, &[file], config, &self.intake()?)
    }
}

/// Whether a name may mean the built-in image.
pub(crate) fn is_meant(text: &str) -> bool {
    text == NAME || SHORT.contains(&text)
}

/// Whether an image is the one that this program, or another version of it, has made.
pub(crate) fn is_built_in(image: &Image) -> bool {
    image.config.labels.contains_key(LABEL)
}

/// Tells a container of the built-in image the map of a later start.
pub(crate) fn tell_map_anew(config: &mut Config, map: &IdMap, current: &IdMap) {
    let told = |entry: &String| entry.strip_prefix(HOST_MAP).is_some_and(|rest| rest.starts_with('='));
    if config.env.iter().any(told) {
        tell_map(config, map, current);
    }
}

/// Tells a container of the built-in image its map in the host's ids.
pub(crate) fn tell_map(config: &mut Config, map: &IdMap, current: &IdMap) {
    let on_host = map.uid.compose(&current.uid).map(|map| map.normalized());
    config.env.retain(|entry| !entry.starts_with(HOST_MAP));
    config.env.extend(on_host.ok().map(|map| format!("{HOST_MAP}={}", map.to_kernel().trim_end())));
}

/// The screen. All of it is looked up and tried at this moment.
pub fn greeting() -> String {
    let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
    let own = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let map = env::var(HOST_MAP).ok().unwrap_or(own);
    let map = Extents::from_kernel(map.as_bytes()).unwrap_or_default();
    let host = match map.to_outside(Inside(uid)) {
        Some(host) => format!("uid {host}"),
        None => "an id that no map tells".to_owned(),
    };
    let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\nHello from a container.\n\n\
         In here I am      uid {uid}, gid {gid}{root}, process {pid} of {processes} that I can see, on `{hostname}`.\n\
         On the host I am  {host}{nobody}.\n\n\
         The map between the two:\n\n",
        root = if uid == 0 { " (root)" } else { "" },
        pid = getpid().as_raw_nonzero(),
        processes = processes(),
        nobody = if from_a_slot(&map) { ", a number that nobody else there has" } else { "" },
    );
    for line in draw(Kind::Uid, &map, &NoNames, 72).lines() {
        let _ = writeln!(text, "    {line}");
    }
    let _ = write!(text, "\nWhat I have just tried, as root of this container:\n\n");
    for attempt in attempts::all() {
        let _ = writeln!(text, "    {:<34} {}", attempt.what, attempt.answer);
    }
    text.push_str(NEXT);
    text
}

const NEXT: &str = "\nNext:\n\n    \
    mmdebstrap --variant=minbase trixie - | unroot import - debian:trixie\n    \
    unroot run --rm -it debian:trixie bash\n    \
    unroot run --help\n";

/// Whether all ids are from one of root's slots.
fn from_a_slot(map: &Extents) -> bool {
    !map.is_empty() && map.iter().all(|extent| (FIRST_SLOT..SLOTS_END).contains(&extent.outside.0))
}

/// How many processes can be seen.
fn processes() -> usize {
    let is_process = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok());
    fs::read_dir("/proc").map_or(0, |entries| entries.flatten().filter(is_process).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_fits_and_says_what_it_should() {
        let text = greeting();
        assert!(text.lines().count() <= 40, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        for part in ["Hello from a container", "On the host I am", "unroot run --help"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
