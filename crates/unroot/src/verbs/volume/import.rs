use std::{fs::File, io};

use clap::Args;
use diag::{Error, Result, codes};

use super::Verb;
use crate::call::Call;

pub static VERB: Verb =
    Verb { name: "import", about: "Unpack a tar archive into a volume", args: Options::augment_args, run };

// `unroot volume import VOLUME [SOURCE]`.
#[derive(Debug, Args)]
struct Options {
    /// The volume, which must be there
    #[arg(value_name = "VOLUME")]
    name: String,
    /// The archive: a file, or - for standard input
    #[arg(value_name = "SOURCE", default_value = "-", hide_default_value = true)]
    source: String,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let mut operands = call.words.operands_from(0, vec![options.name, options.source]).into_iter();
    let (name, source) = (operands.next().unwrap_or_default(), operands.next().unwrap_or_default());
    if source.value == "-" {
        call.engine()?.import_volume(&name, io::stdin())?;
    } else {
        let archive = File::open(&source.value).map_err(|error| {
            source.blame(Error::new(codes::UR0704, format!("`{}` cannot be read", source.value)).words(error))
        })?;
        call.engine()?.import_volume(&name, archive)?;
    }
    Ok(0)
}
