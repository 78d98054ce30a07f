//! Pictures of maps: for a terminal and as SVG.

use idmap::{
    Extents, IdMap, Kind,
    levels::{Glyphs, Level, LevelNames, Levels, Style, text},
    svg,
};

/// One name for everything.
struct Everybody<'a>(&'a str);

impl LevelNames for Everybody<'_> {
    fn name(&self, _: usize, _: Kind, _: u32) -> Option<String> {
        Some(self.0.to_owned())
    }
}

/// `word` is what strangers have called everything.
pub fn can_be_drawn(inner: &Extents, outer: &Extents, word: &str, width: usize) {
    let both = |uid: &Extents, gid: &Extents| IdMap { uid: uid.clone(), gid: gid.clone() };
    let levels = Levels {
        columns: vec![Level::new(word, word), Level::new("user", ""), Level::new("host", word)],
        maps: vec![both(inner, inner), both(outer, inner)],
        marks: vec![(Kind::Uid, 0), (Kind::Gid, 101)],
    };
    for glyphs in [&Glyphs::BOXES, &Glyphs::ASCII] {
        let drawn = text(&levels, &Everybody(word), Style { width, glyphs, color: false });
        for line in drawn.lines() {
            assert!(line.chars().count() <= width, "wider than {width}: {line:?}");
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }
    let drawn = svg::draw(&levels, &Everybody(word));
    assert!(drawn.starts_with("<svg ") && drawn.trim_end().ends_with("</svg>"));
    assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'));
    assert_eq!(drawn.matches("<svg").count(), 1);
}
