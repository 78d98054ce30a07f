use std::time::{Duration, Instant};

use super::*;

fn hook(json: &str) -> Hook {
    serde_json::from_str(json).unwrap()
}

fn shell(script: &str, timeout: Option<i64>) -> Hook {
    let hook = serde_json::json!({
        "path": "/bin/sh",
        "args": ["hook", "-c", script],
        "env": ["PATH=/usr/bin:/bin", "A=b=c"],
        "timeout": timeout,
    });
    hook_from(hook)
}

fn hook_from(value: serde_json::Value) -> Hook {
    serde_json::from_value(value).unwrap()
}

fn source() -> Source {
    Source::new("config.json", "{}")
}

fn run(hook: &Hook, state: &[u8]) -> Result<()> {
    run_all(std::slice::from_ref(hook), Kind::CreateRuntime, &source(), state)
}

fn pointer(error: &Error) -> String {
    match &error.report().at {
        Some(diag::Origin::Config { pointer, .. }) => pointer.as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn gets_state_arguments_and_its_own_environment_only() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let script = format!("{{ cat; echo; echo $0; env | grep -v ^PWD= | sort; }} > {}", out.display());
    run(&shell(&script, Some(10)), b"{\"id\":1}").unwrap();
    let text = sys::Dir::open(dir.path()).unwrap().read_text("out", 4096).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("_=") && !line.starts_with("SHLVL")).collect();
    // `$0` of `sh -c SCRIPT` is the shell's own name.
    assert_eq!(lines, ["{\"id\":1}", "hook", "A=b=c", "PATH=/usr/bin:/bin"]);
}

#[test]
fn not_reading_the_state_is_no_failure() {
    let long = vec![b' '; 1 << 20];
    run(&shell("exit 0", None), &long).unwrap();
    run(&shell("head -c 10 >/dev/null; sleep 0.05", None), &long).unwrap();
    run(&shell("test $(wc -c) = 1048576", None), &long).unwrap();
}

#[test]
fn a_status_a_signal_and_the_output_are_told() {
    let error =
        run(&shell("echo to stdout; echo to stderr >&2; printf 'x\\033[1m' >&2; exit 3", None), b"{}").unwrap_err();
    assert_eq!(error.code(), codes::UR0605);
    assert_eq!(error.to_string(), "the createRuntime hook `/bin/sh` exited with status 3");
    assert_eq!(error.report().facts, ["it said: to stdout", "it said: to stderr", "it said: x[1m"]);
    assert_eq!(pointer(&error), "/hooks/createRuntime/0");
    let error = run(&shell("kill -TERM $$", None), b"{}").unwrap_err();
    assert_eq!(error.to_string(), "the createRuntime hook `/bin/sh` was killed by SIGTERM");
}

#[test]
fn only_the_end_of_the_output_is_kept() {
    let script = "i=0; while [ $i -lt 9000 ]; do echo line $i; i=$((i+1)); done; exit 1";
    let error = run(&shell(script, None), b"{}").unwrap_err();
    let facts = &error.report().facts;
    assert_eq!(facts.last().unwrap(), "it said: line 8999");
    assert!(facts.iter().map(String::len).sum::<usize>() < 5000, "{}", facts.len());
}

#[test]
fn its_time_ends_with_its_children() {
    let begun = Instant::now();
    let error = run(&shell("sleep 60 & sleep 60", Some(1)), b"{}").unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(error.to_string().contains("timeout of 1 seconds"), "{error}");
}

#[test]
fn a_daemon_that_keeps_the_output_is_not_waited_for() {
    let begun = Instant::now();
    run(&shell("sleep 5 & exit 0", None), b"{}").unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_missing_program_is_named() {
    let error = run(&hook(r#"{"path":"/does/not/exist"}"#), b"{}").unwrap_err();
    assert_eq!(error.code(), codes::UR0605);
    assert!(error.to_string().contains("could not be run: execve(/does/not/exist)"), "{error}");
}

#[test]
fn mistakes_in_the_configuration_are_pointed_at() {
    let cases = [
        (r#"{"path":"bin/sh"}"#, "/hooks/poststop/0/path"),
        (r#"{"path":"/bin/sh","timeout":0}"#, "/hooks/poststop/0/timeout"),
        (r#"{"path":"/bin/sh","timeout":-5}"#, "/hooks/poststop/0/timeout"),
        (r#"{"path":"/bin/sh","args":["a\u0000b"]}"#, "/hooks/poststop/0/args"),
        (r#"{"path":"/bin/sh","env":["A=\u0000"]}"#, "/hooks/poststop/0/env"),
        (r#"{"path":"/bin/sh","env":["nothing"]}"#, "/hooks/poststop/0/env"),
        (r#"{"path":"/bin/sh","env":["=b"]}"#, "/hooks/poststop/0/env"),
        (r#"{"path":"/bin/\u0000sh"}"#, "/hooks/poststop/0/path"),
    ];
    for (text, at) in cases {
        let error = check(&[hook(text)], Kind::Poststop, &source()).unwrap_err();
        assert_eq!((error.code(), pointer(&error).as_str()), (codes::UR0402, at));
    }
}

#[test]
fn the_first_failure_ends_a_start_and_nothing_ends_a_stop() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("mark");
    let hooks = [shell("exit 1", None), shell(&format!("touch {}", mark.display()), None)];
    run_all(&hooks, Kind::Prestart, &source(), b"{}").unwrap_err();
    assert!(!mark.exists());
    let warnings = run_each(&hooks, Kind::Poststop, &source(), b"{}");
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].report().severity, diag::Severity::Warning);
    assert!(mark.exists());
}
