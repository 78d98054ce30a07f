//! `login` and `logout`: whom a registry takes us for, tried before it is kept. No store is needed for it.

use std::path::{Path, PathBuf};

use diag::{Error, Result, codes};
use oci::Reference;
use store::registry::{Access, Endpoint, Patience, Registry};

use crate::{
    credentials::{Credential, Credentials, Kept},
    registries::{self, Places, Registries},
    request::Given,
};

/// How registries are reached when no image is meant.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// `--tls-verify`; without it registries.conf decides.
    pub tls_verify: Option<bool>,
    /// `--cert-dir`.
    pub cert_dir: Option<PathBuf>,
    /// `--authfile`.
    pub authfile: Option<PathBuf>,
}

/// What can be logged in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What the credential is kept under: `host[:port]`, or with a path behind it.
    pub key: String,
}

impl Server {
    /// `host[:port]`.
    pub fn host(&self) -> &str {
        self.key.split('/').next().unwrap_or_default()
    }
}

/// All that is configured, for these verbs.
#[derive(Debug)]
pub struct Logins {
    places: Places,
    reach: Reach,
    registries: Registries,
    credentials: Credentials,
}

impl Logins {
    /// Reads the configuration. A file of `--authfile` must exist, unless it is `new`. UR0811.
    pub fn open(places: Places, reach: Reach, new: bool) -> Result<Logins> {
        let authfile = reach.authfile.as_deref();
        let read: fn(&Places, Option<&Path>) -> Result<Credentials> =
            if new { Credentials::read_or_new } else { Credentials::read };
        let (registries, credentials) = (Registries::read(&places)?, read(&places, authfile)?);
        Ok(Logins { places, reach, registries, credentials })
    }

    /// The registry that is meant: as it was written, or the first one that short names are looked for in. UR0806 if it is none.
    pub fn server(&self, written: Option<&Given<String>>) -> Result<Server> {
        let Some(written) = written else {
            let first = self.registries.search_hosts().first().cloned().ok_or_else(|| {
                Error::new(codes::UR0806, "no registry was given, and registries.conf says that there is no usual one")
                    .help("name it, such as `docker.io`")
            })?;
            return Ok(Server { key: first });
        };
        let text = written.value.as_str();
        let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        let key = bare.trim_end_matches('/');
        let refused =
            |what: &str| written.blame(Error::new(codes::UR0806, format!("`{text}` is not a registry: {what}")));
        if let Some(what) = registries::place_fault(key) {
            return Err(refused(what).help("write `host[:port]`, or `host[:port]/folder` for a part of it"));
        }
        match Reference::parse(key) {
            Ok(name) if key.contains('/') && (name.tag().is_some() || name.digest().is_some()) => {
                Err(refused("it has a tag or a digest")
                    .help("logins are for registries and repositories, not for single images"))
            }
            _ => Ok(Server { key: key.to_owned() }),
        }
    }

    /// Who we are there already. UR0905, UR0811.
    pub fn known(&self, server: &Server) -> Result<Option<Credential>> {
        self.credentials.for_repository(&server.key)
    }

    /// Asks the registry whether it takes us for that. UR0922 if not; UR0921, UR0924.
    pub fn check(&self, server: &Server, credential: &Credential) -> Result<()> {
        self.open_registry(server.host(), Some(credential.clone()))?.check()
    }

    /// Keeps the credential. UR0909, UR0905.
    pub fn keep(&self, server: &Server, user: &str, password: &str) -> Result<Kept> {
        self.credentials.keep(&server.key, user, password)
    }

    /// Forgets it. UR0910 if there is none; UR0909, UR0905.
    pub fn forget(&self, server: &Server) -> Result<()> {
        if self.credentials.forget(&server.key)? {
            return Ok(());
        }
        let error = not_logged_in(server);
        match self.credentials.known_elsewhere(&server.key) {
            Some(path) => Err(error
                .fact(format!("`{}` knows a login, which another program has put there", path.display()))
                .help("log out with that program, or remove the entry from the file")),
            None => Err(error),
        }
    }

    /// Forgets all. UR0909, UR0905.
    pub fn forget_all(&self) -> Result<()> {
        self.credentials.forget_all()
    }

    /// A registry as a whole, with what is known about us unless something else is given.
    pub(crate) fn open_registry(&self, host: &str, credential: Option<Credential>) -> Result<Registry> {
        Registry::open(self.endpoint(host, "", credential)?, &Access::Registry)
    }

    /// One of its repositories, to read.
    pub(crate) fn open_repository(&self, reference: &Reference) -> Result<Registry> {
        let credential = self.credentials.for_repository(reference.name())?;
        Registry::open(self.endpoint(reference.host(), reference.path(), credential)?, &Access::Pull)
    }

    pub(crate) fn registries(&self) -> &Registries {
        &self.registries
    }

    fn endpoint(&self, host: &str, repository: &str, credential: Option<Credential>) -> Result<Endpoint> {
        let certificates = registries::Certificates::of(&self.places, host, self.reach.cert_dir.as_deref())?.texts()?;
        let name = if repository.is_empty() { host.to_owned() } else { format!("{host}/{repository}") };
        let verify = self.reach.tls_verify.unwrap_or_else(|| !self.registries.is_insecure(&name));
        Ok(Endpoint {
            host: host.to_owned(),
            repository: repository.to_owned(),
            insecure: !verify,
            credential,
            certificates,
            patience: Patience::default(),
        })
    }
}

/// UR0910.
pub fn not_logged_in(server: &Server) -> Error {
    Error::new(codes::UR0910, format!("nobody is logged in to `{}`", server.key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logins(conf: &str) -> (tempfile::TempDir, Logins) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("registries.conf"), conf).unwrap();
        let places = Places { system: dir.path().into(), run_auth: dir.path().join("auth.json"), ..Places::default() };
        let logins = Logins::open(places, Reach::default(), true).unwrap();
        (dir, logins)
    }

    #[test]
    fn registries_as_they_are_written() {
        let (_dir, some) = logins("unqualified-search-registries = [\"a.com\", \"b.com\"]");
        let server = |text: &str| some.server(Some(&Given::unwritten(text.to_owned())));
        for (written, key, host) in [
            ("a.com", "a.com", "a.com"),
            ("https://a.com/", "a.com", "a.com"),
            ("localhost:5000", "localhost:5000", "localhost:5000"),
            ("a.com/x/y", "a.com/x/y", "a.com"),
        ] {
            let found = server(written).unwrap();
            assert_eq!((found.key.as_str(), found.host()), (key, host));
        }
        for bad in ["", "debian", "a.com/x:1", "a.com/X", "*.a.com"] {
            assert_eq!(server(bad).unwrap_err().code(), codes::UR0806, "{bad}");
        }
        assert_eq!(some.server(None).unwrap().key, "a.com");
        assert_eq!(logins("").1.server(None).unwrap().key, "docker.io");
        let (_dir, none) = logins("unqualified-search-registries = []");
        assert_eq!(none.server(None).unwrap_err().code(), codes::UR0806);
    }

    #[test]
    fn a_login_is_kept_and_forgotten() {
        let (_dir, logins) = logins("");
        let server = Server { key: "a.com".into() };
        logins.keep(&server, "anna", "x").unwrap();
        let again = Logins::open(logins.places.clone(), Reach::default(), false).unwrap();
        assert_eq!(again.known(&server).unwrap().unwrap().user(), Some("anna"));
        again.forget(&server).unwrap();
        assert_eq!(again.forget(&server).unwrap_err().code(), codes::UR0910);
    }
}
