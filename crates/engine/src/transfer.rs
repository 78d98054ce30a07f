//! How registries are reached: what pull and push have in common.

use std::path::PathBuf;

use diag::{Error, Result, codes};
use store::registry::Endpoint;

use crate::{
    credentials::{Credential, Credentials},
    registries::{self, Certificates, Places},
    request::Given,
};

pub use oci::Digest;
pub use store::{
    progress::{Part, Progress, Silent, State},
    registry::Patience,
};

/// The options that pull and push have in common.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// `--tls-verify`: certificates are verified, and plain HTTP is not spoken; or neither. Without it registries.conf decides.
    pub tls_verify: Option<bool>,
    /// `--creds USER[:PASSWORD]`.
    pub creds: Option<Given<String>>,
    /// `--authfile`.
    pub authfile: Option<Given<PathBuf>>,
    /// `--cert-dir`.
    pub cert_dir: Option<Given<PathBuf>>,
    /// `--retry` and `--retry-delay`.
    pub patience: Patience,
}

/// Knows what is needed to reach any registry.
pub(crate) struct Gate<'a> {
    way: &'a Way,
    places: &'a Places,
    credentials: Credentials,
}

impl<'a> Gate<'a> {
    /// Reads what is known about us. Errors: UR0811.
    pub(crate) fn new(way: &'a Way, places: &'a Places) -> Result<Gate<'a>> {
        let authfile = way.authfile.as_ref().map(|given| given.value.as_path());
        let credentials = Credentials::read(places, authfile).map_err(|error| match &way.authfile {
            Some(given) => given.blame(error),
            None => error,
        })?;
        Ok(Gate { way, places, credentials })
    }

    /// All about one place.
    pub(crate) fn endpoint(&self, place: &registries::Endpoint) -> Result<Endpoint> {
        let reference = &place.reference;
        let credential = match &self.way.creds {
            Some(words) => Some(Credential::from_words(&words.value)),
            None => self.credentials.for_repository(reference.name())?,
        };
        let cert_dir = self.way.cert_dir.as_ref().map(|given| given.value.as_path());
        let certificates = Certificates::of(self.places, reference.host(), cert_dir)?.texts()?;
        Ok(Endpoint {
            host: reference.host().to_owned(),
            repository: reference.path().to_owned(),
            insecure: self.way.tls_verify.map_or(place.insecure, |verify| !verify),
            credential,
            certificates,
            patience: self.way.patience,
        })
    }
}

/// Takes the word for registries from a name, as Podman has it; other kinds of places are other verbs' concern.
pub(crate) fn without_transport<'n>(given: &'n Given<String>, instead: &str) -> Result<&'n str> {
    let name = given.value.as_str();
    if let Some(rest) = name.strip_prefix("docker://") {
        return Ok(rest);
    }
    let kinds = ["oci:", "oci-archive:", "docker-archive:", "docker-daemon:", "dir:", "containers-storage:", "sif:"];
    match kinds.into_iter().find(|kind| name.starts_with(kind) && !is_host_and_port(name, kind)) {
        None => Ok(name),
        Some(kind) => {
            let what = format!("`{kind}` is not a place that this verb knows: it knows registries");
            Err(given.blame(Error::new(codes::UR0702, what)).help(instead.to_owned()))
        }
    }
}

/// `dir:5000/x` can be a host of that name.
fn is_host_and_port(name: &str, kind: &str) -> bool {
    name[kind.len()..].split_once('/').is_some_and(|(port, _)| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registries_are_places() {
        let word = |text: &str| Given::unwritten(text.to_owned());
        assert_eq!(without_transport(&word("docker://a/b"), "").unwrap(), "a/b");
        assert_eq!(without_transport(&word("dir:5000/b"), "").unwrap(), "dir:5000/b");
        assert_eq!(without_transport(&word("debian:13"), "").unwrap(), "debian:13");
        for other in ["oci:a:b", "dir:/tmp/x", "docker-archive:x.tar"] {
            assert_eq!(without_transport(&word(other), "").unwrap_err().code(), codes::UR0702, "{other}");
        }
    }
}
