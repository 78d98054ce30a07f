//! Why a command cannot be executed: from the child's finding to a diagnosis.

use diag::{Error, codes};

use crate::{
    child::exec::Finding,
    elf::{machine_name, own_name},
};

/// The diagnosis of a finding; `call` is the refused call, which names the command.
pub(super) fn explain(finding: &str, call: &str) -> Error {
    let name = call.strip_prefix("execve(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(call);
    match serde_json::from_str::<Finding>(finding) {
        Ok(finding) => of(finding, name),
        Err(_) => Error::new(codes::UR0503, format!("`{name}` cannot be executed")),
    }
}

fn of(finding: Finding, name: &str) -> Error {
    let cannot = |why: &str| Error::new(codes::UR0503, format!("`{name}` cannot be executed: {why}"));
    match finding {
        Finding::Missing { searched: Some(path) } => Error::new(
            codes::UR0502,
            format!("the command `{name}` was not found in the container"),
        )
        .fact(format!("it was looked for in PATH={path}"))
        .help("write the command as the image has it: case and directory count; an image without a shell has no `sh`"),
        Finding::Missing { searched: None } => {
            Error::new(codes::UR0502, format!("the command `{name}` was not found in the container"))
                .fact("there is no such file in the root filesystem")
        }
        Finding::Directory { path } => cannot("it is a directory").fact(format!("{} is a directory", path.display())),
        Finding::NotExecutable { path, mode, uid, gid } => cannot("its mode gives the process's user no right to")
            .fact(format!("{} belongs to container {uid}:{gid}, mode {mode:04o}", path.display()))
            .help(format!("make it executable in the image: chmod +x {}", path.display())),
        Finding::Unreachable { path } => cannot("it cannot be reached by the process's user")
            .fact(format!("a directory above {} has no search permission (x) for that user", path.display())),
        Finding::NoExec { path } => {
            cannot("its file system is mounted noexec").fact(format!("{} lies on it", path.display()))
        }
        Finding::LoaderMissing { path, loader } => missing_loader(&path, &loader, name),
        Finding::InterpreterMissing { path, interpreter } => missing_interpreter(&path, &interpreter, name),
        Finding::OtherMachine { path, machine, bits } => {
            Error::new(codes::UR0505, format!("`{name}` is for another architecture"))
                .fact(format!("{} is a program for {} ({bits} bits)", path.display(), machine_name(machine)))
                .fact(format!("this machine is {}", own_name()))
                .help("use an image for this machine's architecture")
        }
        Finding::NoProgram { empty: true, path } => {
            cannot("it is an empty file").fact(format!("{} has no byte", path.display()))
        }
        Finding::NoProgram { empty: false, .. } => cannot("it is neither a program nor a script with a `#!` line")
            .help("if it is a shell script, begin it with `#!/bin/sh`, or run it as `sh FILE`"),
        Finding::Unknown { .. } => Error::new(codes::UR0503, format!("`{name}` cannot be executed")),
    }
}

fn missing_loader(path: &std::path::Path, loader: &std::path::Path, name: &str) -> Error {
    Error::new(codes::UR0504, format!("`{name}` is there, but the loader that it needs is not"))
        .fact(format!("{} asks for {}", path.display(), loader.display()))
        .help("the image lacks the C library that the program was linked against (musl and glibc differ): link it statically, or use an image that has it")
}

fn missing_interpreter(path: &std::path::Path, interpreter: &std::path::Path, name: &str) -> Error {
    let shown = interpreter.to_string_lossy();
    let error = Error::new(codes::UR0504, format!("the script `{name}` is there, but its interpreter is not"))
        .fact(format!("the first line of {} asks for `{}`", path.display(), shown.escape_debug()));
    if shown.ends_with('\r') {
        return error
            .fact("the name ends with a carriage return: the file has the line ends of Windows")
            .help_run("give it the line ends of Unix", format!("sed -i 's/\\r$//' {}", path.display()));
    }
    error.help("add the interpreter to the image, or change the first line of the script")
}
