//! The line as text: plain ASCII, no colour.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    Claim, ClaimKind, Overlap, amount,
    findings::{findings, instead},
    lanes::{Lane, Scale, lanes},
    plain, span,
};
use crate::{IdSet, Kind};

/// The widest label.
const LABEL: usize = 28;

/// The least and the most columns of the line itself.
const COLUMNS: std::ops::RangeInclusive<usize> = 16..=160;

/// The line: an axis, a lane for each owner, what the marks mean. No line is longer than `width` columns if that is at least 40.
pub fn picture(claims: &[Claim], overlaps: &[Overlap<'_>], width: usize) -> String {
    let lanes = lanes(claims, overlaps);
    let label = lanes.iter().map(|lane| lane.label.chars().count()).max().unwrap_or(0);
    let label = label.min(LABEL).min(width.saturating_sub(COLUMNS.start() + 2));
    let columns = width.saturating_sub(label + 2).clamp(*COLUMNS.start(), *COLUMNS.end());
    let scale = Scale::new(&lanes, columns);
    let mut text = String::new();
    for line in axis(&scale) {
        text.push_str(format!("{:label$}  {line}", "").trim_end());
        text.push('\n');
    }
    for lane in &lanes {
        let name: String = plain(&lane.label).chars().take(label).collect();
        let cells: String = (0..scale.columns()).map(|column| cell(lane, &scale, column)).collect();
        text.push_str(format!("{name:<label$}  {cells}").trim_end());
        text.push('\n');
    }
    text.push_str(if overlaps.is_empty() {
        "# claimed   - reserved   . drawn from by agreement\n"
    } else {
        "# claimed   X claimed by two   - reserved   . drawn from by agreement\n"
    });
    text
}

fn cell(lane: &Lane, scale: &Scale, column: usize) -> char {
    let ids = scale.ids(column);
    if lane.disputed.meets(&ids) {
        return 'X';
    }
    match lane.what {
        _ if !lane.ids.meets(&ids) => ' ',
        ClaimKind::Pool => '.',
        ClaimKind::Reserved => '-',
        _ => '#',
    }
}

/// The first ids of some pieces, and where they are.
fn axis(scale: &Scale) -> [String; 2] {
    let (mut numbers, mut ticks) = (String::new(), String::new());
    for (mark, number) in scale.numbers(|number| number.len() + 2) {
        numbers = format!("{numbers:<mark$}{number}");
        ticks = format!("{ticks:<mark$}|");
    }
    [numbers, ticks]
}

/// Two claims that differ in the kind alone are one line.
struct Row<'a> {
    claim: &'a Claim,
    kinds: &'static str,
    sources: String,
}

/// Everything below the picture: the claims by rising ids, the overlaps, and what could be claimed instead.
pub fn list(claims: &[Claim], overlaps: &[Overlap<'_>]) -> String {
    let rows = rows(claims);
    let columns: Vec<[String; 4]> = rows
        .iter()
        .map(|row| {
            let claim = row.claim;
            let what = format!("{} {}", row.kinds, claim.what.word());
            [span(&claim.ids), amount(&claim.ids), what, plain(&claim.owner)]
        })
        .collect();
    let wide = |at: usize| columns.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let (first, second, third, fourth) = (wide(0), wide(1), wide(2), wide(3));
    let mut text = String::new();
    for (row, [ids, many, what, owner]) in rows.iter().zip(&columns) {
        let line = format!("{ids:<first$}  {many:>second$}  {what:<third$}  {owner:<fourth$}  {}", plain(&row.sources));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&verdict(claims, overlaps));
    text
}

fn verdict(claims: &[Claim], overlaps: &[Overlap<'_>]) -> String {
    let findings = findings(overlaps);
    let mut text = match findings.len() {
        0 => "no overlaps: no two owners claim the same ids\n".to_owned(),
        1 => "1 overlap:\n".to_owned(),
        many => format!("{many} overlaps:\n"),
    };
    for line in findings.iter().flat_map(super::findings::Finding::lines) {
        let _ = writeln!(text, "  {}", plain(&line));
    }
    if let Some(instead) = instead(claims, overlaps) {
        let _ = writeln!(text, "{}", plain(&instead));
    }
    text
}

/// Of the host's accounts below 1000 only the number is told: every host has them.
fn rows(claims: &[Claim]) -> Vec<Row<'_>> {
    let is_system = |claim: &&Claim| claim.what == ClaimKind::Account && *claim.ids.end() < 1000;
    let mut same: BTreeMap<(u32, u32, ClaimKind, &str), Vec<&Claim>> = BTreeMap::new();
    for claim in claims.iter().filter(|claim| !is_system(claim)) {
        let key = (*claim.ids.start(), *claim.ids.end(), claim.what, claim.owner.as_str());
        same.entry(key).or_default().push(claim);
    }
    same.into_values().filter_map(|claims| row(&claims)).collect()
}

fn row<'a>(claims: &[&'a Claim]) -> Option<Row<'a>> {
    let claim = *claims.first()?;
    let has = |kind| claims.iter().any(|claim| claim.kind == kind);
    let kinds = match (has(Kind::Uid), has(Kind::Gid)) {
        (true, true) => "uid+gid",
        (true, false) => "uid",
        _ => "gid",
    };
    let mut sources: Vec<&str> = claims.iter().map(|claim| claim.source.as_str()).collect();
    sources.dedup();
    Some(Row { claim, kinds, sources: sources.join(", ") })
}

/// How many accounts below 1000 the list leaves out, and which ids they have.
pub fn system_accounts(claims: &[Claim]) -> (usize, IdSet) {
    let accounts = claims.iter().filter(|claim| claim.what == ClaimKind::Account && *claim.ids.end() < 1000);
    let ids: IdSet = accounts.clone().map(|claim| claim.ids.clone()).collect();
    (accounts.count(), ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{
        overlaps,
        tests::{claim, usual},
    };

    #[test]
    fn a_usual_host() {
        let claims = usual();
        let found = overlaps(&claims);
        let text = format!("{}\n{}", picture(&claims, &found, 100), list(&claims, &found));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn as_narrow_as_it_is_asked_for() {
        let claims = usual();
        for width in 40..200 {
            let text = picture(&claims, &overlaps(&claims), width);
            assert!(
                text.lines().filter(|line| !line.starts_with('#')).all(|line| line.chars().count() <= width),
                "{width}:\n{text}"
            );
        }
    }

    #[test]
    fn nothing_is_claimed() {
        assert!(list(&[], &[]).contains("no overlaps"));
        assert!(picture(&[], &[], 80).starts_with("  0\n  |\n"));
    }

    #[test]
    fn a_name_that_is_no_text_is_not_printed() {
        let claims = [claim(ClaimKind::Delegated, "evil\u{1b}[31m", 5..=9)];
        assert!(!picture(&claims, &[], 80).contains('\u{1b}') && !list(&claims, &[]).contains('\u{1b}'));
    }
}
