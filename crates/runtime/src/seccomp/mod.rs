//! `linux.seccomp`: a profile becomes a program that the kernel runs at every system call.
//!
//! # Theory of operation
//! [`compile`] resolves the names of a profile for every architecture of this machine that it allows (`abi`), decides for each
//! number what is answered (`table`), and writes the answers down as ranges of numbers in a binary tree (`program`): some ten
//! comparisons a call, and some hundred instructions for the usual profile, which are loaded in 40 microseconds. The child loads it as
//! its very last act before the command ([`crate::step::Act::Seccomp`]), so that a profile has to allow nothing but `execve` of what the
//! runtime itself does. A descriptor of notifications goes to its agent by way of the process that says `Start` ([`listener`]).
//!
//! # What a profile means
//! As libseccomp and runc read it: names that an architecture lacks are passed over; a rule whose action is the default one says nothing;
//! two conditions on one argument make two rules. Where rules contradict each other (there libseccomp's answer depends on how its trees
//! grew), a rule without arguments stands above those with arguments, and among equals the first that holds counts. Calls of an architecture that is not allowed kill
//! the thread. A call with a number above all that the profile knows is one that its author did not know either: it fails with
//! ENOSYS instead of the default action, unless that allows it, so that programs fall back to what they did before there was that call.

mod abi;
mod condition;
pub mod listener;
mod profile;
mod program;
mod table;
#[cfg(test)]
mod tests;

use diag::{Error, Pointer, Result, codes};
use oci::{
    Source,
    spec::{Seccomp, SeccompAction, SeccompFlag, SeccompRule},
};
use sys::seccomp::{Flags, Instruction, MOST_INSTRUCTIONS};

pub use abi::NAMES as ARCHITECTURES;
pub use profile::{EXPLICIT_ERRNO, default_profile};

use self::table::{Table, tree};

/// A profile, compiled, and how it is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What the kernel runs.
    pub program: Vec<Instruction>,
    /// How it is loaded; with [`Flags::LISTENER`] there is an agent to be given the descriptor.
    pub flags: Flags,
}

impl Filter {
    /// Whether an agent is to be given the descriptor of its notifications.
    pub fn notifies(&self) -> bool {
        self.flags.contains(Flags::LISTENER)
    }
}

/// All actions, by their names in a profile.
pub const ACTIONS: [&str; 9] = [
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_TRAP",
];

/// All flags, by their names in a profile.
pub const FLAGS: [(&str, Flags); 4] = [
    ("SECCOMP_FILTER_FLAG_LOG", Flags::LOG),
    ("SECCOMP_FILTER_FLAG_SPEC_ALLOW", Flags::SPECULATION_ALLOWED),
    ("SECCOMP_FILTER_FLAG_TSYNC", Flags::THREAD_SYNC),
    ("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", Flags::WAIT_KILLABLE),
];

/// Whether this kernel knows one of [`FLAGS`].
pub fn is_supported(flag: Flags) -> bool {
    // The kernel takes this one together with a listener only.
    let with = if flag == Flags::WAIT_KILLABLE { Flags::LISTENER } else { Flags::empty() };
    sys::seccomp::knows_flags(flag | with)
}

/// The place of the profile in config.json.
pub const AT: &str = "/linux/seccomp";

const EPERM: u32 = 1;
pub(crate) const ENOSYS: u32 = 38;
const LONGEST_ERRNO: u32 = 4095;
const LONGEST_MESSAGE: u32 = 0xffff;

/// Compiles a profile. `at` is its place in `source`.
///
/// Errors: UR0402 for a profile that is not valid, UR0420 for one that this kernel cannot have.
pub fn compile(profile: &Seccomp, source: &Source, at: &Pointer) -> Result<Filter> {
    check(profile, source, at)?;
    let program = program_of(profile, abi::Abi::HERE);
    if program.len() > MOST_INSTRUCTIONS {
        return Err(Error::new(codes::UR0420, "the seccomp profile is too long for the kernel")
            .at(source.at(at.clone()))
            .fact(format!("it makes {} instructions, and the kernel takes {MOST_INSTRUCTIONS}", program.len()))
            .help("have fewer rules with conditions on arguments"));
    }
    Ok(Filter { program, flags: flags(profile) })
}

/// What the kernel answers for an action: `SECCOMP_RET_*` and its data.
fn answer(action: SeccompAction, errno: Option<u32>) -> u32 {
    match action {
        SeccompAction::KillThread => 0,
        SeccompAction::KillProcess => 0x8000_0000,
        SeccompAction::Trap => 0x0003_0000,
        SeccompAction::Errno => 0x0005_0000 | errno.unwrap_or(EPERM),
        SeccompAction::Notify => 0x7fc0_0000,
        SeccompAction::Trace => 0x7ff0_0000 | errno.unwrap_or(EPERM),
        SeccompAction::Log => 0x7ffc_0000,
        SeccompAction::Allow => 0x7fff_0000,
    }
}

fn program_of(profile: &Seccomp, here: &[abi::Abi]) -> Vec<Instruction> {
    let allowed =
        |abi: &&abi::Abi| Some(*abi) == here.first() || profile.architectures.iter().any(|name| name == abi.name());
    let tables: Vec<Table> = here.iter().filter(allowed).map(|abi| Table::new(profile, *abi)).collect();
    tree(&tables)
}

