use clap::Args;
use diag::{Result, codes};
use engine::volumes::Removed;

use super::{Verb, names_or_all};
use crate::{call::Call, console};

pub static VERB: Verb = Verb { name: "rm", about: "Remove volumes with their files", args: Options::augment_args, run };

// `unroot volume rm [OPTIONS] VOLUME...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 1 if a volume does not exist and nothing else failed, 2 if one is in use.")]
struct Options {
    /// Remove all volumes
    #[arg(short, long)]
    all: bool,
    /// Remove the containers that use them, too; one that does not exist is no failure
    #[arg(short, long)]
    force: bool,
    /// With --force, seconds that a container has to end before it is killed
    #[arg(short, long, value_name = "SECONDS")]
    time: Option<u32>,
    /// Names, or the beginnings of some
    #[arg(value_name = "VOLUME")]
    names: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    names_or_all(&options.names, options.all)?;
    let engine = call.engine()?;
    let names = if options.all {
        let all = engine.volumes(&[])?.into_iter();
        all.map(|row| engine::request::Given::unwritten(row.record.name)).collect()
    } else {
        call.words.operands_from(0, options.names)
    };
    let (mut missing, mut in_use) = (false, false);
    let status = call.for_each(names, |name| {
        match engine.remove_volume(name, options.force, options.time) {
            Ok((Removed::Done, whole)) => console::line(whole),
            Ok((Removed::Nothing, _)) => {}
            Err(error) => {
                missing |= error.code() == codes::UR0840;
                in_use |= error.code() == codes::UR0842;
                return Err(error);
            }
        }
        Ok(())
    });
    Ok(match (status, in_use, missing) {
        (0, ..) => 0,
        (_, true, _) => 2,
        (_, _, true) => 1,
        (other, ..) => other,
    })
}
