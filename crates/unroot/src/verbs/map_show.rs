//! `unroot map show`.

use std::{fs, path::PathBuf};

use clap::{Args, ValueEnum};
use diag::{Error, Result, codes};
use engine::{
    map_of::{self, Glyphs, Picture, Shown, What, Words},
    request::{Given, Identity},
};

use super::Verb;
use crate::{call::Call, console, format};

pub static VERB: Verb = Verb {
    name: "map show",
    about: "Show the map of a container, a process or a mount, or the ids of an image",
    args: Options::augment_args,
    run,
};

/// What a word is to be understood as.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Type {
    Container,
    Image,
    #[value(alias = "process")]
    Pid,
    Mount,
}

// `unroot map show [OPTIONS] [CONTAINER|IMAGE|PID|MOUNTPOINT]`.
#[derive(Debug, Args)]
#[command(after_help = "\
The first that fits is shown: a container, a process, a path (what has a slash in it), an image.
Without a word it is this process itself; with options of `run` it is the map that they would give
to a container.

Examples:
  unroot map show web                    a running container, from its ids to the host's
  unroot map show --svg web.svg web      the same as a picture for a page
  unroot map show 4242                   the namespaces around any process, of any engine
  unroot map show /srv/data              how an idmapped mount translates ids
  unroot map show --type image redis:7   whose an image's files are
  unroot map show --userns=keep-id       what an option would do")]
struct Options {
    /// Understand the word as a container, image, pid or mount
    #[arg(long = "type", value_name = "TYPE", value_enum, hide_possible_values = true)]
    kind: Option<Type>,
    /// Write an SVG picture to this file, or with `-` to standard output
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print as json, or through a Go template
    #[arg(long, value_name = "FORMAT", conflicts_with = "svg")]
    format: Option<String>,
    #[arg(help = "Show the map of this mode: auto[:OPTIONS], keep-id[:OPTIONS], nomap or host")]
    #[arg(long, value_name = "MODE", conflicts_with = "subject")]
    userns: Option<String>,
    #[arg(help = "Show a map with these user ids: CONTAINER:HOST[:COUNT]; may be repeated")]
    #[arg(long, value_name = "MAP", conflicts_with = "subject")]
    uidmap: Vec<String>,
    #[arg(help = "Show a map with these group ids: CONTAINER:HOST[:COUNT]; may be repeated")]
    #[arg(long, value_name = "MAP", conflicts_with = "subject")]
    gidmap: Vec<String>,
    /// Show the ids that this name has in /etc/subuid
    #[arg(long, value_name = "NAME", conflicts_with = "subject")]
    subuidname: Option<String>,
    /// Show the ids that this name has in /etc/subgid
    #[arg(long, value_name = "NAME", conflicts_with = "subject")]
    subgidname: Option<String>,
    #[arg(help = "Show single ids besides: [u|g]INSIDE=[@]OUTSIDE[:COUNT]; may be repeated")]
    #[arg(long, value_name = "MAP", conflicts_with = "subject")]
    map: Vec<String>,
    /// A container, an image, a pid, or a path on a mount
    #[arg(value_name = "CONTAINER|IMAGE|PID|MOUNTPOINT")]
    subject: Option<String>,
}

fn run(call: &Call) -> Result<u8> {
    let mut options: Options = call.args()?;
    let (svg, template) = (options.svg.take(), options.format.take());
    let shown = find(call, options)?;
    if let Some(path) = svg {
        let path = call.words.one("svg", path);
        return match shown {
            Shown::Picture(picture) => write(&path, &picture).map(|()| 0),
            other => Err(no_picture(&other)),
        };
    }
    if let Some(template) = template {
        console::page(&format::one(&shown.to_json(), &call.words.one("format", template))?);
        return Ok(0);
    }
    let style = console::style();
    match shown {
        Shown::Picture(picture) => console::page(&picture.to_text(style)),
        Shown::Image(image) => console::page(&image.to_text(style.glyphs == &Glyphs::ASCII)),
        Shown::Words(Words { lines, .. }) => lines.iter().for_each(console::line),
    }
    Ok(0)
}

fn find(call: &Call, options: Options) -> Result<Shown> {
    let what = options.kind.map(|kind| match kind {
        Type::Container => What::Container,
        Type::Image => What::Image,
        Type::Pid => What::Process,
        Type::Mount => What::Mount,
    });
    if let Some(subject) = &options.subject {
        let word = call.words.operands_from(0, vec![subject.clone()]).pop().unwrap_or_default();
        return call.viewer()?.show(&word, what);
    }
    let identity = identity(call, options);
    let asks = identity.userns.is_some()
        || identity.subuidname.is_some()
        || identity.subgidname.is_some()
        || [&identity.uidmap, &identity.gidmap, &identity.map].into_iter().any(|list| !list.is_empty());
    let picture = if asks { call.engine()?.show_options(&identity)? } else { map_of::show_own()? };
    Ok(Shown::Picture(Box::new(picture)))
}

fn identity(call: &Call, options: Options) -> Identity {
    let one = |id: &str, value: Option<String>| value.map(|value| call.words.one(id, value));
    Identity {
        userns: one("userns", options.userns),
        uidmap: call.words.each("uidmap", options.uidmap),
        gidmap: call.words.each("gidmap", options.gidmap),
        subuidname: one("subuidname", options.subuidname),
        subgidname: one("subgidname", options.subgidname),
        map: call.words.each("map", options.map),
        ..Identity::default()
    }
}

fn write(path: &Given<PathBuf>, picture: &Picture) -> Result<()> {
    let document = picture.to_svg();
    if path.value.as_os_str() == "-" {
        console::page(&document);
        return Ok(());
    }
    fs::write(&path.value, document).map_err(|error| {
        let shown = path.value.display();
        path.blame(Error::new(codes::UR0806, format!("the picture cannot be written to `{shown}`")))
            .os(format!("write({shown})"), error.raw_os_error().unwrap_or_default())
    })
}

/// Bars and words are for people at a terminal.
fn no_picture(shown: &Shown) -> Error {
    let (what, command) = match shown {
        Shown::Words(words) => (words.lines.join("; "), None),
        Shown::Image(image) => {
            let what = format!("image `{}` has no map, and so no picture", image.name);
            (what, Some(format!("unroot map show --type image {}", image.name)))
        }
        Shown::Picture(_) => (String::new(), None),
    };
    let error = Error::new(codes::UR0806, what);
    match command {
        Some(command) => error.help_run("see its ids as text", command),
        None => error.help("leave --svg out"),
    }
}
