//! `/proc/PID/uid_map`, sets of ids, and what can be done with maps.

use idmap::{Extents, IdSet, Inside, Kind, NoNames, Way, draw, trace};

use super::{is_a_map, pictures::can_be_drawn};

/// The bytes are two maps, separated by an empty line; the first byte chooses the width of the picture.
pub fn kernel_map(bytes: &[u8]) {
    let (first, rest) = bytes.split_first().unwrap_or((&80, &[]));
    let width = usize::from(*first);
    let cut = rest.windows(2).position(|pair| pair == b"\n\n").unwrap_or(rest.len());
    let (inner, outer) = (Extents::from_kernel(&rest[..cut]), Extents::from_kernel(rest.get(cut + 2..).unwrap_or(&[])));
    by_hand(rest);
    let Ok(inner) = inner else { return a_set(rest) };
    is_a_map(Kind::Uid, &inner, width);
    let json = serde_json::to_string(&inner).unwrap();
    assert_eq!(serde_json::from_str::<Extents>(&json).unwrap(), inner);
    let Ok(outer) = outer else { return };
    is_a_map(Kind::Gid, &outer, width);
    if let Ok(through) = inner.compose(&outer) {
        is_a_map(Kind::Uid, &through, width);
        for id in inner.iter().chain(&outer).map(|extent| extent.inside) {
            let expected = inner.to_outside(id).and_then(|middle| outer.to_outside(Inside(middle.0)));
            assert_eq!(through.to_outside(id), expected);
            let levels = [inner.clone(), outer.clone()];
            let way = trace(&levels, id.0, Way::Outwards);
            assert_eq!(way.lost_in.is_none().then(|| *way.ids.last().unwrap()), expected.map(|id| id.0));
        }
    }
    // Any text may be somebody's name.
    let word = String::from_utf8_lossy(&bytes[..bytes.len().min(9)]);
    can_be_drawn(&inner, &outer, &word, width);
    match inner.split_at_parents(&outer) {
        Ok(split) => assert_eq!(split.normalized(), inner.normalized()),
        Err(straddle) => super::refusal::can_be_printed(&straddle.into_error(Kind::Uid)),
    }
    draw(Kind::Uid, &inner, &NoNames, usize::MAX);
}

fn a_set(bytes: &[u8]) {
    let Ok(set) = String::from_utf8_lossy(bytes).parse::<IdSet>() else { return };
    assert_eq!(set.to_string().parse(), Ok(set.clone()));
    assert_eq!(set.difference(&set), IdSet::new());
    assert_eq!(set.union(&set), set);
    assert!(set.ranges().is_sorted_by(|a, b| u64::from(*a.end()) + 1 < u64::from(*b.start())));
}

/// The same text as a person may have copied it.
fn by_hand(bytes: &[u8]) {
    match Extents::written(Kind::Gid, &String::from_utf8_lossy(bytes)) {
        Ok(map) => {
            is_a_map(Kind::Gid, &map, 60);
            assert_eq!(Extents::written(Kind::Gid, &map.to_kernel()).unwrap(), map);
        }
        Err(error) => super::refusal::can_be_printed(&error),
    }
}
