//! What the configuration files say about registries: containers-registries.conf(5).
//!
//! A name that a person writes becomes [`Candidate`]s: full names, each with the [`Endpoint`]s to ask for it, in order.
//! Two questions are answered here. *Which image is meant?* A name with a host means itself; a short one is looked up in the
//! aliases (those that were learned before those that were written), then in `unqualified-search-registries`. Where no file
//! sets these, Docker Hub is looked in, as Docker does it; Podman refuses then. An empty list is somebody's decision and is kept.
//! *Where is it fetched?* The table with the longest prefix that fits decides: `location` takes the prefix's place, mirrors come first,
//! `blocked` forbids, `insecure` allows plain HTTP and certificates that nobody vouches for.
//!
//! Files: one main file (`$CONTAINERS_REGISTRIES_CONF`, the user's, `/etc`, or the distribution's), then the drop-ins of the distribution, of `/etc` and of the
//! user; where the user's own file is the main one, only the user's drop-ins count. What a later file sets replaces what an earlier
//! one has set; a table replaces the one with the same prefix. A file that cannot be understood is an error, which names the line.

mod certificates;
mod endpoint;
mod file;
mod learned;
mod places;
mod policy;
mod prefix;
mod short_name;

use std::{collections::BTreeMap, path::PathBuf};

use diag::{Origin, Result};

pub use certificates::Certificates;
pub use endpoint::Endpoint;
pub use oci::Reference;
pub use places::Places;
pub use policy::Policy;
pub use short_name::{Ask, Candidate, Nobody};

use crate::{conf_file, request::Given};

/// All that the files say.
#[derive(Debug, Default)]
pub struct Registries {
    search: Option<Given<Vec<String>>>,
    mode: Option<Given<Mode>>,
    helpers: Option<Given<Vec<String>>>,
    tables: Vec<Registry>,
    aliases: BTreeMap<String, Given<Option<Reference>>>,
    learned: Option<PathBuf>,
}

/// What happens when a short name fits several registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The user chooses; without a terminal it is an error.
    Enforcing,
    /// The user chooses; without a terminal all are tried.
    Permissive,
    /// All are tried.
    Disabled,
}

/// One `[[registry]]` table.
#[derive(Clone, Debug)]
pub struct Registry {
    /// What names begin with that belong here; `*.example.com` stands for all hosts below.
    pub prefix: String,
    /// What takes the prefix's place; nothing leaves the name as it is.
    pub location: Option<String>,
    /// Plain HTTP and unverified certificates are allowed.
    pub insecure: bool,
    /// The line that forbids it.
    pub blocked: Option<Origin>,
    /// Asked before the location, in this order.
    pub mirrors: Vec<Mirror>,
    /// Where the table begins.
    pub at: Origin,
}

/// One `[[registry.mirror]]` table.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// What takes the prefix's place.
    pub location: String,
    /// Plain HTTP and unverified certificates are allowed.
    pub insecure: bool,
    /// What it is asked for.
    pub pulls: Pulls,
}

/// What a mirror is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulls {
    /// Everything.
    All,
    /// Names with a digest.
    DigestOnly,
    /// Names without a digest.
    TagOnly,
}

impl Registries {
    /// Reads the files. UR0811 for one that cannot be read or understood, UR0904 for the old format.
    pub fn read(places: &Places) -> Result<Registries> {
        let mut all = Registries { learned: places.learned.clone(), ..Registries::default() };
        for (path, needed) in files(places)? {
            if let Some(text) = conf_file::read(&path, needed)? {
                all.merge(file::parse(&path, &text)?);
            }
        }
        if let Some(path) = &places.learned
            && let Some(text) = conf_file::read(path, false)?
        {
            all.aliases.extend(file::parse(path, &text)?.aliases);
        }
        Ok(all)
    }

    /// `credential-helpers`: the names behind `docker-credential-`, or `containers-auth.json` for the files. `None` where no file sets them.
    pub fn credential_helpers(&self) -> Option<&Given<Vec<String>>> {
        self.helpers.as_ref()
    }

    /// The registries that short names are looked for in, those that no file has set included; not the blocked ones.
    pub fn search_hosts(&self) -> Vec<String> {
        let written = self.search.as_ref().map(|search| search.value.clone());
        let mut hosts = written.unwrap_or_else(|| vec![short_name::DEFAULT.to_owned()]);
        hosts.retain(|host| !self.is_blocked(host));
        hosts
    }

    fn merge(&mut self, file: file::File) {
        self.search = file.search.or(self.search.take());
        self.mode = file.mode.or(self.mode.take());
        self.helpers = file.helpers.or(self.helpers.take());
        self.aliases.extend(file.aliases);
        for registry in file.registries {
            self.tables.retain(|other| other.prefix != registry.prefix);
            self.tables.push(registry);
        }
    }
}

/// What is wrong with a place in a registry, `host[:port]` or with a path behind it: half a sentence.
pub(crate) fn place_fault(text: &str) -> Option<&'static str> {
    prefix::fault(text, false)
}

/// The files in the order in which they count, and whether they must exist.
fn files(places: &Places) -> Result<Vec<(PathBuf, bool)>> {
    const MAIN: &str = "registries.conf";
    let mut dirs = vec![&places.distribution, &places.system];
    let of_user = places.user.as_ref().map(|dir| dir.join(MAIN)).filter(|path| path.exists());
    let main = match (&places.registries, of_user) {
        (Some(named), _) => (named.clone(), true),
        (None, Some(path)) => {
            dirs.clear();
            (path, false)
        }
        (None, None) => {
            let system = places.system.join(MAIN);
            (if system.exists() { system } else { places.distribution.join(MAIN) }, false)
        }
    };
    let mut files = vec![main];
    for dir in dirs.into_iter().chain(places.user.as_ref()) {
        files.extend(conf_file::drop_ins(&dir.join("registries.conf.d"))?.into_iter().map(|path| (path, false)));
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
