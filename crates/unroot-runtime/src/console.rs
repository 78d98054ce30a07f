//! The terminal's master is handed to whoever listens on the console socket (runc's protocol: one message with one descriptor).

use std::{
    io::IoSlice,
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use diag::{Error, Result, codes};
use rustix::{
    io::Errno,
    net::{
        AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
        connect, sendmsg, socket_with,
    },
};

/// Connects to a console socket; before the container is made, so that a socket that is not there costs nothing.
pub fn connect_to(path: &Path) -> Result<OwnedFd> {
    let failed = |call: &str, errno: Errno| {
        Error::new(codes::UR0511, format!("the console socket `{}` cannot be used", path.display()))
            .os(format!("{call}({})", path.display()), errno.raw_os_error())
    };
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(|errno| failed("socket", errno))?;
    let address = SocketAddrUnix::new(path).map_err(|errno| failed("connect", errno))?;
    connect(&socket, &address).map_err(|errno| failed("connect", errno))?;
    Ok(socket)
}

/// Sends the master, with the name that runc gives it.
pub fn send(socket: &OwnedFd, master: &OwnedFd) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [master.as_fd()];
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    sendmsg(socket, &[IoSlice::new(b"/dev/ptmx")], &mut control, SendFlags::NOSIGNAL).map(drop).map_err(|errno| {
        Error::new(codes::UR0511, "the terminal cannot be handed to the console socket")
            .os("sendmsg(console socket)", errno.raw_os_error())
    })
}
