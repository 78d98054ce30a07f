//! Lines in pieces, so that colours change no width.

use std::fmt::{Display, Write};

use super::{Glyphs, Style};

/// Text of strangers: without what a terminal would obey.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

pub(super) fn cut(text: &str, width: usize, glyphs: &Glyphs) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(glyphs.cut.chars().count());
    text.chars().take(kept).chain(glyphs.cut.chars()).collect()
}

/// What a piece of a line looks like.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Paint {
    None,
    Bold,
    Dim,
    /// The colour of a row: they take turns.
    Row(usize),
}

/// A line in pieces.
#[derive(Default)]
pub(super) struct Painted {
    pieces: Vec<(Paint, String)>,
    /// Text that takes the place of the blanks that follow.
    debt: usize,
}

const COLORS: [&str; 5] = ["36", "33", "35", "32", "34"];

impl Painted {
    /// A line of one piece.
    pub(super) fn of(paint: Paint, text: String) -> Painted {
        Painted { pieces: vec![(paint, text)], debt: 0 }
    }

    pub(super) fn add(&mut self, paint: Paint, text: impl Display) {
        let mut text = text.to_string();
        if self.debt > 0 && text.chars().all(|letter| letter == ' ') {
            let paid = self.debt.min(text.len());
            self.debt -= paid;
            text.truncate(text.len() - paid);
        }
        self.pieces.push((paint, text));
    }

    /// Adds a text after a blank; what is longer than `room` is paid by the blanks that follow.
    pub(super) fn overlay(&mut self, text: &str, room: usize) {
        self.pieces.push((Paint::Dim, format!(" {text} ")));
        let length = text.len() + 2;
        self.debt += length.saturating_sub(room);
        if length < room {
            self.pieces.push((Paint::None, " ".repeat(room - length)));
        }
    }

    /// The line, not longer than the style allows.
    pub(super) fn painted(&self, style: Style) -> String {
        let end = self.pieces.iter().rposition(|(_, text)| !text.trim_end().is_empty()).map_or(0, |last| last + 1);
        let (mut line, mut room) = (String::new(), style.width);
        for (index, (paint, text)) in self.pieces.iter().take(end).enumerate() {
            let text = if index + 1 == end { text.trim_end() } else { text };
            let shown: String = text.chars().take(room).collect();
            room -= shown.chars().count();
            let code = match paint {
                Paint::Bold => "1",
                Paint::Dim => "2",
                Paint::Row(row) => COLORS[row % COLORS.len()],
                Paint::None => "",
            };
            if style.color && !code.is_empty() && !shown.is_empty() {
                let _ = write!(line, "\u{1b}[{code}m{shown}\u{1b}[0m");
            } else {
                line.push_str(&shown);
            }
        }
        line.push('\n');
        line
    }
}
