//! What the container's first process does between its birth and the command: a flat list of steps.
//!
//! A step is data. It was decided before the clone and knows the place of config.json that it came from, so that its failure
//! can be shown there. The child performs them in order ([`crate::child`]); `Display` is what `--dry-run` and logs print.

use std::{ffi::CString, fmt, path::PathBuf};

use diag::Pointer;
use rustix::process::Resource;
use sys::{
    clone::Namespaces,
    links::Address,
    mount::{Attr, Propagation},
};

use crate::{
    capability::{CapSet, CapSets},
    seccomp::Filter,
};

/// One step and where it came from.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is done.
    pub act: Act,
    /// The place of config.json that asks for it.
    pub from: Pointer,
}

/// The number of a descriptor in the child's table (`child::slots`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub usize);

/// What the parent and the child wait for from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Parent: the maps are written, the child is in its control group, its limits are set.
    Mapped,
    /// Parent: the mounts that need the container's user namespace; they come along as descriptors.
    Mounts,
    /// Child: the runtime's hooks may run now: everything is mounted, nothing is hidden yet.
    HooksPlease,
    /// Parent: the hooks have run.
    HooksDone,
    /// Parent: the container is on record, so `start` and `delete` can find it.
    Recorded,
    /// Child: all is set up; the master of the terminal comes along, if there is one.
    Created,
    /// Parent: execute the command.
    Start,
    /// Parent: the agent has the descriptor of the seccomp filter's notifications.
    ListenerTaken,
}

impl Word {
    /// Its byte on the wire.
    pub const fn byte(self) -> u8 {
        match self {
            Word::Mapped => b'm',
            Word::Mounts => b'r',
            Word::HooksPlease => b'h',
            Word::HooksDone => b'd',
            Word::Created => b'c',
            Word::Recorded => b'k',
            Word::Start => b's',
            Word::ListenerTaken => b't',
        }
    }
}

/// What a mount changes about the mount that it makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MountChange {
    /// Attributes to set on the mount itself.
    pub set: Attr,
    /// Attributes to clear on the mount itself.
    pub clear: Attr,
    /// Attributes to set on it and on all below (`rro` and its like).
    pub set_all: Attr,
    /// Attributes to clear on it and on all below.
    pub clear_all: Attr,
    /// The propagation, and whether it goes for all below too.
    pub propagation: Option<(Propagation, bool)>,
}

/// What a mount target must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A directory, made if it is missing.
    Directory,
    /// Something else, a regular file made if it is missing.
    File,
}

/// A device node, FIFO or whiteout to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its path in the container.
    pub path: PathBuf,
    /// Type and permission bits.
    pub mode: u32,
    /// Major and minor number.
    pub device: (u32, u32),
    /// Its owner, as the container sees it.
    pub owner: (u32, u32),
}

