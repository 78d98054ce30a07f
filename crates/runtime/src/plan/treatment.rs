//! How the kernel's schedulers treat the process: `process.scheduler`, `process.ioPriority`, `process.execCPUAffinity`,
//! `linux.memoryPolicy`, `linux.personality`.
//!
//! Priorities are the host's, so the parent sets them, which may have rights there ([`Treatment`]); a policy of memory and an execution
//! domain a process can only set for itself.

use diag::{Error, Pointer, Result, codes};
use oci::{
    Bundle,
    spec::{IoPriority, MemoryPolicy, Personality, Scheduler},
};
use sys::scheduling::Scheduling;

use super::Context;
use crate::step::Act;

/// What the parent sets for a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Treatment {
    /// How it is scheduled.
    pub scheduling: Option<Scheduling>,
    /// Class and priority of its input and output.
    pub io_priority: Option<(u16, u16)>,
    /// The processors of one that enters a container: before it is in the container's groups, and after.
    pub affinity: Option<[Option<Vec<u64>>; 2]>,
}

/// The largest number of a processor or a node that is understood.
const LARGEST: u64 = 8191;

/// Names and numbers of `sched(7)`.
pub const POLICIES: [(&str, u32); 7] = [
    ("SCHED_OTHER", 0),
    ("SCHED_FIFO", 1),
    ("SCHED_RR", 2),
    ("SCHED_BATCH", 3),
    ("SCHED_ISO", 4),
    ("SCHED_IDLE", 5),
    ("SCHED_DEADLINE", 6),
];

const SCHEDULER_FLAGS: [(&str, u32); 7] = [
    ("SCHED_FLAG_RESET_ON_FORK", 1),
    ("SCHED_FLAG_RECLAIM", 2),
    ("SCHED_FLAG_DL_OVERRUN", 4),
    ("SCHED_FLAG_KEEP_POLICY", 8),
    ("SCHED_FLAG_KEEP_PARAMS", 0x10),
    ("SCHED_FLAG_UTIL_CLAMP_MIN", 0x20),
    ("SCHED_FLAG_UTIL_CLAMP_MAX", 0x40),
];

const IO_CLASSES: [(&str, u32); 3] = [("IOPRIO_CLASS_RT", 1), ("IOPRIO_CLASS_BE", 2), ("IOPRIO_CLASS_IDLE", 3)];

/// Names and numbers of `set_mempolicy(2)`.
pub const MEMORY_MODES: [(&str, u32); 7] = [
    ("MPOL_DEFAULT", 0),
    ("MPOL_PREFERRED", 1),
    ("MPOL_BIND", 2),
    ("MPOL_INTERLEAVE", 3),
    ("MPOL_LOCAL", 4),
    ("MPOL_PREFERRED_MANY", 5),
    ("MPOL_WEIGHTED_INTERLEAVE", 6),
];

/// Names and bits of `set_mempolicy(2)`.
pub const MEMORY_FLAGS: [(&str, u32); 3] =
    [("MPOL_F_NUMA_BALANCING", 1 << 13), ("MPOL_F_RELATIVE_NODES", 1 << 14), ("MPOL_F_STATIC_NODES", 1 << 15)];

/// `personality(2)`: what `linux.personality.domain` may be.
const DOMAINS: [(&str, u32); 2] = [("LINUX", 0), ("LINUX32", 8)];

/// Decides what the parent sets. Errors: UR0402.
pub(super) fn decide(bundle: &Bundle, entered: bool) -> Result<Treatment> {
    let Some(process) = &bundle.spec.process else { return Ok(Treatment::default()) };
    let affinity = process.exec_cpu_affinity.as_ref();
    let lists = affinity.map(|affinity| [("initial", &affinity.initial), ("final", &affinity.last)]);
    let lists = lists.map(|lists| {
        lists.map(|(name, list)| {
            let at = Pointer::new("/process/execCPUAffinity").child(name);
            if list.is_empty() { Ok(None) } else { bits(bundle, list, &at).map(Some) }
        })
    });
    let affinity = match lists {
        Some([initial, last]) => Some([initial?, last?]),
        None => None,
    };
    Ok(Treatment {
        scheduling: process.scheduler.as_ref().map(|scheduler| scheduling(bundle, scheduler)).transpose()?,
        io_priority: process.io_priority.as_ref().map(|priority| io_priority(bundle, priority)).transpose()?,
        // It is about processes that are added to a container.
        affinity: affinity.filter(|_| entered),
    })
}

/// Plans what the process sets for itself. Errors: UR0402.
pub(super) fn steps(context: &mut Context<'_>) -> Result<()> {
    let Some(linux) = &context.bundle.spec.linux else { return Ok(()) };
    if let Some(policy) = &linux.memory_policy {
        let act = memory_policy(context.bundle, policy)?;
        context.step(act, Pointer::new("/linux/memoryPolicy"));
    }
    if let Some(Personality { domain, flags }) = &linux.personality {
        let at = Pointer::new("/linux/personality");
        let number = number(context.bundle, &DOMAINS, domain, &at.child("domain"))?;
        if let Some(flag) = flags.first() {
            return Err(Error::new(codes::UR0402, format!("`{flag}` is no flag of a personality: there are none"))
                .at(context.bundle.at(at.child("flags").child(0))));
        }
        context.step(Act::Personality(number), at);
    }
    Ok(())
}

