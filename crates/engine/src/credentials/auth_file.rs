//! One file with credentials: `auth.json`, Docker's `config.json`, or `.dockercfg`, which is the inner table alone.
//!
//! No diagnosis shows a line or a value of such a file: what is in it is secret.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use diag::{Error, Origin, Result, codes};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::error::Category;

use super::{
    Credential,
    key::{is_host, keys},
};
use crate::conf_file::{is_absent, misunderstood, unreadable};

/// A file that was read.
#[derive(Debug)]
pub(super) struct AuthFile {
    pub(super) path: PathBuf,
    contents: Contents,
    /// It is a `.dockercfg`.
    old: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Contents {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    /// `user:password` in base 64.
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

/// A secret is not for logs.
impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.auths.keys()).entries(self.cred_helpers.keys()).finish()
    }
}

/// What a file knows about a registry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// The credential, and the key that it stands under.
    Here(Credential, String),
    /// A helper of this name knows it.
    Helper(String),
}

impl AuthFile {
    /// Reads a file; nothing if it may be missing and is. UR0811 with the line, but not its text.
    pub(super) fn read(path: &Path, needed: bool, old: bool) -> Result<Option<AuthFile>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if !needed && is_absent(&error) => return Ok(None),
            Err(error) => return Err(unreadable(path, &error)),
        };
        let contents = if text.trim().is_empty() {
            Contents::default()
        } else if old {
            Contents { auths: parse(path, &text)?, ..Contents::default() }
        } else {
            parse(path, &text)?
        };
        Ok(Some(AuthFile { path: path.to_owned(), contents, old }))
    }

    /// What the file says about `name`, a host or a repository with its host; the most specific key counts.
    pub(super) fn find(&self, name: &str) -> Result<Found> {
        let host = name.split('/').next().unwrap_or_default();
        if let Some(helper) = self.helper_of(host) {
            return Ok(Found::Helper(helper.to_owned()));
        }
        for key in keys(name) {
            let found = self.contents.auths.iter().find(|(written, _)| **written == key && !self.old);
            // Docker writes the address of its API.
            let found = found.or_else(|| {
                self.contents.auths.iter().find(|(written, _)| key == host && is_host(written, host, self.old))
            });
            let Some((written, entry)) = found else { continue };
            match (self.credential(written, entry)?, &self.contents.creds_store) {
                (Some(credential), _) => return Ok(Found::Here(credential, written.clone())),
                // Docker leaves an empty entry behind for what it gave to the store.
                (None, Some(helper)) => return Ok(Found::Helper(helper.clone())),
                (None, None) => {}
            }
        }
        Ok(Found::Nothing)
    }

    /// The helper that is named for a host.
    pub(super) fn helper_of(&self, host: &str) -> Option<&str> {
        let mut helpers = self.contents.cred_helpers.iter();
        helpers.find(|(written, _)| is_host(written, host, false)).map(|(_, helper)| helper.as_str())
    }

    /// All hosts that have a helper, with it.
    pub(super) fn helpers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.contents.cred_helpers.iter().map(|(host, helper)| (host.as_str(), helper.as_str()))
    }

    fn credential(&self, key: &str, entry: &Entry) -> Result<Option<Credential>> {
        if !entry.identitytoken.is_empty() {
            return Ok(Some(Credential::Identity(entry.identitytoken.clone())));
        }
        let basic =
            |user: &str, password: &str| Some(Credential::Basic { user: user.into(), password: password.into() });
        if entry.auth.is_empty() {
            let given = !entry.username.is_empty() || !entry.password.is_empty();
            return Ok(given.then(|| basic(&entry.username, &entry.password)).flatten());
        }
        let decoded = STANDARD.decode(&entry.auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded.as_deref().and_then(|text| text.split_once(':')) {
            // Docker ends the password with zero bytes in some old files.
            Some((user, password)) => Ok(basic(user, password.trim_end_matches('\0'))),
            None => Err(misunderstood(&self.path)
                .at(Origin::Path { path: self.path.clone() })
                .words(format!("`auth` of `{key}` is not a user's name, a colon and a password in base 64"))
                .help_run("log in again", format!("unroot login {key}"))),
        }
    }
}

/// Understands JSON; what is wrong is told without its text.
pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| broken(path, &error))
}

fn broken(path: &Path, error: &serde_json::Error) -> Error {
    let words = match error.classify() {
        // serde would quote the value.
        Category::Data => "a value is of the wrong kind".to_owned(),
        _ => error.to_string(),
    };
    Error::new(codes::UR0811, format!("the file with credentials `{}` is not understood", path.display()))
        .at(Origin::Line { file: path.display().to_string(), line: error.line(), text: "(not shown)".into() })
        .words(words)
        .help("mend the line, or remove the file and log in again, or name another file in REGISTRY_AUTH_FILE")
}

/// A name and a password as `auth` has them.
pub(super) fn encode(user: &str, password: &str) -> String {
    STANDARD.encode(format!("{user}:{password}"))
}
