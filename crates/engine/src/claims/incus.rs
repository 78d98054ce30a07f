//! Incus and LXD: the subordinate ids of root; where there are none, a thousand million ids from 1000000. The snap of LXD always
//! takes those. Source: linuxcontainers.org and canonical.com, "Idmaps for user namespace".

use super::{ClaimKind, Claims, HostFiles, range, subids::Lines};

/// The tool, what tells of it, and whose lines it reads.
const TOOLS: [(&str, &str, &str); 3] =
    [("Incus", "/var/lib/incus", "incus"), ("LXD", "/var/snap/lxd", "lxd"), ("LXD", "/var/lib/lxd", "lxd")];

const FIRST: u64 = 1_000_000;
const COUNT: u64 = 1_000_000_000;

pub(super) fn look(host: &HostFiles, lines: &mut Lines, claims: &mut Claims) {
    for owner in ["incus", "lxd"] {
        if lines.has(owner) {
            lines.use_by(if owner == "incus" { "Incus" } else { "LXD" }, owner, "/etc/subuid", claims);
        }
    }
    for (tool, sign, owner) in TOOLS {
        if !host.has(sign) || lines.has(owner) {
            continue;
        }
        if sign != "/var/snap/lxd" && lines.has("root") {
            lines.use_by(tool, "root", sign, claims);
        } else if let Some(ids) = range(FIRST, COUNT) {
            claims.both(&ids, tool, ClaimKind::Tool, &format!("the default of the {tool} of {sign}"));
        }
    }
}
