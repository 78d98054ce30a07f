//! Prefixes of names: which `[[registry]]` table or scope of a policy a name belongs to, and what takes the prefix's place.

use std::ops::Range;

use oci::Reference;

/// The bytes of `name` that a prefix stands for, if it fits. `*.example.com` stands for any host below that one.
///
/// A host without a port does not fit the same host with one: they are two registries.
pub(super) fn matched(prefix: &str, name: &str) -> Option<Range<usize>> {
    if let Some(domain) = prefix.strip_prefix('*') {
        let host = name.find('/').unwrap_or(name.len());
        let bare = name[..host].rfind(':').unwrap_or(host);
        // At least one letter stands for the star.
        return (name[..bare].ends_with(domain) && bare > domain.len()).then_some(0..host);
    }
    let rest = name.strip_prefix(prefix)?;
    let fits = match rest.as_bytes().first() {
        None | Some(b'/' | b'@') => true,
        Some(b':') => prefix.contains('/'),
        Some(_) => false,
    };
    fits.then_some(0..prefix.len())
}

/// What is wrong with a prefix or a location: half a sentence.
pub(super) fn fault(text: &str, wildcard: bool) -> Option<&'static str> {
    if let Some(domain) = text.strip_prefix("*.").filter(|_| wildcard) {
        let plain = !domain.is_empty() && !domain.contains(['/', ':', '@', '*']);
        return (!plain).then_some("behind `*.` comes a host and nothing else");
    }
    if text.contains("://") {
        return Some("it is written without `https://`");
    }
    let host = text.split('/').next().unwrap_or_default();
    if host != "localhost" && !host.contains(['.', ':', '[']) {
        return Some("it begins with a host, which has a dot or a port, or is `localhost`");
    }
    // A host alone is no name of an image, and neither is a folder of them; with one more word both are.
    let whole = text.contains('/') && Reference::parse(text).is_ok();
    match Reference::parse(&format!("{text}/x")) {
        Ok(_) => None,
        Err(_) if whole => None,
        Err(fault) => Some(fault.what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_where_names_do() {
        for (prefix, name, fits) in [
            ("example.com", "example.com/a/b:1", Some("example.com")),
            ("example.com/a", "example.com/a/b:1", Some("example.com/a")),
            ("example.com/a", "example.com/ab:1", None),
            ("example.com/a/b", "example.com/a/b:1", Some("example.com/a/b")),
            ("example.com/a/b:1", "example.com/a/b:1", Some("example.com/a/b:1")),
            ("example.com/a/b:1", "example.com/a/b:12", None),
            ("example.com", "example.com:5000/a", None),
            ("example.com:5000", "example.com:5000/a", Some("example.com:5000")),
            ("*.example.com", "a.b.example.com/x:1", Some("a.b.example.com")),
            ("*.example.com", "b.example.com:5000/x:1", Some("b.example.com:5000")),
            ("*.example.com", "example.com/x", None),
            ("*.example.com", ".example.com/x", None),
            ("*.example.com", "evilexample.com/x", None),
            ("*.example.com", "other.com/a.example.com", None),
        ] {
            assert_eq!(matched(prefix, name).map(|range| &name[range]), fits, "{prefix} {name}");
        }
    }

    #[test]
    fn faults() {
        for good in ["a.com", "localhost", "localhost:5000", "a.com/x/y", "a.com/x:1", "*.a.com", "[::1]:5000/x"] {
            assert_eq!(fault(good, true), None, "{good}");
        }
        for bad in ["", "a", "a/b", "https://a.com", "*.a.com/x", "*.a.com:1", "*.", "a.com/X", "a.com//x", "a.*.com"] {
            assert!(fault(bad, true).is_some(), "{bad}");
        }
        assert!(fault("*.a.com", false).is_some());
    }
}
