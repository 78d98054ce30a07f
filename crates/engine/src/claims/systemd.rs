//! What the kernel and systemd set aside. Source: systemd.io/UIDS-GIDS.

use idmap::slots::{FIRST_SLOT, SLOT_SIZE, SLOTS};

use super::{ClaimKind, Claims, HostFiles};

/// Systemd's ranges below and above the containers'.
const RANGES: [(u32, u32, &str); 4] = [
    (60_001, 60_513, "systemd-homed's users"),
    (60_514, 60_577, "systemd-nspawn's users of the host"),
    (61_184, 65_519, "systemd's dynamic users"),
    (2_147_352_576, 2_147_418_111, "systemd's foreign ids"),
];

const SOURCE: &str = "systemd.io/UIDS-GIDS";

pub(super) fn look(host: &HostFiles, claims: &mut Claims) {
    let kernel = ClaimKind::Reserved;
    claims.both(&(65_534..=65_534), "nobody", kernel, "the kernel's overflow id");
    claims.both(&(65_535..=65_535), "no id (of 16 bits)", kernel, "the kernel's -1 of old");
    claims.both(&(u32::MAX..=u32::MAX), "no id", kernel, "the kernel's -1");
    let last = FIRST_SLOT + (SLOTS * SLOT_SIZE - 1);
    claims.both(&(FIRST_SLOT..=last), "unroot and systemd-nspawn", ClaimKind::Pool, SOURCE);
    if host.has("/run/systemd/system") || host.has("/usr/lib/systemd/systemd") {
        for (first, last, owner) in RANGES {
            claims.both(&(first..=last), owner, kernel, SOURCE);
        }
    }
}
