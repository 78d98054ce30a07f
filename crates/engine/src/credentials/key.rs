//! The keys of files with credentials: hosts, repositories, and the addresses that Docker writes.

/// Names of Docker Hub.
const HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// The keys under which a credential for `name` can stand, the most specific first: `a.com/x/y`, `a.com/x`, `a.com`.
pub(super) fn keys(name: &str) -> Vec<String> {
    let mut keys = vec![name.to_owned()];
    let mut rest = name;
    while let Some((shorter, _)) = rest.rsplit_once('/') {
        keys.push(shorter.to_owned());
        rest = shorter;
    }
    keys
}

/// Whether a key as it was written means this host as a whole. In old files any path behind the host is the API's.
pub(super) fn is_host(written: &str, host: &str, old: bool) -> bool {
    let bare = written.strip_prefix("https://").or_else(|| written.strip_prefix("http://"));
    let key = match bare {
        Some(bare) => bare.split('/').next().unwrap_or_default(),
        None if old => written.split('/').next().unwrap_or_default(),
        None => written,
    };
    key == host || (HUB.contains(&key) && HUB.contains(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_most_specific() {
        assert_eq!(keys("a.com:5/x/y"), ["a.com:5/x/y", "a.com:5/x", "a.com:5"]);
        assert_eq!(keys("a.com"), ["a.com"]);
    }

    #[test]
    fn what_docker_writes() {
        for (written, host, old, is) in [
            ("https://index.docker.io/v1/", "docker.io", false, true),
            ("index.docker.io", "docker.io", false, true),
            ("https://a.com/v2/", "a.com", false, true),
            ("http://a.com:5000", "a.com:5000", false, true),
            ("a.com/v1/", "a.com", false, false),
            ("a.com/v1/", "a.com", true, true),
            ("a.com", "b.com", false, false),
            ("docker.io.evil.com", "docker.io", false, false),
        ] {
            assert_eq!(is_host(written, host, old), is, "{written} {host}");
        }
    }
}
