//! `unroot info`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console, format};

pub static VERB: Verb = Verb {
    name: "info",
    about: "Show what this host can do and where things are kept",
    args: Options::augment_args,
    run,
};

// `unroot info [OPTIONS]`.
#[derive(Debug, Args)]
struct Options {
    /// Print as json, or through a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let info = call.engine()?.info()?;
    match options.format {
        Some(format) => console::page(&format::one(&info.to_json(), &call.words.one("format", format))?),
        None => console::page(&info.to_text()),
    }
    Ok(0)
}
