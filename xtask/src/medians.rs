//! Wall-clock times of commands that take turns: what slows the machine down slows them all.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::call::{self, Outcome, While};

/// The times of one command, sorted.
pub struct Times(Vec<Duration>);

impl Times {
    /// The middle one; of an even number, the upper one of the two.
    pub fn median(&self) -> Duration {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }

    /// The shortest.
    pub fn minimum(&self) -> Duration {
        self.0.first().copied().unwrap_or_default()
    }

    fn sorted(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }
}

/// Runs the commands in turn, `rounds` times after `warm_up` rounds that do not count. Each must succeed every time.
/// A command is made anew for each run, from the number of the run.
pub fn measure<const N: usize>(
    commands: [&dyn Fn(usize) -> Command; N],
    warm_up: usize,
    rounds: usize,
) -> Outcome<[Times; N]> {
    let mut times = [const { Vec::new() }; N];
    for round in 0..warm_up + rounds {
        for (command, times) in commands.iter().zip(&mut times) {
            let taken = time(&mut command(round))?;
            if round >= warm_up {
                times.push(taken);
            }
        }
    }
    Ok(times.map(Times::sorted))
}

fn time(command: &mut Command) -> Outcome<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status().during(|| call::shown(command))?;
    let taken = start.elapsed();
    if status.success() { Ok(taken) } else { Err(format!("{}: {status}", call::shown(command)).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_minimum() {
        let times = Times::sorted([5, 1, 9, 3].map(Duration::from_millis).to_vec());
        assert_eq!((times.median(), times.minimum()), (Duration::from_millis(5), Duration::from_millis(1)));
    }

    #[test]
    fn a_command_that_fails_has_no_time() {
        assert!(measure([&|_| Command::new("false")], 0, 1).is_err());
    }
}
