//! Docker's `userns-remap`: all containers of the daemon share the subordinate ids of one user. Rootless daemons use their
//! user's own lines, as any rootless engine does. Source: docs.docker.com, "Isolate containers with a user namespace".

use serde_json::Value;

use super::{
    Claims, HostFiles,
    files::{line_with, misunderstood},
    subids::Lines,
};

const FILE: &str = "/etc/docker/daemon.json";

/// nerdctl has the same option.
const NERDCTL: &str = "/etc/nerdctl/nerdctl.toml";

pub(super) fn look(host: &HostFiles, lines: &mut Lines, claims: &mut Claims) {
    if let Some(text) = host.text(FILE, claims) {
        match serde_json::from_str::<Value>(&text) {
            Ok(config) => {
                if let Some(user) = config.get("userns-remap").and_then(Value::as_str).and_then(user) {
                    let source = format!("{FILE}:{}", line_with(&text, "userns-remap"));
                    lines.use_by("Docker", &named(host, user), &source, claims);
                }
            }
            // The daemon takes an empty file for `{}`.
            Err(_) if text.trim().is_empty() => {}
            Err(error) => claims.warnings.push(misunderstood(FILE, &text, error.line(), &error.to_string())),
        }
    }
    let nerdctl = super::podman::toml(host, NERDCTL, claims);
    if let Some((config, text)) = nerdctl
        && let Some(user) = config.get("userns_remap").and_then(toml::Value::as_str).and_then(user)
    {
        let source = format!("{NERDCTL}:{}", line_with(&text, "userns_remap"));
        lines.use_by("nerdctl", &named(host, user), &source, claims);
    }
}

/// The user of `USER[:GROUP]`; `default` is the daemon's own.
fn user(value: &str) -> Option<&str> {
    match value.split(':').next().unwrap_or_default() {
        "" => None,
        "default" => Some("dockremap"),
        user => Some(user),
    }
}

/// The lines of a uid are those of its name, if it has one.
fn named(host: &HostFiles, user: &str) -> String {
    let name = user.parse().ok().and_then(|uid| {
        let passwd = std::fs::read(host.path("/etc/passwd")).ok()?;
        oci::accounts::user_name(uid, &passwd)
    });
    name.unwrap_or_else(|| user.to_owned())
}
