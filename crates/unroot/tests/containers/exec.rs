//! `exec`: a further command in a container that runs.

use std::{fs, io::Write, process::Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    home::{Home, until},
    terminal::{Terminal, size},
};

/// A container that rests.
fn resting(home: &Home, options: &[&str]) {
    home.says(&[&["run", "-d", "--name", "c"], options, &["box", "sleep", "600"]].concat());
}

fn end(home: &Home) {
    home.says(&["rm", "-f", "c"]);
    home.assert_empty();
}

fn is_what_the_options_say(home: &Home) {
    let script = "id -u; id -g; id -G; echo $A $B $HOME; pwd; exit 3";
    let options = ["exec", "-u", "redis", "-e", "A=1", "--env=B=2", "-w", "/tmp", "c", "sh", "-c", script];
    let output = home.unroot(&options);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "101\n102\n102 40\n1 2 /data\n/tmp\n", "{output:?}");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(home.says(&["container", "exec", "-u", "7:8", "c", "id"]), "uid=7 gid=8\n");
    assert_eq!(
        home.says(&["exec", "--latest", "sh", "-c", "readlink /proc/self/ns/user; echo $HOSTNAME"]),
        home.says(&["exec", "c", "sh", "-c", "readlink /proc/1/ns/user; hostname"])
    );
    let file = home.path("variables");
    fs::write(&file, "# none\nC=3\n  D=4 5\n").expect("a file");
    let file = file.display().to_string();
    assert_eq!(home.says(&["exec", "--env-file", &file, "c", "sh", "-c", "echo \"$C|$D\""]), "3|4 5\n");
}

#[test]
fn privileged_exec_is_what_its_options_say() {
    let Some(home) = Home::privileged() else { return };
    resting(&home, &[]);
    is_what_the_options_say(&home);
    end(&home);
}

#[test]
fn rootless_exec_is_what_its_options_say() {
    let Some(home) = Home::rootless() else { return };
    if !home.says(&["info", "--format", "{{.host.rootfsMapping}}"]).starts_with("the user's own namespace") {
        return;
    }
    resting(&home, &[]);
    is_what_the_options_say(&home);
    end(&home);
}

#[test]
fn privileged_exec_has_the_rights_of_its_user() {
    let Some(home) = Home::privileged() else { return };
    resting(&home, &[]);
    let capabilities = |options: &[&str]| {
        let script = "while read name value; do case $name in Cap*) echo $name$value;; esac; done < /proc/self/status";
        home.says(&[&["exec"], options, &["c", "sh", "-c", script]].concat())
    };
    let of = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a set");
        u64::from_str_radix(line, 16).expect("a set")
    };
    let root = capabilities(&[]);
    assert!(of(&root, "CapEff:") == of(&root, "CapBnd:") && of(&root, "CapEff:") > 0 && of(&root, "CapInh:") == 0);
    let user = capabilities(&["-u", "redis"]);
    assert_eq!((of(&user, "CapEff:"), of(&user, "CapInh:"), of(&user, "CapBnd:")), (0, 0, of(&root, "CapBnd:")));
    let all = capabilities(&["--privileged"]);
    assert!(of(&all, "CapEff:") > of(&root, "CapEff:"));
    end(&home);
}

#[test]
fn privileged_exec_mistakes() {
    let Some(home) = Home::privileged() else { return };
    resting(&home, &[]);
    for (words, status, code) in [
        (&["c", "nope"][..], 127, "UR0502"),
        (&["c", "/etc/passwd"], 126, "UR0503"),
        (&["-w", "/nowhere", "c", "true"], 127, "UR0644"),
        (&["-w", "here", "c", "true"], 255, "UR0506"),
        (&["-u", "nobody-here", "c", "true"], 255, "UR0507"),
        (&["-e", "=", "c", "true"], 255, "UR0806"),
        (&["--env-file", "/no/such/file", "c", "true"], 255, "UR0831"),
        (&["c"], 255, "UR0501"),
        (&["nowhere", "true"], 125, "UR0802"),
    ] {
        let (found, said) = home.fails(&[&["exec"], words].concat());
        assert!(found == status && said.contains(&format!("error[{code}]")), "{words:?}: {found}: {said}");
    }
    home.says(&["stop", "-t", "0", "c"]);
    let (status, said) = home.fails(&["exec", "c", "true"]);
    assert!(status == 255 && said.contains("error[UR0814]"), "{status}: {said}");
    end(&home);
}

