//! What a container may have left behind.

use std::{fs, path::Path};

use crate::call::MARK;

/// Everything that is left of a container whose files lie in `directory`: empty if all is well.
pub fn of(id: &str, directory: &Path, states: &Path) -> Vec<String> {
    let mut left = names(states).into_iter().map(|name| format!("the state {name}")).collect::<Vec<_>>();
    left.extend(processes(id).into_iter().map(|pid| format!("the process {pid}: {}", command_line(pid))));
    for mount in control_group_mounts() {
        find(Path::new(&mount), id, 3, &mut left);
    }
    let place = directory.to_str().unwrap();
    left.extend(mountinfo().lines().filter(|line| line.contains(place)).map(|line| format!("the mount {line}")));
    left
}

/// The processes that carry the mark of a container. A zombie has no environment.
pub fn processes(id: &str) -> Vec<i32> {
    let mark = format!("{MARK}={id}");
    let marked = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    names(Path::new("/proc")).iter().filter_map(|name| name.parse().ok()).filter(marked).collect()
}

/// What is mounted in this process's namespace.
pub fn mountinfo() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

fn command_line(pid: i32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).replace('\0', " ")
}

fn control_group_mounts() -> Vec<String> {
    let of = |line: &str| {
        let (mount, file_system) = line.split_once(" - ")?;
        file_system.starts_with("cgroup").then(|| mount.split(' ').nth(4).unwrap().to_owned())
    };
    mountinfo().lines().filter_map(of).collect()
}

fn find(directory: &Path, name: &str, depth: u32, left: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        if entry.file_name().to_str() == Some(name) {
            left.push(format!("the control group {}", entry.path().display()));
        } else if depth > 0 {
            find(&entry.path(), name, depth - 1, left);
        }
    }
}
