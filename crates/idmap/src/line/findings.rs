//! Overlaps as people read them: uids and gids together, many accounts in one.

use std::ops::RangeInclusive;

use super::{Claim, ClaimKind, Overlap, amount, count, span};
use crate::{IdSet, Kind};

/// From so many accounts on, their names are no longer all told.
const NAMED: usize = 3;

/// Two owners and the ids that both claim.
pub(super) struct Finding<'a> {
    pub kinds: Vec<Kind>,
    pub ids: IdSet,
    pub first: &'a Claim,
    /// One, or several accounts.
    pub seconds: Vec<&'a Claim>,
    pub danger: String,
}

/// Sums up.
pub(super) fn findings<'a>(overlaps: &[Overlap<'a>]) -> Vec<Finding<'a>> {
    let mut found: Vec<Finding<'a>> = Vec::new();
    for overlap in overlaps {
        let same = |finding: &&mut Finding| {
            let second = finding.seconds.first().is_some_and(|second| {
                let accounts = second.what == ClaimKind::Account && overlap.second.what == ClaimKind::Account;
                second.owner == overlap.second.owner || (accounts && second.kind == overlap.second.kind)
            });
            finding.first.owner == overlap.first.owner && second
        };
        match found.iter_mut().find(same) {
            Some(finding) => {
                finding.ids.insert_range(overlap.ids.clone());
                if !finding.kinds.contains(&overlap.first.kind) {
                    finding.kinds.push(overlap.first.kind);
                }
                if !finding.seconds.iter().any(|second| second.owner == overlap.second.owner) {
                    finding.seconds.push(overlap.second);
                }
            }
            None => found.push(Finding {
                kinds: vec![overlap.first.kind],
                ids: [overlap.ids.clone()].into_iter().collect(),
                first: overlap.first,
                seconds: vec![overlap.second],
                danger: overlap.danger(),
            }),
        }
    }
    found
}

impl Finding<'_> {
    /// `uids and gids`.
    pub(super) fn kinds(&self) -> &'static str {
        match self.kinds[..] {
            [Kind::Uid] => "uids",
            [Kind::Gid] => "gids",
            _ => "uids and gids",
        }
    }

    /// The second owner, with the place that says so.
    pub(super) fn second(&self) -> String {
        match &self.seconds[..] {
            [second] => told(second),
            many => {
                let names: Vec<&str> = many.iter().take(NAMED).map(|second| second.owner.as_str()).collect();
                let more = if many.len() > NAMED { ", ..." } else { "" };
                format!("{} accounts ({}{more})", many.len(), names.join(", "))
            }
        }
    }

    /// The lines of the report.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("{} {}: {} and {}", self.kinds(), self.ids.brief(4), told(self.first), self.second()),
            format!("    {}", self.danger),
        ];
        if self.seconds.len() > 1
            && let Some(danger) = lines.get_mut(1)
        {
            *danger = format!(
                "    a container of {} can own the files of these accounts, and kill their processes",
                self.first.owner
            );
        }
        lines
    }
}

/// `alice (/etc/subuid:3)`.
pub(super) fn told(claim: &Claim) -> String {
    format!("{} ({})", claim.owner, claim.source)
}

