//! A map as a small picture of text: container ids on the left, host ids on the right.

use std::ops::RangeInclusive;

use crate::{Extents, Kind, Names, NoNames, grouped, names::printable};

/// So many lines are shown at the beginning of a long map, …
const HEAD: usize = 16;
/// … and so many at its end.
const TAIL: usize = 4;

/// One line of the picture.
struct Row {
    inside: String,
    /// Nothing for a gap.
    outside: Option<String>,
    count: String,
}

/// Draws a map, a line an extent, with the gaps between them. Plain ASCII, no colour; no line is longer than `width`
/// columns: first the counts are left out, then the names, then lines are cut. Long maps are shortened in the middle.
pub fn draw(kind: Kind, map: &Extents, names: &dyn Names, width: usize) -> String {
    if map.is_empty() {
        return cut("nothing is mapped", width);
    }
    let (full, bare) = (rows(kind, map, names), rows(kind, map, &NoNames));
    let tries = [(&full, true), (&full, false), (&bare, false)];
    let fitting = tries.iter().map(|(rows, counts)| lines(rows, *counts)).find(|lines| widest(lines) <= width);
    let lines = fitting.unwrap_or_else(|| lines(&bare, false));
    lines.iter().map(|line| cut(line, width)).collect()
}

fn rows(kind: Kind, map: &Extents, names: &dyn Names) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut next = 0;
    for extent in map {
        let inside = extent.inside_range();
        if next < *inside.start() {
            let gap = label(&(next..=inside.start() - 1), None);
            rows.push(Row { inside: gap, outside: None, count: String::new() });
        }
        let plural = if extent.len == 1 { "" } else { "s" };
        rows.push(Row {
            inside: label(&inside, names.inside(kind, extent.inside)),
            outside: Some(label(&extent.outside_range(), names.outside(kind, extent.outside))),
            count: format!("{} {kind}{plural}", grouped(u64::from(extent.len))),
        });
        next = inside.end() + 1;
    }
    if rows.len() > HEAD + TAIL + 1 {
        let more = rows.len() - HEAD - TAIL;
        let dots = Row { inside: format!("... {more} more lines"), outside: Some(String::new()), count: String::new() };
        rows.splice(HEAD..HEAD + more, [dots]);
    }
    rows
}

/// `101 (redis)`, `0 (root)-100`, `102-1023`.
fn label(ids: &RangeInclusive<u32>, name: Option<String>) -> String {
    let name = printable(name).map(|name| format!(" ({name})")).unwrap_or_default();
    let (first, last) = (ids.start(), ids.end());
    if first == last { format!("{first}{name}") } else { format!("{first}{name}-{last}") }
}

fn lines(rows: &[Row], counts: bool) -> Vec<String> {
    let left = rows.iter().map(|row| row.inside.len()).max().unwrap_or(0).max("container".len());
    let right =
        rows.iter().filter_map(|row| row.outside.as_ref()).map(String::len).max().unwrap_or(0).max("host".len());
    let far = rows.iter().map(|row| row.count.len()).max().unwrap_or(0);
    let mut lines = vec![format!("{:<left$}      host", "container")];
    lines.extend(rows.iter().map(|row| {
        let line = match &row.outside {
            None => format!("{:<left$}      not mapped", row.inside),
            Some(outside) if outside.is_empty() => row.inside.clone(),
            Some(outside) if counts => format!("{:<left$}  ->  {outside:<right$}  {:>far$}", row.inside, row.count),
            Some(outside) => format!("{:<left$}  ->  {outside}", row.inside),
        };
        line.trim_end().to_owned()
    }));
    lines
}

fn widest(lines: &[String]) -> usize {
    lines.iter().map(String::len).max().unwrap_or(0)
}

/// One line, at most `width` columns wide. All text here is ASCII.
fn cut(line: &str, width: usize) -> String {
    let mut line: String = line.chars().take(width).collect();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extent, Inside, Outside};

    struct Redis;

    impl Names for Redis {
        fn inside(&self, _: Kind, id: Inside) -> Option<String> {
            match id.0 {
                0 => Some("root".into()),
                101 => Some("redis".into()),
                102 => Some("evil\u{1b}[31m".into()),
                65_534 => Some("nobody".into()),
                _ => None,
            }
        }

        fn outside(&self, _: Kind, id: Outside) -> Option<String> {
            (id.0 == 996).then(|| "redis".into())
        }
    }

    fn example() -> Extents {
        let list = [(0, 720_896, 101), (101, 996, 1), (102, 720_998, 922), (65_534, 786_430, 1)];
        Extents::new(list.map(Extent::from)).unwrap()
    }

    #[test]
    fn the_whole_picture() {
        let expected = "\
container           host
0 (root)-100    ->  720896-720996  101 uids
101 (redis)     ->  996 (redis)       1 uid
102-1023        ->  720998-721919  922 uids
1024-65533          not mapped
65534 (nobody)  ->  786430            1 uid
";
        assert_eq!(draw(Kind::Uid, &example(), &Redis, 80), expected);
    }

    #[test]
    fn narrower_and_narrower() {
        for width in 0..80 {
            let picture = draw(Kind::Gid, &example(), &Redis, width);
            assert!(picture.lines().all(|line| line.len() <= width), "{width}:\n{picture}");
            assert_eq!(picture.lines().count(), 6);
        }
        assert!(draw(Kind::Uid, &example(), &Redis, 40).contains("(redis)"));
        let narrow = draw(Kind::Uid, &example(), &Redis, 30);
        assert!(!narrow.contains("redis") && narrow.contains("101         ->  996"), "{narrow}");
    }

    #[test]
    fn a_gap_at_the_beginning_and_an_empty_map() {
        let map = Extents::new([Extent::new(101, 996, 1)]).unwrap();
        assert_eq!(
            draw(Kind::Uid, &map, &NoNames, 80),
            "container      host\n0-100          not mapped\n101        ->  996   1 uid\n"
        );
        assert_eq!(draw(Kind::Uid, &Extents::default(), &NoNames, 7), "nothing\n");
    }

    #[test]
    fn long_maps_are_shortened() {
        let map = Extents::new((0..300).map(|i| Extent::new(i, 1000 + 2 * i, 1))).unwrap();
        let picture = draw(Kind::Uid, &map, &NoNames, 80);
        assert_eq!(picture.lines().count(), 1 + HEAD + 1 + TAIL);
        assert!(picture.contains("\n... 280 more lines\n"), "{picture}");
    }
}
