//! `top`: the processes of a container.
//!
//! All of it is read from the host's /proc, and nothing is executed in the container: it needs no `ps`. Names of users and groups are those of the
//! container's /etc/passwd and /etc/group, pids those of its pid namespace; with an `h` in front they are the host's.

use std::{collections::HashMap, fs};

use diag::{Error, Result, codes};
use idmap::{IdMap, Inside, Kind, Outside};
use runtime::{cgroup::Cgroup, state::State};

use crate::{Engine, accounts::Accounts, holders::map_of, request::Given};

/// A process, as far as /proc tells.
struct Process {
    /// Its pid on the host.
    pid: i32,
    /// Its pid in its own namespace.
    inner: i32,
    /// The fields of /proc/PID/stat from the third one on.
    stat: Vec<String>,
    /// The file /proc/PID/status: names and values.
    status: HashMap<String, String>,
    comm: String,
    args: String,
}

/// What columns depend on beside the process.
struct Surroundings {
    map: Option<IdMap>,
    inside: Accounts,
    host: Accounts,
    /// Pids in the container by pids on the host.
    pids: HashMap<i32, i32>,
    uptime: f64,
}

/// `USER_HZ`: so many ticks a second, as the kernel tells times to programs on all machines that unroot runs on.
const TICKS: f64 = 100.0;

type Cell = fn(&Process, &Surroundings) -> String;

/// A column: its name on the command line, its heading, its contents.
type Column = (&'static str, &'static str, Cell);

const COLUMNS: [Column; 22] = [
    ("args", "COMMAND", |process, _| process.args.clone()),
    ("capeff", "EFFECTIVE CAPS", |process, _| process.status("CapEff")),
    ("comm", "COMMAND", |process, _| process.comm.clone()),
    ("etime", "ELAPSED", |process, around| duration(process.age(around))),
    ("gid", "GID", |process, around| around.id(Kind::Gid, process.id("Gid"))),
    ("group", "GROUP", |process, around| around.name(Kind::Gid, process.id("Gid"))),
    ("hgroup", "HGROUP", |process, around| around.host_name(Kind::Gid, process.id("Gid"))),
    ("hpid", "HPID", |process, _| process.pid.to_string()),
    ("huser", "HUSER", |process, around| around.host_name(Kind::Uid, process.id("Uid"))),
    ("nice", "NI", |process, _| process.field(19).to_string()),
    ("pcpu", "%CPU", |process, around| format!("{:.3}", process.share(around))),
    ("pgid", "PGID", |process, around| around.pid(process.field(5))),
    ("pid", "PID", |process, _| process.inner.to_string()),
    ("ppid", "PPID", |process, around| around.pid(process.field(4))),
    ("rss", "RSS", |process, _| process.kilobytes("VmRSS")),
    ("seccomp", "SECCOMP", |process, _| seccomp(&process.status("Seccomp")).to_owned()),
    ("state", "STATE", |process, _| process.stat.first().cloned().unwrap_or_default()),
    ("time", "TIME", |process, _| duration(process.busy())),
    ("tty", "TTY", |process, _| terminal(process.field(7))),
    ("uid", "UID", |process, around| around.id(Kind::Uid, process.id("Uid"))),
    ("user", "USER", |process, around| around.name(Kind::Uid, process.id("Uid"))),
    ("vsz", "VSZ", |process, _| process.kilobytes("VmSize")),
];

/// What is shown if nothing is asked for, as Podman has it.
const DEFAULT: [&str; 8] = ["user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args"];

/// The names of all columns.
pub fn columns() -> Vec<&'static str> {
    COLUMNS.iter().map(|(name, _, _)| *name).collect()
}

