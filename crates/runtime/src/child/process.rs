//! Steps about the process itself: ids, capabilities, limits, names, clocks.

use std::path::Path;

use rustix::{
    fs::{Mode, OFlags, open},
    io::Errno,
    process::{
        DumpableBehavior, Gid, Rlimit, Signal, Uid, chdir, getcwd, set_dumpable_behavior,
        set_parent_process_death_signal, setrlimit, setsid, umask,
    },
    system::{setdomainname, sethostname},
    thread::{
        CapabilitySet, CapabilitySets, clear_ambient_capability_set, configure_capability_in_ambient_set,
        remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities, set_no_new_privs,
        set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    },
};
use sys::clone::{Namespaces, unshare};

use super::{Call, Done, Fault, is_orphaned};
use crate::{
    capability::{self, CapSet, CapSets},
    step::Act,
    wire::Wire,
};

pub(super) fn perform(act: &Act, wire: &Wire) -> Done {
    match act {
        Act::Session => match setsid() {
            // The caller was made a session leader already.
            Ok(_) | Err(Errno::PERM) => Ok(()),
            Err(errno) => Err(Fault::new("setsid()", errno)),
        },
        Act::Become { uid, gid } => become_ids(*uid, *gid),
        Act::TimeOffsets(offsets) => set_clocks(offsets),
        Act::Loopback => sys::loopback::up().call(|| "ioctl(lo, SIOCSIFFLAGS)".into()),
        Act::Hostname(name) => sethostname(name.as_bytes()).call(|| format!("sethostname({name})")),
        Act::Domainname(name) => setdomainname(name.as_bytes()).call(|| format!("setdomainname({name})")),
        Act::Sysctl { path, value } => write_sysctl(path, value),
        Act::Limit { resource, soft, hard } => setrlimit(*resource, Rlimit { current: *soft, maximum: *hard })
            .call(|| format!("setrlimit({resource:?}, {soft:?}, {hard:?})")),
        Act::Bounding(kept) => drop_from_bounding_set(*kept),
        Act::Hide => set_dumpable_behavior(DumpableBehavior::NotDumpable).call(|| "prctl(PR_SET_DUMPABLE, 0)".into()),
        Act::Ids { uid, gid, groups, umask, dumpable } => {
            take_ids(*uid, *gid, groups.as_deref(), *umask)?;
            if *dumpable { show() } else { Ok(()) }
        }
        Act::WorkingDirectory(path) => enter(path),
        Act::Capabilities(sets) => take_capabilities(sets),
        Act::NetDevice { name, addresses } => {
            sys::links::bring_up(name, addresses).call(|| format!("rtnetlink({name})"))
        }
        Act::Label { module, text } => ask_for_label(module, text),
        Act::MemoryPolicy { mode, nodes } => {
            sys::scheduling::set_memory_policy(*mode, nodes).call(|| format!("set_mempolicy({mode:#x})"))
        }
        Act::Personality(domain) => {
            sys::scheduling::set_personality(*domain).call(|| format!("personality({domain:#x})"))
        }
        Act::NoNewPrivileges => set_no_new_privs(true).call(|| "prctl(PR_SET_NO_NEW_PRIVS)".into()),
        Act::DieWithParent => die_with_parent(wire),
        _ => Err(Fault::new("step", Errno::NOSYS)),
    }
}

fn become_ids(uid: u32, gid: u32) -> Done {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    set_thread_res_gid(gid, gid, gid).call(|| format!("setresgid({})", gid.as_raw()))?;
    set_thread_res_uid(uid, uid, uid).call(|| format!("setresuid({})", uid.as_raw()))
}

/// The new time namespace is this process's own from the exec on (Linux 6.0); only until it has a member can its clocks be set.
fn set_clocks(offsets: &str) -> Done {
    // This process is a clone of one with a single thread, and so has one itself.
    let alone = sys::Alone::at_start().map_err(Fault::report)?;
    unshare(&alone, Namespaces::TIME).call(|| "unshare(CLONE_NEWTIME)".into())?;
    // The files of a process that is not dumpable, as a change of ids makes it, belong to the host's root.
    let dumpable = |how| set_dumpable_behavior(how).call(|| "prctl(PR_SET_DUMPABLE)".into());
    let call = || "write(/proc/self/timens_offsets)".to_owned();
    dumpable(DumpableBehavior::Dumpable)?;
    let file = open("/proc/self/timens_offsets", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).call(call)?;
    rustix::io::write(&file, offsets.as_bytes()).call(call)?;
    dumpable(DumpableBehavior::NotDumpable)
}

