//! The terminal of a container, and the socket that its master goes to.

use std::{
    fs::File,
    io::{IoSliceMut, Read, Write},
    mem::MaybeUninit,
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::json;

use crate::bundle::{Bundle, privileged};

/// The descriptor in the one message that comes.
pub fn receive(socket: &UnixStream) -> OwnedFd {
    let (mut text, mut space) = ([0; 64], [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))]);
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = recvmsg(socket, &mut [IoSliceMut::new(&mut text)], &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    assert_eq!(&text[..message.bytes], b"/dev/ptmx");
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    descriptor.unwrap()
}

fn socket(bundle: &mut Bundle) -> UnixListener {
    let path = bundle.outside().join("console");
    bundle.option(&["--console-socket", path.to_str().unwrap()]);
    UnixListener::bind(path).unwrap()
}

/// Reads until the other side is closed, which a terminal says with EIO.
pub fn read_all(terminal: &mut File) -> String {
    let (mut all, mut piece) = (Vec::new(), [0; 1024]);
    while let Ok(n @ 1..) = terminal.read(&mut piece) {
        all.extend_from_slice(&piece[..n]);
    }
    String::from_utf8(all).unwrap()
}

#[test]
fn privileged_a_terminal_goes_to_the_console_socket() {
    privileged(|bundle| {
        let listener = socket(bundle);
        bundle.set("/process/terminal", true).set("/process/consoleSize", json!({"height": 33, "width": 77}));
        bundle.sh("tty; stat -c %u /dev/console; stty size; read line; echo got $line").set("/process/user/uid", 1000);
        bundle.create().ok();
        let mut terminal = File::from(receive(&listener.accept().unwrap().0));
        let size = rustix::termios::tcgetwinsize(&terminal).unwrap();
        assert_eq!((size.ws_row, size.ws_col), (33, 77));
        bundle.verb("start", &[]).ok();
        terminal.write_all(b"words\n").unwrap();
        let said = read_all(&mut terminal);
        for words in ["/dev/pts/0", "1000", "got words"] {
            assert!(said.contains(words), "no {words:?} in {said:?}");
        }
        bundle.wait_stopped();
        bundle.verb("delete", &[]).ok();
    });
}

#[test]
fn privileged_run_without_a_terminal_of_its_own_carries_the_containers() {
    privileged(|bundle| {
        let ran = bundle.set("/process/terminal", true).sh("tty; test -t 0 && test -t 2 && echo all").run();
        assert_eq!(ran.ok().replace('\r', ""), "/dev/pts/0\nall");
    });
}

#[test]
fn privileged_a_terminal_needs_somebody_to_take_it() {
    privileged(|bundle| {
        bundle.set("/process/terminal", true);
        bundle.create().refused("UR0511", "process.terminal", &["--console-socket"]);
    });
}

#[test]
fn privileged_a_socket_without_a_terminal() {
    privileged(|bundle| {
        let _listener = socket(bundle);
        bundle.create().refused("UR0511", "", &["--console-socket", "no terminal"]);
    });
}

#[test]
fn privileged_a_socket_that_is_not_there() {
    privileged(|bundle| {
        bundle.set("/process/terminal", true).option(&["--console-socket", "/no/such/socket"]);
        bundle.create().refused("UR0511", "", &["/no/such/socket", "ENOENT"]);
    });
}

#[test]
fn privileged_a_terminal_needs_devpts() {
    privileged(|bundle| {
        let _listener = socket(bundle);
        bundle.set("/process/terminal", true).unmount("/dev/pts");
        bundle.create().refused("UR0511", "process.terminal", &["devpts"]);
    });
}
