//! What a program and all its descendants cost: wall time, processor time, peak of their memory.
//!
//! A shell that does nothing else starts it: what the kernel adds up for the shell when its children end is what all of them have used.
//! Memory is the sum of the descendants' resident sets, looked at often; of a daemon that does the work it is the daemon's.

use std::{
    fs,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::call::{self, Outcome, While};

/// Ticks a second in /proc; the same on every Linux that has a C library.
const TICKS: f64 = 100.0;

const LOOK: Duration = Duration::from_millis(20);

/// The cost of one run.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    /// Seconds on the clock.
    pub wall: f64,
    /// Seconds of processors, in user and kernel mode.
    pub cpu: f64,
    /// Peak of the resident memory, in bytes.
    pub memory: u64,
}

/// Runs it; `daemon` is a process that does some of the work. It must succeed.
pub fn measure(command: &Command, daemon: Option<u32>) -> Outcome<Cost> {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#""$@" >/dev/null || exit; read -r line </proc/$$/stat; echo "$line""#, "sh"]);
    shell.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null()).stdout(Stdio::piped());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    let before = daemon.map_or(0.0, used);
    let start = Instant::now();
    let child = shell.spawn().during(|| call::shown(command))?;
    let roots: Vec<u32> = [Some(child.id()), daemon].into_iter().flatten().collect();
    let ended = AtomicBool::new(false);
    let (output, wall, memory) = thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&roots, &ended));
        let output = child.wait_with_output();
        let wall = start.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        (output, wall, watcher.join().unwrap_or(0))
    });
    let output = output.during(|| call::shown(command))?;
    if !output.status.success() {
        return Err(format!("{}: {}", call::shown(command), output.status).into());
    }
    let children = field_sum(&String::from_utf8_lossy(&output.stdout), [15, 16]);
    Ok(Cost { wall, cpu: children + daemon.map_or(0.0, used) - before, memory })
}

/// Seconds that a process has used, with those of its children that have ended.
fn used(pid: u32) -> f64 {
    field_sum(&fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default(), [13, 14, 15, 16])
}

/// The sum of some fields of /proc/PID/stat, counted from 0.
fn field_sum<const N: usize>(stat: &str, fields: [usize; N]) -> f64 {
    // The second field may have blanks in it; it is in parentheses.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let values: Vec<f64> = after.split_whitespace().map(|value| value.parse().unwrap_or(0.0)).collect();
    fields.iter().filter_map(|field| values.get(field - 2)).sum::<f64>() / TICKS
}

/// The largest sum of resident sets that was seen.
fn watch(roots: &[u32], ended: &AtomicBool) -> u64 {
    let mut most = 0;
    while !ended.load(Ordering::Relaxed) {
        most = most.max(roots.iter().map(|root| resident(*root)).sum());
        thread::sleep(LOOK);
    }
    most
}

/// Bytes that a process and all its descendants have in memory now.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let own: u64 = line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse().ok()).unwrap_or(0);
    let mut children = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let list = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    own * 1024 + children.into_iter().map(resident).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_costs_something() {
        let mut command = Command::new("sh");
        command.args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]);
        let cost = measure(&command, None).unwrap();
        assert!(cost.wall > 0.0 && cost.cpu > 0.0 && cost.memory > 0);
        assert!(measure(&Command::new("false"), None).is_err());
    }

    #[test]
    fn fields_are_found_behind_any_name() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194304 1 2 3 4 100 200 300 400 20 0";
        assert!((field_sum(stat, [13, 14]) - 3.0).abs() < 1e-9);
        assert!((field_sum(stat, [15, 16]) - 7.0).abs() < 1e-9);
    }
}
