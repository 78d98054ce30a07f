//! What reports look like: snapshots of all origins in all forms, and hostile text in every place.

use std::{sync::Arc, time::Duration, time::UNIX_EPOCH};

use proptest::prelude::*;

use super::*;
use crate::{Error, Origin, Pointer, codes};

const CONFIG: &str = r#"{
  "ociVersion": "1.2.0",
  "root": { "path": "rootfs" },
  "process": {
	"cwd": "/größe", "args": []
  },
  "linux": {
    "uidMappings": [
      { "containerID": 0, "hostID": 65536, "size": 10 },
      {
        "containerID": 5,
        "hostID": 165536,
        "size": 10
      }
    ]
  }
}
"#;

fn config(pointer: &str, text: &str) -> Origin {
    Origin::Config { file: "/run/b/config.json".into(), pointer: Pointer::new(pointer), text: text.into() }
}

fn arg(argv: &[&str], index: usize, range: Option<std::ops::Range<usize>>) -> Origin {
    Origin::Arg { argv: argv.iter().map(ToString::to_string).collect(), index, range }
}

/// All forms of a report, one below the other; escape sequences as carets, so that a snapshot can be read.
fn forms(error: &Error) -> String {
    let report = error.report();
    let time = UNIX_EPOCH + Duration::from_secs(1_795_292_437);
    let colored = text(report, Style { color: true, width: 80 }).replace('\x1b', "^");
    let plain = text(report, Style { color: false, width: 80 });
    format!("{plain}\n{colored}\n{}\n{}", json(report, time), log_text(report, time))
}

macro_rules! shown {
    ($name:literal, $error:expr) => {
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!($name, forms(&$error)) })
    };
}

#[test]
fn a_value_in_config() {
    shown!(
        "config_value",
        Error::new(codes::UR0404, "`root.path` leads to an empty directory")
            .at(config("/root/path", CONFIG))
            .label("relative to the bundle: `/run/b/rootfs`")
            .fact("/run/b/rootfs: owner 0:0, mode 0755, no entries")
            .os("mkdirat([7]</run/b/rootfs>, \"proc\", 0755)", 13)
            .help_run("write the path from the root on", "jq '.root.path=\"/srv/rootfs\"' config.json")
            .help("or put the root filesystem into the bundle's directory")
    );
}

#[test]
fn places_in_config() {
    let at = |pointer| Error::new(codes::UR0409, "the sentence").at(config(pointer, CONFIG));
    shown!("config_missing_member", at("/linux/gidMappings/0"));
    shown!("config_missing_element", at("/linux/uidMappings/7").label("a label goes before the stopgap"));
    shown!("config_missing_at_root", at("/mounts/2/options/1"));
    shown!("config_element_of_several_lines", at("/linux/uidMappings/1").label("overlaps `[0]`"));
    shown!("config_member_of_several_lines", at("/linux"));
    shown!("config_after_tab", at("/process/cwd").label("größer"));
    shown!("config_root", at(""));
    shown!("config_without_text", Error::new(codes::UR0409, "the sentence").at(config("/a/0/b", "")).label("label"));
}

#[test]
fn broken_config() {
    let text = "{\n  \"root\": { \"path\" \"rootfs\" }\n}";
    shown!(
        "config_broken",
        Error::new(codes::UR0402, "the file is not JSON")
            .at(config("", text))
            .words("expected `:` at line 2 column 20")
    );
}

