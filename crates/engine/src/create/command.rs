//! What is executed, and where.

use std::path::Path;

use diag::{Error, Result, codes};
use oci::ImageConfig;

use crate::request::{Given, RunRequest};

/// The entry point, then the words of the command line, or the image's where there are none.
pub(super) fn args(request: &RunRequest, defaults: &ImageConfig) -> Result<Vec<String>> {
    let given = request.process.entrypoint.as_ref();
    let entrypoint = match given {
        Some(given) => entrypoint(given)?,
        None => defaults.entrypoint.clone(),
    };
    let command: Vec<String> = if !request.command.is_empty() {
        request.command.iter().map(|word| word.value.clone()).collect()
    } else if given.is_some() {
        // Another entry point has no use for the image's arguments.
        Vec::new()
    } else {
        defaults.cmd.clone()
    };
    let args = [entrypoint, command].concat();
    if args.is_empty() {
        let image = &request.image;
        return Err(image.blame(
            Error::new(codes::UR0501, format!("`{}` does not say what to run, and no command is given", image.value))
                .help_run("write a command after it", format!("unroot run {} COMMAND", image.value)),
        ));
    }
    Ok(args)
}

/// A word, or a JSON array of words; empty removes the image's.
fn entrypoint(given: &Given<String>) -> Result<Vec<String>> {
    let text = given.value.as_str();
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|error| {
            given.blame(Error::new(codes::UR0806, "the entry point is not a JSON array of strings").words(error))
        });
    }
    Ok(if text.is_empty() { Vec::new() } else { vec![text.to_owned()] })
}

/// The working directory.
pub(super) fn cwd(request: &RunRequest, defaults: &ImageConfig) -> Result<String> {
    match &request.process.workdir {
        Some(dir) if !Path::new(&dir.value).is_absolute() => Err(dir.blame(
            Error::new(codes::UR0506, format!("the working directory `{}` is not absolute", dir.value))
                .help(format!("write `/{}`", dir.value)),
        )),
        Some(dir) => Ok(dir.value.clone()),
        None if defaults.workdir.is_empty() => Ok("/".to_owned()),
        None => Ok(defaults.workdir.clone()),
    }
}
