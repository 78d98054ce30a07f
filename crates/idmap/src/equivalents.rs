//! The same map in the words of other programs: Podman, containerd's `ctr`, an OCI configuration, Kubernetes.
//!
//! Nothing but text. Ids are those of the host, except where a program wants an ordinary user's intermediate ids.

use std::fmt::Write as _;

use crate::{Caller, Extent, Extents, FULL, IdMap, IdSet, Kind};

/// What is run: the last word of the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root<'a> {
    /// An image's name.
    Image(&'a str),
    /// The path of a root filesystem (`--rootfs`).
    Directory(&'a str),
}

impl Root<'_> {
    /// As Podman and `ctr` have it.
    fn words(self) -> String {
        match self {
            Root::Image(name) => word(name),
            Root::Directory(path) => format!("--rootfs {}", word(path)),
        }
    }
}

/// A `podman run` that makes the same map. `map` is in the terms of the one who calls: an ordinary user's outer column
/// has intermediate ids (0 is the user); all of them, as they are, is what Podman does without options.
pub fn podman(map: &IdMap, caller: &Caller, root: Root<'_>) -> String {
    let as_it_is = |kind| match caller {
        Caller::Root { .. } => false,
        Caller::User { intermediate, .. } => {
            let extents = map.get(kind);
            extents.iter().all(|extent| extent.inside.0 == extent.outside.0)
                && extents.inside_ids() == intermediate.get(kind).inside_ids()
        }
    };
    if Kind::BOTH.into_iter().all(as_it_is) {
        return format!("podman run {}", root.words());
    }
    format!("podman run --uidmap {} --gidmap {} {}", list(&map.uid), list(&map.gid), root.words())
}

/// `ctr run` with the same map, and what to know about it. `map` is in host ids.
pub fn ctr(map: &IdMap, root: Root<'_>) -> (String, Option<String>) {
    let mut command = "ctr run --rm".to_owned();
    for kind in Kind::BOTH {
        for extent in map.get(kind) {
            let _ = write!(command, " {} {extent}", kind.option());
        }
    }
    let _ = write!(command, " {} NAME", root.words());
    let several = map.uid.len() > 1 || map.gid.len() > 1;
    let note = "several of one option need containerd 2.1; older ones take a single extent for uids and one for gids";
    (command, several.then(|| note.to_owned()))
}

/// The members of config.json that say the same. `map` is in host ids.
pub fn oci(map: &IdMap) -> String {
    let mappings = |extents: &Extents| {
        let one = |extent: &Extent| {
            let Extent { inside, outside, len } = extent;
            format!("      {{\"containerID\": {inside}, \"hostID\": {outside}, \"size\": {len}}}")
        };
        extents.iter().map(one).collect::<Vec<_>>().join(",\n")
    };
    format!(
        "{{\n  \"linux\": {{\n    \"namespaces\": [{{\"type\": \"user\"}}],\n    \"uidMappings\": [\n{}\n    ],\n    \
         \"gidMappings\": [\n{}\n    ]\n  }}\n}}",
        mappings(&map.uid),
        mappings(&map.gid)
    )
}

/// The part of a pod's specification that comes closest, and what it cannot say. `map` is in host ids.
pub fn pod(map: &IdMap, image: &str) -> (String, Vec<String>) {
    let text = format!("spec:\n  hostUsers: false\n  containers:\n  - name: main\n    image: {}", yaml(image));
    let mut notes = vec![format!(
        "the kubelet chooses one range of {FULL} ids for each pod and maps container ids 0-{} to it: nothing else can be asked for",
        FULL - 1
    )];
    for kind in Kind::BOTH {
        let extents = map.get(kind);
        let one_range = extents.normalized();
        let far: IdSet = extents.inside_ids().difference(&[0..=FULL - 1].into_iter().collect());
        if !far.is_empty() {
            notes.push(format!("container {kind}s from {FULL} on do not exist in a pod: {}", far.brief(4)));
        }
        if one_range.len() > 1 || one_range.iter().any(|extent| extent.inside.0 != 0) {
            let what = one_range.iter().map(Extent::to_string).take(4).collect::<Vec<_>>().join(", ");
            let more = if one_range.len() > 4 { ", …" } else { "" };
            notes.push(format!("so these {kind} extents cannot be said: {what}{more}"));
        }
    }
    (text, notes)
}