#[test]
fn privileged_exec_carries_streams_and_signals() {
    let Some(home) = Home::privileged() else { return };
    resting(&home, &[]);
    let mut child = home.command(&["exec", "-i", "c", "cat"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
    let sent = vec![b'x'; 1 << 20];
    let (mut input, copy) = (child.stdin.take().expect("a pipe"), sent.clone());
    let writer = std::thread::spawn(move || input.write_all(&copy));
    let output = child.wait_with_output().expect("its end");
    writer.join().expect("a thread").expect("all is taken");
    assert!(output.stdout == sent && output.status.success(), "{} bytes came back", output.stdout.len());
    let output = home.unroot(&["exec", "c", "sh", "-c", "echo out; echo err >&2; cat"]);
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    let script = "trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done";
    let mut child = home.command(&["exec", "c", "sh", "-c", script]);
    let mut child = child.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("a process");
    std::io::Read::read_exact(child.stdout.as_mut().expect("a pipe"), &mut [0; 6]).expect("output");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("a signal");
    assert_eq!(child.wait().expect("its end").code(), Some(42));
    // A command that leaves a process behind is not waited for longer than it lives.
    assert_eq!(home.says(&["exec", "c", "sh", "-c", "sleep 600 & echo left"]), "left\n");
    // Whose container ends is killed with it.
    let mut child = home.command(&["exec", "c", "sh", "-c", "echo ready; sleep 600"]);
    let mut child = child.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("a process");
    std::io::Read::read_exact(child.stdout.as_mut().expect("a pipe"), &mut [0; 6]).expect("output");
    home.says(&["stop", "-t", "0", "c"]);
    assert_eq!(child.wait().expect("its end").code(), Some(137));
    end(&home);
}

#[test]
fn privileged_exec_in_a_terminal() {
    let Some(home) = Home::privileged() else { return };
    resting(&home, &[]);
    let script = "trap 'echo resized $(stty size)' WINCH; stty size; echo $TERM; ls -l /proc/self/fd/0; read line; echo \"<$line>\"; exit 5";
    let mut terminal = Terminal::run(&home, &["exec", "-it", "-u", "redis", "c", "sh", "-c", script]);
    terminal.expect("/dev/pts/0");
    assert!(terminal.seen.contains("33 101") && terminal.seen.contains("xterm"), "{}", terminal.seen);
    rustix::termios::tcsetwinsize(&terminal.master, size(40, 120)).expect("a size");
    kill_process(Pid::from_child(&terminal.child), Signal::WINCH).expect("a signal");
    terminal.expect("resized 40 120");
    terminal.master.write_all(b"words\r").expect("keys");
    assert_eq!(terminal.wait().code(), Some(5), "{}", terminal.seen);
    end(&home);
}

#[test]
fn privileged_exec_goes_on_when_its_terminal_is_left() {
    let Some(home) = Home::privileged() else { return };
    resting(&home, &[]);
    let script = "echo ready; sleep 1; echo more; touch /tmp/done";
    let mut terminal = Terminal::run(&home, &["exec", "-it", "--detach-keys", "ctrl-a,x", "c", "sh", "-c", script]);
    terminal.expect("ready");
    terminal.master.write_all(b"\x01x").expect("keys");
    assert_eq!(terminal.wait().code(), Some(0), "{}", terminal.seen);
    until("the command has ended", || home.unroot(&["exec", "c", "ls", "/tmp/done"]).status.success());
    end(&home);
}

#[test]
fn privileged_exec_in_the_background() {
    let Some(home) = Home::privileged() else { return };
    resting(&home, &[]);
    let session = home.says(&["exec", "-d", "c", "sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 9"]);
    assert_eq!(session.trim().len(), 64, "{session}");
    let id = home.entries("run/containers").pop().expect("a container");
    let record = home.path("run/containers").join(id).join("exec").join(format!("{}.json", session.trim()));
    let exit = || fs::read_to_string(&record).is_ok_and(|text| text.contains("\"exit\":9"));
    assert!(!exit());
    home.says(&["exec", "c", "touch", "/tmp/go"]);
    until("the exit status is recorded", exit);
    let (status, said) = home.fails(&["exec", "-d", "c", "nope"]);
    assert!(status == 127 && said.contains("error[UR0502]"), "{status}: {said}");
    end(&home);
}

#[test]
fn privileged_exec_enters_every_kind_of_container() {
    let Some(home) = Home::privileged() else { return };
    for options in
        [&["--userns=host"][..], &["--network=host"], &["--userns=nomap"], &["--privileged"], &["--read-only"]]
    {
        if !home.unroot(&[&["run", "-d", "--name", "c"], options, &["box", "sleep", "600"]].concat()).status.success() {
            continue;
        }
        let script = "for kind in user mnt pid net ipc uts cgroup; do readlink /proc/$1/ns/$kind; done";
        let of = |pid: &str| home.says(&["exec", "c", "sh", "-c", script, "sh", pid]);
        assert_eq!(of("self"), of("1"), "{options:?}");
        end(&home);
    }
}
