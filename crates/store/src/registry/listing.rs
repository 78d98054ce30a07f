//! Who we are for a registry, and what there is in it.
//!
//! Sources: OCI distribution specification (`tags/list`, with pages by `Link`); Docker's `/v2/_catalog`; Docker's first search, `/v1/search`, which
//! Docker Hub and some others still answer.

use std::io::Read as _;

use diag::Result;
use serde::{Deserialize, de::DeserializeOwned};
use ureq::{
    Body,
    http::{Method, Response, header},
};

use super::{
    Registry,
    failure::Failure,
    request::{Request, absolute},
    token::escaped,
};

/// The longest answer that is read, in bytes.
const LIMIT: u64 = 16 << 20;
/// So many pages are read at most.
const PAGES: usize = 1000;
/// The host that answers searches in Docker Hub.
const DOCKER_SEARCH: &str = "https://index.docker.io";

/// A repository that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Hit {
    /// Its path: `library/debian`, or without `library/`.
    pub name: String,
    /// What its owner says about it; empty where the registry keeps no such words.
    pub description: String,
    /// How many people like it.
    pub star_count: u64,
    /// It is one of Docker's own.
    pub is_official: bool,
    /// It is built by the registry.
    pub is_automated: bool,
}

#[derive(Deserialize)]
struct Tags {
    /// `null` for a repository whose tags were all removed.
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Catalog {
    repositories: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Hits {
    results: Option<Vec<Hit>>,
}

impl Registry {
    /// Whether the registry takes us for who we say we are: UR0922 if not; UR0921, UR0924.
    pub fn check(&self) -> Result<()> {
        let request = || Request::plain(Method::GET, format!("{}/", self.root()));
        let asked = self.endpoint.patience.run(|| self.send(&request(), &[200]));
        let refused = |failure: Failure| {
            failure
                .into_error(&format!("the registry `{}` does not accept the login", self.endpoint.host), &self.endpoint)
        };
        asked.map(drop).map_err(refused)
    }

    /// The tags of the repository, at most `limit`, in the registry's order. UR0923 if there is no such repository.
    pub fn tags(&self, limit: usize) -> Result<Vec<String>> {
        self.pages(&self.url(&format!("tags/list?n={}", limit.min(1000))), limit, |page: Tags| page.tags).map_err(
            |failure| failure.into_error(&format!("the tags of `{}` cannot be listed", self.name()), &self.endpoint),
        )
    }

    /// Repositories in which `term` occurs, at most `limit`; all, if it is empty. UR0923 if the registry does not tell what is in it.
    pub fn search(&self, term: &str, limit: usize) -> Result<Vec<Hit>> {
        let refused = |failure: Failure| {
            failure.into_error(&format!("the registry `{}` cannot be searched", self.endpoint.host), &self.endpoint)
        };
        if !term.is_empty()
            && let Some(hits) = self.index(term, limit).map_err(refused)?
        {
            return Ok(hits);
        }
        let fits = |page: Catalog| {
            page.repositories.map(|names| names.into_iter().filter(|name| name.contains(term)).collect())
        };
        let names = self.pages(&format!("{}/_catalog?n=1000", self.root()), limit, fits).map_err(refused)?;
        Ok(names.into_iter().map(|name| Hit { name, ..Hit::default() }).collect())
    }

    /// Docker's first search; `None` where nobody answers it.
    fn index(&self, term: &str, limit: usize) -> Result<Option<Vec<Hit>>, Failure> {
        let root = self.root();
        let base =
            if self.endpoint.host == "docker.io" { DOCKER_SEARCH } else { root.strip_suffix("/v2").unwrap_or(&root) };
        let url = format!("{base}/v1/search?q={}&n={limit}", escaped(term));
        let response = self.endpoint.patience.run(|| self.transmit(&Request::plain(Method::GET, url.clone()), None))?;
        if !response.status().is_success() {
            return Ok(None);
        }
        // What is no such answer comes from somebody who answers everything with a page.
        let hits = read::<Hits>(response).ok().and_then(|hits| hits.results);
        Ok(hits.map(|hits| hits.into_iter().take(limit).collect()))
    }

    /// Reads a list, page by page.
    fn pages<T: DeserializeOwned>(
        &self,
        first: &str,
        limit: usize,
        entries: impl Fn(T) -> Option<Vec<String>>,
    ) -> Result<Vec<String>, Failure> {
        let (mut url, mut all) = (first.to_owned(), Vec::new());
        for _ in 0..PAGES {
            let request = || Request::plain(Method::GET, url.clone());
            let response = self.endpoint.patience.run(|| self.send(&request(), &[200]))?;
            let next = next(&response).map(|next| absolute(&url, &next));
            all.extend(entries(read(response)?).unwrap_or_default());
            match next {
                Some(next) if all.len() < limit && self.is_own(&next) && next != url => url = next,
                _ => break,
            }
        }
        all.truncate(limit);
        Ok(all)
    }
}

/// Where the next page is: `Link: <address>; rel="next"` (RFC 8288).
fn next(response: &Response<Body>) -> Option<String> {
    let link = response.headers().get(header::LINK)?.to_str().ok()?;
    let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then(|| address.to_owned())
}

fn read<T: DeserializeOwned>(response: Response<Body>) -> Result<T, Failure> {
    let mut text = Vec::new();
    let body = response.into_body().into_with_config().limit(u64::MAX).reader();
    body.take(LIMIT).read_to_end(&mut text).map_err(|error| Failure::broken(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| Failure::final_(format!("the list that it gave is none: {error}")))
}

#[cfg(test)]
mod tests {
    use diag::codes;

    use super::super::{
        Access, Credential, Endpoint,
        fake::{Asked, Fake, Fault},
    };
    use super::*;

    fn json(text: &str) -> Fault {
        Fault::Answer(200, vec![], text.as_bytes().to_vec())
    }

    fn page(text: &str, next: &str) -> Fault {
        Fault::Answer(200, vec![("link", format!("<{next}>; rel=\"next\""))], text.as_bytes().to_vec())
    }

    fn open(fake: &Fake, repository: &str) -> Registry {
        Registry::open(fake.endpoint(repository), &Access::Registry).unwrap()
    }

    #[test]
    fn lists_come_in_pages() {
        let fake = Fake::start();
        fake.behave(|asked: &Asked| match asked.path.as_str() {
            "/v2/a/b/tags/list?n=1000" | "/v2/a/b/tags/list?n=3" => {
                Some(page(r#"{"name":"a/b","tags":["1","2"]}"#, "/v2/a/b/tags/list?last=2"))
            }
            "/v2/a/b/tags/list?last=2" => Some(json(r#"{"tags":["3","4"]}"#)),
            "/v2/empty/tags/list?n=1000" => Some(json(r#"{"tags":null}"#)),
            "/v2/bad/tags/list?n=1000" => Some(json("<html>")),
            "/v2/far/tags/list?n=1000" => Some(page(r#"{"tags":["1"]}"#, "http://192.0.2.1/v2/")),
            _ => None,
        });
        assert_eq!(open(&fake, "a/b").tags(usize::MAX).unwrap(), ["1", "2", "3", "4"]);
        assert_eq!(open(&fake, "a/b").tags(3).unwrap(), ["1", "2", "3"]);
        assert!(open(&fake, "empty").tags(usize::MAX).unwrap().is_empty());
        assert_eq!(open(&fake, "far").tags(usize::MAX).unwrap(), ["1"]);
        assert_eq!(open(&fake, "bad").tags(usize::MAX).unwrap_err().code(), codes::UR0921);
        assert_eq!(open(&fake, "none").tags(9).unwrap_err().code(), codes::UR0923);
    }

    #[test]
    fn a_search_asks_the_index_and_then_the_catalog() {
        let fake = Fake::start();
        fake.behave(|asked: &Asked| match asked.path.as_str() {
            "/v1/search?q=red%20is&n=5" => {
                Some(json(r#"{"results":[{"name":"redis","star_count":7,"is_official":true}]}"#))
            }
            "/v1/search?q=web&n=5" => Some(json("<html>what?</html>")),
            path if path.starts_with("/v1/") => Some(Fault::Answer(404, vec![], vec![])),
            "/v2/_catalog?n=1000" => Some(json(r#"{"repositories":["a/web","b/db","webs"]}"#)),
            _ => None,
        });
        let registry = open(&fake, "");
        let hits = registry.search("red is", 5).unwrap();
        assert_eq!((hits[0].name.as_str(), hits[0].star_count, hits[0].is_official), ("redis", 7, true));
        let names = |term, limit| -> Vec<String> {
            registry.search(term, limit).unwrap().into_iter().map(|hit| hit.name).collect()
        };
        assert_eq!(names("web", 5), ["a/web", "webs"]);
        assert_eq!(names("b", 1), ["a/web"]);
        assert_eq!(names("", 9).len(), 3);
    }

    #[test]
    fn a_login_is_checked() {
        let fake = Fake::start();
        fake.behave(|asked: &Asked| {
            let right = asked.headers.get("authorization").is_some_and(|proof| proof == "Basic YW5uYTp4");
            let challenge = vec![("www-authenticate", "Basic realm=\"r\"".to_owned())];
            (!right).then(|| Fault::Answer(401, challenge, br#"{"errors":[{"code":"UNAUTHORIZED"}]}"#.to_vec()))
        });
        let with = |password: &str| {
            let credential = Some(Credential::Basic { user: "anna".into(), password: password.into() });
            Registry::open(Endpoint { credential, ..fake.endpoint("") }, &Access::Registry).unwrap().check()
        };
        with("x").unwrap();
        assert_eq!(with("y").unwrap_err().code(), codes::UR0922);
        assert_eq!(open(&fake, "").check().unwrap_err().code(), codes::UR0922);
    }
}
