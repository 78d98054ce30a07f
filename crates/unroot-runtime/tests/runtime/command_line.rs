//! The command line, config.json as a text, and the log.

use std::fs;

use serde_json::Value;

use crate::bundle::{Bundle, privileged};

/// Calls the runtime with exactly these words.
fn words(bundle: &Bundle, words: &[&str]) -> crate::call::Ran {
    crate::call::call(&mut bundle.command(words), bundle.outside())
}

#[test]
fn privileged_command_lines_that_are_refused() {
    privileged(|bundle| {
        for (line, named) in [
            (&["fly"][..], "`fly`"),
            (&["create"], "`create`"),
            (&["state", "a", "b"], "`b`"),
            (&["run", "--nope", "a"], "`--nope`"),
            (&["--systemd-cgroup", "list"], "`--systemd-cgroup`"),
            (&["exec", "a"], "`exec`"),
            (&["create", "--preserve-fds", "x", "a"], "x"),
        ] {
            words(bundle, line).refused("UR0610", "", &[named]);
        }
    });
}

#[test]
fn privileged_signals_that_are_none() {
    privileged(|bundle| {
        bundle.create().ok();
        for signal in ["FLY", "65", "-1"] {
            let ran = bundle.verb("kill", &["--", signal]);
            ran.refused("UR0609", "", &[signal]);
        }
        bundle.verb("delete", &[]).ok();
    });
}

#[test]
fn privileged_a_broken_configuration() {
    privileged(|bundle| {
        let mut run = bundle.making("run");
        let config = bundle.path().join("config.json");
        let text = fs::read_to_string(&config).unwrap();
        let line = text.lines().position(|line| line.contains("\"hostname\"")).unwrap() + 1;
        fs::write(&config, text.replace("\"hostname\"", "\"hostname\" \"oh\"")).unwrap();
        let ran = crate::call::call(&mut run, bundle.outside());
        ran.refused("UR0402", "", &[&format!("/config.json:{line}\n"), "oh"]);
    });
}

#[test]
fn privileged_a_value_of_the_wrong_kind() {
    privileged(|bundle| {
        bundle.set("/process/user/uid", "root").run().refused("UR0402", "process.user.uid", &["\"root\""]);
        bundle.set("/process/user/uid", 0).set("/linux/namespaces/0/type", "users");
        bundle.run().refused("UR0402", "linux.namespaces[0].type", &["users"]);
    });
}

#[test]
fn privileged_no_configuration() {
    privileged(|bundle| {
        let mut run = bundle.making("run");
        fs::remove_file(bundle.path().join("config.json")).unwrap();
        crate::call::call(&mut run, bundle.outside()).refused("UR0401", "", &["config.json", "unroot-runtime spec"]);
    });
}

#[test]
fn privileged_what_is_not_supported_is_refused() {
    privileged(|bundle| {
        bundle.set("/vm", serde_json::json!({"kernel": {"path": "/vmlinuz"}}));
        bundle.run().refused("UR0411", "vm", &["vm"]);
    });
}

/// The lines of the log.
fn log(bundle: &Bundle) -> Vec<Value> {
    let text = fs::read_to_string(bundle.outside().join("log")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn with_log(bundle: &mut Bundle) {
    let file = bundle.outside().join("log");
    bundle.before(&["--log", file.to_str().unwrap(), "--log-format", "json"]);
}

#[test]
fn privileged_an_error_in_the_log() {
    privileged(|bundle| {
        with_log(bundle);
        bundle.args(&["no-such-command"]).run().refused("UR0502", "process.args[0]", &[]);
        let [line] = &log(bundle)[..] else { panic!("{:?}", log(bundle)) };
        assert_eq!((&line["level"], &line["code"]), (&"error".into(), &"UR0502".into()));
        assert_eq!(line["at"]["pointer"], "/process/args/0");
        let (message, time) = (line["msg"].as_str().unwrap(), line["time"].as_str().unwrap());
        // Podman and Docker choose their exit status by these words.
        assert!(message.contains("no-such-command") && message.contains("No such file or directory"), "{message}");
        assert!(time.len() >= 20 && time.as_bytes()[10] == b'T', "{time}");
    });
}

#[test]
fn privileged_a_warning_in_the_log() {
    privileged(|bundle| {
        with_log(bundle);
        bundle.without("network").args(&["true"]).run().warned("UR0312", "", &[]);
        let [line] = &log(bundle)[..] else { panic!("{:?}", log(bundle)) };
        assert_eq!((&line["level"], &line["code"]), (&"warning".into(), &"UR0312".into()));
    });
}

#[test]
fn privileged_json_on_the_terminal_if_there_is_no_file() {
    privileged(|bundle| {
        bundle.before(&["--log-format", "json"]);
        let ran = bundle.args(&["no-such-command"]).run();
        let line: Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!((ran.status, &line["code"]), (1, &"UR0502".into()));
    });
}

#[test]
fn privileged_the_steps_of_a_container_in_the_log() {
    privileged(|bundle| {
        with_log(bundle);
        bundle.before(&["--debug"]).args(&["true"]).run().ok();
        let log = log(bundle);
        assert!(log.len() > 20 && log.iter().all(|line| line["level"] == "debug"), "{log:?}");
    });
}

#[test]
fn privileged_features_and_version() {
    privileged(|bundle| {
        let ran = words(bundle, &["features"]);
        let features: Value = serde_json::from_str(ran.ok()).unwrap();
        assert_eq!(features["linux"]["seccomp"]["enabled"], true, "{features}");
        assert_eq!(features["linux"]["mountExtensions"]["idmap"]["enabled"], true);
        assert!(words(bundle, &["--version"]).ok().contains("spec: "));
        assert!(words(bundle, &["--help"]).ok().contains("create"));
    });
}
