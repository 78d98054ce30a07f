//! On the hierarchies of the machine that the tests run on.

#![allow(clippy::print_stderr, reason = "a test that is skipped says why")]

use std::process::{Child, Command};

use super::*;

fn source() -> Source {
    Source::new("config.json", "{}")
}

fn skip(why: &str) -> bool {
    let skips = !rustix::process::geteuid().is_root();
    if skips {
        eprintln!("skipped: {why} needs root");
    }
    skips
}

/// A name that no other test run uses.
fn name(test: &str) -> String {
    format!("test-{test}-{}", std::process::id())
}

fn sleeper() -> Child {
    Command::new("sleep").arg("60").spawn().unwrap()
}

fn pid(child: &Child) -> i32 {
    child.id().try_into().unwrap()
}

fn home(test: &str) -> Cgroup {
    let host = CgroupHost::read().unwrap();
    let (cgroup, _) = decide(None, &name(test), &host, &source()).unwrap().make().unwrap();
    cgroup
}

#[test]
fn privileged_a_process_is_placed_listed_killed_and_all_is_removed() {
    if skip("making control groups") {
        return;
    }
    let cgroup = home("life");
    if cgroup.is_empty() {
        return eprintln!("skipped: no hierarchy is writable here");
    }
    let mut child = sleeper();
    cgroup.place(pid(&child), false).unwrap();
    assert_eq!(cgroup.procs().unwrap(), [pid(&child)]);
    let records: Vec<Record> = serde_json::from_str(&serde_json::to_string(&cgroup.records()).unwrap()).unwrap();
    drop(cgroup);
    let cgroup = Cgroup::reopen(&records).unwrap();
    assert_eq!(cgroup.records(), records);
    let waiter = std::thread::spawn(move || child.wait());
    cgroup.kill().unwrap();
    waiter.join().unwrap().unwrap();
    cgroup.delete().unwrap();
    cgroup.delete().unwrap();
    assert!(Cgroup::reopen(&records).unwrap().is_empty());
}

#[test]
fn privileged_groups_below_go_too_and_a_busy_one_is_told() {
    if skip("making control groups") {
        return;
    }
    let cgroup = home("below");
    for member in &cgroup.members {
        let below = member.dir.make_dir("a", 0o755).unwrap();
        below.make_dir("b", 0o755).unwrap();
        if v1::has(&member.record.controllers, "cpuset") {
            v1::inherit_cpuset(&member.dir, &below).unwrap();
        }
    }
    let Some(member) = cgroup.members.iter().find(|member| !member.is_v2()) else {
        return cgroup.delete().unwrap();
    };
    let mut child = sleeper();
    write(&member.dir.dir("a").unwrap(), "cgroup.procs", pid(&child).to_string().as_bytes()).unwrap();
    assert_eq!(cgroup.procs().unwrap(), [pid(&child)]);
    let error = cgroup.delete().unwrap_err();
    assert_eq!(error.code(), codes::UR0607);
    child.kill().unwrap();
    child.wait().unwrap();
    cgroup.delete().unwrap();
}

#[test]
fn privileged_paths_that_were_there_stay_and_a_used_group_is_refused() {
    if skip("making control groups") {
        return;
    }
    let host = CgroupHost::read().unwrap();
    let top = format!("/{}", name("path"));
    let make = |path: &str| decide(Some(Path::new(path)), "x", &host, &source()).unwrap().make();
    let (outer, _) = make(&top).unwrap();
    let (inner, _) = make(&format!("{top}/mid/leaf")).unwrap();
    assert!(inner.records().iter().all(|record| record.parents == 1), "{:?}", inner.records());
    // Nobody is in it: it may be taken over.
    make(&format!("{top}/mid/leaf")).unwrap();
    let mut child = sleeper();
    inner.place(pid(&child), false).unwrap();
    if !inner.is_empty() {
        let error = make(&format!("{top}/mid/leaf")).unwrap_err();
        assert!(error.report().help[0].text.contains("linux.cgroupsPath"), "{error:?}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    inner.delete().unwrap();
    for record in outer.records() {
        let dir = Dir::open(&record.path).unwrap();
        assert!(!dir.has("mid"), "{}", record.path.display());
    }
    outer.delete().unwrap();
}

#[test]
fn privileged_devices_are_denied_on_version_1() {
    if skip("making control groups") {
        return;
    }
    let cgroup = home("devices");
    let list: Vec<DeviceRule> = serde_json::from_str(
        r#"[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":10,"minor":229,"access":"rw"}]"#,
    )
    .unwrap();
    let warning = cgroup.set_devices(&list, &source(), false).unwrap();
    match cgroup.members.iter().find(|member| v1::has(&member.record.controllers, "devices")) {
        Some(member) => {
            let text = member.dir.read_text("devices.list", 4096).unwrap();
            assert!(text.contains("c 10:229 rw") && text.contains("c 1:3 rwm") && !text.contains("a *:*"), "{text}");
        }
        None => assert_eq!(warning.unwrap().code(), codes::UR0411),
    }
    cgroup.delete().unwrap();
}

#[test]
fn privileged_the_last_of_many_removes_the_home() {
    if skip("making control groups") {
        return;
    }
    let threads: Vec<_> = (0..4)
        .map(|n| {
            std::thread::spawn(move || {
                for round in 0..10 {
                    home(&format!("many{n}-{round}")).delete().unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn without_any_hierarchy_there_is_a_warning() {
    let plan = decide(None, "x", &CgroupHost::default(), &source()).unwrap();
    let (cgroup, warning) = plan.make().unwrap();
    assert!(cgroup.is_empty() && cgroup.fd_for_clone().is_none());
    assert_eq!(warning.unwrap().code(), codes::UR0611);
    cgroup.place(1, false).unwrap();
    assert!(cgroup.procs().unwrap().is_empty());
    cgroup.kill().unwrap();
    cgroup.delete().unwrap();
}

#[test]
fn a_hierarchy_that_refuses_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let closed = Hierarchy { controllers: String::new(), mount: dir.path().to_owned(), own: PathBuf::new() };
    // No `cgroup.procs` that could be written to: nothing is delegated here.
    let host = CgroupHost { hierarchies: vec![closed] };
    let (cgroup, warning) = decide(None, "x", &host, &source()).unwrap().make().unwrap();
    assert!(cgroup.is_empty());
    let warning = warning.unwrap();
    assert_eq!(warning.code(), codes::UR0611);
    assert!(warning.to_string().contains("cgroup.procs"), "{warning}");
}