/// The path was checked to stay below /proc/sys when the plan was made; this /proc is the host's.
fn write_sysctl(path: &Path, value: &str) -> Done {
    let path = Path::new("/proc/sys").join(path);
    let call = || format!("write({})", path.display());
    let file = open(&path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).call(call)?;
    rustix::io::write(&file, value.as_bytes()).call(call).map(drop)
}

/// Each module has files of its own since Linux 5.8; before, there was one for all of them. This /proc is the host's.
fn ask_for_label(module: &str, text: &str) -> Done {
    let ask = |path: &str| {
        let file = open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::write(&file, text.as_bytes()).map(drop)
    };
    let own = format!("/proc/self/attr/{module}/exec");
    match ask(&own) {
        Err(Errno::NOENT) => ask("/proc/self/attr/exec").call(|| "write(/proc/self/attr/exec)".into()),
        asked => asked.call(|| format!("write({own})")),
    }
}

fn drop_from_bounding_set(kept: CapSet) -> Done {
    for number in 0..64 {
        if kept.has(number) {
            continue;
        }
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            // The first number that this kernel does not know ends the list.
            Err(Errno::INVAL) => return Ok(()),
            Err(errno) => return Err(Fault::new(format!("prctl(PR_CAPBSET_DROP, {number})"), errno)),
        }
    }
    Ok(())
}

fn take_ids(uid: u32, gid: u32, groups: Option<&[u32]>, mask: Option<u32>) -> Done {
    set_keep_capabilities(true).call(|| "prctl(PR_SET_KEEPCAPS)".into())?;
    if let Some(groups) = groups {
        let groups: Vec<Gid> = groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
        set_thread_groups(&groups).call(|| format!("setgroups({groups:?})"))?;
    }
    become_ids(uid, gid)?;
    umask(Mode::from_raw_mode(mask.unwrap_or(0o022)));
    Ok(())
}

/// A change of ids makes a process undumpable, and its files in /proc the host root's; the command would inherit neither, but
/// hooks and `start` look at this process meanwhile.
fn show() -> Done {
    set_dumpable_behavior(DumpableBehavior::Dumpable).call(|| "prctl(PR_SET_DUMPABLE)".into())
}

fn take_capabilities(sets: &CapSets) -> Done {
    let set = |set: CapSet| CapabilitySet::from_bits_retain(set.bits());
    let all = CapabilitySets {
        effective: set(sets.effective),
        permitted: set(sets.permitted),
        inheritable: set(sets.inheritable),
    };
    set_capabilities(None, all).call(|| "capset()".into())?;
    set_keep_capabilities(false).call(|| "prctl(PR_SET_KEEPCAPS)".into())?;
    if sets.ambient.is_empty() {
        return clear_ambient_capability_set().call(|| "prctl(PR_CAP_AMBIENT_CLEAR_ALL)".into());
    }
    for number in sets.ambient.numbers() {
        configure_capability_in_ambient_set(CapabilitySet::from_bits_retain(1 << number), true)
            .call(|| format!("prctl(PR_CAP_AMBIENT_RAISE, {})", capability::name(number)))?;
    }
    Ok(())
}

/// A working directory that is a link out of the root (to a descriptor of the host's, say: CVE-2024-21626) shows itself by its name.
fn enter(path: &Path) -> Done {
    chdir(path).call(|| format!("chdir({})", path.display()))?;
    let inside = getcwd(Vec::new()).call(|| "getcwd()".into())?;
    if inside.to_bytes().starts_with(b"/") {
        Ok(())
    } else {
        Err(Fault::new(format!("chdir({})", path.display()), Errno::XDEV).with_text("it leads out of the container"))
    }
}

/// The signal is set as late as possible, since a change of ids takes it away; then the parent may be dead already.
fn die_with_parent(wire: &Wire) -> Done {
    set_parent_process_death_signal(Some(Signal::KILL)).call(|| "prctl(PR_SET_PDEATHSIG)".into())?;
    if is_orphaned(wire) { Err(Fault::new("poll(wire)", Errno::PIPE)) } else { Ok(()) }
}