fn flags(profile: &Seccomp) -> Flags {
    let flag = |flag: &SeccompFlag| match flag {
        SeccompFlag::ThreadSync => Flags::THREAD_SYNC,
        SeccompFlag::Log => Flags::LOG,
        SeccompFlag::SpeculationAllowed => Flags::SPECULATION_ALLOWED,
        SeccompFlag::WaitKillable => Flags::WAIT_KILLABLE,
    };
    let flags = match &profile.flags {
        // A container that cannot opt out of its filter would pay for a mitigation that it does not need; runc does the same.
        None if sys::seccomp::knows_flags(Flags::SPECULATION_ALLOWED) => Flags::SPECULATION_ALLOWED,
        None => Flags::empty(),
        Some(list) => list.iter().map(flag).collect(),
    };
    match (notifies(profile), flags.contains(Flags::THREAD_SYNC)) {
        (false, _) => flags,
        (true, false) => flags | Flags::LISTENER,
        (true, true) => flags | Flags::LISTENER | Flags::THREAD_SYNC_ERROR,
    }
}

fn notifies(profile: &Seccomp) -> bool {
    profile.syscalls.iter().any(|rule| rule.action == SeccompAction::Notify)
}

fn check(profile: &Seccomp, source: &Source, at: &Pointer) -> Result<()> {
    let wrong = |what: String, at: Pointer| Error::new(codes::UR0402, what).at(source.at(at));
    for (index, name) in profile.architectures.iter().enumerate() {
        if !abi::NAMES.contains(&name.as_str()) {
            return Err(wrong(format!("`{name}` is no architecture"), at.child("architectures").child(index))
                .fact(format!("there are {}", abi::NAMES.join(", "))));
        }
    }
    if profile.default_action == SeccompAction::Notify {
        let what = "an agent cannot decide on every call, its own container's start among them";
        return Err(wrong(what.to_owned(), at.child("defaultAction")).help("give SCMP_ACT_NOTIFY to single calls"));
    }
    check_errno(profile.default_action, profile.default_errno_ret)
        .map_err(|what| wrong(what, at.child("defaultErrnoRet")))?;
    for (index, rule) in profile.syscalls.iter().enumerate() {
        check_rule(rule).map_err(|(what, member)| wrong(what, at.child("syscalls").child(index).child(member)))?;
    }
    check_agent(profile, source, at)?;
    check_kernel(profile, source, at)
}

fn check_rule(rule: &SeccompRule) -> Result<(), (String, &'static str)> {
    if rule.names.is_empty() {
        return Err(("a rule is about one system call at least".to_owned(), "names"));
    }
    check_errno(rule.action, rule.errno_ret).map_err(|what| (what, "errnoRet"))?;
    match rule.args.iter().find(|argument| argument.index > 5) {
        Some(argument) => Err((format!("a system call has the arguments 0 to 5, and no {}", argument.index), "args")),
        None => Ok(()),
    }
}

fn check_errno(action: SeccompAction, errno: Option<u32>) -> Result<(), String> {
    let Some(errno) = errno else { return Ok(()) };
    match action {
        SeccompAction::Errno if errno > LONGEST_ERRNO => {
            Err(format!("{errno} is no errno: the largest is {LONGEST_ERRNO}"))
        }
        SeccompAction::Trace if errno > LONGEST_MESSAGE => {
            Err(format!("a tracer is told a number of 16 bits, and {errno} is larger"))
        }
        SeccompAction::Errno | SeccompAction::Trace => Ok(()),
        _ => Err("an errno is given to an action that returns none: SCMP_ACT_ERRNO and SCMP_ACT_TRACE do".to_owned()),
    }
}

fn check_agent(profile: &Seccomp, source: &Source, at: &Pointer) -> Result<()> {
    let path = profile.listener_path.as_deref().filter(|path| !path.as_os_str().is_empty());
    match (notifies(profile), path) {
        (true, None) => Err(Error::new(codes::UR0402, "an agent decides on system calls, but its socket is not given")
            .at(source.at(at.clone()))
            .help("write the path of the agent's socket to `listenerPath`")),
        (true, Some(path)) if !path.is_absolute() => {
            Err(Error::new(codes::UR0402, format!("the agent's socket `{}` is not absolute", path.display()))
                .at(source.at(at.child("listenerPath"))))
        }
        _ => Ok(()),
    }
}

/// Asks this kernel for what only newer ones have.
fn check_kernel(profile: &Seccomp, source: &Source, at: &Pointer) -> Result<()> {
    let lacks = |what: String, at: Pointer| Err(Error::new(codes::UR0420, what).at(source.at(at)));
    for (index, flag) in profile.flags.iter().flatten().enumerate() {
        if !is_supported(flags(&Seccomp { flags: Some(vec![*flag]), ..Seccomp::default() })) {
            return lacks("this kernel does not know the flag".to_owned(), at.child("flags").child(index));
        }
        if *flag == SeccompFlag::WaitKillable && !notifies(profile) {
            let what = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is about SCMP_ACT_NOTIFY, which no rule has".to_owned();
            return Err(Error::new(codes::UR0402, what).at(source.at(at.child("flags").child(index))));
        }
    }
    let mut known = std::collections::BTreeSet::new();
    for (index, rule) in profile.syscalls.iter().enumerate() {
        let action = answer(rule.action, Some(0));
        if known.insert(action) && !sys::seccomp::knows_action(action) {
            let at = at.child("syscalls").child(index).child("action");
            return lacks("this kernel does not know the action".to_owned(), at);
        }
    }
    Ok(())
}
