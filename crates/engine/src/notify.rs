//! The container's own way to the service manager: the socket that its monitor listens on, and where it learns of it.

use std::path::Path;

use runtime::monitor::notify::{DIRECTORY, SOCKET};
use serde_json::{Value, json};

/// Where the container finds it.
const INSIDE: &str = "/run/notify";

/// Adds the socket's directory and `NOTIFY_SOCKET` to a container's document. `files` is the container's directory.
pub(crate) fn give_socket(document: &mut Value, files: &Path) {
    let mount = json!({
        "destination": INSIDE,
        "type": "bind",
        "source": files.join(DIRECTORY),
        "options": ["bind", "nosuid", "nodev", "noexec", "rprivate"],
    });
    let variable = json!(format!("NOTIFY_SOCKET={INSIDE}/{SOCKET}"));
    for (place, value) in [("/mounts", mount), ("/process/env", variable)] {
        if let Some(Value::Array(list)) = document.pointer_mut(place) {
            list.push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_mounted_and_named() {
        let mut document = json!({ "mounts": [], "process": { "env": ["A=1"] } });
        give_socket(&mut document, Path::new("/x"));
        assert_eq!(document["mounts"][0]["source"], "/x/notify");
        assert_eq!(document["process"]["env"][1], "NOTIFY_SOCKET=/run/notify/notify.sock");
    }
}
