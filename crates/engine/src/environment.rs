//! The environment of a container's process: defaults, the image's, the user's; the later ones win.

use diag::{Error, Result, codes};

use crate::request::Given;

/// What every container has, as Podman's do.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const ENGINE: &str = "container=unroot";
const TERM: &str = "TERM=xterm";

/// What the environment depends on.
pub struct Sources<'a> {
    /// The image's `Env`.
    pub image: &'a [String],
    /// `--env`.
    pub given: &'a [Given<String>],
    /// The environment of `unroot` itself, for `--env NAME`.
    pub caller: &'a [(String, String)],
    /// The container's host name.
    pub hostname: &'a str,
    /// The user's home directory.
    pub home: &'a str,
    /// Whether there is a terminal.
    pub tty: bool,
}

/// The whole environment, `NAME=VALUE` each, in the order of first mention.
pub fn merge(sources: &Sources) -> Result<Vec<String>> {
    let mut list = Vec::new();
    set(&mut list, PATH);
    if sources.tty {
        set(&mut list, TERM);
    }
    set(&mut list, ENGINE);
    // An image's entry without `=` would let it pull variables out of the caller's environment (CVE-2026-57231 in others).
    sources.image.iter().filter(|entry| name_of(entry).is_some()).for_each(|entry| set(&mut list, entry));
    for given in sources.given {
        for entry in expand(given, sources.caller)? {
            set(&mut list, &entry);
        }
    }
    for (name, value) in [("HOSTNAME", sources.hostname), ("HOME", sources.home)] {
        if !list.iter().any(|entry| name_of(entry) == Some(name)) {
            list.push(format!("{name}={value}"));
        }
    }
    Ok(list)
}

/// `NAME=VALUE`, `NAME` (the caller's value, nothing if it has none), `NAME*` (all of the caller's that begin so).
fn expand(given: &Given<String>, caller: &[(String, String)]) -> Result<Vec<String>> {
    let text = given.value.as_str();
    let refused =
        |what: String| given.blame(Error::new(codes::UR0806, what).help("write it as NAME=VALUE, or as NAME"));
    if text.contains('\0') {
        return Err(refused("an environment variable cannot hold a NUL".to_owned()));
    }
    match text.split_once('=') {
        Some(("", _)) => Err(refused(format!("`{text}` has no name before the `=`"))),
        Some(_) => Ok(vec![text.to_owned()]),
        None if text.is_empty() => Err(refused("an environment variable needs a name".to_owned())),
        None => {
            let fits = |name: &str| match text.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == text,
            };
            Ok(caller.iter().filter(|(name, _)| fits(name)).map(|(name, value)| format!("{name}={value}")).collect())
        }
    }
}

fn set(list: &mut Vec<String>, entry: &str) {
    match list.iter_mut().find(|old| name_of(old) == name_of(entry)) {
        Some(old) => entry.clone_into(old),
        None => list.push(entry.to_owned()),
    }
}

fn name_of(entry: &str) -> Option<&str> {
    entry.split_once('=').map(|(name, _)| name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(image: &[&str], given: &[&str]) -> Vec<String> {
        let image: Vec<String> = image.iter().map(|entry| (*entry).to_owned()).collect();
        let given: Vec<_> = given.iter().map(|entry| Given::unwritten((*entry).to_owned())).collect();
        let caller = [("LANG".to_owned(), "C".to_owned()), ("LC_ALL".to_owned(), "de".to_owned())];
        let sources =
            Sources { image: &image, given: &given, caller: &caller, hostname: "h", home: "/root", tty: false };
        merge(&sources).unwrap()
    }

    #[test]
    fn the_later_wins_and_the_order_stays() {
        assert_eq!(
            merged(&["PATH=/bin", "A=1", "B=2", "junk", "=x"], &["A=3", "L*", "UNKNOWN", "HOME=/x", "E="]),
            ["PATH=/bin", "container=unroot", "A=3", "B=2", "LANG=C", "LC_ALL=de", "HOME=/x", "E=", "HOSTNAME=h"]
        );
    }

    #[test]
    fn a_name_is_needed() {
        for text in ["", "=x", "A=\0"] {
            let given = [Given::unwritten(text.to_owned())];
            let sources = Sources { image: &[], given: &given, caller: &[], hostname: "", home: "", tty: false };
            assert_eq!(merge(&sources).unwrap_err().code(), codes::UR0806);
        }
    }
}
