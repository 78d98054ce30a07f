//! A container's life by way of the verbs: create, start, state, kill, delete, list.

use std::fs;

use serde_json::Value;

use crate::bundle::privileged;

#[test]
fn privileged_a_whole_life() {
    privileged(|bundle| {
        bundle.sh("echo begun; trap 'echo asked; exit 3' TERM; while :; do sleep 0.01; done");
        let pid_file = bundle.outside().join("pid");
        bundle.option(&["--pid-file", pid_file.to_str().unwrap()]).create().ok();
        let state = bundle.state();
        assert_eq!((&state["status"], &state["id"]), (&"created".into(), &bundle.id.as_str().into()));
        assert_eq!(state["bundle"], bundle.path().to_str().unwrap());
        assert_eq!(fs::read_to_string(&pid_file).unwrap(), state["pid"].to_string());
        assert_eq!(bundle.said(), "");
        bundle.verb("start", &[]).ok();
        assert_eq!(bundle.state()["status"], "running");
        assert!(crate::call::wait_until(|| bundle.said() == "begun\n"));
        bundle.verb("kill", &[]).ok();
        bundle.wait_stopped();
        assert_eq!(bundle.said(), "begun\nasked\n");
        bundle.verb("delete", &[]).ok();
        bundle.verb("state", &[]).refused("UR0602", "", &[&bundle.id]);
    });
}

#[test]
fn privileged_a_container_that_was_never_started_can_be_deleted() {
    privileged(|bundle| {
        bundle.create().ok();
        bundle.verb("delete", &[]).ok();
    });
}

#[test]
fn privileged_every_spelling_of_a_signal() {
    privileged(|bundle| {
        for signal in ["KILL", "SIGKILL", "kill", "9"] {
            bundle.sh("sleep 60").create().ok();
            bundle.verb("start", &[]).ok();
            bundle.verb("kill", &[signal]).ok();
            bundle.wait_stopped();
            bundle.verb("kill", &[signal]).refused("UR0603", "", &["not running"]);
            bundle.verb("delete", &[]).ok();
        }
    });
}

#[test]
fn privileged_kill_all_reaches_every_process() {
    privileged(|bundle| {
        bundle.sh("sleep 61 & sleep 62 & trap '' TERM; wait; wait; echo both").create().ok();
        bundle.verb("start", &[]).ok();
        assert!(crate::call::wait_until(|| crate::remains::processes(&bundle.id).len() == 3));
        bundle.verb("kill", &["--all", "TERM"]).ok();
        bundle.wait_stopped();
        assert_eq!(bundle.said(), "both\n");
        bundle.verb("delete", &[]).ok();
    });
}

#[test]
fn privileged_processes_that_outlive_the_first_one_are_killed() {
    privileged(|bundle| {
        bundle.namespace("pid", Some("/proc/self/ns/pid")).unmount("/proc").mount("bind", "/proc", "/proc", &["rbind"]);
        bundle.remove("/linux/maskedPaths").remove("/linux/readonlyPaths").sh("sleep 61 & sleep 62 & sleep 63; true");
        bundle.create().ok();
        bundle.verb("start", &[]).ok();
        assert!(crate::call::wait_until(|| crate::remains::processes(&bundle.id).len() == 4));
        bundle.verb("delete", &["--force"]).ok();
    });
}

#[test]
fn privileged_an_id_is_used_once() {
    privileged(|bundle| {
        bundle.create().ok();
        let pid = bundle.pid();
        bundle.create().refused("UR0601", "", &[&bundle.id, "unroot-runtime", "delete"]);
        assert_eq!(bundle.pid(), pid);
        bundle.verb("delete", &[]).ok();
    });
}

#[test]
fn privileged_verbs_in_the_wrong_state() {
    privileged(|bundle| {
        bundle.sh("sleep 60").create().ok();
        bundle.verb("start", &[]).ok();
        bundle.verb("start", &[]).refused("UR0603", "", &["running"]);
        bundle.verb("delete", &[]).refused("UR0603", "", &["running", "kill"]);
        bundle.verb("kill", &["KILL"]).ok();
        bundle.wait_stopped();
        bundle.verb("start", &[]).refused("UR0603", "", &["stopped"]);
        bundle.verb("delete", &[]).ok();
    });
}

#[test]
fn privileged_no_such_container() {
    privileged(|bundle| {
        for verb in ["state", "start", "kill", "delete"] {
            bundle.verb(verb, &[]).refused("UR0602", "", &[&bundle.id]);
        }
        bundle.verb("delete", &["--force"]).ok();
    });
}

#[test]
fn privileged_ids_that_are_no_names() {
    privileged(|bundle| {
        for id in ["a/b", "..", "a b", "ä", ""] {
            bundle.id = id.to_owned();
            bundle.create().refused("UR0604", "", &[id]);
            bundle.verb("state", &[]).refused("UR0604", "", &[id]);
        }
        bundle.id = "good".to_owned();
    });
}

#[test]
fn privileged_a_list() {
    privileged(|bundle| {
        assert_eq!(bundle.command(&["list", "-q"]).output().unwrap().stdout, b"");
        bundle.create().ok();
        let list = |words: &[&str]| String::from_utf8(bundle.command(words).output().unwrap().stdout).unwrap();
        assert_eq!(list(&["list", "--quiet"]), format!("{}\n", bundle.id));
        let all: Value = serde_json::from_str(&list(&["list", "--format", "json"])).unwrap();
        assert_eq!((all[0]["id"].as_str(), all[0]["status"].as_str()), (Some(bundle.id.as_str()), Some("created")));
        let table = list(&["list"]);
        assert!(table.starts_with("ID ") && table.contains(&bundle.id) && table.contains("created"), "{table}");
        bundle.verb("delete", &[]).ok();
    });
}

#[test]
fn privileged_run_detached() {
    privileged(|bundle| {
        bundle.sh("sleep 60").option(&["--detach"]).run().ok();
        assert_eq!(bundle.state()["status"], "running");
        bundle.verb("delete", &["--force"]).ok();
    });
}

#[test]
fn privileged_run_and_keep() {
    privileged(|bundle| {
        assert_eq!(bundle.sh("exit 4").option(&["--keep"]).run().status, 4);
        assert_eq!(bundle.state()["status"], "stopped");
        bundle.verb("delete", &[]).ok();
    });
}

#[test]
fn privileged_a_bundle_that_is_gone_can_still_be_deleted() {
    privileged(|bundle| {
        bundle.sh("true").create().ok();
        bundle.verb("start", &[]).ok();
        bundle.wait_stopped();
        fs::remove_dir_all(bundle.path()).unwrap();
        bundle.verb("delete", &[]).ok();
    });
}

#[test]
fn privileged_a_pid_file_that_cannot_be_written() {
    for verb in ["create", "run"] {
        privileged(|bundle| {
            bundle.option(&["--pid-file", "/no/such/directory/pid"]);
            let ran = crate::call::call(&mut bundle.making(verb), bundle.outside());
            ran.refused("UR0606", "", &["/no/such/directory/pid", "ENOENT"]);
            bundle.nothing_is_left();
        });
    }
}

#[test]
fn privileged_another_directory_than_the_callers() {
    privileged(|bundle| {
        let mut create = bundle.making("create");
        crate::call::call(create.current_dir("/"), bundle.outside()).ok();
        let state = bundle.state();
        assert_eq!(state["rootfs"], bundle.root().to_str().unwrap());
        bundle.verb("delete", &[]).ok();
    });
}
