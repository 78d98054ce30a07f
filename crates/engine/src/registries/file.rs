//! One registries.conf, second format: what is written in it, each value with its line.

use std::{collections::BTreeMap, path::Path};

use diag::{Error, Origin, Result, codes};
use oci::Reference;
use serde::{Deserialize, de::IgnoredAny};
use toml::Spanned;

use super::{Mirror, Mode, Pulls, Registry, prefix};
use crate::{
    conf_file::{self, given, line, misunderstood},
    request::Given,
};

/// What one file says. A field is `None` where it says nothing.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) search: Option<Given<Vec<String>>>,
    pub(super) mode: Option<Given<Mode>>,
    pub(super) helpers: Option<Given<Vec<String>>>,
    pub(super) registries: Vec<Registry>,
    /// Short names, and what they stand for; nothing takes an alias of another file back.
    pub(super) aliases: Vec<(String, Given<Option<Reference>>)>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Written {
    unqualified_search_registries: Option<Spanned<Vec<Spanned<String>>>>,
    short_name_mode: Option<Spanned<String>>,
    credential_helpers: Option<Spanned<Vec<String>>>,
    registry: Vec<Spanned<Table>>,
    aliases: BTreeMap<Spanned<String>, Spanned<String>>,
    /// The first format.
    registries: Option<Spanned<IgnoredAny>>,
}

/// A word that is not known here is an error: it may be a `blocked` with a letter too few.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    prefix: Option<Spanned<String>>,
    location: Option<Spanned<String>>,
    insecure: bool,
    blocked: Option<Spanned<bool>>,
    mirror: Vec<MirrorTable>,
    mirror_by_digest_only: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MirrorTable {
    location: Spanned<String>,
    #[serde(default)]
    insecure: bool,
    pull_from_mirror: Option<Spanned<String>>,
}

/// A file's text, to point into.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

/// Understands a file. UR0811 and UR0904, with the line.
pub(super) fn parse(path: &Path, text: &str) -> Result<File> {
    let written: Written = conf_file::parse(path, text, "CONTAINERS_REGISTRIES_CONF")?;
    let source = Source { path, text };
    if let Some(old) = written.registries {
        return Err(source.old(&old));
    }
    let aliases = written.aliases.into_iter().map(|(name, full)| source.alias(&name, &full));
    Ok(File {
        search: written.unqualified_search_registries.map(|search| source.search(search)).transpose()?,
        mode: written.short_name_mode.map(|mode| source.mode(&mode)).transpose()?.flatten(),
        helpers: written.credential_helpers.map(|helpers| given(path, text, helpers)),
        registries: written.registry.into_iter().map(|table| source.registry(table)).collect::<Result<_>>()?,
        aliases: aliases.collect::<Result<_>>()?,
    })
}

