//! From what was asked for to a process: the container's own, and what the options change. Podman's rules.

use std::{
    env,
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use oci::{
    accounts,
    spec::{Capability, ConsoleSize, Process},
};
use runtime::exec::Container;

use super::ExecRequest;
use crate::{accounts::Accounts, capabilities, client::terminal, config::Config, create::file, environment, values};

/// The process.
pub(super) fn of(config: &Config, container: &Container, request: &ExecRequest) -> Result<Process> {
    let mut process = container.default_process();
    process.args = request.command.iter().map(|word| word.value.clone()).collect();
    if process.args.is_empty() {
        return Err(request.container.blame(
            Error::new(codes::UR0501, "there is nothing to run: no command is given")
                .help_run("write it behind the container", format!("unroot exec {} COMMAND", config.name)),
        ));
    }
    process.terminal = request.tty;
    if let Some((height, width)) = terminal::size().filter(|_| request.tty) {
        process.console_size = Some(ConsoleSize { height: height.into(), width: width.into() });
    }
    let home = become_user(&mut process, container.pid(), request)?;
    set_capabilities(&mut process, config, request);
    if let Some(dir) = &request.workdir {
        if !Path::new(&dir.value).is_absolute() {
            return Err(dir.blame(
                Error::new(codes::UR0506, format!("the working directory `{}` is not absolute", dir.value))
                    .help(format!("write `/{}`", dir.value)),
            ));
        }
        process.cwd = PathBuf::from(&dir.value);
    }
    let caller: Vec<(String, String)> = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let files = values::commas(&request.env_file)?;
    let files = files.iter().map(file::lines).collect::<Result<Vec<_>>>()?.concat();
    let changes = environment::Changes { files: &files, given: &request.env, caller: &caller };
    environment::change(&mut process.env, &changes, home.as_deref(), request.tty)?;
    Ok(process)
}

/// Who it runs as; a home directory if that is another user than the container's.
fn become_user(process: &mut Process, init: i32, request: &ExecRequest) -> Result<Option<String>> {
    let Some(user) = &request.user else { return Ok(None) };
    let known = Accounts::of_process(init);
    let account =
        accounts::resolve(&user.value, &known.passwd, &known.group).map_err(|error| user.blame_if_bare(error))?;
    let own = accounts::resolve(&process.user.uid.to_string(), &known.passwd, &known.group);
    let own_home = own.map(|own| format!("HOME={}", own.home.display())).ok();
    // What the container's own user was given without asking is not the other user's.
    process.env.retain(|entry| own_home.as_ref().is_none_or(|home| entry != home));
    (process.user.uid, process.user.gid) = (account.uid, account.gid);
    process.user.additional_gids = account.groups;
    Ok(Some(account.home.display().to_string()))
}

/// Root has all that the container may have, others only what a setuid program gives them; with `--privileged` the container's bounds do
/// not count. Nothing is inheritable: an execve by another user would keep it (CVE-2022-27649).
fn set_capabilities(process: &mut Process, config: &Config, request: &ExecRequest) {
    let same_user =
        request.user.is_none() || (process.user.uid, process.user.gid) == (config.user.uid, config.user.gid);
    let sets = process.capabilities.get_or_insert_default();
    if request.privileged {
        let known = capabilities::known();
        sets.bounding = (0..).take(known).map(Capability).collect();
    }
    if process.user.uid == 0 {
        sets.effective.clone_from(&sets.bounding);
        sets.permitted.clone_from(&sets.bounding);
        sets.inheritable.clear();
        sets.ambient.clear();
    } else if !same_user {
        for set in [&mut sets.effective, &mut sets.permitted, &mut sets.inheritable, &mut sets.ambient] {
            set.clear();
        }
    }
}
