use std::{
    fs::File,
    io::{self, IsTerminal as _, Write as _},
};

use clap::Args;
use diag::{Error, Result, codes};

use super::Verb;
use crate::call::Call;

pub static VERB: Verb =
    Verb { name: "export", about: "Write a volume's files as a tar archive", args: Options::augment_args, run };

// `unroot volume export [OPTIONS] VOLUME`.
#[derive(Debug, Args)]
struct Options {
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// The volume
    #[arg(value_name = "VOLUME")]
    name: String,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let name = call.words.operands_from(0, vec![options.name]).pop().unwrap_or_default();
    // Opened first: what the engine enters to see all files may not be allowed to write there.
    match options.output.map(|path| call.words.one("output", path)) {
        Some(path) if path.value != "-" => {
            let file = File::create(&path.value).map_err(|error| {
                path.blame(Error::new(codes::UR0704, format!("`{}` cannot be written", path.value)).words(error))
            })?;
            call.engine()?.export_volume(&name, io::BufWriter::new(file))?;
        }
        _ if io::stdout().is_terminal() => {
            let what = "an archive is not for a terminal";
            return Err(Error::new(codes::UR0806, what).help("redirect standard output, or name a file with --output"));
        }
        _ => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            call.engine()?.export_volume(&name, &mut out)?;
            out.flush().map_err(|error| Error::new(codes::UR0704, "the archive cannot be written").words(error))?;
        }
    }
    Ok(0)
}
