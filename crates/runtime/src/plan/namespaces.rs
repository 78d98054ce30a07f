//! `linux.namespaces`: which ones are made, which ones are joined.

use std::{os::fd::OwnedFd, path::Path};

use diag::{Error, Pointer, Result, codes};
use oci::{
    Bundle,
    spec::{Namespace, NamespaceKind},
};
use rustix::{
    fs::{Mode, OFlags, open},
    io::Errno,
    thread::LinkNameSpaceType,
};
use sys::clone::Namespaces;

/// A namespace that the container joins.
#[derive(Debug)]
pub struct Joined {
    /// Which kind.
    pub kind: Namespaces,
    /// The namespace.
    pub fd: OwnedFd,
    /// Where config.json says so.
    pub from: Pointer,
}

/// The namespaces of a container.
#[derive(Debug, Default)]
pub struct NamespacePlan {
    /// Those that it gets for itself.
    pub new: Namespaces,
    /// Those that it joins.
    pub joined: Vec<Joined>,
}

impl NamespacePlan {
    /// Reads the list and opens the namespaces that are joined.
    pub fn decide(bundle: &Bundle) -> Result<NamespacePlan> {
        let mut plan = NamespacePlan::default();
        let mut seen = Namespaces::empty();
        let list = bundle.spec.linux.as_ref().map_or(&[][..], |linux| &linux.namespaces);
        for (index, namespace) in list.iter().enumerate() {
            let from = Pointer::new("/linux/namespaces").child(index);
            let kind = kind_of(namespace.kind);
            if seen.contains(kind) {
                return Err(Error::new(codes::UR0413, format!("the {} namespace is given twice", name(kind)))
                    .at(bundle.at(from)));
            }
            seen |= kind;
            match path_of(namespace) {
                None => plan.new |= kind,
                Some(path) => {
                    plan.joined.push(Joined { kind, fd: open_namespace(bundle, kind, path, &from)?, from });
                }
            }
        }
        if !seen.contains(Namespaces::MOUNT) {
            return Err(Error::new(codes::UR0413, "a container without a mount namespace would mount over the host")
                .at(bundle.at(Pointer::new("/linux/namespaces")))
                .help("add `{\"type\": \"mount\"}` to linux.namespaces"));
        }
        Ok(plan)
    }

    /// Whether the container has a user namespace of its own, made here.
    pub fn has_new_user(&self) -> bool {
        self.new.contains(Namespaces::USER)
    }

    /// The user namespace that it joins.
    pub fn joined_user(&self) -> Option<&Joined> {
        self.joined.iter().find(|joined| joined.kind == Namespaces::USER)
    }

    /// Whether a namespace of this kind is made and so belongs to the container's user namespace.
    pub fn owns(&self, kind: Namespaces) -> bool {
        self.new.contains(kind)
    }

    /// Whether the container has one of this kind apart from the host's.
    pub fn has(&self, kind: Namespaces) -> bool {
        self.owns(kind) || self.joined.iter().any(|joined| joined.kind == kind)
    }
}

fn path_of(namespace: &Namespace) -> Option<&Path> {
    namespace.path.as_deref().filter(|path| !path.as_os_str().is_empty())
}

fn open_namespace(bundle: &Bundle, kind: Namespaces, path: &Path, from: &Pointer) -> Result<OwnedFd> {
    let at = || bundle.at(from.child("path"));
    let name = name(kind);
    let shown = path.display();
    if !path.is_absolute() {
        return Err(
            Error::new(codes::UR0410, format!("the path `{shown}` of the {name} namespace is not absolute")).at(at())
        );
    }
    let fd = open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty()).map_err(|errno| {
        let what = format!("the {name} namespace `{shown}`");
        // Here it is not a mode that forbids the way.
        if errno == Errno::ACCESS && path.starts_with("/proc") {
            return Error::new(codes::UR0410, format!("{what} cannot be opened"))
                .os(format!("open({shown})"), errno.raw_os_error())
                .fact("to open a namespace of another process takes the right to trace that process (ptrace(2), \"access mode checking\")")
                .at(at());
        }
        oci::way::find(path)
            .into_error(codes::UR0410, &what)
            .os(format!("open({shown})"), errno.raw_os_error())
            .moved_to(at())
    })?;
    match sys::namespace_kind(&fd) {
        Ok(found) if found == kind => Ok(fd),
        Ok(found) => Err(Error::new(codes::UR0410, format!("`{shown}` is not a {name} namespace"))
            .fact(format!("it is a {} namespace", self::name(found)))
            .at(at())),
        Err(errno) => Err(Error::new(codes::UR0410, format!("`{shown}` is no namespace"))
            .os(format!("ioctl({shown}, NS_GET_NSTYPE)"), errno.raw_os_error())
            .at(at())),
    }
}

fn kind_of(kind: NamespaceKind) -> Namespaces {
    match kind {
        NamespaceKind::Mount => Namespaces::MOUNT,
        NamespaceKind::Cgroup => Namespaces::CGROUP,
        NamespaceKind::Uts => Namespaces::UTS,
        NamespaceKind::Ipc => Namespaces::IPC,
        NamespaceKind::User => Namespaces::USER,
        NamespaceKind::Pid => Namespaces::PID,
        NamespaceKind::Network => Namespaces::NET,
        NamespaceKind::Time => Namespaces::TIME,
    }
}

/// The kind's name in config.json.
pub fn name(kind: Namespaces) -> &'static str {
    match kind {
        Namespaces::MOUNT => "mount",
        Namespaces::CGROUP => "cgroup",
        Namespaces::UTS => "uts",
        Namespaces::IPC => "ipc",
        Namespaces::USER => "user",
        Namespaces::PID => "pid",
        Namespaces::NET => "network",
        Namespaces::TIME => "time",
        _ => "unknown",
    }
}

/// The kind's name in /proc/PID/ns.
pub fn proc_name(kind: Namespaces) -> &'static str {
    match kind {
        Namespaces::MOUNT => "mnt",
        Namespaces::NET => "net",
        other => name(other),
    }
}

/// The kind as `setns(2)` takes it.
pub fn link_type(kind: Namespaces) -> Option<LinkNameSpaceType> {
    Some(match kind {
        Namespaces::MOUNT => LinkNameSpaceType::Mount,
        Namespaces::CGROUP => LinkNameSpaceType::ControlGroup,
        Namespaces::UTS => LinkNameSpaceType::HostNameAndNISDomainName,
        Namespaces::IPC => LinkNameSpaceType::InterProcessCommunication,
        Namespaces::USER => LinkNameSpaceType::User,
        Namespaces::PID => LinkNameSpaceType::ProcessID,
        Namespaces::NET => LinkNameSpaceType::Network,
        Namespaces::TIME => LinkNameSpaceType::Time,
        _ => return None,
    })
}
