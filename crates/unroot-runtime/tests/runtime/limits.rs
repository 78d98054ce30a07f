//! Limits, what a container uses, and one that stands still.

use std::fs;

use serde_json::{Value, json};

use crate::{
    bundle::{Bundle, privileged},
    call::{call, wait_until},
};

/// The contents of a file of one of the container's groups, by whichever name it has.
fn of_group(bundle: &Bundle, names: &[&str]) -> Option<String> {
    let own = fs::read_to_string(format!("/proc/{}/cgroup", bundle.pid())).unwrap();
    let groups = own.lines().map(|line| line.splitn(3, ':').nth(2).unwrap().trim_start_matches('/').to_owned());
    let mounts = fs::read_dir("/sys/fs/cgroup").unwrap().map(|entry| entry.unwrap().path());
    let mounts: Vec<_> = mounts.chain(["/sys/fs/cgroup".into()]).collect();
    let groups: Vec<_> = groups.filter(|group| group.contains(&bundle.id)).collect();
    let files = mounts.iter().flat_map(|mount| groups.iter().map(move |group| mount.join(group)));
    let found = files
        .flat_map(|group| names.iter().map(move |name| group.join(name)))
        .find_map(|file| fs::read_to_string(file).ok());
    found.map(|text| text.trim_end().to_owned())
}

fn sleeping(bundle: &mut Bundle) {
    bundle.args(&["/bin/sleep", "60"]).create().ok();
    bundle.verb("start", &[]).ok();
}

fn end(bundle: &Bundle) {
    bundle.verb("delete", &["--force"]).ok();
}

#[test]
fn privileged_limits_are_set_and_changed() {
    privileged(|bundle| {
        bundle.set(
            "/linux/resources",
            json!({"memory": {"limit": 64 << 20}, "pids": {"limit": 50}, "cpu": {"shares": 512}}),
        );
        sleeping(bundle);
        let memory = ["memory.limit_in_bytes", "memory.max"];
        assert_eq!(of_group(bundle, &memory).unwrap(), (64 << 20).to_string());
        assert_eq!(of_group(bundle, &["pids.max"]).unwrap(), "50");
        assert!(["512", "59", "60"].contains(&of_group(bundle, &["cpu.shares", "cpu.weight"]).unwrap().as_str()));
        bundle
            .verb(
                "update",
                &["--memory", "128m", "--pids-limit", "-1", "--cpu-quota", "50000", "--cpu-period", "100000"],
            )
            .ok();
        assert_eq!(of_group(bundle, &memory).unwrap(), (128 << 20).to_string());
        assert_eq!(of_group(bundle, &["pids.max"]).unwrap(), "max");
        let quota = of_group(bundle, &["cpu.cfs_quota_us", "cpu.max"]).unwrap();
        assert_eq!(quota.split(' ').next(), Some("50000"));
        end(bundle);
    });
}

