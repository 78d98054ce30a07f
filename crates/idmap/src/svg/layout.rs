//! Where everything stands.

use crate::{
    LAST_ID,
    levels::{Label, LevelNames, Levels, Line, Strand, View, lines},
};

/// A letter's width in the blocks' font.
pub(super) const LETTER: f64 = 7.8;
/// A line's height in a block.
pub(super) const LINE: f64 = 17.0;
/// Above the first and below the last line of a block.
pub(super) const PADDING: f64 = 5.0;
/// Between blocks whose ids continue each other, …
const NEAR: f64 = 4.0;
/// … and between others.
const FAR: f64 = 18.0;
/// Between columns.
pub(super) const BETWEEN: f64 = 150.0;
/// A column is at least so wide.
const NARROWEST: f64 = 130.0;
/// Titles, and the details below them.
const HEADINGS: f64 = 52.0;
/// What kind of ids it is, if there are two pictures.
const KIND: f64 = 30.0;
/// The line below.
const FOOT: f64 = 34.0;
/// How much higher a block gets with each ten times as many ids.
const TENFOLD: f64 = 13.0;
/// With more strands than this each gets one line.
const ROOMY: usize = 24;

/// A rectangle of one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub top: f64,
    pub height: f64,
}

/// A strand's blocks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    /// In each column that it reaches.
    pub spans: Vec<Option<Span>>,
    /// What is written in them, and in which line; the last line stands at the bottom.
    pub texts: Vec<Vec<String>>,
}

/// Ids of the innermost namespace that are not mapped, between others.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gap {
    pub span: Span,
    pub text: String,
}

/// The whole picture; its upper left corner is 0, 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    /// Each column's left side and width.
    pub columns: Vec<(f64, f64)>,
    pub strands: Vec<Placed>,
    pub gaps: Vec<Gap>,
    pub width: f64,
    pub height: f64,
    /// Where the titles stand.
    pub heading: f64,
}

impl Layout {
    pub(super) fn of(levels: &Levels, view: &View, names: &dyn LevelNames) -> Layout {
        let count = levels.columns.len();
        let roomy = view.strands.len() <= ROOMY;
        let texts: Vec<Vec<Vec<String>>> = view
            .strands
            .iter()
            .map(|strand| (0..count).map(|column| written(strand, column, roomy, view, names)).collect())
            .collect();
        let heading = if view.kinds.len() == 1 { KIND } else { 0.0 };
        let mut layout = Layout {
            columns: columns(levels, view, &texts),
            strands: texts.into_iter().map(|texts| Placed { spans: vec![None; count], texts }).collect(),
            gaps: Vec::new(),
            width: 0.0,
            height: 0.0,
            heading,
        };
        let bottoms = (0..count).map(|column| layout.stack(view, column, roomy, heading + HEADINGS));
        let bottom = bottoms.collect::<Vec<_>>().into_iter().fold(0.0, f64::max);
        layout.width = layout.columns.last().map_or(0.0, |(left, width)| left + width);
        layout.height = bottom + FOOT;
        layout
    }

    /// Stacks a column's blocks from `top` on; where it ends.
    fn stack(&mut self, view: &View, column: usize, roomy: bool, top: f64) -> f64 {
        let mut order: Vec<(usize, (u32, u32))> =
            view.strands.iter().enumerate().filter_map(|(i, strand)| Some((i, strand.ids(column)?))).collect();
        order.sort_by_key(|(_, (first, _))| *first);
        let (mut y, mut next) = (top, 0_u32);
        for (place, (index, (first, last))) in order.into_iter().enumerate() {
            if column == 0 && next < first {
                let text = unmapped(next, first - 1);
                let span = Span { top: y, height: LINE + 2.0 * PADDING };
                self.gaps.push(Gap { span, text });
                y += span.height + NEAR;
            } else if place > 0 {
                y += if next == first { NEAR } else { FAR } - NEAR;
            }
            let height = self.height_of(index, view.strands[index].len, roomy);
            self.strands[index].spans[column] = Some(Span { top: y, height });
            y += height + NEAR;
            next = last.saturating_add(1).min(LAST_ID);
        }
        y
    }

    /// The same in all columns, so that bands keep their width.
    fn height_of(&self, index: usize, len: u32, roomy: bool) -> f64 {
        let lines = self.strands[index].texts.iter().map(Vec::len).max().unwrap_or(1).max(1);
        #[expect(clippy::cast_precision_loss, reason = "there are less than ten lines")]
        let needed = lines as f64 * LINE + 2.0 * PADDING;
        if roomy { needed.max(LINE + 2.0 * PADDING + (f64::from(len).log10() * TENFOLD).round()) } else { needed }
    }
}

fn columns(levels: &Levels, view: &View, texts: &[Vec<Vec<String>>]) -> Vec<(f64, f64)> {
    let letters = |text: &str| {
        #[expect(clippy::cast_precision_loss, reason = "a line has few letters")]
        let count = text.chars().count().min(60) as f64;
        count * LETTER
    };
    let missing = view.gaps();
    let gaps = missing.ranges().filter(|range| *range.end() < LAST_ID);
    let gaps = gaps.map(|range| letters(&unmapped(*range.start(), *range.end()))).fold(0.0, f64::max);
    let mut left = 0.0;
    let mut columns = Vec::new();
    for (column, level) in levels.columns.iter().enumerate() {
        let widest = texts.iter().flat_map(|strand| &strand[column]).map(|text| letters(text)).fold(0.0, f64::max);
        // Titles are a little wider than ids, and may reach into the room before the next column.
        let title = letters(&level.title).max(letters(&level.detail)) * 1.15;
        let room = if column + 1 < levels.columns.len() { BETWEEN / 2.0 } else { 0.0 };
        let widest = if column == 0 { widest.max(gaps) } else { widest };
        let width = (widest + 32.0).max(title - room).max(NARROWEST).ceil();
        columns.push((left, width));
        left += width + BETWEEN;
    }
    columns
}

/// What stands in a gap.
fn unmapped(first: u32, last: u32) -> String {
    if first == last { format!("{first} not mapped") } else { format!("{first}–{last} not mapped") }
}

fn written(strand: &Strand, column: usize, roomy: bool, view: &View, names: &dyn LevelNames) -> Vec<String> {
    let Some((first, last)) = strand.ids(column) else { return Vec::new() };
    let label = |id| Label::of(names, view.kinds, column, id).text();
    if !roomy && first != last {
        return vec![format!("{first}–{last}")];
    }
    let line = |line| match line {
        Line::Id(skip) => label(first + skip),
        Line::Mark(skip) => format!("· {}", label(first + skip)),
        Line::Between => "⋮".to_owned(),
    };
    lines(strand, &view.marks).into_iter().map(line).collect()
}