/// What could be claimed instead: ids that nobody claims, for the claim whose move ends most of the disputes.
pub(super) fn instead(claims: &[Claim], overlaps: &[Overlap<'_>]) -> Option<String> {
    let movable = |claim: &&Claim| matches!(claim.what, ClaimKind::Delegated | ClaimKind::Tool);
    let sides = || overlaps.iter().flat_map(|overlap| [overlap.first, overlap.second]).filter(movable);
    let disputes = |claim: &Claim| sides().filter(|side| side.owner == claim.owner).count();
    let claim = sides().min_by_key(|claim| (std::cmp::Reverse(disputes(claim)), claim.count()))?;
    let ids = nobodys(claims, claim.count())?;
    let said = format!("nobody claims {} ({}): {} could have them instead", span(&ids), amount(&ids), claim.owner);
    Some(match line_of(claim) {
        Some(user) => {
            format!("{said}, by the line `{user}:{}:{}` in /etc/subuid and /etc/subgid", ids.start(), count(&ids))
        }
        None => said,
    })
}

/// Whose line of /etc/subuid would move a claim: the user's in `Docker (dockremap)`.
fn line_of(claim: &Claim) -> Option<&str> {
    let user = claim.owner.split_once(" (").and_then(|(_, user)| user.strip_suffix(')'));
    match claim.what {
        ClaimKind::Delegated => Some(user.unwrap_or(&claim.owner)),
        _ if claim.owner == "kubelet" => Some("kubelet"),
        _ => None,
    }
}

/// The first range of so many ids that nobody claims, on a multiple of 65536: above what systemd gives to containers, where no
/// automatic choice will ever be made, and else anywhere above the accounts.
fn nobodys(claims: &[Claim], many: u64) -> Option<RangeInclusive<u32>> {
    const STEP: u64 = 65_536;
    let mut taken: IdSet = claims.iter().map(|claim| claim.ids.clone()).collect();
    // From 2^31 on, ids are negative to programs that take them for signed.
    taken.insert_range(1 << 31..=u32::MAX);
    [1_879_048_192, STEP].into_iter().find_map(|from| {
        let mut first = from;
        loop {
            let ids = u32::try_from(first).ok()?..=u32::try_from(first + many - 1).ok()?;
            let Some(hit) = taken.ranges().find(|range| range.start() <= ids.end() && ids.start() <= range.end())
            else {
                return (count(&ids) == many).then_some(ids);
            };
            first = (u64::from(*hit.end()) + 1).next_multiple_of(STEP);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{
        overlaps,
        tests::{claim, usual},
    };

    fn both(claims: Vec<Claim>) -> Vec<Claim> {
        let gids: Vec<Claim> = claims.iter().map(|claim| Claim { kind: Kind::Gid, ..claim.clone() }).collect();
        [claims, gids].concat()
    }

    #[test]
    fn uids_and_gids_are_one_finding() {
        let claims = both(usual());
        let found = overlaps(&claims);
        let findings = findings(&found);
        assert_eq!((found.len(), findings.len()), (4, 2));
        let expected = [
            "uids and gids 100000-165535: kubelet (/etc/x:1) and alice (/etc/x:1)",
            "    a container of kubelet and one of alice can get the same ids: each then owns the other's files",
        ];
        assert_eq!(findings[0].lines(), expected);
    }

    #[test]
    fn accounts_are_counted() {
        let mut claims: Vec<Claim> =
            (1000..1010).map(|id| claim(ClaimKind::Account, &format!("u{id}"), id..=id)).collect();
        claims.push(claim(ClaimKind::Delegated, "carol", 1000..=66_535));
        let found = overlaps(&claims);
        let findings = findings(&found);
        assert_eq!(findings.len(), 1);
        let first = "uids 1000-1009: carol (/etc/x:1) and 10 accounts (u1000, u1001, u1002, ...)";
        assert_eq!(findings[0].lines()[0], first);
    }

    #[test]
    fn what_is_free_instead() {
        let claims = usual();
        let said = instead(&claims, &overlaps(&claims)).unwrap();
        let expected = "nobody claims 1879048192-1886257151 (7 208 960 ids): kubelet could have them instead, by the line \
                        `kubelet:1879048192:7208960` in /etc/subuid and /etc/subgid";
        assert_eq!(said, expected);
        assert_eq!(instead(&claims, &[]), None);
        assert_eq!(nobodys(&[claim(ClaimKind::Tool, "x", 1..=u32::MAX)], 5), None);
        assert_eq!(nobodys(&[claim(ClaimKind::Tool, "x", 1_000_000_000..=u32::MAX)], 5), Some(65_536..=65_540));
    }
}
