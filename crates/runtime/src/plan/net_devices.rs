//! `linux.netDevices`: network devices of the host's that move into the container's network namespace.
//!
//! The parent moves them, which has rights over the host's network; on the way they come down and lose their addresses, which the
//! container's first process gives them back.

use diag::{Error, Pointer, Result, codes};
use sys::{clone::Namespaces, links};

use super::Context;
use crate::step::Act;

/// The longest name of a device (`IFNAMSIZ`, without the NUL).
const LONGEST: usize = 15;

/// A device that is moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetDevice {
    /// Its number on the host.
    pub index: u32,
    /// Its name there.
    pub name: String,
    /// Its name in the container.
    pub inside: String,
}

/// Looks for the devices and plans what the container's process does with them. Errors: UR0402, UR0413, UR0425.
pub(super) fn decide(context: &mut Context<'_>) -> Result<Vec<NetDevice>> {
    let Some(linux) = &context.bundle.spec.linux else { return Ok(Vec::new()) };
    let mut devices = Vec::new();
    for (name, device) in &linux.net_devices {
        let from = Pointer::new("/linux/netDevices").child(name);
        let inside = device.name.as_ref().filter(|inside| !inside.is_empty()).unwrap_or(name);
        check_name(inside).map_err(|what| {
            Error::new(codes::UR0402, what).at(context.bundle.at(if inside == name {
                from.clone()
            } else {
                from.child("name")
            }))
        })?;
        if !context.namespaces.has(Namespaces::NET) {
            return Err(Error::new(
                codes::UR0413,
                "network devices are given, but the container has no network namespace",
            )
            .at(context.bundle.at(from))
            .help("add `{\"type\": \"network\"}` to linux.namespaces"));
        }
        let lost = |call: &str, errno: rustix::io::Errno| {
            Error::new(codes::UR0425, format!("the network device `{name}` is not there"))
                .os(format!("{call}({name})"), errno.raw_os_error())
                .at(context.bundle.at(from.clone()))
        };
        let index = links::index(name).map_err(|errno| lost("ioctl(SIOCGIFINDEX)", errno))?;
        let addresses = links::addresses(index).map_err(|errno| lost("RTM_GETADDR", errno))?;
        context.prepare(Act::NetDevice { name: inside.clone(), addresses }, from);
        devices.push(NetDevice { index, name: name.clone(), inside: inside.clone() });
    }
    Ok(devices)
}

fn check_name(name: &str) -> Result<(), String> {
    let bad = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    match name {
        "" | "." | ".." => Err(format!("`{name}` is no name of a network device")),
        _ if name.len() > LONGEST => {
            Err(format!("`{name}` is longer than the {LONGEST} bytes that a network device's name has"))
        }
        _ if name.contains(bad) => Err(format!("`{name}` has characters that a network device's name has not")),
        _ => Ok(()),
    }
}
