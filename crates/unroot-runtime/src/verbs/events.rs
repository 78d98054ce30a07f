//! `events`: what a container uses, and that it ran out of memory, as lines of JSON like runc's.

use std::{process::ExitCode, thread::sleep, time::Duration};

use diag::{Error, Result, codes};
use runtime::{
    cgroup::{self, Io, Stats, Usage},
    state::{State, Status},
};
use serde_json::{Map, Value, json};

use super::containers;
use crate::{arguments::Global, help::say};

/// How often it is looked whether memory ran out.
const LOOK: Duration = Duration::from_millis(200);

/// `events`: with `once` the figures of now; otherwise they are printed again and again until the container ends.
pub fn events(global: &Global, id: &str, once: bool, interval: Duration) -> Result<ExitCode> {
    let state = State::read(&containers(global)?.get(id)?)?;
    if state.now() == Status::Stopped {
        return Err(Error::new(codes::UR0603, format!("container not running: `{id}` has stopped already")));
    }
    let records = &state.unroot.cgroup;
    let mut killed = cgroup::oom_kills(records);
    loop {
        tell(id, "stats", Some(figures(&cgroup::stats(records)?)))?;
        if once {
            return Ok(ExitCode::SUCCESS);
        }
        let mut waited = Duration::ZERO;
        while waited < interval {
            sleep(LOOK.min(interval));
            waited += LOOK.min(interval);
            let now = cgroup::oom_kills(records);
            if now > killed {
                killed = now;
                tell(id, "oom", None)?;
            }
            if !state.is_alive() {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

fn tell(id: &str, kind: &str, data: Option<Value>) -> Result<()> {
    let mut event = json!({ "type": kind, "id": id });
    if let (Some(data), Some(members)) = (data, event.as_object_mut()) {
        members.insert("data".to_owned(), data);
    }
    say(&format!("{event}\n")).map(drop)
}

fn figures(stats: &Stats) -> Value {
    let hugetlb: Map<_, _> = stats.hugetlb.iter().map(|(size, usage)| (size.clone(), entry(usage))).collect();
    json!({
        "cpu": {
            "usage": {
                "total": stats.cpu.total,
                "percpu": stats.cpu.by_processor,
                "kernel": stats.cpu.system,
                "user": stats.cpu.user,
            },
            "throttling": {
                "periods": stats.cpu.periods,
                "throttledPeriods": stats.cpu.throttled_periods,
                "throttledTime": stats.cpu.throttled,
            },
        },
        "memory": {
            "cache": stats.memory.cache,
            "usage": entry(&stats.memory.usage),
            "swap": entry(&stats.swap),
            "kernel": entry(&stats.kernel),
            "kernelTCP": entry(&stats.kernel_tcp),
            "raw": stats.memory.raw,
        },
        "pids": { "current": stats.pids.current, "limit": stats.pids.limit.unwrap_or(0) },
        "blkio": {
            "ioServiceBytesRecursive": operations(&stats.io, |io| [io.read_bytes, io.written_bytes]),
            "ioServicedRecursive": operations(&stats.io, |io| [io.reads, io.writes]),
        },
        "hugetlb": hugetlb,
    })
}

fn entry(usage: &Usage) -> Value {
    json!({
        "limit": usage.limit.unwrap_or(u64::MAX),
        "usage": usage.used,
        "max": usage.most.unwrap_or(0),
        "failcnt": usage.hits,
    })
}

fn operations(all: &[Io], of: impl Fn(&Io) -> [u64; 2]) -> Vec<Value> {
    let both = |io: &Io| {
        let [read, write] = of(io);
        let one = |op: &str, value: u64| json!({ "major": io.major, "minor": io.minor, "op": op, "value": value });
        [one("Read", read), one("Write", write)]
    };
    all.iter().flat_map(both).collect()
}
