//! The picture in a terminal: a box for each strand in each namespace, linked from left to right.

use super::{
    Glyphs, Label, LevelNames, Levels, Strand, View,
    cells::{Line, lines},
    fit::{NARROWEST, fitted, widened},
    paint::{Paint, Painted, clean, cut},
};
use crate::{LAST_ID, NOBODY, grouped};

/// With more strands than this, each gets one line.
const ROOMY: usize = 9;
/// So many lines are shown at the beginning of a long map, …
const HEAD: usize = 18;
/// … and so many at its end.
const TAIL: usize = 4;

/// How it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; no line is longer.
    pub width: usize,
    /// The characters.
    pub glyphs: &'static Glyphs,
    /// Whether escape sequences may colour it.
    pub color: bool,
}

impl Style {
    /// ASCII without colour, 80 columns.
    pub const PLAIN: Style = Style { width: 80, glyphs: &Glyphs::ASCII, color: false };
}

/// Draws namespaces and the maps between them; a picture for each kind of ids, or one for both if they are equal.
pub fn text(levels: &Levels, names: &dyn LevelNames, style: Style) -> String {
    let mut all = String::new();
    for view in levels.views() {
        if !all.is_empty() {
            all.push('\n');
        }
        if view.kinds.len() == 1 {
            all.push_str(&Painted::of(Paint::Bold, format!("{}s", view.word())).painted(style));
        }
        for line in Picture::of(levels, &view, names, style).draw() {
            all.push_str(&line.painted(style));
        }
    }
    all
}

/// A row of the picture.
enum Row<'a> {
    Strand(&'a Strand),
    /// Ids of the innermost namespace that are not mapped.
    Gap(u32, u32),
    /// So many rows are left out.
    More(usize),
}

struct Picture<'a> {
    levels: &'a Levels,
    view: &'a View,
    rows: Vec<Row<'a>>,
    /// What stands in the boxes: by row, then by column, then by line.
    cells: Vec<Vec<Vec<String>>>,
    widths: Vec<usize>,
    link: usize,
    /// How wide the amounts are; 0 if there is no room for them.
    amounts: usize,
    roomy: bool,
    width: usize,
    glyphs: &'static Glyphs,
}

impl<'a> Picture<'a> {
    fn of(levels: &'a Levels, view: &'a View, names: &dyn LevelNames, style: Style) -> Picture<'a> {
        let rows = rows(view);
        let roomy = rows.len() <= ROOMY;
        let columns = 0..levels.columns.len();
        let cell = |row: &Row, column| contents(row, column, roomy, view, names, style.glyphs);
        let cells: Vec<Vec<Vec<String>>> =
            rows.iter().map(|row| columns.clone().map(|column| cell(row, column)).collect()).collect();
        let natural = columns.clone().map(|column| {
            let widest = cells.iter().flat_map(|row| &row[column]).map(|line| line.chars().count()).max();
            widest.unwrap_or(0).max(NARROWEST)
        });
        let amount = rows.iter().map(|row| amount(row, view).len()).max().unwrap_or(0);
        let natural: Vec<usize> = natural.collect();
        let (widths, link, amounts) = fitted(&natural, amount, style.width);
        let widths = widened(widths, levels, link, amounts, style.width);
        Picture { levels, view, rows, cells, widths, link, amounts, roomy, width: style.width, glyphs: style.glyphs }
    }

    fn draw(&self) -> Vec<Painted> {
        let mut all = self.headings();
        if self.view.strands.is_empty() {
            all.push(Painted::of(Paint::None, format!("  nothing is mapped: every id shows up as {NOBODY} (nobody)")));
            return all;
        }
        for index in 0..=self.rows.len() {
            let edges_count = self.roomy || index == 0 || index == self.rows.len();
            if edges_count {
                all.push(self.edge(index));
            }
            if index < self.rows.len() {
                all.extend(self.body(index));
            }
        }
        all.extend(self.rest());
        all
    }

    fn headings(&self) -> Vec<Painted> {
        let line = |text: fn(&super::Level) -> &str, paint: Paint| {
            let mut line = Painted::default();
            for (column, level) in self.levels.columns.iter().enumerate() {
                // Up to where the next title begins, but for a blank.
                let room = self.widths[column] + 1 + self.link;
                let cut = cut(&clean(text(level)), room, self.glyphs);
                line.add(Paint::None, "  ");
                line.add(paint, format!("{cut:<width$}", width = room + 1));
            }
            line
        };
        let mut all = vec![line(|level| &level.title, Paint::Bold)];
        if self.levels.columns.iter().any(|level| !level.detail.is_empty()) {
            all.push(line(|level| &level.detail, Paint::Dim));
        }
        all
    }

    /// The edge above the row of this index, and below the one before it.
    fn edge(&self, index: usize) -> Painted {
        let mut line = Painted::default();
        let upper = index.checked_sub(1).and_then(|index| self.rows.get(index));
        let lower = self.rows.get(index);
        for (column, width) in self.widths.iter().enumerate() {
            if column > 0 {
                line.add(Paint::None, " ".repeat(self.link));
            }
            let (above, below) = (upper.and_then(|row| row.ids(column)), lower.and_then(|row| row.ids(column)));
            let torn = above.zip(below).is_some_and(|((_, last), (first, _))| last.checked_add(1) != Some(first));
            let boxed = |row: Option<&Row>| row.is_some_and(|row| row.ids(column).is_some());
            match self.glyphs.edge(boxed(upper), boxed(lower), torn) {
                Some([left, middle, right]) => {
                    let middle: String = std::iter::repeat_n(middle, width + 2).collect();
                    line.add(Paint::Dim, format!("{left}{middle}{right}"));
                }
                None => line.add(Paint::None, " ".repeat(width + 4)),
            }
        }
        line
    }

    fn body(&self, index: usize) -> Vec<Painted> {
        let row = &self.rows[index];
        let height = self.cells[index].iter().map(Vec::len).max().unwrap_or(0);
        let center = (height.max(1) - 1) / 2;
        (0..height).map(|nth| self.line(index, row, nth, nth == center)).collect()
    }

    fn line(&self, index: usize, row: &Row, nth: usize, center: bool) -> Painted {
        let mut line = Painted::default();
        let paint = if matches!(row, Row::Strand(_)) { Paint::Row(index) } else { Paint::Dim };
        let columns = self.widths.len();
        let band = if row.len() == 1 { self.glyphs.link } else { self.glyphs.band };
        for (column, width) in self.widths.iter().enumerate() {
            let here = row.ids(column).is_some();
            let linked = |other: Option<usize>| {
                center && here && other.is_some_and(|other| row.ids(other).is_some()) && matches!(row, Row::Strand(_))
            };
            let (from, on) = (linked(column.checked_sub(1)), linked(Some(column + 1)));
            let side = if matches!(row, Row::Strand(_)) { self.glyphs.side } else { self.glyphs.ghost };
            if here {
                line.add(if from { paint } else { Paint::Dim }, if from { band[2] } else { side });
                let text = self.cells[index][column].get(nth).map_or("", String::as_str);
                let text = cut(text, *width, self.glyphs);
                line.add(if side == self.glyphs.ghost { Paint::Dim } else { Paint::None }, format!(" {text:<width$} "));
                line.add(if on { paint } else { Paint::Dim }, if on { band[0] } else { side });
            } else {
                line.add(Paint::None, " ".repeat(width + 4));
            }
            if column + 1 < columns {
                self.between(&mut line, row, column, center, if on { Some((paint, band[1])) } else { None });
            }
        }
        if center && self.amounts > 0 {
            line.add(Paint::Dim, format!("  {:>width$}", amount(row, self.view), width = self.amounts));
        }
        line
    }

    /// What is between a column and the next on one line: a link, or that there is none.
    fn between(&self, line: &mut Painted, row: &Row, left: usize, center: bool, on: Option<(Paint, char)>) {
        if let Some((paint, glyph)) = on {
            line.add(paint, std::iter::repeat_n(glyph, self.link).collect::<String>());
            return;
        }
        let ends = row.ids(left).is_some() && row.ids(left + 1).is_none() && !matches!(row, Row::More(_));
        if ends && center {
            // It runs over the place of the next box, which is not there.
            line.overlay("not mapped", self.link);
        } else {
            line.add(Paint::None, " ".repeat(self.link));
        }
    }

    /// What is beyond the last row.
    fn rest(&self) -> Option<Painted> {
        let last = self.view.gaps().ranges().next_back()?;
        let after = (*last.end() == LAST_ID).then_some(last)?;
        let ids = format!("  {}{}{} not mapped", after.start(), self.glyphs.to, after.end());
        let whole = format!("{ids}: shown as {NOBODY} (nobody) inside");
        Some(Painted::of(Paint::Dim, if whole.chars().count() <= self.width { whole } else { ids }))
    }
}