/// What is done in one step.
#[derive(Clone, Debug)]
pub enum Act {
    /// Wait for a word of the parent.
    Await(Word),
    /// Say a word to the parent.
    Say(Word),
    /// Let nobody look into this process (ptrace(2), /proc/PID) before it executes the command.
    Hide,
    /// Enter namespaces of a container that runs: those of the process whose pidfd this is.
    Enter {
        /// The pidfd.
        process: Slot,
        /// Which ones.
        namespaces: Namespaces,
    },
    /// Open a pseudo-terminal in the devpts of the container that was entered, and make it the standard streams.
    EnteredTerminal {
        /// Rows and columns.
        size: Option<(u16, u16)>,
        /// Who owns it, as the container sees it.
        owner: u32,
    },
    /// Leave the parent's session.
    Session,
    /// Become the ids that have power over the new user namespace.
    Become {
        /// The uid, as the container sees it.
        uid: u32,
        /// The gid, as the container sees it.
        gid: u32,
    },
    /// Cut all inherited mounts off from the host's.
    CutPropagation,
    /// Set the clocks of a new time namespace; it begins with the command.
    TimeOffsets(String),
    /// Make a file system that no path leads to yet.
    Fresh {
        /// Its type.
        fs: CString,
        /// Its source, as /proc/self/mountinfo shows it.
        source: CString,
        /// Its options: a key alone, or a key and a value.
        options: Vec<(CString, Option<CString>)>,
        /// The mount's attributes.
        attr: Attr,
        /// Where the mount is kept.
        slot: Slot,
    },
    /// Lay the root filesystem over the root directory and go there.
    EnterRoot(Slot),
    /// Put a mount where it belongs.
    Attach {
        /// The mount.
        slot: Slot,
        /// Where.
        target: PathBuf,
        /// What must be there.
        kind: TargetKind,
        /// Its propagation, and whether that goes for all below too.
        propagation: Option<(Propagation, bool)>,
        /// Whether what is on the file system below is copied into it first (`tmpcopyup`).
        copy_up: bool,
    },
    /// Change a mount that is there already (`remount`).
    Remount {
        /// Where the mount is.
        target: PathBuf,
        /// What changes about it.
        change: MountChange,
    },
    /// Make a directory.
    Directory(PathBuf),
    /// Make a symbolic link; one that is there stays.
    Link {
        /// What it holds.
        to: PathBuf,
        /// Where it is.
        at: PathBuf,
    },
    /// Make a device node.
    Node(Node),
    /// Open a pseudo-terminal in the container's devpts, make it the console and the standard streams.
    Terminal {
        /// The mount of devpts.
        devpts: Slot,
        /// Rows and columns.
        size: Option<(u16, u16)>,
        /// Who owns it, as the container sees it.
        owner: u32,
    },
    /// Make the three given descriptors the standard streams.
    Streams([Slot; 3]),
    /// Bring the loopback interface up.
    Loopback,
    /// Give a network device that was moved here its addresses, and bring it up.
    NetDevice {
        /// Its name.
        name: String,
        /// The addresses that it had on the host.
        addresses: Vec<Address>,
    },
    /// Write a kernel parameter.
    Sysctl {
        /// Its path below /proc/sys.
        path: PathBuf,
        /// Its value.
        value: String,
    },
    /// Set the host name.
    Hostname(String),
    /// Set the NIS domain name.
    Domainname(String),
    /// Run the createContainer hooks.
    CreateContainerHooks,
    /// Run the startContainer hooks.
    StartContainerHooks,
    /// Make the root filesystem the root and let go of the host's.
    PivotRoot,
    /// The same where `pivot_root` does not work (`--no-pivot`): move the mount over / and chroot.
    MoveRoot,
    /// Set the propagation of the root mount.
    RootPropagation(Propagation, bool),
    /// Make the root mount read-only.
    ReadonlyRoot,
    /// Hide a path.
    Mask(PathBuf),
    /// Make a path read-only.
    ReadonlyPath(PathBuf),
    /// Set a resource limit of one's own.
    Limit {
        /// Which.
        resource: Resource,
        /// The soft limit.
        soft: Option<u64>,
        /// The hard limit.
        hard: Option<u64>,
    },
    /// Give up capabilities for good.
    Bounding(CapSet),
    /// Take on the ids of the process.
    Ids {
        /// The uid.
        uid: u32,
        /// The gid.
        gid: u32,
        /// The supplementary groups; `None` where setgroups is not allowed.
        groups: Option<Vec<u32>>,
        /// The file mode creation mask.
        umask: Option<u32>,
        /// Whether others of the same user may look into the process from here on.
        dumpable: bool,
    },
    /// Take on the working directory, which is made if it is missing.
    WorkingDirectory(PathBuf),
    /// Take on the capabilities.
    Capabilities(CapSets),
    /// Gain no privileges by executing.
    NoNewPrivileges,
    /// Be killed when the parent dies.
    DieWithParent,
    /// Look for the command, and whether it can be executed.
    FindCommand,
    /// Wait for `start`.
    AwaitStart,
    /// Ask the kernel's security module for a profile or a label, which the next execution gives.
    Label {
        /// The module: `apparmor`, `selinux`.
        module: &'static str,
        /// What is asked for.
        text: String,
    },
    /// Allocate memory from some NUMA nodes.
    MemoryPolicy {
        /// Mode and flags of `set_mempolicy(2)`.
        mode: i32,
        /// The nodes, as bits.
        nodes: Vec<u64>,
    },
    /// Take on an execution domain.
    Personality(u32),
    /// Load a filter of system calls. From here on the command's own rules hold, so nothing but its execution comes behind it.
    Seccomp {
        /// The filter.
        filter: Filter,
        /// The first descriptor that does not go along at the execution.
        close_from: u32,
    },
    /// Execute the command. Descriptors from this number on do not go along.
    Exec {
        /// The first descriptor that is closed.
        close_from: u32,
    },
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Await(word) => write!(f, "await {word:?}"),
            Act::Say(word) => write!(f, "say {word:?}"),
            Act::Fresh { fs, source, .. } => write!(f, "make {} ({})", fs.to_string_lossy(), source.to_string_lossy()),
            Act::Attach { target, .. } => write!(f, "mount on {}", target.display()),
            Act::Remount { target, .. } => write!(f, "remount {}", target.display()),
            Act::Directory(path) => write!(f, "mkdir {}", path.display()),
            Act::Link { to, at } => write!(f, "link {} -> {}", at.display(), to.display()),
            Act::Node(node) => write!(f, "mknod {}", node.path.display()),
            Act::Sysctl { path, value } => write!(f, "write /proc/sys/{} = {value}", path.display()),
            Act::Mask(path) => write!(f, "mask {}", path.display()),
            Act::ReadonlyPath(path) => write!(f, "make {} read-only", path.display()),
            Act::WorkingDirectory(path) => write!(f, "chdir {}", path.display()),
            Act::Seccomp { filter, .. } => write!(f, "load a seccomp filter of {} instructions", filter.program.len()),
            other => write!(f, "{other:?}"),
        }
    }
}
