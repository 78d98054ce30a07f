//! `inspect`: everything about an image or a container, as a document with the names that Podman gives to its parts.

mod container;
mod image;

use diag::{Error, Result, codes};
use serde_json::Value as Json;

use crate::{Engine, request::Given};

/// What is looked at: `--type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A container of this name, or else an image.
    #[default]
    All,
    /// A container.
    Container,
    /// An image.
    Image,
}

impl Engine<'_> {
    /// All about one thing. UR0802, UR0809 for containers; UR0701, UR0702, UR0713 for images; UR0813 if it is neither.
    pub fn inspect(&self, name: &Given<String>, kind: Kind) -> Result<Json> {
        match kind {
            Kind::Image => self.inspect_image(name),
            Kind::Container => self.inspect_container(name),
            Kind::All => match self.inspect_container(name) {
                Err(error) if is_absent(&error) => self.inspect_image(name).map_err(|error| neither(name, error)),
                inspected => inspected,
            },
        }
    }
}

/// What is no container's name may still be an image's.
fn is_absent(error: &Error) -> bool {
    [codes::UR0802, codes::UR0804].contains(&error.code())
}

fn neither(name: &Given<String>, error: Error) -> Error {
    if error.code() != codes::UR0701 {
        return error;
    }
    let what = format!("there is neither a container nor an image `{}`", name.value);
    name.blame(Error::new(codes::UR0813, what))
        .help_run("see which containers there are", "unroot ps -a")
        .help_run("see which images there are", "unroot images")
}
