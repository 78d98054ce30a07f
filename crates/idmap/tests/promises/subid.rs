//! `/etc/subuid` and `/etc/subgid`.

use idmap::{IdSet, Inside, Kind, LAST_ID, Outside, SubidFile, consecutive, intermediate};

use super::{is_a_map, refusal::can_be_printed};

/// The bytes are the file.
pub fn subid(bytes: &[u8]) {
    let file = SubidFile::parse("/etc/subuid", bytes);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    for line in &file.delegations {
        assert!(!line.owner.is_empty() && (1..=lines).contains(&line.line));
        assert!(line.ids.start() <= line.ids.end() && *line.ids.end() <= LAST_ID);
    }
    assert_eq!(file.warnings().len(), file.bad.len());
    file.warnings().iter().for_each(can_be_printed);
    for (a, b) in file.overlaps() {
        assert!(a.owner != b.owner && a.line < b.line);
        assert!(IdSet::from_iter([a.ids.clone()]).meets(&b.ids));
    }
    let owners: Vec<&str> = file.delegations.iter().map(|line| line.owner.as_str()).take(8).collect();
    for name in owners {
        whose(&file, name);
    }
}

/// What one owner's lines become.
fn whose(file: &SubidFile, name: &str) {
    let uid = name.parse().unwrap_or(1000);
    let ranges = file.ranges_for(Some(name), uid);
    let all: IdSet = ranges.iter().cloned().collect();
    assert!(all.difference(&file.all()).is_empty() && !all.is_empty());
    if let Ok(map) = consecutive(&ranges) {
        is_a_map(Kind::Uid, &map, 80);
        assert_eq!(map.outside_ids(), all);
        assert_eq!(map.normalized().inside_ids().ranges().len(), 1);
    }
    if uid <= LAST_ID
        && let Ok(map) = intermediate(Outside(uid), &ranges)
    {
        is_a_map(Kind::Gid, &map, 80);
        assert_eq!(map.to_outside(Inside(0)), Some(Outside(uid)));
        assert_eq!(map.outside_ids(), all.union(&[uid].into_iter().collect()));
    }
}
