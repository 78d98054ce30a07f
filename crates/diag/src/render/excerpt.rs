//! The part of a text that a report is about, short enough for a terminal and harmless to it.

use std::ops::Range;

use super::{
    place::{self, Place},
    visible,
};

/// A span over more lines than this is shown by its first line only.
const MOST_LINES: usize = 6;

/// What stands for text that was left out.
const ELLIPSIS: &str = "...";

/// Source text ready to be shown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// One line or a few; control characters are spelled out, tabs are four spaces.
    pub(crate) source: String,
    /// Bytes of `source` to be marked.
    pub(crate) mark: Range<usize>,
    /// The first line's number in the text, from 1.
    pub(crate) line: usize,
    /// The column at which the unshortened text is at fault, in characters from 1.
    pub(crate) column: usize,
}

/// Takes from a document what shows a place: the value itself if it is short, else the member's name, else the
/// value's beginning. Lines wider than `width` columns are shortened around the mark.
pub(crate) fn of_place(text: &str, place: &Place, width: usize) -> Excerpt {
    let span = within(text, &place.span);
    match &place.name {
        Some(name) if text[span.clone()].contains('\n') || text[span.clone()].len() > width / 2 => {
            one_line(text, &within(text, name), width)
        }
        None if is_compact(text, &span, width) => several_lines(text, &span),
        _ => one_line(text, &span, width),
    }
}

/// Takes the line in which a span begins, shortened around the span to `width` columns.
pub(crate) fn one_line(text: &str, span: &Range<usize>, width: usize) -> Excerpt {
    let span = within(text, span);
    let around = lines_around(text, &(span.start..span.start));
    let end = span.end.min(around.end);
    let (number, column) = place::line_and_column(text, span.start);
    let budget = width.max(40);

    let marked_end = span.start + fitting(text[span.start..end].chars(), budget * 2 / 3);
    let left_over = budget - columns(text[span.start..marked_end].chars()).min(budget);
    let before = around.start..span.start;
    let after = marked_end..around.end;
    let after_columns = columns(text[after.clone()].chars().take(budget + 1));
    let share = left_over.saturating_sub(after_columns).max(left_over / 2);
    let from = before.end - fitting(text[before.clone()].chars().rev(), share);
    let rest = left_over.saturating_sub(columns(text[from..before.end].chars()));
    let to = after.start + fitting(text[after.clone()].chars(), rest);

    let mut source = String::new();
    if from > around.start {
        source.push_str(ELLIPSIS);
    }
    push_source(&mut source, &text[from..span.start]);
    let start = source.len();
    push_source(&mut source, &text[span.start..marked_end]);
    let mark = start..source.len();
    push_source(&mut source, &text[marked_end..to]);
    if to < around.end {
        source.push_str(ELLIPSIS);
    }
    Excerpt { source, mark, line: number, column }
}

fn several_lines(text: &str, span: &Range<usize>) -> Excerpt {
    let around = lines_around(text, span);
    let (line, column) = place::line_and_column(text, span.start);
    let mut source = String::new();
    let mut mark = 0..0;
    for (at, c) in text[around.clone()].char_indices().map(|(at, c)| (around.start + at, c)) {
        if at == span.start {
            mark.start = source.len();
        }
        if at == span.end {
            mark.end = source.len();
        }
        match c {
            '\n' => source.push('\n'),
            '\r' if text[at + 1..].starts_with('\n') => {}
            c => push_char(&mut source, c),
        }
    }
    if span.end >= around.end {
        mark.end = source.len();
    }
    Excerpt { source, mark, line, column }
}

/// Whether all lines of a span can be shown as they are.
fn is_compact(text: &str, span: &Range<usize>, width: usize) -> bool {
    let shown = &text[lines_around(text, span)];
    shown.lines().take(MOST_LINES + 1).count() <= MOST_LINES
        && shown.lines().all(|line| line.len() <= width && columns(line.chars()) <= width)
}

/// The bytes of the whole lines that a span touches, without the last line's end.
fn lines_around(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |newline| span.end + newline);
    let end = if text[start..end].ends_with('\r') && end > span.end { end - 1 } else { end };
    start..end
}

/// A range that is certainly inside the text and on character boundaries.
fn within(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = place::floor(text, span.start);
    start..place::floor(text, span.end).max(start)
}

/// How many bytes of characters fit into some columns.
fn fitting(characters: impl Iterator<Item = char>, budget: usize) -> usize {
    let mut used = 0;
    characters
        .take_while(|c| {
            used += columns_of(*c);
            used <= budget
        })
        .map(char::len_utf8)
        .sum()
}

fn columns(characters: impl Iterator<Item = char>) -> usize {
    characters.map(columns_of).sum()
}

/// An upper bound: no character needs more than two columns.
fn columns_of(c: char) -> usize {
    match c {
        ' '..='~' => 1,
        '\t' => 4,
        c if visible::is_hostile(c) => {
            let mut spelled = String::new();
            visible::push(&mut spelled, c);
            spelled.len()
        }
        _ => 2,
    }
}

fn push_source(out: &mut String, text: &str) {
    text.chars().for_each(|c| push_char(out, c));
}

fn push_char(out: &mut String, c: char) {
    match c {
        '\t' => out.push_str("    "),
        c => visible::push(out, c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_line_is_whole() {
        let excerpt = one_line("one\n\ttwo\x1b three\r\nfour", &(5..8), 80);
        assert_eq!(excerpt.source, "    two\\x1b three");
        assert_eq!(&excerpt.source[excerpt.mark], "two");
        assert_eq!((excerpt.line, excerpt.column), (2, 2));
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let text = format!("{}NEEDLE{}", "a".repeat(50_000), "é".repeat(50_000));
        let excerpt = one_line(&text, &(50_000..50_006), 60);
        assert!(excerpt.source.starts_with("...a") && excerpt.source.ends_with("é..."));
        assert_eq!(&excerpt.source[excerpt.mark.clone()], "NEEDLE");
        assert!(excerpt.source.chars().count() <= 66, "{}", excerpt.source);
        assert_eq!(excerpt.column, 50_001);
    }

    #[test]
    fn the_end_of_a_long_line_shows_more_of_its_beginning() {
        let text = format!("{}END", "a".repeat(200));
        let excerpt = one_line(&text, &(200..203), 60);
        assert_eq!(excerpt.source, format!("...{}END", "a".repeat(57)));
    }

    #[test]
    fn lines_of_an_element() {
        let text = "[\n  {\r\n    \"a\": 1\n  },\n 2]";
        let place = place::find(text, &crate::Pointer::new("/0"));
        let excerpt = of_place(text, &place, 80);
        assert_eq!(excerpt.source, "  {\n    \"a\": 1\n  },");
        assert_eq!(&excerpt.source[excerpt.mark], "{\n    \"a\": 1\n  }");
        assert_eq!(excerpt.line, 2);
    }

    #[test]
    fn nonsense_ranges_are_cut() {
        assert_eq!(one_line("ö", &(1..9), 80).mark, 0..2);
        assert_eq!(one_line("", &(7..9), 80).mark, 0..0);
    }
}
