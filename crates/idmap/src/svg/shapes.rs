//! What is drawn.

use svg::node::element::{Group, Path, Rectangle, Text, path::Data};

use super::layout::{LINE, Layout, PADDING, Placed, Span};
use crate::{
    LAST_ID, NOBODY, grouped,
    levels::{Levels, Strand, View},
};

/// The background, …
pub(super) const PAPER: &str = "#fbfaf7";
/// … its edge, …
pub(super) const EDGE: &str = "#d9d5cc";
const INK: &str = "#1f2430";
const FAINT: &str = "#6b7080";
/// Colours that people with any kind of colour vision tell apart (Okabe and Ito), darkened for paper; they take turns.
const COLORS: [&str; 6] = ["#0a6ebd", "#d1590a", "#0b8a64", "#b0508a", "#a87900", "#3f51a8"];
const MONO: &str = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace";
const SANS: &str = "system-ui, 'DejaVu Sans', 'Segoe UI', Helvetica, Arial, sans-serif";

/// Text of strangers, without control characters, which no XML document may have.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

fn color(index: usize) -> &'static str {
    COLORS[index % COLORS.len()]
}

fn words(text: &str, x: f64, y: f64, size: f64) -> Text {
    Text::new(clean(text)).set("x", x).set("y", y).set("font-size", size).set("font-family", SANS).set("fill", INK)
}

fn ids(text: &str, x: f64, y: f64) -> Text {
    Text::new(clean(text)).set("x", x).set("y", y).set("font-size", 13).set("font-family", MONO).set("fill", INK)
}

/// The columns' titles.
pub(super) fn headings(levels: &Levels, view: &View, layout: &Layout) -> Vec<Text> {
    let mut all = Vec::new();
    if view.kinds.len() == 1 {
        let what = if view.word() == "uid" { "users" } else { "groups" };
        all.push(words(&format!("{}s ({what})", view.word()), 0.0, 14.0, 16.0).set("font-weight", 700));
    }
    for (level, (left, _)) in levels.columns.iter().zip(&layout.columns) {
        all.push(words(&level.title, *left, layout.heading + 14.0, 15.0).set("font-weight", 700));
        if !level.detail.is_empty() {
            all.push(words(&level.detail, *left, layout.heading + 33.0, 12.5).set("fill", FAINT));
        }
    }
    all
}

/// The bands from each column to the next.
pub(super) fn bands(index: usize, strand: &Placed, layout: &Layout) -> Vec<Path> {
    let mut all = Vec::new();
    for column in 1..layout.columns.len() {
        let (left, width) = layout.columns[column - 1];
        let (from, to) = (left + width, layout.columns[column].0);
        if let (Some(here), Some(there)) = (strand.spans[column - 1], strand.spans[column]) {
            all.push(band(here, there, from, to).set("fill", color(index)).set("fill-opacity", 0.26));
        }
    }
    all
}

fn band(here: Span, there: Span, from: f64, to: f64) -> Path {
    let middle = f64::midpoint(from, to);
    let (here_end, there_end) = (here.top + here.height, there.top + there.height);
    let data = Data::new()
        .move_to((from, here.top))
        .cubic_curve_to((middle, here.top, middle, there.top, to, there.top))
        .line_to((to, there_end))
        .cubic_curve_to((middle, there_end, middle, here_end, from, here_end))
        .close();
    Path::new().set("d", data)
}

/// The blocks with their words.
pub(super) fn blocks(index: usize, strand: &Placed, layout: &Layout) -> Vec<Group> {
    let columns = layout.columns.iter().zip(&strand.spans).zip(&strand.texts);
    columns.filter_map(|(((left, width), span), texts)| Some(block(index, (*left, *width), (*span)?, texts))).collect()
}

fn block(index: usize, (left, width): (f64, f64), span: Span, texts: &[String]) -> Group {
    let body = rectangle(left, span, width).set("rx", 5).set("fill", "#ffffff").set("stroke", color(index));
    let tint = rectangle(left, span, width).set("rx", 5).set("fill", color(index)).set("fill-opacity", 0.10);
    let stripe = rectangle(left, span, 6.0).set("rx", 3).set("fill", color(index));
    let group = Group::new().add(body.set("stroke-width", 1.2)).add(tint).add(stripe);
    let last = texts.len().saturating_sub(1);
    texts.iter().enumerate().fold(group, |group, (nth, text)| {
        let y = line_at(nth, last, span);
        let faint = text.starts_with('·') || text.starts_with('⋮');
        let text = ids(text, left + 16.0, y);
        group.add(if faint { text.set("fill", FAINT) } else { text })
    })
}

/// The base of a line: the first stands at the top, the last at the bottom, the others are spread between.
fn line_at(nth: usize, last: usize, span: Span) -> f64 {
    let (first, end) = (span.top + PADDING + LINE - 4.5, span.top + span.height - PADDING - 4.5);
    if last == 0 {
        return f64::midpoint(first, end);
    }
    #[expect(clippy::cast_precision_loss, reason = "there are less than ten lines")]
    let share = nth as f64 / last as f64;
    first + (end - first) * share
}

fn rectangle(left: f64, span: Span, width: f64) -> Rectangle {
    Rectangle::new().set("x", left).set("y", span.top).set("width", width).set("height", span.height)
}

/// Ids inside that are not mapped, between others that are.
pub(super) fn gaps(layout: &Layout) -> Vec<Group> {
    let Some((left, width)) = layout.columns.first() else { return Vec::new() };
    let draw = |gap: &super::layout::Gap| {
        let outline = rectangle(*left, gap.span, *width)
            .set("rx", 5)
            .set("fill", "none")
            .set("stroke", FAINT)
            .set("stroke-dasharray", "3 4");
        let y = gap.span.top + PADDING + LINE - 4.5;
        Group::new().add(outline).add(ids(&gap.text, left + 16.0, y).set("fill", FAINT))
    };
    layout.gaps.iter().map(draw).collect()
}

/// How many ids a strand is: where its first band leaves its first block, since bands cross farther on.
pub(super) fn amount(view: &View, strand: &Strand, placed: &Placed, layout: &Layout) -> Option<Text> {
    let first = placed.spans.iter().position(Option::is_some)?;
    let here = placed.spans[first]?;
    let (left, width) = layout.columns[first];
    let plural = if strand.len == 1 { "" } else { "s" };
    let text = format!("{} {}{plural}", grouped(u64::from(strand.len)), view.word());
    let text = match placed.spans.get(first + 1) {
        Some(Some(_)) => text,
        Some(None) => format!("{text}, not mapped"),
        None => return None,
    };
    let y = here.top + here.height / 2.0 + 4.0;
    Some(words(&text, left + width + 10.0, y, 12.0).set("font-weight", 600))
}

/// What is beyond the last block.
pub(super) fn rest(view: &View, layout: &Layout) -> Option<Text> {
    let last = view.gaps().ranges().next_back().filter(|range| *range.end() == LAST_ID)?;
    let text = format!("{}–{} not mapped: shown as {NOBODY} (nobody) inside", last.start(), last.end());
    Some(words(&text, 0.0, layout.height - 6.0, 12.5).set("fill", FAINT))
}