fn list(extents: &Extents) -> String {
    extents.iter().map(Extent::to_string).collect::<Vec<_>>().join(",")
}

/// A word as a shell reads it.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A scalar as YAML reads it: what could be taken for anything else is quoted.
fn yaml(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@:".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins && text.chars().all(plain) && !text.ends_with(':') && (text.contains('/') || text.contains(':')) {
        return text.to_owned();
    }
    let escaped = text.chars().fold(String::new(), |mut quoted, c| {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
        quoted
    });
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outside;

    fn map(uid: &[(u32, u32, u32)], gid: &[(u32, u32, u32)]) -> IdMap {
        let extents = |list: &[(u32, u32, u32)]| Extents::new(list.iter().copied().map(Extent::from)).unwrap();
        IdMap { uid: extents(uid), gid: extents(gid) }
    }

    fn redis() -> IdMap {
        map(
            &[(0, 720_896, 101), (101, 996, 1), (102, 720_998, 65_434)],
            &[(0, 720_896, 102), (102, 996, 1), (103, 720_999, 65_433)],
        )
    }

    #[test]
    fn podmans_words() {
        let root = Caller::Root { current: IdMap::identity() };
        assert_eq!(
            podman(&redis(), &root, Root::Image("redis:7")),
            "podman run --uidmap 0:720896:101,101:996:1,102:720998:65434 \
             --gidmap 0:720896:102,102:996:1,103:720999:65433 redis:7"
        );
        let own = map(&[(0, 1000, 1), (1, 100_000, 65_536)], &[(0, 1000, 1), (1, 100_000, 10)]);
        let user = Caller::User { uid: Outside(1000), gid: Outside(1000), intermediate: own };
        let all = map(&[(0, 0, 65_537)], &[(0, 0, 1), (1, 1, 10)]);
        assert_eq!(podman(&all, &user, Root::Directory("./a dir")), "podman run --rootfs './a dir'");
        assert_eq!(podman(&all, &root, Root::Image("x")), "podman run --uidmap 0:0:65537 --gidmap 0:0:1,1:1:10 x");
        let part = map(&[(0, 0, 65_537)], &[(0, 0, 9)]);
        assert_eq!(podman(&part, &user, Root::Image("x")), "podman run --uidmap 0:0:65537 --gidmap 0:0:9 x");
    }

    #[test]
    fn ctrs_words() {
        let (command, note) = ctr(&redis(), Root::Image("docker.io/library/redis:7"));
        assert_eq!(
            command,
            "ctr run --rm --uidmap 0:720896:101 --uidmap 101:996:1 --uidmap 102:720998:65434 \
             --gidmap 0:720896:102 --gidmap 102:996:1 --gidmap 103:720999:65433 docker.io/library/redis:7 NAME"
        );
        assert!(note.unwrap().contains("containerd 2.1"));
        assert_eq!(
            ctr(&map(&[(0, 5, 9)], &[(0, 5, 9)]), Root::Image("x")),
            ("ctr run --rm --uidmap 0:5:9 --gidmap 0:5:9 x NAME".into(), None)
        );
    }

    #[test]
    fn members_of_a_config() {
        let text = oci(&redis());
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["linux"]["uidMappings"][1]["hostID"], 996);
        assert_eq!(document["linux"]["gidMappings"].as_array().unwrap().len(), 3);
        assert_eq!(document["linux"]["namespaces"][0]["type"], "user");
        assert!(
            text.lines().count() == 15
                && text.contains("      {\"containerID\": 101, \"hostID\": 996, \"size\": 1},\n"),
            "{text}"
        );
    }

    #[test]
    fn a_pod_can_say_little() {
        let (text, notes) = pod(&redis(), "docker.io/library/redis:7");
        assert_eq!(
            text,
            "spec:\n  hostUsers: false\n  containers:\n  - name: main\n    image: docker.io/library/redis:7"
        );
        assert_eq!(notes[1], "so these uid extents cannot be said: 0:720896:101, 101:996:1, 102:720998:65434");
        assert_eq!(notes.len(), 3);
        let (text, notes) = pod(&map(&[(0, 5, 70_000)], &[(0, 5, 65_536)]), "yes");
        assert!(text.ends_with("image: \"yes\""), "{text}");
        assert_eq!(notes[1..], ["container uids from 65536 on do not exist in a pod: 65536-69999"]);
        assert_eq!(yaml("a\"\n"), r#""a\"\u000a""#);
    }
}