impl Row<'_> {
    fn ids(&self, column: usize) -> Option<(u32, u32)> {
        match self {
            Row::Strand(strand) => strand.ids(column),
            Row::Gap(first, last) => (column == 0).then_some((*first, *last)),
            Row::More(_) => (column == 0).then_some((0, 0)),
        }
    }

    fn len(&self) -> u32 {
        match self {
            Row::Strand(strand) => strand.len,
            Row::Gap(..) | Row::More(_) => 0,
        }
    }
}

/// Strands, the gaps between them, and less than all if there are many.
fn rows(view: &View) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut next = 0_u32;
    for strand in &view.strands {
        if let Some((first, last)) = strand.ids(0) {
            if next < first {
                rows.push(Row::Gap(next, first - 1));
            }
            next = last.saturating_add(1);
        }
        rows.push(Row::Strand(strand));
    }
    if rows.len() > HEAD + TAIL + 1 {
        let more = rows.len() - HEAD - TAIL;
        rows.splice(HEAD..HEAD + more, [Row::More(more)]);
    }
    rows
}

/// What stands in one box.
fn contents(
    row: &Row,
    column: usize,
    roomy: bool,
    view: &View,
    names: &dyn LevelNames,
    glyphs: &Glyphs,
) -> Vec<String> {
    let range = |first: u32, last: u32| {
        if first == last { first.to_string() } else { format!("{first}{}{last}", glyphs.to) }
    };
    let Some((first, last)) = row.ids(column) else { return Vec::new() };
    let strand = match row {
        Row::Strand(strand) => strand,
        Row::Gap(..) => return vec![range(first, last)],
        Row::More(more) => return vec![format!("{more} more lines")],
    };
    let label = |id| Label::of(names, view.kinds, column, id).text();
    if !roomy {
        return vec![if first == last { label(first) } else { range(first, last) }];
    }
    let line = |line| match line {
        Line::Id(skip) => label(first + skip),
        Line::Mark(skip) => format!("{} {}", glyphs.between, label(first + skip)),
        Line::Between => glyphs.between.to_string(),
    };
    lines(strand, &view.marks).into_iter().map(line).collect()
}

fn amount(row: &Row, view: &View) -> String {
    match row {
        Row::Strand(strand) => {
            let plural = if strand.len == 1 { " " } else { "s" };
            format!("{} {}{plural}", grouped(u64::from(strand.len)), view.word())
        }
        Row::Gap(..) | Row::More(_) => String::new(),
    }
}
