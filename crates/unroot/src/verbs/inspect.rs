//! `unroot inspect`, `unroot image inspect` and `unroot container inspect`.

use clap::{Args, ValueEnum};
use diag::Result;
use engine::inspect::Kind;

use super::Verb;
use crate::{call::Call, console, format};

pub static VERB: Verb =
    Verb { name: "inspect", about: "Show all about containers and images", args: Options::augment_args, run };

/// `unroot image inspect`.
pub static OF_IMAGES: Verb =
    Verb { name: "inspect", about: "Show all about images", args: OfOneKind::augment_args, run: images };

/// `unroot container inspect`.
pub static OF_CONTAINERS: Verb =
    Verb { name: "inspect", about: "Show all about containers", args: OfOneKind::augment_args, run: containers };

// `unroot inspect [OPTIONS] NAME...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot inspect web
  unroot inspect --type image --format '{{.Id}} {{json .Config.Cmd}}' debian:trixie")]
struct Options {
    /// Look at this kind only
    #[arg(short, long, value_name = "KIND", value_enum, default_value = "all")]
    r#type: Type,
    #[command(flatten)]
    rest: OfOneKind,
}

#[derive(Debug, Args)]
struct OfOneKind {
    /// Print as json, or through a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Names or ids
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
}

/// `--type`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Type {
    All,
    Container,
    Image,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let kind = match options.r#type {
        Type::All => Kind::All,
        Type::Container => Kind::Container,
        Type::Image => Kind::Image,
    };
    inspect(call, options.rest, kind)
}

fn images(call: &Call) -> Result<u8> {
    inspect(call, call.args()?, Kind::Image)
}

fn containers(call: &Call) -> Result<u8> {
    inspect(call, call.args()?, Kind::Container)
}

/// What is found is printed, even if something else is not found.
fn inspect(call: &Call, options: OfOneKind, kind: Kind) -> Result<u8> {
    let engine = call.viewer()?;
    let mut found = Vec::new();
    let names = call.words.operands_from(0, options.names);
    let status = call.for_each(names, |name| {
        found.push(engine.inspect(name, kind)?);
        Ok(())
    });
    let format = options.format.map(|format| call.words.one("format", format));
    console::page(&format::each(found, format.as_ref())?);
    Ok(status)
}
