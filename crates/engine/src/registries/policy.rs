//! Which images may come in: containers-policy.json(5).
//!
//! `--signature-policy` names the file; otherwise it is the user's, if there is one, or else `/etc/containers/policy.json`. Without any file
//! everything is accepted, as Docker does it; Podman refuses to work then. The file is read as strictly as there: what is not
//! known in it, is written twice or is empty makes all of it an error. Of the scopes that fit an image the most specific decides, alone.
//! Signatures cannot be checked here; a rule that wants one refuses the image, and so does a rule of an unknown kind.

mod strict;

use std::path::{Path, PathBuf};

use diag::{Error, Pointer, Result, codes};
use oci::{Reference, Source};

use super::Places;
use crate::conf_file;
use strict::{Contents, Kind, Rule};

/// What a policy.json says.
#[derive(Debug, Default)]
pub struct Policy {
    /// Nothing: everything is accepted.
    written: Option<(Source, Contents)>,
}

impl Policy {
    /// Reads the file that counts; `named` must exist. UR0811 for one that cannot be read or understood.
    pub fn read(places: &Places, named: Option<&Path>) -> Result<Policy> {
        let usual = places.user.iter().chain([&places.system]).map(|dir| (dir.join("policy.json"), false));
        let paths: Vec<(PathBuf, bool)> = match named {
            Some(path) => vec![(path.to_owned(), true)],
            None => usual.collect(),
        };
        for (path, needed) in paths {
            if let Some(text) = conf_file::read(&path, needed)? {
                let source = Source::new(path.display().to_string(), text);
                let contents = source.parse::<Contents>(codes::UR0811)?.checked(&source)?;
                return Ok(Policy { written: Some((source, contents)) });
            }
        }
        Ok(Policy::default())
    }

    /// Whether an image of a registry may come in, by its full name. UR0906 and UR0907, with the rule.
    pub fn allows(&self, reference: &Reference) -> Result<()> {
        let reference = reference.clone().tagged();
        let mut scopes = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => vec![format!("{}@{digest}", reference.name())],
            (None, Some(tag)) => vec![format!("{}:{tag}", reference.name())],
            (None, None) => Vec::new(),
        };
        scopes.extend(parents(reference.name()));
        let mut domain = reference.host().split(':').next().unwrap_or_default();
        while let Some((_, rest)) = domain.split_once('.') {
            scopes.push(format!("*.{rest}"));
            domain = rest;
        }
        self.judge("docker", &scopes, &reference.to_string())
    }

    /// Whether an image of a file or a directory may come in. `transport` is Podman's word for its kind, such as
    /// `docker-archive`, `oci-archive`, `oci`, `dir`. UR0906 and UR0907, with the rule.
    pub fn allows_file(&self, transport: &str, path: &Path) -> Result<()> {
        let shown = path.display().to_string();
        // Archives that Docker writes have no scopes but the empty one.
        let has_scopes = transport != "docker-archive" && path.is_absolute();
        let scopes = if has_scopes {
            parents(&shown).into_iter().filter(|scope| !scope.is_empty()).collect()
        } else {
            Vec::new()
        };
        self.judge(transport, &scopes, &shown)
    }

    /// The first of these scopes that is written decides, or the transport's own, or the default.
    fn judge(&self, transport: &str, scopes: &[String], image: &str) -> Result<()> {
        let Some((source, contents)) = &self.written else { return Ok(()) };
        let of_transport = contents.transports.get(transport);
        let found = scopes.iter().map(String::as_str).chain([""]).find_map(|scope| {
            let rules = of_transport?.get(scope)?;
            Some((Pointer::root().child("transports").child(transport).child(scope), rules))
        });
        let (pointer, rules) = found.unwrap_or_else(|| (Pointer::root().child("default"), &contents.default));
        for (index, rule) in rules.iter().enumerate() {
            let scope = scopes.get(1).or(scopes.first()).map_or("", String::as_str);
            rule.judge(image, transport, scope).map_err(|error| error.at(source.at(pointer.child(index))))?;
        }
        Ok(())
    }
}

impl Rule {
    fn judge(&self, image: &str, transport: &str, scope: &str) -> Result<()> {
        let allow = format!("allow it in the policy, under `transports`, `{transport}`, `{scope}`");
        match &self.kind {
            Kind::Accept => Ok(()),
            Kind::Reject => Err(Error::new(codes::UR0906, format!("the policy rejects `{image}`")).help(allow)),
            Kind::Signed(kind) => {
                let what = format!("the policy wants `{image}` to be signed, and signatures cannot be checked here");
                Err(Error::new(codes::UR0907, what).fact(format!("the rule is `{kind}`")).help(format!(
                    "let skopeo check it, and load what it fetched: `skopeo copy {transport}:{}{image} oci-archive:FILE`",
                    if transport == "docker" { "//" } else { "" }
                )))
            }
            Kind::Other(kind) => {
                let what = format!("the policy has a rule for `{image}` that is not known here: `{kind}`");
                Err(Error::new(codes::UR0907, what).help(allow))
            }
        }
    }
}

/// A name and what it lies in: `a/b/c`, `a/b`, `a`.
fn parents(name: &str) -> Vec<String> {
    let mut all = vec![name.to_owned()];
    let mut rest = name;
    while let Some((parent, _)) = rest.rsplit_once('/') {
        all.push(parent.to_owned());
        rest = parent;
    }
    all
}

/// UR0811 at a place of the document.
fn wrong(source: &Source, pointer: Pointer, words: &str) -> Error {
    Error::new(codes::UR0811, format!("the policy `{}` is not understood", source.file))
        .at(source.at(pointer))
        .words(words)
        .help("see containers-policy.json(5), or name another file with --signature-policy")
}

#[cfg(test)]
mod tests;
