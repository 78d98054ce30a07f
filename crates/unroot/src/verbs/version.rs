//! `unroot version`.

use std::env::consts;

use clap::Args;
use diag::Result;
use serde_json::json;

use super::Verb;
use crate::{call::Call, console, format};

pub static VERB: Verb = Verb { name: "version", about: "Show the version", args: Options::augment_args, run };

// `unroot version [OPTIONS]`.
#[derive(Debug, Args)]
struct Options {
    /// Print as json, or through a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let (version, os, arch) = (env!("CARGO_PKG_VERSION"), consts::OS, engine::image_architecture());
    match options.format {
        Some(format) => {
            let value = json!({ "Client": { "Version": version, "OsArch": format!("{os}/{arch}"), "Os": os } });
            console::page(&format::one(&value, &call.words.one("format", format))?);
        }
        None => console::page(&format!("Version:      {version}\nOS/Arch:      {os}/{arch}\n")),
    }
    Ok(0)
}
