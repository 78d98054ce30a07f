//! The environment of a container's process: defaults, the image's, the user's; the later ones win.

mod words;

use diag::{Error, Result, codes};

use crate::{request::Given, values};

/// What every container has, as Podman's do.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const ENGINE: &str = "container=unroot";
const TERM: &str = "TERM=xterm";

/// What the environment depends on.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that the user gave or not")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources<'a> {
    /// containers.conf, `env`.
    pub defaults: &'a [Given<String>],
    /// The image's `Env`.
    pub image: &'a [String],
    /// `--env-merge`.
    pub merged: &'a [Given<String>],
    /// `--unsetenv`.
    pub unset: &'a [Given<String>],
    /// `--unsetenv-all`.
    pub unset_all: bool,
    /// `--env-host`.
    pub host: bool,
    /// `--http-proxy`.
    pub proxies: bool,
    /// The lines of `--env-file`.
    pub files: &'a [Given<String>],
    /// `--env`.
    pub given: &'a [Given<String>],
    /// The environment of `unroot` itself.
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
    let mut list = by_default(sources)?;
    // An image's entry without `=` would let it pull variables out of the caller's environment (CVE-2026-57231 in others).
    let mut image: Vec<String> = sources.image.iter().filter(|entry| name_of(entry).is_some()).cloned().collect();
    for merged in sources.merged {
        let (name, value) = values::pair(merged, "a variable")?;
        let value = words::expand(&value, |name| value_of(&image, name).or_else(|| value_of(&list, name))).ok_or_else(
            || {
                merged
                    .blame(Error::new(codes::UR0806, format!("a quote or a brace in `{}` does not end", merged.value)))
            },
        )?;
        set(&mut image, &format!("{name}={value}"));
    }
    for entry in &image {
        set(&mut list, entry);
    }
    list.retain(|entry| {
        let named = |given: &Given<String>| name_of(entry) == Some(&given.value);
        (!sources.unset_all || entry == ENGINE) && !sources.unset.iter().any(named)
    });
    if sources.host {
        sources.caller.iter().for_each(|(name, value)| set(&mut list, &format!("{name}={value}")));
    }
    for given in sources.files.iter().chain(sources.given) {
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

/// What is there before anybody has said anything.
fn by_default(sources: &Sources) -> Result<Vec<String>> {
    let mut list = Vec::new();
    set(&mut list, PATH);
    if sources.tty {
        set(&mut list, TERM);
    }
    set(&mut list, ENGINE);
    for given in sources.defaults {
        expand(given, sources.caller)?.iter().for_each(|entry| set(&mut list, entry));
    }
    let caller = sources.caller.iter().filter(|(_, value)| sources.proxies && !value.is_empty());
    for (name, value) in caller.filter(|(name, _)| PROXIES.contains(&name.to_ascii_lowercase().as_str())) {
        set(&mut list, &format!("{name}={value}"));
    }
    Ok(list)
}

/// Variables that name a proxy, in small or in capital letters.
const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy"];

fn value_of(list: &[String], name: &str) -> Option<String> {
    list.iter().find(|entry| name_of(entry) == Some(name)).map(|entry| entry[name.len() + 1..].to_owned())
}

/// The lines of an `--env-file` that say something: a comment begins with `#`, white space in front does not count.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_start()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// What changes the environment of a further process of a container.
pub struct Changes<'a> {
    /// The lines of `--env-file`.
    pub files: &'a [Given<String>],
    /// `--env`.
    pub given: &'a [Given<String>],
    /// The environment of `unroot` itself, for `--env NAME`.
    pub caller: &'a [(String, String)],
}

/// Changes the environment that the container's own process has. `HOME` becomes `home` only if the container has none, `TERM` is there
/// with a terminal. Errors: UR0806.
pub fn change(list: &mut Vec<String>, changes: &Changes, home: Option<&str>, tty: bool) -> Result<()> {
    for given in changes.files.iter().chain(changes.given) {
        for entry in expand(given, changes.caller)? {
            set(list, &entry);
        }
    }
    let lacks = |list: &[String], name| !list.iter().any(|entry| name_of(entry) == Some(name));
    if tty && lacks(list, "TERM") {
        list.push(TERM.to_owned());
    }
    if let Some(home) = home.filter(|_| lacks(list, "HOME")) {
        list.push(format!("HOME={home}"));
    }
    Ok(())
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

    fn here() -> Sources<'static> {
        Sources { hostname: "h", home: "/root", ..Sources::default() }
    }

    fn given(entries: &[&str]) -> Vec<Given<String>> {
        entries.iter().map(|entry| Given::unwritten((*entry).to_owned())).collect()
    }

    fn merged(image: &[&str], given: &[&str]) -> Vec<String> {
        let image: Vec<String> = image.iter().map(|entry| (*entry).to_owned()).collect();
        let given = self::given(given);
        let caller = [("LANG".to_owned(), "C".to_owned()), ("LC_ALL".to_owned(), "de".to_owned())];
        let sources = Sources { image: &image, given: &given, caller: &caller, ..here() };
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
            assert_eq!(merge(&Sources { given: &given, ..here() }).unwrap_err().code(), codes::UR0806);
        }
    }

    #[test]
    fn every_source_in_its_place() {
        let image = ["PATH=/bin".to_owned(), "A=image".to_owned(), "GONE=x".to_owned()];
        let caller = [("https_proxy", "p"), ("NO_PROXY", "q"), ("http_proxy", ""), ("A", "host"), ("B", "host")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (defaults, merged) = (given(&["PATH=/conf", "CONF=1"]), given(&["PATH=${PATH}:/x", "C=$A-${NO:-none}"]));
        let (unset, files, env) = (given(&["GONE"]), given(&["B=file", "D=file"]), given(&["D=env"]));
        let sources = Sources {
            defaults: &defaults,
            image: &image,
            merged: &merged,
            unset: &unset,
            proxies: true,
            files: &files,
            given: &env,
            caller: &caller,
            ..here()
        };
        let expected =
            "PATH=/bin:/x container=unroot CONF=1 https_proxy=p NO_PROXY=q A=image C=image-none B=file D=env";
        assert_eq!(merge(&sources).unwrap().join(" "), format!("{expected} HOSTNAME=h HOME=/root"));
        let all = merge(&Sources { unset_all: true, proxies: false, host: true, ..sources }).unwrap();
        assert!(!all.iter().any(|entry| entry.starts_with("PATH=")), "{all:?}");
        assert!(all.contains(&"A=host".to_owned()) && all.contains(&"B=file".to_owned()), "{all:?}");
    }

    #[test]
    fn lines_of_a_file() {
        let said: Vec<_> = lines("A=1\n # note\n\n  B=\"x y\" \nHOME\r\n").collect();
        assert_eq!(said, [(1, "A=1"), (4, "B=\"x y\" "), (5, "HOME")]);
    }
}
