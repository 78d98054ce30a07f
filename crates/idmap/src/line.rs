//! The line of all ids of a host, and who claims which part of it.
//!
//! A claim is a range of one kind of ids with its owner and the place that says so. [`overlaps`] finds what two owners both
//! believe to be theirs; [`picture()`], [`list()`] and [`svg()`] show the line.

mod findings;
mod lanes;
mod svg;
mod text;

use std::{cmp::Reverse, collections::BinaryHeap, ops::RangeInclusive};

use crate::{Kind, grouped};

pub use svg::svg;
pub use text::{list, picture, system_accounts};

/// Ids that somebody claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Uids or gids.
    pub kind: Kind,
    /// The ids of the host.
    pub ids: RangeInclusive<u32>,
    /// Who: `alice`, `kubelet`, `Docker (dockremap)`, `container web`.
    pub owner: String,
    /// By what right.
    pub what: ClaimKind,
    /// Where it is written: `/etc/subuid:3`, `pid 812`.
    pub source: String,
}

/// By what right ids are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimKind {
    /// A range from which several draw by agreement, each looking first. For information: nobody is in its way.
    Pool,
    /// Set aside by the kernel or by systemd for ids that come and go.
    Reserved,
    /// An account of the host.
    Account,
    /// Delegated in `/etc/subuid`, `/etc/subgid` or another source of subordinate ids.
    Delegated,
    /// Configured as a tool's own, or the tool's default.
    Tool,
    /// In the map of a running process.
    Process,
    /// In the map of a running container of root's, which unroot has given to it alone.
    Container,
}

impl ClaimKind {
    /// One word for it.
    pub const fn word(self) -> &'static str {
        match self {
            ClaimKind::Pool => "pool",
            ClaimKind::Reserved => "reserved",
            ClaimKind::Account => "account",
            ClaimKind::Delegated => "delegated",
            ClaimKind::Tool => "configured",
            ClaimKind::Process => "process",
            ClaimKind::Container => "container",
        }
    }
}

impl Claim {
    /// How many ids.
    pub fn count(&self) -> u64 {
        count(&self.ids)
    }

    fn covers(&self, other: &Claim) -> bool {
        self.ids.start() <= other.ids.start() && other.ids.end() <= self.ids.end()
    }

    fn is_range(&self) -> bool {
        self.ids.start() < self.ids.end()
    }
}

/// How many ids a range has.
pub(crate) fn count(ids: &RangeInclusive<u32>) -> u64 {
    if ids.is_empty() { 0 } else { u64::from(ids.end() - ids.start()) + 1 }
}

/// Ids that two owners both claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap<'a> {
    /// The ids.
    pub ids: RangeInclusive<u32>,
    /// The claim of the higher standing: a running process's before a configuration's before an account's.
    pub first: &'a Claim,
    /// The other.
    pub second: &'a Claim,
}

impl Overlap<'_> {
    /// What can go wrong, in a sentence.
    pub fn danger(&self) -> String {
        let (first, second) = (&self.first.owner, &self.second.owner);
        match (self.first.what, self.second.what) {
            (_, ClaimKind::Account) => {
                format!("a container of {first} can own the files of the account {second}, and kill its processes")
            }
            (_, ClaimKind::Reserved) => format!("{second} can become the same id as a container of {first}"),
            (ClaimKind::Container, ClaimKind::Delegated | ClaimKind::Tool) => {
                format!("{second} may start something with the ids that {first} runs with")
            }
            (ClaimKind::Process | ClaimKind::Container, _) => {
                format!("{first} and {second} can kill each other's processes and open each other's files")
            }
            _ => format!(
                "a container of {first} and one of {second} can get the same ids: each then owns the other's files"
            ),
        }
    }
}

