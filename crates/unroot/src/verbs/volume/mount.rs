use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console};

pub static MOUNT: Verb = Verb {
    name: "mount",
    about: "Mount the file systems that volumes have of their own; print where volumes' files are",
    args: Options::augment_args,
    run: mount,
};

pub static UNMOUNT: Verb = Verb {
    name: "unmount",
    about: "Unmount the file systems that volumes have of their own",
    args: Options::augment_args,
    run: unmount,
};

// `unroot volume mount VOLUME...`.
#[derive(Debug, Args)]
struct Options {
    /// Names, or the beginnings of some
    #[arg(value_name = "VOLUME", required = true)]
    names: Vec<String>,
}

fn mount(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let engine = call.engine()?;
    Ok(call.for_each(call.words.operands_from(0, options.names), |name| {
        console::line(engine.mounted_volume(name)?);
        Ok(())
    }))
}

fn unmount(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let engine = call.engine()?;
    Ok(call.for_each(call.words.operands_from(0, options.names), |name| {
        console::line(engine.unmounted_volume(name)?);
        Ok(())
    }))
}
