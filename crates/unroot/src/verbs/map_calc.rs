//! `unroot map calc`.

use clap::Args;
use diag::{Error, Result, codes};
use engine::calc::{Calculation, calculate};
use serde_json::{Value as Json, json};

use super::Verb;
use crate::{call::Call, console, format};

pub static VERB: Verb = Verb {
    name: "map calc",
    about: "Calculate what an id is on the other side of maps",
    args: Options::augment_args,
    run,
};

// `unroot map calc [OPTIONS] MAP... ID`.
#[derive(Debug, Args)]
#[command(after_help = "\
A map is written as in /proc/PID/uid_map (`0 100000 65536`), as for --uidmap
(`0:100000:65536,101:996:1`), or is the path of a file; the first is the innermost. The exit status
is 1 if the id is not mapped. Nothing is asked of the kernel: these are sums.

Examples:
  unroot map calc '0 100000 65536' 101            what container id 101 is on the host
  unroot map calc 0:100000:65536 @100101          what the host's 100101 is in the container
  unroot map calc 0:1:1000 0:1000:1,1:100000:65536 33
                                                  through a user's own namespace
  unroot map calc /proc/1234/uid_map 0            who root of process 1234's namespace is")]
struct Options {
    /// The maps, the innermost first, and the id; `@ID` is an id of the outermost side
    #[arg(value_name = "MAP... ID", required = true, num_args = 2..)]
    words: Vec<String>,
    /// The id is one of the outermost side, as with `@`
    #[arg(short, long)]
    reverse: bool,
    /// Print as json, or through a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let mut maps = call.words.operands_from(0, options.words);
    let id = maps.pop().filter(|_| !maps.is_empty());
    let id = id.ok_or_else(|| Error::new(codes::UR0806, "a map and an id are needed"))?;
    let found = calculate(&maps, &id, options.reverse)?;
    match options.format {
        Some(format) => console::page(&format::one(&as_json(&found), &call.words.one("format", format))?),
        None => console::page(&found.to_text()),
    }
    Ok(u8::from(found.lost.is_some()))
}

fn as_json(found: &Calculation) -> Json {
    let levels: Vec<Json> = found.reached.iter().map(|(name, id)| json!({ "namespace": name, "id": id })).collect();
    let lost =
        found.lost.as_ref().map(|lost| json!({ "namespace": lost.namespace, "map": lost.map, "text": lost.written }));
    json!({ "levels": levels, "mapped": found.lost.is_none(), "notMapped": lost })
}