#[test]
fn privileged_limits_come_from_a_file() {
    privileged(|bundle| {
        sleeping(bundle);
        let file = bundle.outside().join("resources.json");
        fs::write(&file, r#"{"pids": {"limit": 33}}"#).unwrap();
        bundle.verb("update", &["-r", file.to_str().unwrap()]).ok();
        assert_eq!(of_group(bundle, &["pids.max"]).unwrap(), "33");
        fs::write(&file, r#"{"cpu": {"cpus": "4096"}}"#).unwrap();
        let ran = bundle.verb("update", &["-r", file.to_str().unwrap()]);
        ran.refused("UR0620", "", &["cpu.cpus", "4096"]);
        fs::write(&file, r#"{"pids": "many"}"#).unwrap();
        bundle.verb("update", &["-r", file.to_str().unwrap()]).refused("UR0402", "", &["pids"]);
        bundle.verb("update", &["--memory", "plenty"]).refused("UR0610", "", &["plenty"]);
        end(bundle);
    });
}

#[test]
fn privileged_a_limit_that_cannot_be_set_is_pointed_at() {
    privileged(|bundle| {
        bundle.set("/linux/resources", json!({"cpu": {"cpus": "4096"}}));
        bundle.run().refused("UR0620", "linux.resources.cpu.cpus", &["4096"]);
        bundle.set("/linux/resources", json!({"unified": {"../memory.max": "1"}}));
        bundle.run().refused("UR0402", "linux.resources.unified[\"../memory.max\"]", &["leads out"]);
    });
}

#[test]
fn privileged_memory_that_is_used_already_is_not_taken_away() {
    privileged(|bundle| {
        bundle.sh("dd if=/dev/zero of=/dev/shm/x bs=1M count=8 2>/dev/null; sleep 60").create().ok();
        bundle.verb("start", &[]).ok();
        let used = || bundle.verb("events", &["--stats"]).ok().contains("\"usage\"");
        assert!(wait_until(used));
        let file = bundle.outside().join("resources.json");
        fs::write(&file, r#"{"memory": {"limit": 4096, "checkBeforeUpdate": true}}"#).unwrap();
        bundle.verb("update", &["-r", file.to_str().unwrap()]).refused("UR0620", "", &["4096", "uses already"]);
        end(bundle);
    });
}

#[test]
fn privileged_a_container_stands_still_and_goes_on() {
    privileged(|bundle| {
        bundle.sh("while :; do echo tick; sleep 0.01; done").create().ok();
        bundle.verb("resume", &[]).refused("UR0603", "", &["created"]);
        bundle.verb("start", &[]).ok();
        bundle.verb("pause", &[]).ok();
        assert!(bundle.is("paused"));
        let said = bundle.said().len();
        bundle.verb("pause", &[]).refused("UR0603", "", &["paused"]);
        assert_eq!(bundle.said().len(), said);
        bundle.verb("resume", &[]).ok();
        assert!(bundle.is("running"));
        assert!(wait_until(|| bundle.said().len() > said));
        end(bundle);
    });
}

#[test]
fn privileged_what_stands_still_can_be_killed() {
    privileged(|bundle| {
        sleeping(bundle);
        bundle.verb("pause", &[]).ok();
        bundle.verb("kill", &["KILL"]).ok();
        bundle.wait_stopped();
        bundle.verb("delete", &[]).ok();
        sleeping(bundle);
        bundle.verb("pause", &[]).ok();
        end(bundle);
    });
}

#[test]
fn privileged_what_a_container_uses() {
    privileged(|bundle| {
        bundle.set("/linux/resources", json!({"memory": {"limit": 64 << 20}, "pids": {"limit": 50}}));
        sleeping(bundle);
        let event: Value = serde_json::from_str(bundle.verb("events", &["--stats"]).ok()).unwrap();
        assert_eq!((&event["type"], &event["id"]), (&json!("stats"), &json!(bundle.id)));
        let data = &event["data"];
        assert_eq!(data["pids"], json!({"current": 1, "limit": 50}));
        assert_eq!(data["memory"]["usage"]["limit"], 64 << 20);
        assert!(data["memory"]["usage"]["usage"].as_u64().unwrap() > 0, "{data}");
        assert!(data["cpu"]["usage"]["total"].as_u64().unwrap() > 0, "{data}");
        end(bundle);
        bundle.verb("events", &["--stats"]).refused("UR0602", "", &[]);
    });
}

#[test]
fn privileged_memory_that_runs_out_is_told() {
    privileged(|bundle| {
        bundle.set("/linux/resources", json!({"memory": {"limit": 16 << 20, "swap": 16 << 20}}));
        // What is killed is not the first process, so that the container goes on.
        bundle.sh("while :; do tail /dev/zero; sleep 0.1; done").create().ok();
        bundle.verb("start", &[]).ok();
        let directory = bundle.outside().join("events");
        fs::create_dir_all(&directory).unwrap();
        let mut events = bundle.command(&["events", "--interval", "100ms", &bundle.id]);
        std::thread::scope(|scope| {
            let events = scope.spawn(|| call(&mut events, &directory));
            let told = || fs::read_to_string(directory.join("stdout")).unwrap_or_default();
            let heard = wait_until(|| told().contains("\"oom\""));
            bundle.verb("kill", &["KILL"]).ok();
            assert!(heard, "{}", told());
            assert!(events.join().unwrap().ok().contains("\"stats\""));
        });
        end(bundle);
    });
}

#[test]
fn privileged_processes_of_a_container() {
    privileged(|bundle| {
        sleeping(bundle);
        let pid = bundle.pid();
        assert_eq!(bundle.verb("ps", &[]).ok().lines().count(), 2);
        let ps = |words: &[&str]| call(&mut bundle.command(&[&["ps"], words].concat()), bundle.outside()).stdout;
        assert_eq!(ps(&["--format", "json", &bundle.id]).trim_end(), format!("[{pid}]"));
        assert_eq!(ps(&[&bundle.id, "-eo", "pid,args"]).lines().last().unwrap().trim(), format!("{pid} /bin/sleep 60"));
        end(bundle);
    });
}
