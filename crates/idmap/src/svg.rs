//! The picture of [`crate::levels`] as an SVG document: a column of blocks for each namespace, and a band for each strand.
//!
//! Blocks stand in the order of their column's own ids, so bands cross where a map changes the order. A block's height says
//! roughly (by its logarithm) how many ids it is. The picture brings its background, to be readable on any page.

mod layout;
mod shapes;

use svg::{
    Document,
    node::element::{Group, Rectangle, Title},
};

use crate::levels::{LevelNames, Levels, View};
use layout::Layout;

/// Around everything.
const MARGIN: f64 = 28.0;

/// Draws namespaces and the maps between them; uids and gids one below the other if they differ.
pub fn draw(levels: &Levels, names: &dyn LevelNames) -> String {
    let views = levels.views();
    let layouts: Vec<Layout> = views.iter().map(|view| Layout::of(levels, view, names)).collect();
    let width = layouts.iter().map(|layout| layout.width).fold(0.0, f64::max) + 2.0 * MARGIN;
    let mut top = MARGIN;
    let mut pictures = Vec::new();
    for (view, layout) in views.iter().zip(&layouts) {
        pictures.push(picture(levels, view, layout).set("transform", format!("translate({MARGIN} {top})")));
        top += layout.height + MARGIN;
    }
    let titles: Vec<String> = levels.columns.iter().map(|level| shapes::clean(&level.title)).collect();
    let document = Document::new()
        .set("viewBox", (0, 0, width.ceil(), top.ceil()))
        .set("width", width.ceil())
        .set("height", top.ceil())
        .set("role", "img")
        .add(Title::new(titles.join(" → ")))
        .add(background(width, top));
    pictures.into_iter().fold(document, Document::add).to_string() + "\n"
}

fn background(width: f64, height: f64) -> Rectangle {
    Rectangle::new()
        .set("x", 0.5)
        .set("y", 0.5)
        .set("width", width.ceil() - 1.0)
        .set("height", height.ceil() - 1.0)
        .set("rx", 12)
        .set("fill", shapes::PAPER)
        .set("stroke", shapes::EDGE)
}

/// One view: bands behind, blocks before them, words on top.
fn picture(levels: &Levels, view: &View, layout: &Layout) -> Group {
    let mut group = Group::new();
    for shape in shapes::headings(levels, view, layout) {
        group = group.add(shape);
    }
    for (index, strand) in layout.strands.iter().enumerate() {
        for shape in shapes::bands(index, strand, layout) {
            group = group.add(shape);
        }
    }
    for (index, strand) in layout.strands.iter().enumerate() {
        for shape in shapes::blocks(index, strand, layout) {
            group = group.add(shape);
        }
    }
    for shape in shapes::gaps(layout) {
        group = group.add(shape);
    }
    for (strand, found) in view.strands.iter().zip(&layout.strands) {
        if let Some(shape) = shapes::amount(view, strand, found, layout) {
            group = group.add(shape);
        }
    }
    match shapes::rest(view, layout) {
        Some(shape) => group.add(shape),
        None => group,
    }
}

#[cfg(test)]
#[path = "svg/tests.rs"]
mod tests;
