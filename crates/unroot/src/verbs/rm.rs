//! `unroot rm`.

use clap::Args;
use diag::{Error, Result, codes};
use engine::{ps::Row, remove::Removal};

use super::Verb;
use crate::{call::Call, console, selection::Chosen};

pub static VERB: Verb = Verb { name: "rm", about: "Remove containers", args: Options::augment_args, run };

// `unroot rm [OPTIONS] CONTAINER...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot rm web
  unroot rm --force --time 5 web db
  unroot rm --all --filter status=exited

Exit status: 1 if a container does not exist, 2 if one runs, 125 after any other failure.")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option that the user gave or not")]
struct Options {
    /// Remove all containers
    #[arg(short, long)]
    all: bool,
    /// Remove the container whose id is in this file; may be repeated
    #[arg(long, value_name = "FILE")]
    cidfile: Vec<String>,
    /// Remove those that fit KEY=VALUE, as in `ps`; may be repeated
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Kill a container that runs; one that does not exist is no failure
    #[arg(short, long)]
    force: bool,
    /// A container that does not exist is no failure
    #[arg(short, long)]
    ignore: bool,
    /// Remove the container that was made last
    #[arg(short, long)]
    latest: bool,
    /// With --force: give a container that runs so many seconds after its stop signal
    #[arg(short, long, value_name = "SECONDS", requires = "force", overrides_with = "time")]
    time: Option<u32>,
    /// Remove the volumes, too, that were made for them alone
    #[arg(short, long)]
    volumes: bool,
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let Options { all, cidfile, filter, force, ignore, latest, time, volumes, containers } = call.args()?;
    let selection = Chosen { containers, all, latest, cidfile, filter, ignore: ignore || force }.read(call.words)?;
    let engine = call.engine()?;
    let fits = |row: &Row| all || force || !row.is_up();
    let names = engine.select(&selection, fits)?;
    let mut status = 0;
    for name in names {
        match engine.remove_with(&name, Removal { force, ignore, seconds: time, volumes }) {
            Ok(removed) => {
                if removed {
                    console::line(&name.value);
                }
            }
            Err(error) => {
                call.console.report(error.report());
                status = worse(status, &error);
            }
        }
    }
    Ok(status)
}

/// Podman's exit status after one more failure: that something does not exist is told before everything else.
fn worse(status: u8, error: &Error) -> u8 {
    match (status, error.code()) {
        (1, _) => 1,
        (_, code) if code == codes::UR0802 => 1,
        (_, code) if code == codes::UR0803 => 2,
        (0, code) => code.class().exit_status(),
        (status, _) => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_is_podmans() {
        let after = |list: &[diag::Code]| list.iter().fold(0, |status, code| worse(status, &Error::new(*code, "x")));
        assert_eq!(after(&[codes::UR0802, codes::UR0803]), 1);
        assert_eq!(after(&[codes::UR0803]), 2);
        assert_eq!(after(&[codes::UR0606, codes::UR0803]), 2);
        assert_eq!(after(&[codes::UR0606]), 125);
        assert_eq!(after(&[]), 0);
    }
}
