//! Whose container a process is in: told from the name of its control group.

use std::fs;

/// A container of some engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// `Podman`, `Docker`, `containerd`, `CRI-O`, `LXC`, `systemd-nspawn`, or `unroot` of another user.
    pub engine: &'static str,
    /// The container's id or name there.
    pub container: String,
}

/// How control groups are named: the beginning, and whose it is. What follows is the id, up to `.scope`.
const BEGINNINGS: [(&str, &str); 7] = [
    ("libpod-", "Podman"),
    ("docker-", "Docker"),
    ("cri-containerd-", "containerd"),
    ("crio-", "CRI-O"),
    ("lxc.payload.", "LXC"),
    ("incus.payload.", "Incus"),
    ("nerdctl-", "nerdctl"),
];

impl Foreign {
    /// The container that a process is in, if its control group says so.
    pub fn of(pid: i32) -> Option<Foreign> {
        Foreign::read(&fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?)
    }

    /// Reads `/proc/PID/cgroup`.
    fn read(text: &str) -> Option<Foreign> {
        let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
        paths.flat_map(|path| path.split('/').zip(path.split('/').skip(1))).find_map(|(above, name)| named(above, name))
    }

    /// `Podman's container 0123456789ab`.
    pub fn text(&self) -> String {
        let short = if is_id(&self.container) { &self.container[..12] } else { &self.container };
        format!("{}'s container {short}", self.engine)
    }
}

fn named(above: &str, name: &str) -> Option<Foreign> {
    let found = |engine, container: &str| Some(Foreign { engine, container: container.to_owned() });
    let bare = name.strip_suffix(".scope").unwrap_or(name);
    for (beginning, engine) in BEGINNINGS {
        match bare.strip_prefix(beginning) {
            // Podman's monitor has a group of its own beside the container's.
            Some(rest) if is_id(rest) || (beginning.ends_with("payload.") && !rest.is_empty()) => {
                return found(engine, rest);
            }
            _ => {}
        }
    }
    match above {
        "docker" if is_id(bare) => found("Docker", bare),
        "unroot" if is_id(bare) => found("unroot", bare),
        _ => None,
    }
}

/// 64 hexadecimal digits.
fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_told_by_their_groups() {
        let id = "0123456789abcdef".repeat(4);
        for (path, engine) in [
            (format!("0::/machine.slice/libpod-{id}.scope/container"), "Podman"),
            (format!("0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{id}.scope"), "Podman"),
            (format!("12:pids:/docker/{id}\n"), "Docker"),
            (format!("0::/system.slice/docker-{id}.scope"), "Docker"),
            (format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"), "containerd"),
            (format!("0::/kubepods/besteffort/crio-{id}"), "CRI-O"),
            (format!("4:cpu:/\n0::/unroot/{id}"), "unroot"),
        ] {
            assert_eq!(Foreign::read(&path), Some(Foreign { engine, container: id.clone() }), "{path}");
        }
        let lxc = Foreign::read("0::/lxc.payload.web/init.scope").unwrap();
        assert_eq!(lxc.text(), "LXC's container web");
        let docker = Foreign { engine: "Docker", container: id.clone() };
        assert_eq!(docker.text(), "Docker's container 0123456789ab");
        for none in ["", "0::/", "x", "0::/user.slice/libpod-conmon-1.scope", "0::/docker/x", "0::/unroot/\u{e9}"] {
            assert_eq!(Foreign::read(none), None, "{none}");
        }
    }
}