impl Source<'_> {
    fn place<T>(&self, value: &Spanned<T>) -> Origin {
        line(self.path, self.text, &value.span())
    }

    /// UR0811: a value that means nothing.
    fn bad<T>(&self, value: &Spanned<T>, why: impl Into<String>) -> Error {
        misunderstood(self.path).at(self.place(value)).words(why.into())
    }

    fn old(&self, value: &Spanned<IgnoredAny>) -> Error {
        Error::new(codes::UR0904, format!("`{}` is written in the old format", self.path.display()))
            .at(self.place(value))
            .help("write `unqualified-search-registries = […]` and `[[registry]]` tables, as `unroot explain UR0904` shows")
    }

    /// A text without a slash at its end, if it is a prefix or a location.
    fn checked(&self, value: &Spanned<String>, wildcard: bool) -> Result<String> {
        let text = value.get_ref().trim_end_matches('/');
        match prefix::fault(text, wildcard) {
            None => Ok(text.to_owned()),
            Some(what) => Err(self.bad(value, format!("`{text}` is no place in a registry: {what}"))),
        }
    }

    fn search(&self, search: Spanned<Vec<Spanned<String>>>) -> Result<Given<Vec<String>>> {
        let at = self.place(&search);
        let hosts = search.into_inner().into_iter().map(|host| self.checked(&host, false));
        Ok(Given { value: hosts.collect::<Result<_>>()?, at: Some(at) })
    }

    fn mode(&self, mode: &Spanned<String>) -> Result<Option<Given<Mode>>> {
        let value = match mode.get_ref().as_str() {
            "" => return Ok(None),
            "enforcing" => Mode::Enforcing,
            "permissive" => Mode::Permissive,
            "disabled" => Mode::Disabled,
            other => return Err(self.bad(mode, format!("`{other}` is none of enforcing, permissive, disabled"))),
        };
        Ok(Some(Given { value, at: Some(self.place(mode)) }))
    }

    fn registry(&self, table: Spanned<Table>) -> Result<Registry> {
        let at = self.place(&table);
        let Table { prefix, location, insecure, blocked, mirror, mirror_by_digest_only } = table.into_inner();
        let empty = |value: &Spanned<String>| !value.get_ref().is_empty();
        let (prefix, location) = (prefix.filter(empty), location.filter(empty));
        let Some(first) = prefix.as_ref().or(location.as_ref()) else {
            return Err(misunderstood(self.path)
                .at(at)
                .words("a `[[registry]]` table needs a `prefix` or a `location`"));
        };
        let prefix_text = self.checked(first, prefix.is_some())?;
        let target = location.as_ref().map(|location| self.checked(location, false)).transpose()?;
        if target.is_none() && !prefix_text.starts_with('*') {
            return Err(
                self.bad(first, "a table with a `prefix` needs a `location`, unless the prefix begins with `*.`")
            );
        }
        let digest_only = mirror_by_digest_only.filter(|only| *only.get_ref());
        let mirrors = mirror.into_iter().map(|mirror| self.mirror(&mirror, digest_only.is_some()));
        Ok(Registry {
            prefix: prefix_text,
            location: target,
            insecure,
            blocked: blocked.filter(|blocked| *blocked.get_ref()).map(|blocked| self.place(&blocked)),
            mirrors: mirrors.collect::<Result<_>>()?,
            at,
        })
    }

    fn mirror(&self, mirror: &MirrorTable, digest_only: bool) -> Result<Mirror> {
        let pulls = match mirror.pull_from_mirror.as_ref().map(|pulls| pulls.get_ref().as_str()) {
            None | Some("") if digest_only => Pulls::DigestOnly,
            None | Some("" | "all") if !digest_only => Pulls::All,
            Some("digest-only") if !digest_only => Pulls::DigestOnly,
            Some("tag-only") if !digest_only => Pulls::TagOnly,
            _ => {
                let value = mirror.pull_from_mirror.as_ref().unwrap_or(&mirror.location);
                let why = if digest_only {
                    "`pull-from-mirror` and `mirror-by-digest-only` exclude each other"
                } else {
                    "it is none of all, digest-only, tag-only"
                };
                return Err(self.bad(value, why));
            }
        };
        Ok(Mirror { location: self.checked(&mirror.location, false)?, insecure: mirror.insecure, pulls })
    }

    fn alias(&self, name: &Spanned<String>, full: &Spanned<String>) -> Result<(String, Given<Option<Reference>>)> {
        let short = name.get_ref().as_str();
        let bare = |name: &Reference| name.tag().is_none() && name.digest().is_none();
        if !Reference::candidates(short).is_ok_and(|all| all.len() == 2 && all.iter().all(bare)) {
            return Err(self.bad(name, format!("`{short}` is no short name: it has no host, no tag and no digest")));
        }
        let at = Some(self.place(full));
        if full.get_ref().is_empty() {
            return Ok((short.to_owned(), Given { value: None, at }));
        }
        let text = self.checked(full, false)?;
        match Reference::parse(&text) {
            Ok(target) if text.contains('/') && bare(&target) => {
                Ok((short.to_owned(), Given { value: Some(target), at }))
            }
            _ => Err(self.bad(full, format!("`{text}` is not the whole name of an image without tag and digest"))),
        }
    }
}
