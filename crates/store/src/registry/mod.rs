//! Registries: the protocol by which images travel.
//!
//! Theory of operation: a [`Registry`] is one repository at one place. Opening it asks `/v2/` which scheme answers and what proof
//! of identity it wants (`challenge`, `token`); requests then go through one door (`request`), which proves who we are and
//! looks at the answer. What passes by itself (a broken connection, 429, 5xx) is tried again with growing pauses (`patience`); a
//! blob that breaks off is continued where it broke (`download`). Manifests are bytes, never re-written: their digest is the image.
//!
//! All of it is blocking: the callers are threads that live as long as one transfer.
//!
//! Must: verify nothing here and promise nothing (callers hold digests); name the host and its own words in every error.
//! Must not: read any configuration. Only the proxy variables of the environment are looked at, as all programs do.
//!
//! Sources: OCI distribution specification 1.1; Docker's token authentication specification; RFC 9110.

mod agent;
mod challenge;
mod document;
mod download;
mod failure;
mod listing;
mod patience;
mod proxy;
mod request;
mod severing;
mod token;
mod upload;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Mutex};

pub use document::Fetched;
pub use download::{BlobReader, Listener};
pub use listing::Hit;
pub use patience::Patience;

use challenge::Challenge;

/// The host that answers for `docker.io`.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// A repository at a registry, and how to get there.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// `host[:port]`.
    pub host: String,
    /// The path of the repository: `library/debian`.
    pub repository: String,
    /// Certificates are not verified, and plain HTTP will do if there is no HTTPS.
    pub insecure: bool,
    /// Who we are; without it, nobody.
    pub credential: Option<Credential>,
    /// Certificates besides the machine's.
    pub certificates: Certificates,
    /// How often and how long to try.
    pub patience: Patience,
}

/// Proof of identity for a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password, or a token that stands for it.
        password: String,
    },
    /// A token that others are made from (`identitytoken` of auth.json).
    Identity(String),
}

/// A secret is not for logs.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Credential::Basic { user, .. } => write!(f, "Basic({user})"),
            Credential::Identity(_) => f.write_str("Identity"),
        }
    }
}

impl Credential {
    /// From `--creds USER[:PASSWORD]`; the password is empty if there is none.
    pub fn from_words(words: &str) -> Credential {
        let (user, password) = words.split_once(':').unwrap_or((words, ""));
        Credential::Basic { user: user.to_owned(), password: password.to_owned() }
    }

    /// The user's name; a token has none.
    pub fn user(&self) -> Option<&str> {
        match self {
            Credential::Basic { user, .. } => Some(user),
            Credential::Identity(_) => None,
        }
    }
}

/// Certificates for one host: the texts of PEM files.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    /// Authorities that are trusted besides the machine's own.
    pub authorities: Vec<Vec<u8>>,
    /// A certificate of ours and its key.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
}

/// What is to be done there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Say who we are, or ask what there is: no repository is meant.
    Registry,
    /// Read.
    #[default]
    Pull,
    /// Read and write, and read these other repositories of the same registry to take blobs over from there.
    Push {
        /// Their paths.
        from: Vec<String>,
    },
}

/// A repository that has answered.
pub struct Registry {
    endpoint: Endpoint,
    access: Access,
    agent: ureq::Agent,
    /// Ends the connections when this process is asked to stop.
    _severing: severing::Severing,
    /// `https` or `http`.
    scheme: &'static str,
    /// What the registry wants to see.
    challenge: Mutex<Option<Challenge>>,
    /// What it was shown last, by the challenge's service and scope.
    shown: Mutex<HashMap<String, String>>,
}

impl Registry {
    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// `host/repository`, as people write it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.endpoint.host, self.endpoint.repository)
    }

    /// The address of something below `/v2/<repository>/`.
    fn url(&self, rest: &str) -> String {
        format!("{}/{}/{rest}", self.root(), self.endpoint.repository)
    }

    /// The address of the protocol's root: `https://host/v2`.
    fn root(&self) -> String {
        let host = match self.endpoint.host.as_str() {
            "docker.io" => DOCKER_HUB,
            host => host,
        };
        format!("{}://{host}/v2", self.scheme)
    }
}