impl Engine<'_> {
    /// The processes of a container: headings, then a row each. Errors: UR0802, UR0814, UR0862.
    pub fn top(&self, key: &Given<String>, wanted: &[Given<String>]) -> Result<Vec<Vec<String>>> {
        let columns = chosen(wanted)?;
        let target = self.target(key)?;
        let state = State::read(&self.running_dir(&target, key)?)?;
        let init = state.pid.ok_or_else(|| target.not_running(key))?;
        let mut pids = Cgroup::reopen(&state.unroot.cgroup)?.procs()?;
        if pids.is_empty() {
            pids = in_namespace_of(init);
        }
        let processes: Vec<Process> = pids.into_iter().filter_map(Process::read).collect();
        let around = Surroundings::look(init, &processes);
        let heading = columns.iter().map(|(_, heading, _)| (*heading).to_owned()).collect();
        let row = |process: &Process| columns.iter().map(|(_, _, cell)| cell(process, &around)).collect();
        Ok([heading].into_iter().chain(processes.iter().map(row)).collect())
    }
}

/// The columns, by name; several may stand in one word, with commas between.
fn chosen(wanted: &[Given<String>]) -> Result<Vec<Column>> {
    let find = |name: &str| COLUMNS.iter().find(|(known, _, _)| *known == name).copied();
    if wanted.is_empty() {
        return Ok(DEFAULT.iter().filter_map(|name| find(name)).collect());
    }
    let mut columns = Vec::new();
    for word in wanted {
        for name in word.value.split([',', ' ']).filter(|name| !name.is_empty()) {
            columns.push(find(name).ok_or_else(|| {
                word.blame(Error::new(codes::UR0862, format!("`{name}` is no column of `top`")))
                    .fact(format!("there are {}", self::columns().join(", ")))
            })?);
        }
    }
    Ok(columns)
}

/// The processes that share a pid namespace with one: where the container has no control group.
fn in_namespace_of(init: i32) -> Vec<i32> {
    let namespace = |pid: i32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let own = namespace(init);
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<i32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| own.is_some() && namespace(*pid) == own)
        .collect();
    pids.sort_unstable();
    pids
}

impl Process {
    /// `None` if it has ended meanwhile.
    fn read(pid: i32) -> Option<Process> {
        let text = |name: &str| fs::read(format!("/proc/{pid}/{name}")).ok();
        let stat = String::from_utf8_lossy(&text("stat")?).into_owned();
        // The name may have any character; the last parenthesis ends it.
        let (first, rest) = stat.rsplit_once(')')?;
        let comm = first.split_once('(')?.1.to_owned();
        let status = String::from_utf8_lossy(&text("status")?).into_owned();
        let status: HashMap<String, String> = status
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let inner = status.get("NSpid").and_then(|all| all.split_whitespace().last()?.parse().ok()).unwrap_or(pid);
        let line = text("cmdline").unwrap_or_default();
        let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        let args = words.join(" ").trim_end().to_owned();
        let args = if args.is_empty() { format!("[{comm}]") } else { args };
        let stat = rest.split_whitespace().map(str::to_owned).collect();
        Some(Process { pid, inner, stat, status, comm, args })
    }

    /// A field of /proc/PID/stat, counted from 1 as in proc(5); from the third one on.
    fn field(&self, number: usize) -> i64 {
        self.stat.get(number.saturating_sub(3)).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    fn status(&self, name: &str) -> String {
        self.status.get(name).cloned().unwrap_or_default()
    }

    /// Its effective id, as this process's user namespace numbers it.
    fn id(&self, name: &str) -> u32 {
        self.status(name).split_whitespace().nth(1).and_then(|id| id.parse().ok()).unwrap_or(u32::MAX)
    }

    fn kilobytes(&self, name: &str) -> String {
        self.status(name).split_whitespace().next().unwrap_or("0").to_owned()
    }

    /// How long it has lived, in seconds.
    fn age(&self, around: &Surroundings) -> f64 {
        (around.uptime - self.seconds(22)).max(0.0)
    }

    /// How long it has used a processor, in seconds.
    fn busy(&self) -> f64 {
        self.seconds(14) + self.seconds(15)
    }

    /// The same as a part of its life, in percent.
    fn share(&self, around: &Surroundings) -> f64 {
        let age = self.age(around);
        if age > 0.0 { 100.0 * self.busy() / age } else { 0.0 }
    }

    #[expect(clippy::cast_precision_loss, reason = "ticks since the boot are far below 2^52")]
    fn seconds(&self, field: usize) -> f64 {
        self.field(field) as f64 / TICKS
    }
}

impl Surroundings {
    fn look(init: i32, processes: &[Process]) -> Surroundings {
        let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
        Surroundings {
            map: map_of(init),
            inside: Accounts::of_process(init),
            host: Accounts::host(),
            pids: processes.iter().map(|process| (process.pid, process.inner)).collect(),
            uptime: uptime.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0),
        }
    }

