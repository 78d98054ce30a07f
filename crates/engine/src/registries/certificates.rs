//! Certificates for one registry: containers-certs.d(5). The first directory `certs.d/HOST[:PORT]` that is there counts, alone.

use std::{
    fs,
    path::{Path, PathBuf},
};

use diag::{Error, Origin, Result, codes};

use super::Places;
use crate::conf_file::is_absent;

/// What lies in the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificates {
    /// Authorities that are trusted besides the machine's (`*.crt`).
    pub ca: Vec<PathBuf>,
    /// Our certificate (`*.cert`) and its key (`*.key`).
    pub client: Option<(PathBuf, PathBuf)>,
}

impl Certificates {
    /// Looks for those of `host`, which is `host[:port]`; `cert_dir` (`--cert-dir`) is looked at in place of all others, and must exist.
    /// UR0908 for a directory that cannot be read, and for half a pair.
    pub fn of(places: &Places, host: &str, cert_dir: Option<&Path>) -> Result<Certificates> {
        if let Some(dir) = cert_dir {
            return Certificates::in_dir(dir, host)?.ok_or_else(|| {
                bad(dir, format!("the directory of certificates `{}` does not exist", dir.display()))
                    .help("name a directory that is there, or leave `--cert-dir` out")
            });
        }
        if host.contains('/') || host.starts_with('.') {
            return Ok(Certificates::default());
        }
        let dirs = places.user.iter().chain([&places.system]).map(|dir| dir.join("certs.d"));
        for dir in dirs.chain([places.docker_certs.clone()]) {
            if let Some(found) = Certificates::in_dir(&dir.join(host), host)? {
                return Ok(found);
            }
        }
        Ok(Certificates::default())
    }

    /// Reads the files: the texts of them all. UR0908.
    pub fn texts(&self) -> Result<store::registry::Certificates> {
        let text = |path: &PathBuf| {
            fs::read(path).map_err(|error| bad(path, format!("`{}` cannot be read", path.display())).words(error))
        };
        let client = match &self.client {
            Some((certificate, key)) => Some((text(certificate)?, text(key)?)),
            None => None,
        };
        let authorities = self.ca.iter().map(text).collect::<Result<_>>()?;
        Ok(store::registry::Certificates { authorities, client })
    }

    /// Nothing if there is no such directory.
    fn in_dir(dir: &Path, host: &str) -> Result<Option<Certificates>> {
        let unreadable =
            |error| bad(dir, format!("the directory of certificates `{}` cannot be read", dir.display())).words(error);
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut paths: Vec<PathBuf> = paths.collect::<std::io::Result<_>>().map_err(unreadable)?;
        paths.sort();
        let mut found = Certificates::default();
        for path in &paths {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("crt") => found.ca.push(path.clone()),
                Some("cert") => found.add_pair(path, &paths, host)?,
                Some("key") if !paths.contains(&path.with_extension("cert")) => {
                    return Err(half(path, "cert", format!("the client key for `{host}` has no certificate")));
                }
                _ => {}
            }
        }
        Ok(Some(found))
    }

    fn add_pair(&mut self, certificate: &Path, paths: &[PathBuf], host: &str) -> Result<()> {
        let key = certificate.with_extension("key");
        if !paths.contains(&key) {
            return Err(half(certificate, "key", format!("the client certificate for `{host}` has no key"))
                .help("put the key there, or name an authority's certificate `*.crt` instead of `*.cert`"));
        }
        if let Some((first, _)) = self.client.replace((certificate.to_owned(), key)) {
            return Err(bad(certificate, format!("there are two client certificates for `{host}`"))
                .fact(format!("the other one is `{}`", first.display()))
                .help("leave only the one that the registry knows"));
        }
        Ok(())
    }
}

fn half(path: &Path, other: &str, what: String) -> Error {
    bad(path, what).fact(format!("`{}` does not exist", path.with_extension(other).display()))
}

fn bad(path: &Path, what: String) -> Error {
    Error::new(codes::UR0908, what).at(Origin::Path { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(files: &[&str]) -> (tempfile::TempDir, Places) {
        let dir = tempfile::tempdir().unwrap();
        for name in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let at = |name: &str| dir.path().join(name);
        let places =
            Places { system: at("etc"), user: Some(at("home")), docker_certs: at("docker"), ..Places::default() };
        (dir, places)
    }

    #[test]
    fn the_first_directory_counts() {
        let (dir, places) = places(&[
            "etc/certs.d/a.com:5000/ca.crt",
            "etc/certs.d/a.com:5000/us.cert",
            "etc/certs.d/a.com:5000/us.key",
            "etc/certs.d/a.com:5000/README",
            "docker/a.com:5000/other.crt",
            "docker/b.com/b.crt",
        ]);
        let found = Certificates::of(&places, "a.com:5000", None).unwrap();
        let at = |name: &str| dir.path().join("etc/certs.d/a.com:5000").join(name);
        assert_eq!(found, Certificates { ca: vec![at("ca.crt")], client: Some((at("us.cert"), at("us.key"))) });
        assert_eq!(found.texts().unwrap().authorities, [b"etc/certs.d/a.com:5000/ca.crt"]);
        assert_eq!(Certificates::of(&places, "b.com", None).unwrap().ca.len(), 1);
        assert_eq!(Certificates::of(&places, "a.com", None).unwrap(), Certificates::default());
        assert_eq!(Certificates::of(&places, "..", None).unwrap(), Certificates::default());
        fs::create_dir_all(dir.path().join("home/certs.d/a.com:5000")).unwrap();
        assert_eq!(Certificates::of(&places, "a.com:5000", None).unwrap(), Certificates::default());
        let named = Certificates::of(&places, "a.com:5000", Some(&dir.path().join("docker/b.com"))).unwrap();
        assert_eq!(named.ca.len(), 1);
    }

    #[test]
    fn half_a_pair_is_refused() {
        for files in [
            &["etc/certs.d/a.com/x.cert"][..],
            &["etc/certs.d/a.com/x.key"],
            &[
                "etc/certs.d/a.com/x.key",
                "etc/certs.d/a.com/x.cert",
                "etc/certs.d/a.com/y.key",
                "etc/certs.d/a.com/y.cert",
            ],
        ] {
            let (_dir, places) = places(files);
            let error = Certificates::of(&places, "a.com", None).unwrap_err();
            assert_eq!(error.code(), codes::UR0908, "{files:?}");
        }
        let (dir, places) = places(&[]);
        let missing = Certificates::of(&places, "a.com", Some(&dir.path().join("none"))).unwrap_err();
        assert_eq!(missing.code(), codes::UR0908);
    }
}
