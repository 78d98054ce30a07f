use std::cell::RefCell;

use runtime::job::frame;
use rustix::net::{SendFlags, send};

use super::*;

#[derive(Default)]
struct Seen(RefCell<Vec<String>>);

impl Notices for Seen {
    fn notice(&self, report: &Report) {
        self.0.borrow_mut().push(report.what.to_string());
    }
}

fn pair() -> (Link, Link) {
    Link::pair().unwrap()
}

fn say(link: &Link, kind: u8, contents: &[u8]) {
    let packet: Vec<u8> = [&[kind], contents].concat();
    send(link, &packet, SendFlags::empty()).unwrap();
}

#[test]
fn the_exit_is_what_attend_returns_and_warnings_are_passed_on() {
    let (ours, monitors) = pair();
    let seen = Seen::default();
    for (code, what) in [(codes::UR0611, "no control group"), (codes::UR0606, "the socket cannot be removed")] {
        let warning = Error::warning(code, what);
        say(&monitors, frame::WARNING, &serde_json::to_vec(warning.report()).unwrap());
    }
    say(&monitors, frame::STARTED, b"42");
    let exit = Exit { code: 7, at: 1, ..Exit::default() };
    say(&monitors, frame::EXIT, &serde_json::to_vec(&exit).unwrap());
    let signals = catch_signals(&Wiring::default()).unwrap();
    let ended = Client::new(ours, Wiring::default(), &seen).attend(&signals).unwrap();
    assert_eq!(ended, Ended::Exited(exit));
    assert_eq!(*seen.0.borrow(), ["the socket cannot be removed"]);
}

#[test]
fn a_failure_is_the_monitors_own_diagnosis() {
    let (ours, monitors) = pair();
    let failure = Error::new(codes::UR0502, "no such command");
    say(&monitors, frame::FAILED, &serde_json::to_vec(failure.report()).unwrap());
    let seen = Seen::default();
    let error = Client::new(ours, Wiring::default(), &seen).await_start().unwrap_err();
    assert_eq!((error.code(), error.report().what.as_ref()), (codes::UR0502, "no such command"));
}

#[test]
fn a_monitor_that_dies_is_noticed() {
    let seen = Seen::default();
    let (ours, monitors) = pair();
    drop(monitors);
    let mut client = Client::new(ours, Wiring::default(), &seen);
    assert_eq!(client.await_start().unwrap_err().code(), codes::UR0805);
    let signals = catch_signals(&Wiring::default()).unwrap();
    assert_eq!(client.attend(&signals).unwrap(), Ended::MonitorGone);
}

#[test]
fn what_is_not_understood_is_passed_over() {
    let seen = Seen::default();
    let (ours, monitors) = pair();
    say(&monitors, b'?', b"from the future");
    say(&monitors, frame::EXIT, b"{}");
    say(&monitors, frame::STARTED, b"42");
    Client::new(ours, Wiring::default(), &seen).await_start().unwrap();
}

#[test]
fn a_signal_goes_to_the_monitor() {
    let (ours, monitors) = pair();
    let seen = Seen::default();
    Client::new(ours, Wiring::default(), &seen).signal(15).unwrap();
    let mut packet = [0; 8];
    let (length, _) = rustix::net::recv(&monitors, &mut packet, rustix::net::RecvFlags::empty()).unwrap();
    assert_eq!(packet[..length], [frame::SIGNAL, 15]);
}

#[test]
fn an_old_monitor_is_told_from_a_new_one() {
    let seen = Seen::default();
    let finding = |hello: bool| {
        let (ours, monitors) = pair();
        if hello {
            say(&monitors, frame::HELLO, b"2");
        }
        say(&monitors, frame::STARTED, b"42");
        say(&monitors, frame::CHECKED, br#"{"Start":"","End":"","ExitCode":3,"Output":""}"#);
        Client::quiet(ours, &seen).check_health("web")
    };
    assert_eq!(finding(true).unwrap().unwrap().exit_code, 3);
    assert_eq!(finding(false).unwrap_err().code(), codes::UR0631);
}
