//! Untrusted text made harmless for a terminal: what would act on it, or hide in it, is spelled out.

use std::{borrow::Cow, fmt::Write as _};

/// Whether a terminal would act on a character, or show text in another order or not at all because of it.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Appends a character, spelled out if it is hostile.
pub(crate) fn push(out: &mut String, c: char) {
    match c {
        c if !is_hostile(c) => out.push(c),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_ascii() => drop(write!(out, "\\x{:02x}", u32::from(c))),
        c => drop(write!(out, "\\u{{{:x}}}", u32::from(c))),
    }
}

/// Text on one line: line ends and tabs are spelled out too.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    text.chars().for_each(|c| push(&mut out, c));
    Cow::Owned(out)
}

/// Text that may have several lines, such as the words of a program. Blank lines at its end are left out.
pub(crate) fn lines(text: &str) -> String {
    text.trim_end().lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelled_out() {
        assert_eq!(line("a\x1b[31mb\x07\u{9b}2J\u{202e}\r\n\t"), "a\\x1b[31mb\\x07\\u{9b}2J\\u{202e}\\r\\n\\t");
        assert_eq!(line("größe 😀 容器"), "größe 😀 容器");
        assert_eq!(lines("one\r\ntwo\x1b\n\n"), "one\ntwo\\x1b");
    }
}
