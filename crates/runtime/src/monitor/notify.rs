//! The word to the service manager (`sd_notify(3)`): whose it is, and the way it takes.
//!
//! A container that is to speak for itself gets a socket of its own in its bundle, `notify/notify.sock`, of which the engine
//! makes `/run/notify/notify.sock`; what comes in there is passed on, but not what only a process of the host can say.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use diag::{Error, Result, codes};
use rustix::{
    fs::{AtFlags, Mode, chmodat},
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, bind, recv, sendto, socket_with,
    },
};
use sys::Dir;

use crate::job::{Job, notify::SdNotify};

/// The directory in the bundle.
pub const DIRECTORY: &str = "notify";
/// The socket in it.
pub const SOCKET: &str = "notify.sock";

/// The longest word that is passed on.
const LIMIT: usize = 4096;

/// Assignments that are about processes and descriptors of the host.
const NOT_PASSED: [&str; 5] = ["MAINPID=", "MAINPIDFDID=", "MAINPIDFD=", "FDSTORE", "FDNAME="];

/// The way to the service manager.
pub(super) struct Notifier {
    target: SocketAddrUnix,
    socket: OwnedFd,
    /// Where the container speaks.
    pub(super) inlet: Option<OwnedFd>,
    mode: SdNotify,
    is_ready: bool,
}

impl Notifier {
    /// Opens the way, if somebody waits for a word at all. UR0633.
    pub(super) fn open(job: &Job, bundle: &Dir) -> Result<Option<Notifier>> {
        let mode = job.supervision.sdnotify;
        let Some(path) = job.notify_socket.as_deref().filter(|_| mode != SdNotify::Ignore) else { return Ok(None) };
        Notifier::at(path, mode, bundle).map(Some).map_err(|errno| {
            Error::new(codes::UR0633, "the way to the service manager cannot be prepared")
                .os(format!("bind({SOCKET})"), errno.raw_os_error())
                .fact(format!("NOTIFY_SOCKET is `{path}`"))
        })
    }

    fn at(path: &str, mode: SdNotify, bundle: &Dir) -> Result<Notifier, Errno> {
        let target = match path.strip_prefix('@') {
            Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes())?,
            None => SocketAddrUnix::new(path)?,
        };
        let open = || {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)
        };
        let socket = open()?;
        let inlet = if mode == SdNotify::Container { Some(listen(open()?, bundle)?) } else { None };
        Ok(Notifier { target, socket, inlet, mode, is_ready: false })
    }

    /// The container's command was executed.
    pub(super) fn started(&mut self) -> Option<Error> {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        let ready = if self.mode == SdNotify::Conmon && !self.is_ready { "\nREADY=1" } else { "" };
        self.is_ready |= !ready.is_empty();
        self.say(format!("MAINPID={pid}{ready}").as_bytes())
    }

    /// The container is healthy.
    pub(super) fn healthy(&mut self) -> Option<Error> {
        if self.mode != SdNotify::Healthy || self.is_ready {
            return None;
        }
        self.is_ready = true;
        self.say(b"READY=1")
    }

    /// Passes on what the container has said.
    pub(super) fn pass_on(&self) {
        let Some(inlet) = &self.inlet else { return };
        let mut buffer = [0; LIMIT];
        // A word that is cut could say something else.
        while let Ok((_, length)) = recv(inlet, &mut buffer, RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
            let word = buffer.get(..length).map(passed).unwrap_or_default();
            if !word.is_empty() {
                drop(self.say(&word));
            }
        }
    }

    fn say(&self, word: &[u8]) -> Option<Error> {
        let said = sendto(&self.socket, word, SendFlags::NOSIGNAL, &self.target);
        said.err().map(|errno| {
            Error::warning(codes::UR0633, "the service manager could not be told how the container is")
                .os("sendto(NOTIFY_SOCKET)", errno.raw_os_error())
        })
    }
}

/// What of a word is for the service manager.
fn passed(word: &[u8]) -> Vec<u8> {
    let lines = word
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty() && !NOT_PASSED.iter().any(|name| line.starts_with(name.as_bytes())));
    lines.collect::<Vec<_>>().join(&b'\n')
}

/// A socket that everybody in the container can write to.
fn listen(socket: OwnedFd, bundle: &Dir) -> Result<OwnedFd, Errno> {
    let dir = bundle.ensure_dir(DIRECTORY, 0o755).map_err(|failed| failed.errno)?;
    dir.remove_file(SOCKET).map_err(|failed| failed.errno)?;
    // By way of the open directory: a path of its own may be longer than the 108 bytes of an address.
    bind(&socket, &SocketAddrUnix::new(format!("/proc/self/fd/{}/{SOCKET}", dir.as_fd().as_raw_fd()))?)?;
    let all = Mode::from_raw_mode(0o666);
    chmodat(&dir, SOCKET, all, AtFlags::empty())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    fn heard(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 1000];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn the_container_speaks_for_itself_but_not_of_pids() {
        let place = tempfile::tempdir().unwrap();
        let manager = UnixDatagram::bind(place.path().join("manager")).unwrap();
        let bundle = Dir::open(place.path()).unwrap();
        let path = place.path().join("manager");
        let mut notifier = Notifier::at(path.to_str().unwrap(), SdNotify::Container, &bundle).unwrap();
        assert!(notifier.started().is_none() && notifier.healthy().is_none());
        assert_eq!(heard(&manager), format!("MAINPID={}", std::process::id()));
        let container = UnixDatagram::unbound().unwrap();
        container.connect(place.path().join("notify/notify.sock")).unwrap();
        container.send(b"READY=1\nMAINPID=1\nSTATUS=well\nFDSTORE=1").unwrap();
        container.send(b"MAINPID=7").unwrap();
        container.send(b"STOPPING=1").unwrap();
        notifier.pass_on();
        assert_eq!(heard(&manager), "READY=1\nSTATUS=well");
        assert_eq!(heard(&manager), "STOPPING=1");
    }

    #[test]
    fn the_monitor_speaks_for_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("manager");
        let manager = UnixDatagram::bind(&path).unwrap();
        let bundle = Dir::open(place.path()).unwrap();
        let open = |mode| Notifier::at(path.to_str().unwrap(), mode, &bundle).unwrap();
        open(SdNotify::Conmon).started();
        assert!(heard(&manager).ends_with("\nREADY=1"));
        let mut notifier = open(SdNotify::Healthy);
        notifier.started();
        assert!(!heard(&manager).contains("READY"));
        notifier.healthy();
        assert_eq!(heard(&manager), "READY=1");
        drop(manager);
        assert_eq!(open(SdNotify::Conmon).started().unwrap().code(), codes::UR0633);
    }
}
