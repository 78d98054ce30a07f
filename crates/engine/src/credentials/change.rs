//! `login` and `logout`: what is kept, and what is forgotten. Only the file that `login` writes changes, or what its helper keeps.

use diag::{Error, Result, codes};
use serde::Serialize as _;
use serde_json::{Map, Value, json};

use super::{
    Credential, Credentials, FILES,
    auth_file::{self, AuthFile, Found},
    host,
    key::is_host,
    server,
};
use crate::conf_file;

/// Where a credential went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Into this file, not encrypted.
    File(std::path::PathBuf),
    /// To the helper of this name.
    Helper(String),
}

impl Credentials {
    /// Keeps a name and a password for `key`: a host, or with a path behind it for a part of it only.
    ///
    /// UR0909 if the file cannot be written, UR0905 if a helper refuses.
    pub fn keep(&self, key: &str, user: &str, password: &str) -> Result<Kept> {
        if let Some(name) = self.helpers.first().filter(|name| *name != FILES) {
            self.of_conf(name).store(host(key), user, password)?;
            return Ok(Kept::Helper(name.clone()));
        }
        if let Some(file) = self.primary_file()
            && let Some(name) = file.helper_of(host(key))
        {
            self.of_file(name, file).store(&server(key, &file.path), user, password)?;
            return Ok(Kept::Helper(name.to_owned()));
        }
        let _lock = conf_file::lock(&self.primary)?;
        let mut whole = self.whole()?;
        let entry = json!({ "auth": auth_file::encode(user, password) });
        change(&mut whole, |table| table.insert(key.to_owned(), entry));
        self.write(&whole)?;
        Ok(Kept::File(self.primary.clone()))
    }

    /// Forgets what is kept for `key`; whether something was. The file's other keys, less and more specific ones, stay.
    pub fn forget(&self, key: &str) -> Result<bool> {
        let mut known = false;
        for name in self.helpers.iter().filter(|name| *name != FILES) {
            known |= self.of_conf(name).erase(host(key))?;
        }
        let Some(file) = self.primary_file() else { return Ok(known) };
        if let Some(name) = file.helper_of(host(key)) {
            known |= self.of_file(name, file).erase(&server(key, &file.path))?;
        }
        let _lock = conf_file::lock(&self.primary)?;
        let mut whole = self.whole()?;
        let removed = change(&mut whole, |table| {
            let before = table.len();
            table.retain(|written, _| written != key && !is_host(written, key, false));
            before - table.len()
        });
        if removed > 0 {
            self.write(&whole)?;
            known = true;
        }
        Ok(known)
    }

    /// Forgets everything in the file that `login` writes, and what its helpers keep.
    pub fn forget_all(&self) -> Result<()> {
        let Some(file) = self.primary_file() else { return Ok(()) };
        for (host, name) in file.helpers() {
            self.of_file(name, file).erase(&server(host, &file.path))?;
        }
        let _lock = conf_file::lock(&self.primary)?;
        let mut whole = self.whole()?;
        change(&mut whole, Map::clear);
        self.write(&whole)
    }

    /// The file, not the one that `login` writes, that knows `name` all the same, and the credential's user.
    pub fn known_elsewhere(&self, name: &str) -> Option<std::path::PathBuf> {
        let others = self.files.iter().filter(|file| file.path != self.primary);
        others
            .filter(|file| !matches!(file.find(name), Ok(Found::Nothing) | Err(_)))
            .map(|file| file.path.clone())
            .next()
    }

    /// The name under which we are known for `name`. A token is known under none.
    pub fn user_of(&self, name: &str) -> Result<Option<String>> {
        Ok(self.for_repository(name)?.as_ref().and_then(Credential::user).map(str::to_owned))
    }

    fn primary_file(&self) -> Option<&AuthFile> {
        self.files.iter().find(|file| file.path == self.primary)
    }

    /// The file as it is, with all that other programs have put there.
    fn whole(&self) -> Result<Map<String, Value>> {
        let text = conf_file::read(&self.primary, false)?.unwrap_or_default();
        if text.trim().is_empty() { Ok(Map::new()) } else { auth_file::parse(&self.primary, &text) }
    }

    fn write(&self, whole: &Map<String, Value>) -> Result<()> {
        let mut bytes = Vec::new();
        // As Podman and Docker indent it.
        let format = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut writer = serde_json::Serializer::with_formatter(&mut bytes, format);
        let written = whole.serialize(&mut writer).map_err(|error| error.to_string());
        let text = written.and_then(|()| String::from_utf8(bytes).map_err(|error| error.to_string()));
        let text =
            text.map_err(|words| Error::new(codes::UR0909, "the credentials cannot be written as JSON").words(words))?;
        conf_file::replace(&self.primary, &(text + "\n"))
    }
}

/// Changes the table of credentials, which may be missing.
fn change<T>(whole: &mut Map<String, Value>, act: impl FnOnce(&mut Map<String, Value>) -> T) -> T {
    let mut table = match whole.remove("auths") {
        Some(Value::Object(table)) => table,
        // Whatever else it was would have been refused when the file was read.
        _ => Map::new(),
    };
    let outcome = act(&mut table);
    whole.insert("auths".to_owned(), Value::Object(table));
    outcome
}
