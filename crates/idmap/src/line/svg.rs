//! The line as a picture: SVG 1.1, with a background of its own, so that it can be read on any page.

use svg::{
    Document,
    node::element::{Definitions, Line, Path, Pattern, Rectangle, Text, Title},
};

use super::{
    Claim, ClaimKind, Overlap,
    findings::{findings, instead},
    lanes::{Lane, Scale, lanes},
    plain,
};
use crate::IdSet;

/// Of the line itself, in pixels: also the number of its columns.
const WIDTH: usize = 960;
/// Left of it.
const LABELS: usize = 230;
const MARGIN: usize = 20;
const ROW: usize = 30;
const BAR: usize = 18;
/// Above the first lane: the heading and the axis.
const TOP: usize = 92;
/// How wide a digit of the axis is.
const DIGIT: usize = 7;

const PAPER: &str = "#fbfaf7";
const INK: &str = "#22262b";
const FAINT: &str = "#8a8f98";
const GRID: &str = "#e3e0d8";
const DISPUTED: &str = "#c62828";

/// Draws the claims, and below them the overlaps.
pub fn svg(claims: &[Claim], overlaps: &[Overlap<'_>]) -> String {
    let lanes = lanes(claims, overlaps);
    let scale = Scale::new(&lanes, WIDTH);
    let said = findings(overlaps).iter().flat_map(super::findings::Finding::lines).collect::<Vec<String>>();
    let mend = instead(claims, overlaps).map(|mend| format!("{}{}.", mend[..1].to_uppercase(), &mend[1..]));
    let bottom = TOP + lanes.len() * ROW + MARGIN;
    let width = MARGIN + LABELS + WIDTH + MARGIN;
    let height = bottom + (said.len() + 1 + usize::from(mend.is_some())) * 20 + MARGIN;
    let mut document = Document::new()
        .set("viewBox", (0, 0, width, height))
        .set("width", width)
        .set("height", height)
        .set("font-family", "system-ui, 'DejaVu Sans', sans-serif")
        .add(hatching())
        .add(rectangle(0, 0, width, height, PAPER));
    document =
        document.add(text(MARGIN, 34, 18, INK, "The ids of this host, and who claims them").set("font-weight", "bold"));
    document = axis(document, &scale, bottom - MARGIN);
    for (i, lane) in lanes.iter().enumerate() {
        document = row(document, lane, &scale, TOP + i * ROW);
    }
    let verdict = if said.is_empty() { "No two owners claim the same ids." } else { "Claimed by two:" };
    let colour = if said.is_empty() { INK } else { DISPUTED };
    document = document.add(text(MARGIN, bottom + 14, 14, colour, verdict).set("font-weight", "bold"));
    for (i, line) in said.iter().enumerate() {
        let colour = if line.starts_with(' ') { FAINT } else { INK };
        let indent = line.len() - line.trim_start().len();
        document = document.add(text(MARGIN + indent * 5, bottom + 36 + i * 20, 13, colour, &plain(line.trim_start())));
    }
    if let Some(mend) = mend {
        document = document.add(text(MARGIN, bottom + 36 + said.len() * 20, 13, INK, &plain(&mend)));
    }
    document.to_string()
}

/// The numbers and the lines down through all lanes.
fn axis(mut document: Document, scale: &Scale, bottom: usize) -> Document {
    for &mark in &scale.marks {
        document = document.add(stroke(MARGIN + LABELS + mark, TOP - 8, bottom, GRID));
    }
    for (mark, number) in scale.numbers(|number| number.len() * DIGIT + 5) {
        let x = MARGIN + LABELS + mark;
        document = document.add(stroke(x, TOP - 14, TOP - 6, FAINT)).add(text(x, TOP - 20, 11, FAINT, &number));
    }
    document
}

/// One owner: the name, the ids, and on them those in dispute.
fn row(mut document: Document, lane: &Lane, scale: &Scale, y: usize) -> Document {
    let colour = match lane.what {
        ClaimKind::Pool => "#d5d9de",
        ClaimKind::Reserved => "#a9b0b9",
        ClaimKind::Account => "#5f6b7a",
        ClaimKind::Delegated => "#2f6fb5",
        ClaimKind::Tool => "#7b52ab",
        ClaimKind::Process => "#3b8f8a",
        ClaimKind::Container => "#2e8b57",
    };
    document = document.add(text(MARGIN, y + BAR - 4, 13, INK, &plain(&lane.label)));
    for (ids, fill) in [(&lane.ids, colour), (&lane.disputed, "url(#disputed)")] {
        for (first, end) in runs(ids, scale) {
            let bar = rectangle(MARGIN + LABELS + first, y, end - first, BAR, fill).set("rx", 2);
            document = document.add(bar.add(Title::new(format!("{}: {}", plain(&lane.label), ids.brief(6)))));
        }
    }
    document
}

/// The columns that have any of the ids, as runs.
fn runs(ids: &IdSet, scale: &Scale) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for column in (0..scale.columns()).filter(|column| ids.meets(&scale.ids(*column))) {
        match runs.last_mut() {
            Some((_, end)) if *end == column => *end += 1,
            // One id must be seen, too.
            _ => runs.push((column, column + 1)),
        }
    }
    runs.into_iter().map(|(first, end)| (first, end.max(first + 3))).collect()
}

/// Red, and striped for those who do not see red.
fn hatching() -> Definitions {
    let stripes =
        Path::new().set("d", "M-2,2 l4,-4 M0,8 l8,-8 M6,10 l4,-4").set("stroke", "#ffffff").set("stroke-width", 2);
    let pattern = Pattern::new()
        .set("id", "disputed")
        .set("width", 8)
        .set("height", 8)
        .set("patternUnits", "userSpaceOnUse")
        .add(rectangle(0, 0, 8, 8, DISPUTED))
        .add(stripes);
    Definitions::new().add(pattern)
}

fn rectangle(x: usize, y: usize, width: usize, height: usize, fill: &str) -> Rectangle {
    Rectangle::new().set("x", x).set("y", y).set("width", width).set("height", height).set("fill", fill)
}

fn stroke(x: usize, from: usize, to: usize, colour: &str) -> Line {
    Line::new().set("x1", x).set("x2", x).set("y1", from).set("y2", to).set("stroke", colour)
}

fn text(x: usize, y: usize, size: usize, fill: &str, words: &str) -> Text {
    Text::new(words.to_owned()).set("x", x).set("y", y).set("font-size", size).set("fill", fill)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{
        overlaps,
        tests::{claim, usual},
    };

    #[test]
    fn owners_and_overlaps_are_in_it() {
        let claims = usual();
        let picture = svg(&claims, &overlaps(&claims));
        for wanted in ["<svg", "kubelet", "Docker (dockremap)", "url(#disputed)", "Claimed by two:", "165536", PAPER] {
            assert!(picture.contains(wanted), "{wanted}\n{picture}");
        }
    }

    #[test]
    fn an_owner_cannot_write_into_it() {
        let claims = [claim(ClaimKind::Delegated, "<script>alert(1)</script>&\u{1b}", 5..=9)];
        let picture = svg(&claims, &[]);
        assert!(!picture.contains("<script") && !picture.contains('\u{1b}'), "{picture}");
        assert!(picture.contains("No two owners"));
    }
}
