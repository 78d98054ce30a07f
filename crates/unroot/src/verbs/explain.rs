//! `unroot explain`.

use clap::Args;
use diag::{Code, Error, Result, codes};

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb =
    Verb { name: "explain", about: "Explain a diagnostic's code", args: Options::augment_args, run };

// `unroot explain [CODE]`.
#[derive(Debug, Args)]
struct Options {
    /// The code, as in UR0101; without it all codes are listed
    code: Option<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let Some(code) = options.code else {
        codes::all().for_each(|code| console::line(format!("{}  {}", code.id(), code.title())));
        return Ok(0);
    };
    let found = Code::find(&code).ok_or_else(|| {
        let unknown = Error::new(codes::UR0806, format!("there is no code `{code}`"));
        let place = call.words.operands_from(0, vec![()]).pop().unwrap_or_default();
        place.blame(unknown).help_run("all codes are listed by", "unroot explain")
    })?;
    console::page(codes::page(found));
    Ok(0)
}