#[test]
fn minified_config() {
    let mounts = (0..2000).map(|i| format!(r#"{{"destination":"/ö{i}","source":"/s{i}","options":["rw"]}}"#));
    let text = format!(r#"{{"mounts":[{}]}}"#, mounts.collect::<Vec<_>>().join(","));
    let at = |pointer| Error::new(codes::UR0315, "the sentence").at(config(pointer, &text)).label("no such directory");
    shown!("minified_value", at("/mounts/1234/source"));
    shown!("minified_element", at("/mounts/1999"));
    shown!("minified_member", at("/mounts"));
}

#[test]
fn arguments() {
    let argv = ["unroot", "run", "--uidmap=101:996", "-v", "it's mine:/data", "ntop/ntopng:stable"];
    let error = || Error::new(codes::UR0101, "the uid map leaves out container uid 0");
    shown!("arg_whole", error().at(arg(&argv, 2, None)).label("maps container 101 = host 996, nothing else"));
    shown!("arg_part", error().at(arg(&argv, 4, Some(3..9))).fact("a").fact("b"));
    shown!("arg_beyond", error().at(arg(&argv, 99, Some(3..9))));
    let long = format!("--env={}", "x".repeat(500));
    shown!(
        "arg_in_long_line",
        error().at(arg(&["unroot", "run", &long, "--nope", "image", &long], 3, None)).label("?")
    );
}

#[test]
fn other_origins() {
    let error = || Error::new(codes::UR0202, "the sentence").label("the label");
    let env = |value: &str| Origin::Env { name: "PODMAN_USERNS".into(), value: value.into() };
    shown!("env", error().at(env("keep-id:uid=x y")));
    shown!("env_empty", error().at(env("")));
    let line = Origin::Line { file: "/etc/subuid".into(), line: 12, text: "alice:x:65536\n".into() };
    shown!("line", error().at(line));
    shown!(
        "path",
        error().at(Origin::Path { path: "/home/alice".into() }).os("openat2([5]</home>, \"alice\", O_PATH)", 13)
    );
    shown!("nowhere", error());
    shown!("bare_warning", Error::warning(codes::UR0611, "the sentence").fact("a fact"));
    shown!("unknown_errno", Error::new(codes::UR0699, "the sentence").os("ioctl(3)", 4095));
}

#[test]
fn hostile_text() {
    let evil = "a\x1b]0;owned\x07\u{202e}\r\nerror: b\u{9b}31m\t`\"\\'";
    shown!(
        "hostile",
        Error::new(codes::UR0602, format!("what {evil}"))
            .at(arg(&["unroot", evil, "x"], 1, Some(2..14)))
            .label(format!("label {evil}"))
            .words(evil)
            .fact(format!("fact {evil}"))
            .help_run(format!("help {evil}"), format!("rm {evil}"))
    );
    shown!(
        "hostile_config",
        Error::new(codes::UR0402, "x").at(config("/k\x1b[2J", "{\"k\\u001b[2J\": \"\x1b[2J\u{200b}v\"}"))
    );
    shown!("hostile_path", Error::new(codes::UR0402, "x").at(Origin::Path { path: evil.into() }));
}

#[test]
fn a_missing_command_is_told_in_words_that_engines_know() {
    let error = Error::new(codes::UR0502, "`foo` is in none of the directories of PATH");
    assert!(message(error.report()).contains("executable file not found"));
    let error = error.os("execveat(3, \"foo\")", 2);
    assert!(!message(error.report()).contains("executable file not found"));
    assert!(message(error.report()).contains("No such file or directory (ENOENT)"));
}

#[test]
fn colours_are_asked_for() {
    let set = Some(OsStr::new("1"));
    let empty = Some(OsStr::new(""));
    assert!(wants_color(None, None, true) && wants_color(empty, Some(OsStr::new("xterm")), true));
    assert!(!wants_color(None, None, false) && !wants_color(set, None, true));
    assert!(!wants_color(None, Some(OsStr::new("dumb")), true));
}

/// Strings that look a bit like JSON, with everything that is awkward in a terminal.
fn awkward() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{\"a\":"),
        Just("["),
        Just("]"),
        Just("}"),
        Just(","),
        Just("\n"),
        Just("\r\n"),
        Just("\t"),
        Just("\x1b[2J"),
        Just("é"),
        Just("容器"),
        Just("\u{202e}"),
        Just("👩‍👩‍👧"),
        Just("\u{301}"),
        Just("\"b\":1"),
        Just("\""),
        Just("\\"),
        Just("'"),
        Just("x y"),
        Just("0000000000000000000000000000000000000000"),
    ];
    prop_oneof![prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat()), ".{0,80}"]
}

fn origins() -> impl Strategy<Value = Origin> {
    let pointer =
        prop_oneof![Just(String::new()), "(/[ab0-9~]{0,3}){1,4}", awkward().prop_map(|text| format!("/{text}"))];
    let range = prop::option::of((0usize..90, 0usize..90).prop_map(|(start, end)| start..end));
    prop_oneof![
        (awkward(), pointer, awkward()).prop_map(|(file, pointer, text)| Origin::Config {
            file,
            pointer: Pointer::new(pointer),
            text: text.into()
        }),
        (prop::collection::vec(awkward(), 0..5), 0usize..6, range).prop_map(|(argv, index, range)| Origin::Arg {
            argv: Arc::from(argv),
            index,
            range
        }),
        (awkward(), any::<usize>(), awkward()).prop_map(|(file, line, text)| Origin::Line { file, line, text }),
        (awkward(), awkward()).prop_map(|(name, value)| Origin::Env { name, value }),
        awkward().prop_map(|path| Origin::Path { path: path.into() }),
    ]
}

proptest! {
    #[test]
    fn nothing_panics_and_nothing_reaches_the_terminal(
        at in origins(), words in awkward(), errno in any::<i32>(), width in 0usize..300,
    ) {
        let error = Error::new(codes::UR0699, words.clone()).at(at).label(words.clone()).os(words.clone(), errno);
        let error = error.fact(words.clone()).help(words.clone()).help_run(words.clone(), words);
        let shown = text(error.report(), Style { color: false, width });
        prop_assert!(!shown.chars().any(|c| c != '\n' && visible::is_hostile(c)), "{shown:?}");
        text(error.report(), Style { color: true, width });
        for line in [json(error.report(), UNIX_EPOCH), log_text(error.report(), UNIX_EPOCH)] {
            prop_assert!(line.ends_with('\n') && !line[..line.len() - 1].chars().any(visible::is_hostile), "{line:?}");
        }
        let line = json(error.report(), UNIX_EPOCH);
        let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        prop_assert_eq!(value["what"].as_str(), Some(&*error.report().what));
    }
}