/// Every pair of claims on the same ids that no agreement covers, by rising ids.
///
/// None is: the same owner's twice; anything in a [`ClaimKind::Pool`]; a running process within a range that is delegated
/// or configured (it is its owner's); a namespace within a namespace; one single id that was delegated or mapped (nobody
/// does that by accident).
pub fn overlaps(claims: &[Claim]) -> Vec<Overlap<'_>> {
    let mut sorted: Vec<&Claim> = claims.iter().filter(|claim| claim.what != ClaimKind::Pool).collect();
    sorted.sort_by_key(|claim| *claim.ids.start());
    let mut found = Vec::new();
    // The claims that have begun and not ended, the next to end first.
    let mut open: BinaryHeap<(Reverse<u32>, usize)> = BinaryHeap::new();
    for (index, claim) in sorted.iter().enumerate() {
        while open.peek().is_some_and(|(Reverse(end), _)| end < claim.ids.start()) {
            open.pop();
        }
        for other in open.iter().filter_map(|(_, at)| sorted.get(*at)) {
            let (first, second) = if claim.what > other.what { (*claim, *other) } else { (*other, *claim) };
            if conflict(first, second, claims) {
                let ids = *claim.ids.start()..=*claim.ids.end().min(other.ids.end());
                found.push(Overlap { ids, first, second });
            }
        }
        open.push((Reverse(*claim.ids.end()), index));
    }
    found.sort_by_key(|overlap| (*overlap.ids.start(), *overlap.ids.end()));
    found
}

/// Whether two claims that share ids contradict each other; `first` has the higher standing.
fn conflict(first: &Claim, second: &Claim, all: &[Claim]) -> bool {
    use ClaimKind::{Account, Container, Delegated, Pool, Process, Reserved, Tool};
    if first.kind != second.kind || first.owner == second.owner {
        return false;
    }
    match (first.what, second.what) {
        (Pool, _) | (_, Pool) | (Reserved | Account, Reserved | Account) => false,
        (_, Account | Reserved) => first.is_range(),
        (Process, Delegated | Tool) => !second.covers(first),
        (Process, Process) => {
            !first.covers(second)
                && !second.covers(first)
                && owner_of(first, all)
                    .is_none_or(|owner| owner_of(second, all).is_none_or(|other| owner.owner != other.owner))
        }
        (Container, Process) => !first.covers(second),
        (Container, Delegated | Tool | Container) => first.is_range() && second.is_range(),
        _ => true,
    }
}

/// Whose range a process's ids are from.
fn owner_of<'a>(process: &Claim, all: &'a [Claim]) -> Option<&'a Claim> {
    let right = |claim: &&Claim| matches!(claim.what, ClaimKind::Delegated | ClaimKind::Tool);
    all.iter().filter(right).find(|claim| claim.kind == process.kind && claim.covers(process))
}