    fn inner(&self, kind: Kind, id: u32) -> Option<u32> {
        match &self.map {
            Some(map) => map.get(kind).to_inside(Outside(id)).map(|Inside(id)| id),
            None => Some(id),
        }
    }

    fn id(&self, kind: Kind, id: u32) -> String {
        self.inner(kind, id).unwrap_or(65534).to_string()
    }

    fn name(&self, kind: Kind, id: u32) -> String {
        let id = self.inner(kind, id).unwrap_or(65534);
        self.inside.name(kind, id).unwrap_or_else(|| id.to_string())
    }

    fn host_name(&self, kind: Kind, id: u32) -> String {
        self.host.name(kind, id).unwrap_or_else(|| id.to_string())
    }

    /// A pid of the host as the container sees it: 0 for one outside.
    fn pid(&self, pid: i64) -> String {
        i32::try_from(pid).ok().and_then(|pid| self.pids.get(&pid)).copied().unwrap_or(0).to_string()
    }
}

/// As Go writes durations, in whole milliseconds below a minute: `1m2.5s`.
fn duration(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a life is some years at most")]
    let hundredths = (seconds.max(0.0) * 100.0) as u64;
    let (hours, minutes, rest) = (hundredths / 360_000, hundredths / 6000 % 60, hundredths % 6000);
    let fraction = format!("{}.{:02}", rest / 100, rest % 100);
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    match (hours, minutes) {
        (0, 0) => format!("{fraction}s"),
        (0, minutes) => format!("{minutes}m{fraction}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{fraction}s"),
    }
}

/// `?` without a terminal; the number is that of proc(5), `tty_nr`.
fn terminal(number: i64) -> String {
    let minor = (number & 0xff) | ((number >> 12) & 0xf_ff00);
    match number >> 8 & 0xfff {
        0 if number == 0 => "?".to_owned(),
        major @ 136..=143 => format!("pts/{}", (major - 136) * 256 + minor),
        4 => format!("tty{minor}"),
        _ => "?".to_owned(),
    }
}

fn seccomp(mode: &str) -> &'static str {
    match mode {
        "1" => "strict",
        "2" => "filter",
        _ => "disabled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_writes_them() {
        for (seconds, text) in [(0.0, "0s"), (1.5, "1.5s"), (62.25, "1m2.25s"), (3600.0, "1h0m0s")] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn terminals() {
        for (number, text) in [(0, "?"), (34816, "pts/0"), (34819, "pts/3"), (1025, "tty1")] {
            assert_eq!(terminal(number), text);
        }
    }

    #[test]
    fn columns_have_names() {
        let word = |text: &str| [Given::unwritten(text.to_owned())];
        let names =
            |words: &[Given<String>]| chosen(words).unwrap().iter().map(|(name, _, _)| *name).collect::<Vec<_>>();
        assert_eq!(names(&[]), DEFAULT);
        assert_eq!(names(&word("pid,hpid args")), ["pid", "hpid", "args"]);
        assert_eq!(chosen(&word("-ef")).map(|_| ()).unwrap_err().code(), codes::UR0862);
        assert!(columns().is_sorted());
    }

    #[test]
    fn this_process_is_one() {
        let own = Process::read(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.inner > 0 && !own.args.is_empty() && own.field(22) > 0);
    }
}
