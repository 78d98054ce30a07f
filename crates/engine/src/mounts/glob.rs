//! `type=glob`: the paths of the host that fit a pattern, as a shell finds them.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, glob_with};

/// The paths that fit, sorted; none if the pattern is none. No `*` fits a slash, or a dot at the beginning of a name.
pub(super) fn paths(pattern: &Path) -> Vec<PathBuf> {
    let how = MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
    let found = pattern.to_str().and_then(|pattern| glob_with(pattern, how).ok());
    found.into_iter().flatten().filter_map(Result::ok).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn paths_of_this_host() {
        let home = tempfile::tempdir().unwrap();
        for name in ["one.conf", "two.conf", "three", ".hidden.conf"] {
            fs::write(home.path().join(name), "").unwrap();
        }
        let found = paths(&home.path().join("*.conf"));
        assert_eq!(found, [home.path().join("one.conf"), home.path().join("two.conf")]);
        assert!(paths(&home.path().join("no*")).is_empty());
        assert!(paths(&home.path().join("[")).is_empty());
    }
}
