//! `linux.sysctl`: kernel parameters that belong to one of the container's namespaces.

use std::path::PathBuf;

use diag::{Error, Pointer, Result, codes};
use sys::clone::Namespaces;

use super::Context;
use crate::step::Act;

/// Which namespace a parameter belongs to; `None` for those of the whole host.
fn owner(name: &str) -> Option<(Namespaces, &'static str)> {
    const IPC: [&str; 7] = [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
    ];
    if name.starts_with("net.") {
        Some((Namespaces::NET, "network"))
    } else if name.starts_with("fs.mqueue.") || name == "kernel.shm_rmid_forced" || IPC.contains(&name) {
        Some((Namespaces::IPC, "ipc"))
    } else if name == "kernel.domainname" || name == "kernel.hostname" {
        Some((Namespaces::UTS, "uts"))
    } else if name.starts_with("user.") {
        Some((Namespaces::USER, "user"))
    } else {
        None
    }
}

/// Decides the parameters, in the order of their names.
pub(super) fn decide(context: &mut Context<'_>) -> Result<()> {
    let Some(linux) = &context.bundle.spec.linux else { return Ok(()) };
    for (name, value) in &linux.sysctl {
        let from = Pointer::new("/linux/sysctl").child(name);
        let act = one(context, name, value).map_err(|error| error.at(context.bundle.at(from.clone())))?;
        context.step(act, from);
    }
    Ok(())
}

fn one(context: &Context<'_>, name: &str, value: &str) -> Result<Act> {
    let dotted = name.replace('/', ".");
    let path =
        path(name).ok_or_else(|| Error::new(codes::UR0510, format!("`{name}` is no name of a kernel parameter")))?;
    let Some((kind, namespace)) = owner(&dotted) else {
        return Err(Error::new(codes::UR0510, format!("`{name}` is a parameter of the whole host"))
            .fact("a container may set only what belongs to its own namespaces: net.*, fs.mqueue.*, kernel.shm*, kernel.msg*, kernel.sem")
            .help_run("set it on the host", format!("sysctl -w {dotted}={value}")));
    };
    if !context.namespaces.has(kind) {
        return Err(Error::new(
            codes::UR0510,
            format!("`{name}` belongs to the {namespace} namespace, and the container has the host's"),
        )
        .help(format!("add `{{\"type\": \"{namespace}\"}}` to linux.namespaces")));
    }
    if kind == Namespaces::UTS {
        let name = dotted.trim_start_matches("kernel.").to_owned();
        let value = value.to_owned();
        return Ok(if name == "hostname" { Act::Hostname(value) } else { Act::Domainname(value) });
    }
    Ok(Act::Sysctl { path, value: value.to_owned() })
}

/// `net.ipv4.conf.eth0/1.forwarding`, or with the roles of dot and slash exchanged, as sysctl(8) reads it. A component `..` is none.
fn path(name: &str) -> Option<PathBuf> {
    let first = name.find(['.', '/'])?;
    let exchange = |c| match c {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    let path: String =
        if name[first..].starts_with('.') { name.chars().map(exchange).collect() } else { name.to_owned() };
    let good = path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains('\0');
    good.then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths() {
        assert_eq!(path("net.ipv4.ip_forward"), Some("net/ipv4/ip_forward".into()));
        assert_eq!(path("net.ipv4.conf.eth0/1.forwarding"), Some("net/ipv4/conf/eth0.1/forwarding".into()));
        assert_eq!(path("net/ipv4/conf/eth0.1/forwarding"), Some("net/ipv4/conf/eth0.1/forwarding".into()));
        for bad in ["", "net", "net/../kernel/core_pattern", "net..ipv4", "/net/ipv4"] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }

    #[test]
    fn parameters_have_owners() {
        assert!(owner("net.core.somaxconn").is_some());
        assert!(owner("kernel.shmmax").is_some());
        assert!(owner("kernel.core_pattern").is_none());
        assert!(owner("vm.swappiness").is_none());
    }
}
