//! What Podman knows and this version does not: such a word gets an answer of its own (UR0808), and is never ignored.

use super::in_group;

/// Verbs of Podman's, first level.
const VERBS: &str = "auto-update build commit completion compose container cp farm generate init kube machine \
    manifest mount network pause pod port secret stats umount unmount unpause unshare update";

/// Verbs below `container` and `image`.
const BELOW: &str = "build checkpoint clone commit cp create exists history init inspect \
    list mount pause port prune ps restore runlabel save scp sign stats tag tree \
    trust umount unmount unpause untag update ";

const RUN: &str = "--attach -a --blkio-weight --blkio-weight-device --cgroup-conf --cgroup-parent --cgroupns --cgroups --chrootdirs \
    --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems \
    --decryption-key --device-read-bps --device-read-iops --device-write-bps --device-write-iops --disable-content-trust \
    --expose --gpus --group-entry --health-log-destination --health-max-log-count --health-max-log-size --hostuser \
    --init --init-ctr --init-path --ip --ip6 --ipc --mac-address --memory -m --memory-reservation --memory-swap \
    --memory-swappiness --network-alias --oom-kill-disable --passwd --passwd-entry --personality --pid --pids-limit \
    --pod --pod-id-file --preserve-fd --preserve-fds --publish -p --publish-all -P --rdt-class --requires \
    --seccomp-policy --secret --shm-size-systemd --systemd --uts";

/// The options of each verb, by its first spelling.
const OPTIONS: &[(&str, &str)] = &[
    ("run", RUN),
    ("create", RUN),
    ("ps", "--external --last -n --latest -l --noheading --ns --pod -p --size -s --sort --sync --watch -w"),
    ("rm", "--depend"),
    ("save", "--uncompressed --signature-policy"),
    ("inspect", "--latest -l --size -s"),
    ("import", "--arch --os --signature-policy --variant"),
    ("pull", "--decryption-key --disable-content-trust"),
    (
        "push",
        "--compress --disable-content-trust --encrypt-layer --encryption-key --sign-by --sign-by-sigstore \
         --sign-by-sigstore-private-key --sign-passphrase-file",
    ),
    ("login", "--compat-auth-file --secret"),
    ("logout", "--compat-auth-file"),
    ("search", "--creds --decryption-key --retry --retry-delay"),
    ("info", "--debug -D"),
];

const GLOBAL: &str = "--cgroup-manager --config --conmon --connection -c --events-backend --hooks-dir --identity --imagestore \
    --log-level --module --namespace --network-cmd-path --network-config-dir --noout --out --pull-option --remote -r \
    --runtime --runtime-flag --ssh --storage-driver --storage-opt --syslog --tmpdir --transient-store --url --volumepath";

/// Whether `word` is something that Podman knows there. `called` is the verb as it was written, or empty.
pub fn of_podman(called: &str, word: &str) -> bool {
    let among = |list: &str| list.split_whitespace().any(|known| known == word);
    let (group, name) = called.split_once(' ').unwrap_or(("", called));
    if !word.starts_with('-') {
        return match called {
            "" => among(VERBS),
            "container" | "image" => among(BELOW),
            "volume" => word == "reload",
            _ => false,
        };
    }
    let verb = match super::group(group) {
        Some(group) => in_group(group, name).map_or("", |verb| verb.name),
        None => name,
    };
    among(GLOBAL) || OPTIONS.iter().any(|(own, list)| *own == verb && among(list))
}

#[cfg(test)]
mod tests {
    use super::{OPTIONS, of_podman};
    use crate::verbs;

    #[test]
    fn what_podman_knows_is_recognised() {
        assert!(of_podman("volume", "reload"));
        assert!(of_podman("container ls", "--size"));
        assert!(of_podman("", "commit"));
        assert!(of_podman("image", "prune"));
        assert!(!of_podman("run", "--no-such-option"));
        assert!(!of_podman("ps", "--volume"));
    }

    #[test]
    fn nothing_that_is_ours_is_listed() {
        for (name, list) in OPTIONS {
            let verb = verbs::top(name).expect(name);
            let command = (verb.args)(clap::Command::new("x"));
            for arg in command.get_arguments() {
                let own = arg.get_long().map(|long| format!("--{long}")).unwrap_or_default();
                let short = arg.get_short().map(|short| format!("-{short}")).unwrap_or_default();
                let clash = list.split_whitespace().find(|known| **known == own || **known == short);
                assert_eq!(clash, None, "{name}");
            }
        }
    }
}
