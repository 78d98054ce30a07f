//! Standard input and output, signals, and readers that go away.

use std::{
    process::{Child, Stdio},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::home::{Home, until};

#[test]
fn privileged_output_input_and_a_reader_that_goes() {
    let Some(home) = Home::privileged() else { return };
    let mut child = home.command(&["run", "--rm", "-i", "box", "cat"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
    let sent = vec![b'x'; 1 << 20];
    let mut input = child.stdin.take().expect("a pipe");
    let copy = sent.clone();
    let writer = thread::spawn(move || std::io::Write::write_all(&mut input, &copy));
    let output = child.wait_with_output().expect("its end");
    writer.join().expect("a thread").expect("all is taken");
    assert!(output.stdout == sent, "{} bytes came back", output.stdout.len());
    let mut child = home.command(&["run", "--rm", "box", "sh", "-c", "while :; do echo y; done"]);
    let mut child = child.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("a process");
    let mut first = [0; 2];
    std::io::Read::read_exact(child.stdout.as_mut().expect("a pipe"), &mut first).expect("output");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("its end").code(), Some(141));
    home.assert_empty();
}

/// `unroot run` attached to a script, which writes a file when it is ready.
fn ready(home: &Home, name: &str, script: &str) -> Child {
    let words = ["run", "--rm", "--name", name, "box", "sh", "-c", script];
    let child = home.command(&words).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("a process");
    let written = || {
        let ids = home.entries("root/containers");
        ids.iter().any(|id| home.path("root/containers").join(id).join("upper/ready").exists())
    };
    until("the script is ready", written);
    child
}

#[test]
fn privileged_signals_are_passed_on() {
    let Some(home) = Home::privileged() else { return };
    for (name, signal) in [("TERM", Signal::TERM), ("INT", Signal::INT), ("USR1", Signal::USR1), ("HUP", Signal::HUP)] {
        let script = format!("trap 'echo caught {name}; exit 42' {name}; touch /ready; while :; do sleep 0.05; done");
        let child = ready(&home, "signalled", &script);
        let pid = Pid::from_child(&child);
        kill_process(pid, signal).expect("a signal");
        let output = child.wait_with_output().expect("its end");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.code() == Some(42) && said == format!("caught {name}\n"), "{name}: {output:?}");
    }
    home.assert_empty();
}

#[test]
fn privileged_a_killed_command_is_137_and_a_stopped_one_its_own() {
    let Some(home) = Home::privileged() else { return };
    let child = ready(&home, "c", "touch /ready; while :; do sleep 0.05; done");
    home.says(&["stop", "-t", "0", "c"]);
    let output = child.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(137), "{output:?}");
    let child = ready(&home, "c", "trap 'exit 3' TERM; touch /ready; while :; do sleep 0.05; done");
    home.says(&["stop", "c"]);
    assert_eq!(child.wait_with_output().expect("its end").status.code(), Some(3));
    home.assert_empty();
}
