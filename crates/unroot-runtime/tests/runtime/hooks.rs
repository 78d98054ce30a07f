//! Hooks: all six kinds, in their order, each with the container's state on its standard input.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::bundle::{Bundle, privileged};

/// Appends its own kind and the state to a file.
fn hook(kind: &str, file: &Path) -> Value {
    let script = format!("{{ echo {kind}; cat; echo; }} >> {}", file.display());
    json!([{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]}])
}

/// A file that everybody may write.
fn book(bundle: &Bundle) -> PathBuf {
    let book = bundle.outside().join("book");
    fs::write(&book, "").unwrap();
    fs::set_permissions(&book, PermissionsExt::from_mode(0o666)).unwrap();
    book
}

/// Kinds and states, in the order in which they came.
fn entries(book: &Path) -> Vec<(String, Value)> {
    let text = fs::read_to_string(book).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
    lines.chunks(2).map(|pair| (pair[0].to_owned(), serde_json::from_str(pair[1]).unwrap())).collect()
}

#[test]
fn privileged_all_kinds_in_their_order() {
    privileged(|bundle| {
        let book = book(bundle);
        let inside = Path::new("/book");
        bundle.mount("bind", &book, "/book", &["bind"]);
        for kind in ["prestart", "createRuntime", "createContainer", "poststart", "poststop"] {
            bundle.set(&format!("/hooks/{kind}"), hook(kind, &book));
        }
        bundle.set("/hooks/startContainer", hook("startContainer", inside));
        bundle.sh("exec sleep 60").create().ok();
        let pid = bundle.pid();
        bundle.verb("start", &[]).ok();
        bundle.verb("delete", &["--force"]).ok();
        let entries = entries(&book);
        let kinds: Vec<_> = entries.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]);
        let status: Vec<_> = entries.iter().map(|(_, state)| state["status"].as_str().unwrap()).collect();
        assert_eq!(status, ["creating", "creating", "creating", "created", "running", "stopped"]);
        for (kind, state) in &entries {
            assert_eq!(state["id"], bundle.id.as_str(), "{kind}");
            assert_eq!(state["bundle"], bundle.path().to_str().unwrap(), "{kind}");
            assert_eq!(state["annotations"]["org.unroot.root.idmap"], "true", "{kind}");
            assert_eq!(
                state["pid"],
                if kind == "poststop" { state["pid"].as_i64().unwrap() } else { pid.into() },
                "{kind}"
            );
        }
    });
}

#[test]
fn privileged_a_hook_of_the_host_can_prepare_the_network() {
    privileged(|bundle| {
        let book = book(bundle);
        let script = format!(
            "sed -n 's/.*\"pid\":\\([0-9]*\\).*/\\1/p' | {{ read pid; readlink /proc/$pid/ns/net; }} > {}",
            book.display()
        );
        bundle.set(
            "/hooks/createRuntime",
            json!([{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]}]),
        );
        let inside = bundle.args(&["readlink", "/proc/self/ns/net"]).run().ok().to_owned();
        assert_eq!(fs::read_to_string(&book).unwrap().trim_end(), inside);
    });
}

fn failing() -> Value {
    json!([{"path": "/bin/sh", "args": ["sh", "-c", "echo out of order >&2; exit 3"]}])
}

#[test]
fn privileged_a_hook_that_fails_stops_the_container() {
    for kind in ["prestart", "createRuntime", "createContainer", "startContainer"] {
        privileged(|bundle| {
            let place = format!("hooks.{kind}[0]");
            bundle.args(&["true"]).set(&format!("/hooks/{kind}"), failing());
            bundle.run().refused("UR0605", &place, &[kind, "/bin/sh", "3", "out of order"]);
            bundle.nothing_is_left();
        });
    }
}

#[test]
fn privileged_a_hook_that_fails_later_is_a_warning() {
    for kind in ["poststart", "poststop"] {
        privileged(|bundle| {
            let place = format!("hooks.{kind}[0]");
            bundle.args(&["true"]).set(&format!("/hooks/{kind}"), failing());
            bundle.run().warned("UR0605", &place, &[kind, "out of order"]);
        });
    }
}

#[test]
fn privileged_a_hook_that_takes_too_long() {
    privileged(|bundle| {
        bundle.set("/hooks/createRuntime", json!([{"path": "/bin/sleep", "args": ["sleep", "60"], "timeout": 1}]));
        bundle.run().refused("UR0605", "hooks.createRuntime[0]", &["1 second"]);
    });
}

#[test]
fn privileged_a_hook_that_is_not_there() {
    privileged(|bundle| {
        bundle.set("/hooks/prestart", json!([{"path": "/no/such/hook"}]));
        bundle.run().refused("UR0605", "hooks.prestart[0]", &["/no/such/hook", "ENOENT"]);
    });
}
