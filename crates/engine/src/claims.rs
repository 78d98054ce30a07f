//! Who claims which ids of this host: every configuration that gives ids to somebody, and every map in use.
//!
//! *Theory of operation.* One file a source. Each reads what its tool would read, below [`HostFiles::root`] so that tests can
//! invent a host, and adds its claims with the file and the line that they come from. Delegations are read first and told last:
//! a tool that lives on a user's lines of /etc/subuid (Docker on dockremap's) becomes their owner, so that the same ids are
//! not claimed twice.
//!
//! *Must*: be quick, because every start of root's asks (no program is run unless nsswitch.conf names a source of subordinate
//! ids that is no file); report what cannot be read or understood. *Must not*: fail.

mod accounts;
mod audit;
mod crio;
mod docker;
mod files;
mod incus;
mod kubelet;
mod nsswitch;
mod podman;
mod processes;
mod report;
mod subids;
mod systemd;

use std::ops::RangeInclusive;

use diag::Error;
pub use files::HostFiles;
pub use idmap::line::{Claim, ClaimKind};
use idmap::{IdSet, Kind, LAST_ID};
use subids::Lines;

/// What was found.
#[derive(Debug, Default)]
pub struct Claims {
    /// The claims, in no order.
    pub all: Vec<Claim>,
    /// What could not be read, and lines that say nothing.
    pub warnings: Vec<Error>,
}

impl Claims {
    /// Looks at everything: for people.
    pub fn look(host: &HostFiles) -> Claims {
        let mut claims = Claims::configured(host);
        accounts::look(host, &mut claims);
        systemd::look(host, &mut claims);
        processes::look(host, &mut claims);
        claims
    }

    /// What is delegated and configured.
    pub fn configured(host: &HostFiles) -> Claims {
        let mut claims = Claims::default();
        let mut lines = Lines::read(host, &mut claims);
        // Before the kubelet, which has no pool of its own if somebody delegates ids to it.
        nsswitch::look(host, &mut claims);
        podman::look(host, &mut lines, &mut claims);
        docker::look(host, &mut lines, &mut claims);
        kubelet::look(host, &mut lines, &mut claims);
        incus::look(host, &mut lines, &mut claims);
        crio::look(host, &mut claims);
        lines.tell(&mut claims);
        claims
    }

    /// The maps of running processes alone.
    pub fn running(host: &HostFiles) -> Claims {
        let mut claims = Claims::default();
        processes::look(host, &mut claims);
        claims
    }

    /// All ids that are not free for a new container of root's: claimed by anybody, for uids or for gids.
    pub fn taken(&self) -> IdSet {
        self.all.iter().filter(|claim| claim.what != ClaimKind::Pool).map(|claim| claim.ids.clone()).collect()
    }

    /// What somebody claims of both kinds.
    fn both(&mut self, ids: &RangeInclusive<u32>, owner: &str, what: ClaimKind, source: &str) {
        for kind in Kind::BOTH {
            self.add(kind, ids.clone(), owner, what, source);
        }
    }

    fn add(&mut self, kind: Kind, ids: RangeInclusive<u32>, owner: &str, what: ClaimKind, source: &str) {
        if !ids.is_empty() {
            self.all.push(Claim { kind, ids, owner: owner.to_owned(), what, source: source.to_owned() });
        }
    }
}

/// `count` ids from `first`, as far as there are ids; `None` if there are none.
fn range(first: u64, count: u64) -> Option<RangeInclusive<u32>> {
    let first = u32::try_from(first).ok().filter(|first| *first <= LAST_ID)?;
    let last = u64::from(first) + count.checked_sub(1)?;
    Some(first..=u32::try_from(last).unwrap_or(LAST_ID).min(LAST_ID))
}

#[cfg(test)]
#[path = "claims/tests.rs"]
mod tests;
