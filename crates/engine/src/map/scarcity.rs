//! When nothing is left: who holds what, since when or by what right, and how to get some back.

use std::ops::RangeInclusive;

use diag::{Error, Result};
use idmap::{IdSet, Kind, LAST_ID, Slot, grouped, largest_hole, slots::SLOTS};

use super::{
    Host,
    pool::{Leases, StoreLeases, has_slots, own},
};
use crate::{Engine, claims::ClaimKind, create::now};

/// So many holders are named.
const NAMED: usize = 12;

/// A line of the table.
struct Row {
    who: String,
    ids: IdSet,
    /// `for 5 minutes`, or where it is written.
    by: String,
    /// Whether it is a container that can be stopped: since when.
    since: Option<u64>,
}

impl Engine<'_> {
    /// Adds to UR0205 who holds the ids.
    pub(crate) fn explain_scarcity(&self, error: Error, host: &Host) -> Error {
        // What cannot be looked up is left out: the message is about something else.
        let mut rows = self.containers_rows(host).unwrap_or_default();
        let ranges = if has_slots(host) { pool() } else { own(host, Kind::Uid) };
        if has_slots(host) {
            rows.extend(claimed(host, &ranges));
        }
        explain(error, &ranges, rows)
    }

    fn containers_rows(&self, host: &Host) -> Result<Vec<Row>> {
        if !has_slots(host) {
            let held = self.store.lock_ids()?.held()?.into_iter().map(|held| Row {
                who: held.name,
                ids: held.uids,
                by: ago(held.since),
                since: Some(held.since),
            });
            let mut rows: Vec<Row> = held.collect();
            let known = rows.iter().fold(IdSet::new(), |all, row| all.union(&row.ids));
            let running = StoreLeases::new(&self.store, "", "").in_use(host).into_iter();
            rows.extend(running.filter(|held| !held.uids.difference(&known).is_empty()).map(|held| Row {
                who: held.name,
                ids: held.uids,
                by: held.holder,
                since: None,
            }));
            return Ok(rows);
        }
        let holders = self.holders()?;
        let mut rows = Vec::new();
        for held in self.store.leases()? {
            let known = holders.iter().find(|holder| holder.id == held.holder);
            let since = known.and_then(|holder| holder.started);
            let ids = Slot::at(held.slot).map(Slot::ids);
            rows.push(Row {
                who: known.map_or_else(|| held.holder.chars().take(12).collect(), |holder| holder.name.clone()),
                ids: ids.into_iter().collect(),
                by: since.map_or_else(|| "just started".to_owned(), ago),
                since,
            });
        }
        Ok(rows)
    }
}

/// All slots.
fn pool() -> Vec<RangeInclusive<u32>> {
    let ends = [Slot::at(0), Slot::at(SLOTS - 1)].map(|slot| slot.map_or(LAST_ID, Slot::base));
    vec![ends[0]..=ends[1].saturating_add(65_535)]
}

/// What others claim of these ids.
fn claimed(host: &Host, ranges: &[RangeInclusive<u32>]) -> Vec<Row> {
    let ranges: IdSet = ranges.iter().cloned().collect();
    let mut rows: Vec<Row> = Vec::new();
    for claim in host.claims.all.iter().filter(|claim| !matches!(claim.what, ClaimKind::Pool)) {
        let ids = IdSet::from_iter([claim.ids.clone()]).intersection(&ranges);
        if ids.is_empty() {
            continue;
        }
        match rows.iter_mut().find(|row| row.who == claim.owner) {
            Some(row) => row.ids = row.ids.union(&ids),
            None => rows.push(Row { who: claim.owner.clone(), ids, by: claim.source.clone(), since: None }),
        }
    }
    rows
}

fn explain(error: Error, ranges: &[RangeInclusive<u32>], mut rows: Vec<Row>) -> Error {
    rows.sort_by(|a, b| b.ids.count().cmp(&a.ids.count()).then_with(|| a.who.cmp(&b.who)));
    let all: IdSet = ranges.iter().cloned().collect();
    let held = rows.iter().fold(IdSet::new(), |held, row| held.union(&row.ids)).intersection(&all);
    let mut error = error.fact(format!(
        "of {} ids ({}), {} are held and {} are free, at most {} of them in one piece",
        grouped(all.count()),
        all.brief(3),
        grouped(held.count()),
        grouped(all.count() - held.count()),
        grouped(largest_hole(ranges, &held)),
    ));
    for line in table(&rows) {
        error = error.fact(line);
    }
    let oldest = rows.iter().filter(|row| row.since.is_some()).min_by_key(|row| row.since);
    match oldest {
        Some(row) => error.help_run("stop the container that has run longest", format!("unroot stop {}", row.who)),
        None => error,
    }
}

/// Columns: who, how many, which, by what right.
fn table(rows: &[Row]) -> Vec<String> {
    let wide =
        |text: fn(&Row) -> String| rows.iter().take(NAMED).map(|row| text(row).chars().count()).max().unwrap_or(0);
    let amount = |row: &Row| format!("{} ids", grouped(row.ids.count()));
    let (who, many, which) = (wide(|row| row.who.clone()), wide(amount), wide(|row| row.ids.brief(2)));
    let mut lines: Vec<String> = rows
        .iter()
        .take(NAMED)
        .map(|row| format!("{:who$}  {:>many$}  {:which$}  {}", row.who, amount(row), row.ids.brief(2), row.by))
        .collect();
    if let Some(rest) = rows.get(NAMED..).filter(|rest| !rest.is_empty()) {
        let ids: u64 = rest.iter().map(|row| row.ids.count()).sum();
        lines.push(format!("and {} more with {} ids", rest.len(), grouped(ids)));
    }
    lines
}

/// How long ago.
fn ago(since: u64) -> String {
    let seconds = now().saturating_sub(since);
    match seconds {
        0..120 => format!("for {seconds} seconds"),
        120..7200 => format!("for {} minutes", seconds / 60),
        7200..172_800 => format!("for {} hours", seconds / 3600),
        _ => format!("for {} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use diag::codes;

    use super::*;

    fn row(who: &str, ids: &str, since: Option<u64>) -> Row {
        Row { who: who.into(), ids: ids.parse().unwrap(), by: "/etc/subuid:1".into(), since }
    }

    #[test]
    fn who_holds_what() {
        let rows = vec![
            row("web", "100-199", Some(5)),
            row("database", "200-1199,1300", Some(3)),
            row("kubelet", "9000-9001", None),
        ];
        let error = explain(Error::new(codes::UR0205, "too few"), &[100..=1400], rows);
        let report = error.report();
        let facts: Vec<&str> = report.facts.iter().map(String::as_str).collect();
        let expected = [
            "of 1301 ids (100-1400), 1101 are held and 200 are free, at most 100 of them in one piece",
            "database  1001 ids  200-1199,1300  /etc/subuid:1",
            "web        100 ids  100-199        /etc/subuid:1",
            "kubelet      2 ids  9000-9001      /etc/subuid:1",
        ];
        assert_eq!(facts, expected);
        assert!(format!("{report:?}").contains("unroot stop database"));
    }

    #[test]
    fn long_tables_are_summed_up() {
        let rows: Vec<Row> =
            (0..40).map(|i| row(&format!("c{i}"), &format!("{}-{}", i * 10, i * 10 + 4), None)).collect();
        let lines = table(&rows);
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (13, Some("and 28 more with 140 ids")));
    }

    #[test]
    fn every_slot_is_in_the_pool() {
        assert_eq!(pool(), [524_288..=1_879_048_191]);
    }
}
