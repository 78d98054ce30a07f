//! Command lines as a shell would read them: for diagnostics and for the commands in their help.

use std::{fmt::Write as _, ops::Range};

use crate::render::visible;

/// One argument, quoted for a POSIX shell only if it must be. Control characters become visible as `$'\x1b'`.
pub fn word(argument: &str) -> String {
    Quoting::of(argument).quote(argument).0
}

/// A command line, its arguments quoted and separated by spaces.
pub fn line<S: AsRef<str>>(arguments: impl IntoIterator<Item = S>) -> String {
    arguments.into_iter().map(|argument| word(argument.as_ref())).collect::<Vec<_>>().join(" ")
}

/// A command line, and the bytes of it that show one argument, or the given bytes of that argument.
///
/// An index or a range beyond the end is cut: the result is always within the line and on character boundaries.
pub(crate) fn marked(arguments: &[String], index: usize, range: Option<&Range<usize>>) -> (String, Range<usize>) {
    let mut out = String::new();
    let mut mark = None;
    for (i, argument) in arguments.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        let start = out.len();
        let (quoted, offsets) = Quoting::of(argument).quote(argument);
        out.push_str(&quoted);
        if i == index {
            mark = Some(match range {
                None => start..out.len(),
                Some(range) => start + offsets.at(range.start)..start + offsets.at(range.end.max(range.start)),
            });
        }
    }
    let end = out.len()..out.len();
    (out, mark.unwrap_or(end))
}

/// How an argument must be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Bare,
    Single,
    /// `$'…'`, which ksh, bash and POSIX.1-2024 know.
    Dollar,
}

/// Where each character of an argument went: pairs of byte offsets, before and after quoting.
struct Offsets(Vec<(usize, usize)>);

impl Offsets {
    fn at(&self, before: usize) -> usize {
        let next = self.0.partition_point(|(from, _)| *from < before);
        self.0.get(next).or(self.0.last()).map_or(0, |(_, to)| *to)
    }
}

impl Quoting {
    fn of(argument: &str) -> Self {
        if argument.chars().any(visible::is_hostile) {
            Quoting::Dollar
        } else if argument.is_empty() || !argument.chars().all(is_plain) {
            Quoting::Single
        } else {
            Quoting::Bare
        }
    }

    fn quote(self, argument: &str) -> (String, Offsets) {
        let mut out = String::from(match self {
            Quoting::Bare => "",
            Quoting::Single => "'",
            Quoting::Dollar => "$'",
        });
        let mut offsets = Vec::with_capacity(argument.len() + 1);
        for (at, c) in argument.char_indices() {
            offsets.push((at, out.len()));
            self.push(&mut out, c);
        }
        offsets.push((argument.len(), out.len()));
        if self != Quoting::Bare {
            out.push('\'');
        }
        (out, Offsets(offsets))
    }

    fn push(self, out: &mut String, c: char) {
        match (self, c) {
            (Quoting::Single, '\'') => out.push_str("'\\''"),
            (Quoting::Dollar, '\'' | '\\') => out.extend(['\\', c]),
            (Quoting::Dollar, c) if !c.is_ascii() && visible::is_hostile(c) => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
            (_, c) => visible::push(out, c),
        }
    }
}

/// Characters that no shell gives a meaning to, wherever they stand in an argument.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "_-./:=,@%+^".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(word("--map=redis=@redis"), "--map=redis=@redis");
        assert_eq!(word(""), "''");
        assert_eq!(word("a b"), "'a b'");
        assert_eq!(word("it's"), "'it'\\''s'");
        assert_eq!(word("\x1b[2J'"), "$'\\x1b[2J\\''");
        assert_eq!(line(["sh", "-c", "id -u"]), "sh -c 'id -u'");
    }

    #[test]
    fn marks() {
        let argv = ["run", "a'b c", "x"].map(String::from);
        let (line, mark) = marked(&argv, 1, Some(&(1..3)));
        assert_eq!((line.as_str(), &line[mark]), ("run 'a'\\''b c' x", "'\\''b"));
        assert_eq!(marked(&argv, 1, None).1, 4..14);
        assert_eq!(marked(&argv, 9, None).1, 16..16);
        assert_eq!(marked(&argv, 2, Some(&(7..90))).1, 16..16);
    }
}
