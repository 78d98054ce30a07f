//! `search`: repositories in registries, and the tags of one.

use diag::{Error, Result, codes};
use oci::Reference;
pub use store::registry::Hit;

use crate::{login::Logins, request::Given};

/// A repository that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The registry's host.
    pub registry: String,
    /// Its full name: `docker.io/library/debian`.
    pub name: String,
    /// What the registry says about it.
    pub hit: Hit,
}

/// What was found, and what went wrong with some of the registries.
#[derive(Debug, Default)]
pub struct Findings {
    /// The repositories, registry by registry.
    pub found: Vec<Found>,
    /// Why registries could not be searched; never all of them.
    pub failures: Vec<Error>,
}

impl Logins {
    /// Repositories with `term` in their names, at most `limit` of each registry. In `host/term` one registry is meant; otherwise all are that
    /// short names are looked for in. An error if none of them answers: UR0921 to UR0924, UR0902.
    pub fn search(&self, term: &Given<String>, limit: usize) -> Result<Findings> {
        let (hosts, word) = match term.value.split_once('/') {
            Some((host, word)) if host == "localhost" || host.contains(['.', ':']) => (vec![host.to_owned()], word),
            _ => (self.registries().search_hosts(), term.value.as_str()),
        };
        let mut all = Findings::default();
        for host in &hosts {
            match self.search_in(host, word, limit) {
                Ok(hits) => all.found.extend(hits.into_iter().map(|hit| found(host, hit))),
                Err(error) => all.failures.push(error),
            }
        }
        if all.failures.len() < hosts.len() {
            return Ok(all);
        }
        let nowhere = || {
            let error = Error::new(codes::UR0902, format!("there is no registry to look for `{word}` in"));
            term.blame(error).help("name it: `unroot search docker.io/TERM`")
        };
        Err(all.failures.pop().unwrap_or_else(nowhere))
    }

    /// The tags of a repository, at most `limit`, with its full name. UR0923 if there is none.
    pub fn tags(&self, name: &Given<String>, limit: usize) -> Result<(String, Vec<String>)> {
        let candidates = self.registries().resolve(name.value.trim_start_matches("docker://"));
        let candidates =
            candidates.map_err(|error| if error.report().at.is_some() { error } else { name.blame(error) })?;
        let mut failure = None;
        for candidate in &candidates {
            let Some(endpoint) = candidate.endpoints.last() else { continue };
            match self.open_repository(&endpoint.reference).and_then(|registry| registry.tags(limit)) {
                Ok(tags) => return Ok((candidate.reference.name().to_owned(), tags)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure
            .unwrap_or_else(|| Error::new(codes::UR0902, format!("there is no place to look for `{}`", name.value))))
    }

    fn search_in(&self, host: &str, word: &str, limit: usize) -> Result<Vec<Hit>> {
        let known = self.known(&crate::login::Server { key: host.to_owned() })?;
        self.open_registry(host, known)?.search(word, limit)
    }
}

/// With its name in full, as `pull` takes it.
fn found(host: &str, hit: Hit) -> Found {
    let name = format!("{host}/{}", hit.name);
    let name = Reference::parse(&name).map_or(name, |reference| reference.name().to_owned());
    Found { registry: host.to_owned(), name, hit }
}
