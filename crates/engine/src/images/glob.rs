//! Patterns for names, as shells have them: `*` and `?` stand for anything but `/`, `[a-z]` and `[^a-z]` for a letter, `\` takes the next as it is.
//!
//! Source: Go's `path.Match`, which Podman's filters use.

/// Whether all of `text` fits `pattern`. A pattern that is written wrongly fits nothing.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut place) = (0, 0);
    // Where the last `*` stands, and how much of the text it has taken: more, if what follows does not fit.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, place));
            at += 1;
            continue;
        }
        match (one(&pattern[at..], text.get(place).copied()), text.get(place)) {
            (Some(used), Some(_)) => (at, place) = (at + used, place + 1),
            (None, None) if at == pattern.len() => return true,
            _ => match star {
                Some((after, taken)) if text.get(taken).is_some_and(|letter| *letter != '/') => {
                    star = Some((after, taken + 1));
                    (at, place) = (after + 1, taken + 1);
                }
                _ => return false,
            },
        }
    }
}

/// How many letters of the pattern stand for this letter; `None` if it does not fit.
fn one(pattern: &[char], letter: Option<char>) -> Option<usize> {
    let letter = letter?;
    match pattern {
        ['?', ..] => (letter != '/').then_some(1),
        ['[', rest @ ..] => class(rest, letter).map(|used| used + 1),
        ['\\', next, ..] => (*next == letter).then_some(2),
        [own, ..] => (*own == letter).then_some(1),
        [] => None,
    }
}

/// `a-z]` or `^a-z]`.
fn class(pattern: &[char], letter: char) -> Option<usize> {
    let negated = pattern.first() == Some(&'^');
    let mut at = usize::from(negated);
    let (mut found, first) = (false, at);
    loop {
        match pattern.get(at)? {
            ']' if at > first => break,
            from => {
                let to = match (pattern.get(at + 1), pattern.get(at + 2)) {
                    (Some('-'), Some(to)) if *to != ']' => {
                        at += 2;
                        to
                    }
                    _ => from,
                };
                found |= (*from..=*to).contains(&letter);
                at += 1;
            }
        }
    }
    (found != negated).then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fits;

    #[test]
    fn patterns_are_gos() {
        for (pattern, text) in [
            ("debian", "debian"),
            ("deb*", "debian"),
            ("*", ""),
            ("*:1", "web:1"),
            ("a/*/c", "a/b/c"),
            ("[a-c]x", "bx"),
            ("[^a-c]x", "dx"),
            ("\\*", "*"),
            ("d?bian*", "debian:trixie"),
            ("*b*b", "abbb"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("deb", "debian"), ("*", "a/b"), ("?", "/"), ("[a-c", "a"), ("", "a"), ("a", "")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(pattern in "[a*?\\[\\]^\\\\/-]{0,12}", text in "[a/b]{0,12}") {
            let _ = fits(&pattern, &text);
        }

        #[test]
        fn a_text_fits_itself(text in "[a-z0-9:/._-]{0,20}") {
            prop_assert!(fits(&text, &text));
        }
    }
}
