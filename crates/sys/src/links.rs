//! Network devices: their addresses, and their way into another network namespace (`rtnetlink(7)`).
//!
//! Four kinds of messages, so they are put together by hand. All numbers have this machine's own byte order.

use std::os::fd::{FromRawFd, OwnedFd};

use rustix::{
    io::{self, Errno},
    net::{RecvFlags, SendFlags, netdevice::name_to_index, recv, send},
};

use crate::errno::last_errno;

/// An address of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `AF_INET` or `AF_INET6`.
    family: u8,
    /// How many bits of it are the network's.
    prefix: u8,
    /// Its attributes, as the kernel gave them: address, local address, broadcast address.
    attributes: Vec<u8>,
}

const GET_ADDRESS: u16 = 22;
const NEW_ADDRESS: u16 = 20;
const NEW_LINK: u16 = 16;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const CREATE: u16 = 0x400;
const DUMP: u16 = 0x300;
/// `struct nlmsghdr`, `struct ifaddrmsg`, `struct ifinfomsg`.
const HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;
/// `IFF_UP`
const UP: u32 = 1;
/// `IFA_F_PERMANENT`: somebody set it, and no router advertised it.
const PERMANENT: u8 = 0x80;
const ATTRIBUTE_NAME: u16 = 3;
const ATTRIBUTE_NAMESPACE: u16 = 19;
/// `IFA_ADDRESS`, `IFA_LOCAL`, `IFA_BROADCAST`
const KEPT: [u16; 3] = [1, 2, 4];

/// The number of a device in this thread's network namespace; `ENODEV` if there is none.
pub fn index(name: &str) -> io::Result<u32> {
    name_to_index(open()?, name)
}

/// The addresses of a device that somebody gave it for the whole world: those that a change of namespace would lose.
pub fn addresses(index: u32) -> io::Result<Vec<Address>> {
    let socket = open()?;
    tell(&socket, GET_ADDRESS, DUMP, &[0; ADDRESS_HEADER])?;
    let mut found = Vec::new();
    loop {
        let packet = hear(&socket)?;
        for (kind, body) in messages(&packet) {
            match kind {
                DONE => return Ok(found),
                ERROR => return Err(errno_of(body).err().unwrap_or(Errno::PROTO)),
                NEW_ADDRESS => found.extend(address(body, index)),
                _ => {}
            }
        }
    }
}

/// Puts a device into the network namespace of a process, under a name there. It comes down on the way and loses its addresses.
pub fn send_to(index: u32, pid: i32, name: &str) -> io::Result<()> {
    let mut body = link(index, 0, UP);
    attribute(&mut body, ATTRIBUTE_NAMESPACE, &pid.to_ne_bytes());
    attribute(&mut body, ATTRIBUTE_NAME, &[name.as_bytes(), &[0]].concat());
    ask(&open()?, NEW_LINK, 0, &body)
}

/// Gives a device of this thread's network namespace addresses, and brings it up.
pub fn bring_up(name: &str, addresses: &[Address]) -> io::Result<()> {
    let socket = open()?;
    let index = name_to_index(&socket, name)?;
    for address in addresses {
        let mut body = vec![address.family, address.prefix, PERMANENT, 0];
        body.extend_from_slice(&index.to_ne_bytes());
        body.extend_from_slice(&address.attributes);
        ask(&socket, NEW_ADDRESS, CREATE, &body)?;
    }
    ask(&socket, NEW_LINK, 0, &link(index, UP, UP))
}

/// `struct ifinfomsg`
fn link(index: u32, flags: u32, change: u32) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend_from_slice(&index.to_ne_bytes());
    body.extend_from_slice(&flags.to_ne_bytes());
    body.extend_from_slice(&change.to_ne_bytes());
    body
}

fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let len = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    body.extend_from_slice(&len.to_ne_bytes());
    body.extend_from_slice(&kind.to_ne_bytes());
    body.extend_from_slice(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// One address out of a dump, if it is one of the device's that is kept.
fn address(body: &[u8], wanted: u32) -> Option<Address> {
    let (head, mut rest) = body.split_first_chunk::<ADDRESS_HEADER>()?;
    let [family, prefix, flags, scope, index @ ..] = *head;
    if u32::from_ne_bytes(index) != wanted || scope != 0 || flags & PERMANENT == 0 {
        return None;
    }
    let mut attributes = Vec::new();
    while let Some((head, _)) = rest.split_first_chunk::<4>() {
        let len = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let kind = u16::from_ne_bytes([head[2], head[3]]);
        let value = rest.get(4..len)?;
        if KEPT.contains(&kind) {
            attribute(&mut attributes, kind, value);
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(Address { family, prefix, attributes })
}

fn open() -> io::Result<OwnedFd> {
    // SAFETY: the call takes integers and returns a new descriptor, or -1.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE) };
    if fd == -1 {
        return Err(last_errno());
    }
    // SAFETY: the kernel has opened this descriptor for us, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn tell(socket: &OwnedFd, kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend_from_slice(&u32::try_from(HEADER + body.len()).map_err(|_| Errno::MSGSIZE)?.to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&(flags | REQUEST).to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(body);
    send(socket, &message, SendFlags::empty()).map(drop)
}

fn hear(socket: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut packet = vec![0; 64 * 1024];
    let (_, len) = recv(socket, &mut packet[..], RecvFlags::empty())?;
    packet.truncate(len);
    Ok(packet)
}

/// A request whose answer is yes or no.
fn ask(socket: &OwnedFd, kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    tell(socket, kind, flags | ACKNOWLEDGE, body)?;
    loop {
        let packet = hear(socket)?;
        if let Some((_, body)) = messages(&packet).into_iter().find(|(kind, _)| *kind == ERROR) {
            return errno_of(body);
        }
    }
}

/// `struct nlmsgerr`: zero is a yes.
fn errno_of(body: &[u8]) -> io::Result<()> {
    match body.first_chunk::<4>().map(|bytes| i32::from_ne_bytes(*bytes)) {
        Some(0) => Ok(()),
        Some(errno) => Err(Errno::from_raw_os_error(-errno)),
        None => Err(Errno::PROTO),
    }
}

/// The kinds and bodies of the messages in a packet; what is cut off is left out.
fn messages(packet: &[u8]) -> Vec<(u16, &[u8])> {
    let mut rest = packet;
    let mut found = Vec::new();
    while let Some((head, _)) = rest.split_first_chunk::<HEADER>() {
        let len = usize::try_from(u32::from_ne_bytes([head[0], head[1], head[2], head[3]])).unwrap_or(usize::MAX);
        let Some(body) = rest.get(HEADER..len) else { break };
        found.push((u16::from_ne_bytes([head[4], head[5]]), body));
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_known_and_its_address_is_not_the_worlds() {
        let index = index("lo").unwrap();
        assert!(addresses(index).unwrap().is_empty());
        assert_eq!(super::index("no-such-link"), Err(Errno::NODEV));
    }

    #[test]
    fn messages_that_are_cut_off_are_left_out() {
        let mut body = Vec::new();
        attribute(&mut body, 3, b"eth0\0");
        assert_eq!(body.len(), 12);
        for cut in 0..40 {
            let packet = [&60_u32.to_ne_bytes()[..], &[0; 36]].concat();
            assert!(messages(&packet[..cut]).is_empty());
        }
        assert!(address(&[0; 8], 1).is_none() && address(&[0; 3], 0).is_none());
    }
}
