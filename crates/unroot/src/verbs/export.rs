//! `unroot export`.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
};

use clap::Args;
use diag::{Error, Result, codes};

use super::Verb;
use crate::call::Call;

pub static VERB: Verb = Verb {
    name: "export",
    about: "Write a container's root filesystem as a tar archive",
    args: Options::augment_args,
    run,
};

// `unroot export [OPTIONS] CONTAINER`.
#[derive(Debug, Args)]
#[command(after_help = "\
The files have the owners that the container sees, whatever ids it runs with. Volumes are not part of it.

Examples:
  unroot export -o web.tar web
  unroot export web | unroot import - web:copy")]
struct Options {
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// The container's name or id
    #[arg(value_name = "CONTAINER")]
    container: String,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let name = call.words.operands_from(0, vec![options.container]).pop().unwrap_or_default();
    let Some(path) = options.output.map(|path| call.words.one("output", path)) else {
        let stdout = io::stdout();
        if stdout.is_terminal() {
            return Err(Error::new(codes::UR0861, "an archive is not written to a terminal")
                .help_run("write it to a file", format!("unroot export -o {}.tar {}", name.value, name.value)));
        }
        let to: Box<dyn Write> = Box::new(BufWriter::with_capacity(1 << 20, stdout.lock()));
        return call.engine()?.export(call.alone, &name, to).map(|()| 0);
    };
    // The file is the caller's: it is made before the user's own namespace is entered.
    let file = File::create(&path.value).map_err(|error| {
        path.blame(Error::new(codes::UR0861, format!("`{}` cannot be written", path.value)).words(error))
    })?;
    let to = BufWriter::with_capacity(1 << 20, file);
    let written = call.engine().and_then(|engine| engine.export(call.alone, &name, to));
    written.map(|()| 0).inspect_err(|_| {
        // Half an archive is none.
        let _ = std::fs::remove_file(&path.value);
    })
}
