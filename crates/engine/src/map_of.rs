//! `map show`: the maps of a container, a process, a mount, or the ids of an image, found for a picture.
//!
//! A picture is data ([`idmap::levels::Levels`] and the accounts of each column); `unroot` draws it, in the terminal or as SVG.

mod image;
mod json;
mod mount;
mod options;
mod process;

use std::{fmt::Write, path::Path};

use diag::{Error, Result, codes};
use idmap::{
    Kind,
    levels::{self, LevelNames, Levels},
    svg,
};

pub use idmap::levels::{Glyphs, Style};
pub use image::{Bar, ImageIds};
pub(crate) use mount::find as mount_of;
pub(crate) use process::command_of;

use crate::{Engine, accounts::Accounts, request::Given};

/// What a word is to be understood as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A container, by name or id.
    Container,
    /// An image.
    Image,
    /// A process, by its pid.
    Process,
    /// A mount, by any path on it.
    Mount,
}

/// Namespaces side by side, and who knows which names in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// `container`, `process`, `mount` or `options`, …
    pub what: &'static str,
    /// … and which one.
    pub name: String,
    /// The namespaces and their maps.
    pub levels: Levels,
    /// The accounts of each column.
    pub accounts: Vec<Accounts>,
    /// What else is to be said.
    pub notes: Vec<String>,
}

/// What there is to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Maps.
    Picture(Box<Picture>),
    /// How many files of an image each id has.
    Image(Box<ImageIds>),
    /// Nothing but words: a container that does not run has no map.
    Words(Words),
}

/// What is said instead of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// `container` or `mount`, …
    pub what: &'static str,
    /// … and which one.
    pub name: String,
    /// The lines.
    pub lines: Vec<String>,
}

impl LevelNames for Picture {
    fn name(&self, column: usize, kind: Kind, id: u32) -> Option<String> {
        self.accounts.get(column)?.name(kind, id)
    }
}

impl Picture {
    /// For a terminal.
    pub fn to_text(&self, style: Style) -> String {
        let mut text = levels::text(&self.levels, self, style);
        for note in &self.notes {
            let _ = writeln!(text, "  {note}");
        }
        text
    }

    /// As an SVG document.
    pub fn to_svg(&self) -> String {
        svg::draw(&self.levels, self)
    }
}

impl Engine<'_> {
    /// Finds out what a word means, and what its maps are.
    ///
    /// Errors: UR0813 for what is nothing of the kind, UR0812 for a process that may not be looked at, UR0319 for a mount whose map
    /// the kernel does not tell.
    pub fn show(&self, word: &Given<String>, what: Option<What>) -> Result<Shown> {
        let text = word.value.as_str();
        match what {
            Some(What::Container) => self.show_container(word),
            Some(What::Image) => self.show_image(word),
            Some(What::Process) => process::of_word(word),
            Some(What::Mount) => mount::show(word),
            None if self.is_container(text) => self.show_container(word),
            None if process::is_pid(text) => process::of_word(word),
            None if text.contains('/') && Path::new(text).exists() => mount::show(word),
            None => self.show_image(word).map_err(|error| self.unknown(word, error)),
        }
    }

    /// A name is exact; digits alone are a pid rather than the beginning of an id.
    fn is_container(&self, text: &str) -> bool {
        let Ok(found) = self.store.container(text) else { return false };
        !process::is_pid(text) || self.store.name_of(found.id()).as_deref() == Some(text)
    }

    fn unknown(&self, word: &Given<String>, error: Error) -> Error {
        if error.code() != codes::UR0701 {
            return error;
        }
        let text = &word.value;
        let what = if text.contains('/') {
            format!("`{text}` is neither a path nor an image")
        } else {
            format!("`{text}` is neither a container nor a process, a path or an image")
        };
        let ours = word.blame(Error::new(codes::UR0813, what));
        let ours = ours.help_run("the containers are listed by", "unroot ps -a");
        let ours = ours.help_run("the images are listed by", "unroot images");
        if self.scope.rootless { ours.fact("those of other users, and root's, are not looked at") } else { ours }
    }
}

/// The namespaces of this process.
pub fn show_own() -> Result<Picture> {
    process::own()
}