/// `100000-165535`, or `1000`.
pub(crate) fn span(ids: &RangeInclusive<u32>) -> String {
    let (first, last) = (ids.start(), ids.end());
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// `65 536 ids`.
pub(crate) fn amount(ids: &RangeInclusive<u32>) -> String {
    let plural = if ids.start() == ids.end() { "" } else { "s" };
    format!("{} id{plural}", grouped(count(ids)))
}

/// Without what a terminal could take for a command.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(super) fn claim(what: ClaimKind, owner: &str, ids: RangeInclusive<u32>) -> Claim {
        Claim { kind: Kind::Uid, ids, owner: owner.into(), what, source: "/etc/x:1".into() }
    }

    /// A host with Docker's, Podman's and the kubelet's defaults.
    pub(super) fn usual() -> Vec<Claim> {
        use ClaimKind::{Account, Delegated, Pool, Reserved, Tool};
        vec![
            claim(Account, "root", 0..=0),
            claim(Account, "alice", 1000..=1000),
            claim(Reserved, "systemd's dynamic users", 61_184..=65_519),
            claim(Delegated, "alice", 100_000..=165_535),
            claim(Delegated, "Docker (dockremap)", 165_536..=231_071),
            claim(Delegated, "Podman (containers)", 2_147_483_647..=4_294_967_294),
            claim(Tool, "kubelet", 65_536..=7_274_495),
            claim(Pool, "unroot and systemd-nspawn", 524_288..=1_879_048_191),
        ]
    }

    fn pairs(claims: &[Claim]) -> Vec<(String, String, String)> {
        let found = overlaps(claims);
        found.iter().map(|one| (span(&one.ids), one.first.owner.clone(), one.second.owner.clone())).collect()
    }

    #[test]
    fn the_kubelets_default_is_alices_range() {
        let expected = [("100000-165535", "kubelet", "alice"), ("165536-231071", "kubelet", "Docker (dockremap)")];
        assert_eq!(pairs(&usual()), expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
    }

    #[test]
    fn what_is_agreed_is_no_overlap() {
        use ClaimKind::{Account, Container, Delegated, Process, Reserved, Tool};
        let cases = [
            (claim(Delegated, "a", 1..=9), claim(Delegated, "a", 5..=20), false),
            (claim(Delegated, "a", 1..=9), claim(Delegated, "b", 9..=20), true),
            (claim(Delegated, "a", 1..=8), claim(Delegated, "b", 9..=20), false),
            (claim(Delegated, "a", 500..=1500), claim(Account, "bob", 1000..=1000), true),
            (claim(Delegated, "root", 1000..=1000), claim(Account, "bob", 1000..=1000), false),
            (claim(Process, "sleep", 5..=9), claim(Delegated, "a", 1..=9), false),
            (claim(Process, "sleep", 5..=10), claim(Delegated, "a", 1..=9), true),
            (claim(Process, "sleep", 1..=10), claim(Process, "child", 2..=9), false),
            (claim(Process, "sleep", 1..=10), claim(Process, "other", 2..=19), true),
            (claim(Process, "wish", 996..=996), claim(Account, "redis", 996..=996), false),
            (claim(Container, "container a", 1..=10), claim(Container, "container b", 2..=9), true),
            (claim(Container, "container a", 2..=9), claim(Tool, "kubelet", 1..=10), true),
            (claim(Container, "container a", 2..=9), claim(Process, "nested", 2..=3), false),
            (claim(Account, "user", 62_000..=62_000), claim(Reserved, "systemd", 61_184..=65_519), false),
            (claim(Tool, "CRI-O", 60_000..=70_000), claim(Reserved, "systemd", 61_184..=65_519), true),
        ];
        for (a, b, expected) in cases {
            assert_eq!(!overlaps(&[a.clone(), b.clone()]).is_empty(), expected, "{a:?} {b:?}");
            assert_eq!(!overlaps(&[b.clone(), a.clone()]).is_empty(), expected, "{b:?} {a:?}");
        }
    }

    #[test]
    fn two_containers_of_one_user_may_share() {
        use ClaimKind::{Delegated, Process};
        let claims =
            [claim(Delegated, "alice", 100..=200), claim(Process, "one", 100..=150), claim(Process, "two", 140..=200)];
        assert_eq!(overlaps(&claims), []);
    }

    #[test]
    fn uids_and_gids_never_meet() {
        let uid = claim(ClaimKind::Delegated, "a", 1..=9);
        let gid = Claim { kind: Kind::Gid, ..claim(ClaimKind::Delegated, "b", 1..=9) };
        assert_eq!(overlaps(&[uid, gid]), []);
    }

    proptest! {
        /// The sweep finds what comparing everything with everything finds.
        #[test]
        fn as_by_hand(list in prop::collection::vec((0_u32..200, 0_u32..40, 0_u8..4), 0..25)) {
            let claims: Vec<Claim> = list
                .iter()
                .map(|&(start, more, who)| claim(ClaimKind::Delegated, &who.to_string(), start..=start + more))
                .collect();
            let mut expected = 0;
            for (i, a) in claims.iter().enumerate() {
                for b in claims.iter().skip(i + 1) {
                    let meet = a.ids.start() <= b.ids.end() && b.ids.start() <= a.ids.end();
                    expected += usize::from(meet && a.owner != b.owner);
                }
            }
            let found = overlaps(&claims);
            prop_assert_eq!(found.len(), expected);
            for one in found {
                prop_assert!(!one.ids.is_empty());
            }
        }
    }
}
