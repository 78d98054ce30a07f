//! The command line from outside: exit status, standard output and standard error, as a person sees them. No root needed.

use std::{fmt::Write as _, path::Path};

use assert_cmd::Command;

/// A command line's outcome; the temporary store's path is replaced by `STORE`.
fn outcome(words: &[&str]) -> String {
    let home = tempfile::tempdir().expect("a temporary directory");
    let store = home.path();
    let output = unroot(store, words).output().expect("unroot runs");
    let mut text = format!("$ unroot {}\n", words.join(" "));
    let status = output.status.code().map_or("a signal".to_owned(), |code| code.to_string());
    let _ = writeln!(text, "exit status: {status}");
    for (name, bytes) in [("stdout", output.stdout), ("stderr", output.stderr)] {
        if !bytes.is_empty() {
            let _ = write!(text, "--- {name}\n{}", String::from_utf8_lossy(&bytes));
        }
    }
    text.replace(&store.display().to_string(), "STORE")
}

fn unroot(store: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unroot"));
    command.env_clear().env("HOME", store).env("PATH", "/usr/bin:/bin").env("XDG_RUNTIME_DIR", store);
    command.args(words);
    command
}

/// Several command lines in one snapshot.
fn outcomes(lines: &[&[&str]]) -> String {
    lines.iter().map(|words| outcome(words)).collect::<Vec<_>>().join("\n")
}

/// The names that a page of help lists below `heading`.
fn listed(help: &str, heading: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != heading).skip(1).take_while(|line| line.starts_with("  "));
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

// One file a verb: who adds or changes one touches no other's.
#[test]
fn help_of_every_verb() {
    let verbs = listed(&outcome(&["--help"]), "Commands:");
    assert!(verbs.len() > 15, "{verbs:?}");
    for verb in &verbs {
        insta::with_settings!({ snapshot_suffix => verb.as_str(), description => "" }, {
            insta::assert_snapshot!("help", outcome(&[verb, "--help"]));
        });
    }
}

#[test]
fn what_is_written_wrongly() {
    insta::assert_snapshot!(outcomes(&[
        &[],
        &["image"],
        &["frob"],
        &["run"],
        &["run", "--nam", "x", "debian"],
        &["run", "--name"],
        &["run", "--tty=perhaps", "debian"],
        &["stop", "-t", "soon", "web"],
        &["ps", "surplus"],
        &["--log-format", "xml", "ps"],
    ]));
}

#[test]
fn what_podman_knows_and_this_version_does_not() {
    insta::assert_snapshot!(outcomes(&[
        &["kube", "play", "pod.yaml"],
        &["run", "--gpus=all", "debian"],
        &["run", "--pod", "web", "debian"],
        &["container", "ls", "--pod"],
        &["image", "trust"],
        &["--remote", "ps"],
    ]));
}

#[test]
fn codes_are_explained() {
    insta::assert_snapshot!(outcomes(&[&["explain", "UR0808"], &["explain", "ur0101x"]]));
    let all = outcome(&["explain"]);
    assert!(all.contains("\nUR0101  the map leaves out an id"), "{all}");
}

#[test]
fn the_version_in_all_forms() {
    let text = outcomes(&[&["version"], &["version", "--format", "{{.Client.Version}}"], &["--version"]]);
    assert!(text.contains(&format!("Version:      {}", env!("CARGO_PKG_VERSION"))), "{text}");
    assert!(text.contains(&format!("unroot {}", env!("CARGO_PKG_VERSION"))), "{text}");
    assert!(!text.contains("stderr"), "{text}");
}

#[test]
fn json_diagnostics_hold_for_what_the_parser_refuses_too() {
    let text = outcome(&["--log-format", "json", "run", "--gpus", "x", "debian"]);
    let line = text.lines().find(|line| line.starts_with('{')).expect("one JSON line");
    let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((value["code"].as_str(), value["level"].as_str()), (Some("UR0808"), Some("error")), "{text}");
}

#[test]
fn a_word_that_is_no_text_is_refused() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let home = tempfile::tempdir().expect("a temporary directory");
    let output = unroot(home.path(), &["run"]).arg(OsStr::from_bytes(b"\xff")).output().expect("unroot runs");
    assert_eq!(output.status.code(), Some(125));
    assert!(String::from_utf8_lossy(&output.stderr).contains("argument 2 is not valid UTF-8"));
}

#[test]
fn hello_is_a_program_of_its_own() {
    use std::os::unix::process::CommandExt;
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_unroot")).arg0("/hello").output().expect("hello runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("Hello from a container."), "{text}");
}