fn scheduling(bundle: &Bundle, scheduler: &Scheduler) -> Result<Scheduling> {
    let at = Pointer::new("/process/scheduler");
    let policy = number(bundle, &POLICIES, &scheduler.policy, &at.child("policy"))?;
    let wrong = |what: String, member: &str| Err(Error::new(codes::UR0402, what).at(bundle.at(at.child(member))));
    let realtime = matches!(policy, 1 | 2);
    let priority = match u32::try_from(scheduler.priority) {
        Ok(0) if realtime => return wrong(format!("{} takes a priority, from 1 to 99", scheduler.policy), "policy"),
        Ok(priority @ 1..) if !realtime => {
            return wrong(format!("{} takes no priority, and {priority} is given", scheduler.policy), "priority");
        }
        Ok(priority @ 0..=99) => priority,
        _ => return wrong(format!("{} is no priority: there are 1 to 99", scheduler.priority), "priority"),
    };
    if !(-20..=19).contains(&scheduler.nice) {
        return wrong(format!("{} is no nice value: there are -20 to 19", scheduler.nice), "nice");
    }
    if policy != 6 && (scheduler.runtime, scheduler.deadline, scheduler.period) != (0, 0, 0) {
        return wrong(format!("{} has no deadlines: SCHED_DEADLINE has", scheduler.policy), "policy");
    }
    Ok(Scheduling {
        policy,
        flags: all(bundle, &SCHEDULER_FLAGS, &scheduler.flags, &at.child("flags"))?.into(),
        nice: scheduler.nice,
        priority,
        runtime: scheduler.runtime,
        deadline: scheduler.deadline,
        period: scheduler.period,
    })
}

fn io_priority(bundle: &Bundle, priority: &IoPriority) -> Result<(u16, u16)> {
    let at = Pointer::new("/process/ioPriority");
    let class = number(bundle, &IO_CLASSES, &priority.class, &at.child("class"))?;
    match (u16::try_from(class), u16::try_from(priority.priority)) {
        (Ok(class), Ok(number @ 0..=7)) => Ok((class, number)),
        _ => {
            Err(Error::new(codes::UR0402, format!("{} is no priority in a class: there are 0 to 7", priority.priority))
                .at(bundle.at(at.child("priority"))))
        }
    }
}

fn memory_policy(bundle: &Bundle, policy: &MemoryPolicy) -> Result<Act> {
    let at = Pointer::new("/linux/memoryPolicy");
    let mode = number(bundle, &MEMORY_MODES, &policy.mode, &at.child("mode"))?;
    let flags = all(bundle, &MEMORY_FLAGS, &policy.flags, &at.child("flags"))?;
    let nodes = if policy.nodes.is_empty() { Vec::new() } else { bits(bundle, &policy.nodes, &at.child("nodes"))? };
    // All numbers are below 2^16.
    Ok(Act::MemoryPolicy { mode: i32::try_from(mode | flags).unwrap_or(0), nodes })
}

fn number(bundle: &Bundle, table: &[(&str, u32)], name: &str, at: &Pointer) -> Result<u32> {
    let found = table.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    found.ok_or_else(|| {
        let names: Vec<_> = table.iter().map(|(name, _)| *name).collect();
        Error::new(codes::UR0402, format!("`{name}` is not known here"))
            .at(bundle.at(at.clone()))
            .fact(format!("there are {}", names.join(", ")))
    })
}

fn all(bundle: &Bundle, table: &[(&str, u32)], names: &[String], at: &Pointer) -> Result<u32> {
    names
        .iter()
        .enumerate()
        .try_fold(0, |bits, (index, name)| Ok(bits | number(bundle, table, name, &at.child(index))?))
}

/// A list of numbers, `0-3,7`, as bits.
fn bits(bundle: &Bundle, list: &str, at: &Pointer) -> Result<Vec<u64>> {
    parse(list).ok_or_else(|| {
        Error::new(codes::UR0402, format!("`{list}` is no list of numbers"))
            .at(bundle.at(at.clone()))
            .help(format!("write it like `0-3,7`; the largest number is {LARGEST}"))
    })
}

fn parse(text: &str) -> Option<Vec<u64>> {
    let mut words: Vec<u64> = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last > LARGEST {
            return None;
        }
        for number in first..=last {
            let at = usize::try_from(number / 64).ok()?;
            if words.len() <= at {
                words.resize(at + 1, 0);
            }
            words[at] |= 1 << (number % 64);
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_numbers() {
        assert_eq!(parse("0-3,7"), Some(vec![0x8f]));
        assert_eq!(parse("64, 1"), Some(vec![2, 1]));
        for bad in ["", "a", "3-1", "8192", "0-", ",", "1-99999999999"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
