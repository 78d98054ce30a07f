//! The names of entries.

use diag::Result;

use crate::archive::refused;

/// The longest name: what the kernel takes for a path.
pub(super) const LONGEST: usize = 4095;

/// The longest component of a name.
const LONGEST_COMPONENT: usize = 255;

/// The deepest name. No image is that deep, and what is deeper cannot be removed with few descriptors.
pub(super) const DEEPEST: usize = 256;

/// What marks a name as a whiteout.
const WHITEOUT: &[u8] = b".wh.";

/// What marks the names that AUFS kept for itself; of these only the opaque mark means something.
const RESERVED: &[u8] = b".wh..wh.";

/// What a name in an archive asks for. All names are clean: relative, without empty components, `.` and `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A file of this name; empty for the layer's root.
    Plain(Vec<u8>),
    /// What the layers below have by this name is hidden.
    Hidden(Vec<u8>),
    /// Everything that the layers below have in this directory is hidden.
    Opaque(Vec<u8>),
    /// A remain of AUFS, which means nothing.
    Reserved,
}

/// Reads the name of an entry.
pub(super) fn parse(raw: &[u8]) -> Result<Name> {
    let clean = clean(raw, raw)?;
    let (parent, last) = split(&clean);
    if components(&clean).any(|part| part.starts_with(RESERVED) && part != b".wh..wh..opq") {
        return Ok(Name::Reserved);
    }
    if components(parent).any(|part| part.starts_with(WHITEOUT)) {
        return Err(refused(raw, "lies below a whiteout"));
    }
    let Some(hidden) = last.strip_prefix(WHITEOUT) else { return Ok(Name::Plain(clean)) };
    match hidden {
        b".wh..opq" => Ok(Name::Opaque(parent.to_vec())),
        b"" | b"." | b".." => Err(refused(raw, "is a whiteout of something that no directory can have")),
        _ => Ok(Name::Hidden(join(parent, hidden))),
    }
}

/// A name without what says nothing; `entry` is who is to blame. Names that begin with a slash begin at the layer's root.
pub(super) fn clean(raw: &[u8], entry: &[u8]) -> Result<Vec<u8>> {
    let mut clean: Vec<u8> = Vec::with_capacity(raw.len());
    let mut depth = 0;
    if raw.is_empty() {
        return Err(refused(entry, "has an empty name"));
    }
    for part in raw.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => continue,
            // As all engines read it, `a/../b` is `b`: by its words, before any link is looked at.
            b".." if depth > 0 => {
                depth -= 1;
                clean.truncate(split(&clean).0.len());
                continue;
            }
            b".." => return Err(refused(entry, "climbs out of the layer with `..` in its name")),
            part if part.contains(&0) => return Err(refused(entry, "has a NUL in its name")),
            part if part.len() > LONGEST_COMPONENT => {
                return Err(refused(
                    entry,
                    format!("has a component of more than {LONGEST_COMPONENT} bytes in its name"),
                ));
            }
            _ => depth += 1,
        }
        if !clean.is_empty() {
            clean.push(b'/');
        }
        clean.extend_from_slice(part);
    }
    if clean.len() > LONGEST {
        return Err(refused(entry, format!("has a name of more than {LONGEST} bytes")));
    }
    if depth > DEEPEST {
        return Err(refused(entry, format!("lies more than {DEEPEST} directories deep")));
    }
    Ok(clean)
}

/// The components of a clean name.
pub(super) fn components(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
}

/// The directory and the last component of a clean name.
pub(super) fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&name[..slash], &name[slash + 1..]),
        None => (&[], name),
    }
}

/// A name in a directory.
pub(super) fn join(parent: &[u8], last: &[u8]) -> Vec<u8> {
    if parent.is_empty() { last.to_vec() } else { [parent, b"/", last].concat() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(name: &str) -> Name {
        Name::Plain(name.into())
    }

    #[test]
    fn names_are_relative_to_the_root() {
        assert_eq!(parse(b"/etc//./passwd").unwrap(), plain("etc/passwd"));
        assert_eq!(parse(b"./").unwrap(), plain(""));
        assert_eq!(parse(b"/").unwrap(), plain(""));
        assert_eq!(parse(b"a/.wh.b").unwrap(), Name::Hidden(b"a/b".to_vec()));
        assert_eq!(parse(b".wh.b").unwrap(), Name::Hidden(b"b".to_vec()));
        assert_eq!(parse(b"a/.wh..wh..opq").unwrap(), Name::Opaque(b"a".to_vec()));
        assert_eq!(parse(b".wh..wh.plnk/x").unwrap(), Name::Reserved);
        assert_eq!(parse(b"a/../b/./c/..").unwrap(), plain("b"));
        assert_eq!(parse(b"a/..").unwrap(), plain(""));
        assert_eq!(parse(b".wh..b").unwrap(), Name::Hidden(b".b".to_vec()));
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let deep = "d/".repeat(300);
        let long = format!("{}x", "ab/".repeat(1400));
        let wide = "x".repeat(256);
        for name in [
            "",
            "..",
            "a/../../b",
            "/..",
            "../../etc/passwd",
            "a\0b",
            ".wh.",
            ".wh..",
            ".wh...",
            ".wh.a/b",
            &deep,
            &long,
            &wide,
        ] {
            assert!(parse(name.as_bytes()).is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn a_clean_name_stays_below(raw in proptest::collection::vec(prop_oneof![Just(b'/'), Just(b'.'), any::<u8>()], 0..40)) {
            if let Ok(clean) = clean(&raw, &raw) {
                prop_assert!(!clean.starts_with(b"/") && !clean.ends_with(b"/") && !clean.contains(&0));
                prop_assert!(clean.is_empty() || clean.split(|b| *b == b'/').all(|part| !matches!(part, b"" | b"." | b"..")));
            }
        }
    }
}
