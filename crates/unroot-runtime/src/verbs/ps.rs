//! `ps`: the processes of a container.

use std::process::{Command, ExitCode};

use diag::{Error, Result, codes};
use runtime::{cgroup::Cgroup, state::State};

use super::containers;
use crate::{arguments::Global, help::say};

/// What `ps` is asked if nothing is said.
const USUAL: &str = "-ef";

/// `ps`: their pids as JSON, or the lines that the host's `ps` has of them.
pub fn ps(global: &Global, id: &str, format: &str, words: &[String]) -> Result<ExitCode> {
    let state = State::read(&containers(global)?.get(id)?)?;
    let mut pids = Cgroup::reopen(&state.unroot.cgroup)?.procs()?;
    if pids.is_empty() && state.is_alive() {
        // A container that runs without a control group has one process that is known.
        pids.extend(state.pid);
    }
    if format == "json" {
        return say(&format!("{}\n", serde_json::to_string(&pids).unwrap_or_default()));
    }
    let output = Command::new("ps")
        .args(if words.is_empty() { vec![USUAL] } else { words.iter().map(String::as_str).collect() })
        .output();
    let output = output.map_err(|error| {
        Error::new(codes::UR0622, "the program `ps` cannot be asked")
            .words(error)
            .help("use `--format json`, which does not need it")
    })?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::new(codes::UR0622, "`ps` does not understand what it is asked").words(words));
    }
    say(&lines(&String::from_utf8_lossy(&output.stdout), &pids)?)
}

/// The title, and the lines of these pids.
fn lines(table: &str, pids: &[i32]) -> Result<String> {
    let mut lines = table.lines();
    let title = lines.next().unwrap_or_default();
    let Some(column) = title.split_ascii_whitespace().position(|word| word == "PID") else {
        return Err(Error::new(codes::UR0622, "the table that `ps` prints has no column PID")
            .help("ask it for one: `-eo pid,args` or `-ef`"));
    };
    let is_ours = |line: &&str| {
        let pid = line.split_ascii_whitespace().nth(column).and_then(|pid| pid.parse().ok());
        pid.is_some_and(|pid: i32| pids.contains(&pid))
    };
    Ok(std::iter::once(title).chain(lines.filter(is_ours)).flat_map(|line| [line, "\n"]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_container() {
        let table = "USER   PID COMMAND\nroot     1 init\nroot    12 sh\n";
        assert_eq!(lines(table, &[12]).unwrap(), "USER   PID COMMAND\nroot    12 sh\n");
        assert_eq!(lines("USER COMMAND\n", &[1]).unwrap_err().code(), codes::UR0622);
    }
}
