//! The agent that decides on system calls: how it comes to have the descriptor of a container's notifications.
//!
//! The container's first process loads its filter and cannot hand the descriptor over by itself: the calls that it would need for that
//! may be among those that wait for the agent. So it says beforehand which number the descriptor will have (its lowest free one), and
//! the process that has said `Start` takes it out (`pidfd_getfd(2)`) and gives it to the agent, together with the container's state. Then
//! the first process goes on; if it is stopped by its own filter meanwhile, the agent has the descriptor to let it go on.
//!
//! Source: config-linux.md "The Container Process State" of the OCI runtime specification.

use std::{
    io::IoSlice,
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    time::Duration,
};

use diag::{Error, Pointer, Result, codes};
use oci::Bundle;
use rustix::{
    io::Errno,
    net::{
        AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
        connect, sendmsg, socket_with,
    },
    process::{PidfdGetfdFlags, pidfd_getfd},
};
use serde::Serialize;

use crate::state::{OCI_VERSION, Public, State};

/// How often a descriptor is looked for that the first process is about to have; a millisecond lies between.
const TRIES: u32 = 5000;

/// What an agent is told (`ContainerProcessState`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    oci_version: &'a str,
    fds: [&'static str; 1],
    pid: i32,
    #[serde(skip_serializing_if = "str::is_empty")]
    metadata: &'a str,
    state: Public<'a>,
}

/// Takes the descriptor with this number out of a process and gives it to the bundle's agent.
///
/// `process` is the process's pidfd, `pid` its pid as the agent is to see it. Errors: UR0421.
pub fn deliver(bundle: &Bundle, state: &State, process: BorrowedFd<'_>, pid: i32, number: i32) -> Result<()> {
    let profile = bundle.spec.linux.as_ref().and_then(|linux| linux.seccomp.as_ref());
    let Some(path) = profile.and_then(|profile| profile.listener_path.as_deref()) else { return Ok(()) };
    let at = || bundle.at(Pointer::new(super::AT).child("listenerPath"));
    let failed = |call: String, errno: Errno| {
        Error::new(codes::UR0421, format!("the seccomp agent `{}` cannot be given the container", path.display()))
            .os(call, errno.raw_os_error())
            .at(at())
    };
    let listener = take(process, number).map_err(|errno| failed(format!("pidfd_getfd({pid}, {number})"), errno))?;
    let metadata = profile.and_then(|profile| profile.listener_metadata.as_deref()).unwrap_or_default();
    let told = Told { oci_version: OCI_VERSION, fds: ["seccompFd"], pid, metadata, state: state.public() };
    let told = serde_json::to_vec(&told).unwrap_or_default();
    send(path, &told, listener.as_fd()).map_err(|(call, errno)| match errno {
        Errno::NOENT | Errno::CONNREFUSED => {
            failed(call, errno).help("start the agent before the container, on the socket of `listenerPath`")
        }
        _ => failed(call, errno),
    })
}

/// The process has said that it is about to have it.
fn take(process: BorrowedFd<'_>, number: i32) -> rustix::io::Result<OwnedFd> {
    for _ in 0..TRIES {
        match pidfd_getfd(process, number, PidfdGetfdFlags::empty()) {
            Err(Errno::BADF) => std::thread::sleep(Duration::from_millis(1)),
            taken => return taken,
        }
    }
    Err(Errno::BADF)
}

fn send(path: &Path, told: &[u8], listener: BorrowedFd<'_>) -> Result<(), (String, Errno)> {
    let call = |name: &str| format!("{name}({})", path.display());
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(|errno| (call("socket"), errno))?;
    let address = SocketAddrUnix::new(path).map_err(|errno| (call("connect"), errno))?;
    connect(&socket, &address).map_err(|errno| (call("connect"), errno))?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [listener];
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err((call("sendmsg"), Errno::TOOBIG));
    }
    let sent = sendmsg(&socket, &[IoSlice::new(told)], &mut control, SendFlags::NOSIGNAL);
    let sent = sent.map_err(|errno| (call("sendmsg"), errno))?;
    // The rest of a text that did not fit into the socket at once; the descriptor is with the first part.
    sys::dir::write_all(&socket, &told[sent..]).map_err(|errno| (call("write"), errno))
}
