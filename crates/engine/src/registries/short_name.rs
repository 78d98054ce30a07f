//! Which images a name can mean.

use diag::{Error, Origin, Result, codes};
use oci::Reference;

use super::{Endpoint, Mode, Registries};

/// Where short names are looked for if no file says anything, as Docker does it.
pub(super) const DEFAULT: &str = "docker.io";

/// One image that a name can mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its full name, with a tag or a digest: what it is called here, wherever it is fetched.
    pub reference: Reference,
    /// Where to fetch it, in the order to be tried; at least one.
    pub endpoints: Vec<Endpoint>,
    /// For a short name: what made it this image, such as "an alias in /etc/containers/registries.conf.d/shortnames.conf".
    pub because: Option<String>,
    /// The user chose it for this short name: [`Registries::remember`] it when it was fetched.
    pub chosen_for: Option<String>,
}

/// Somebody who knows which image is meant.
pub trait Ask {
    /// Which one of these, at least two, `short` means; nothing if there is nobody to ask.
    fn choose(&self, short: &str, among: &[Reference]) -> Result<Option<usize>>;
}

/// Nobody, for processes without a terminal.
pub struct Nobody;

impl Ask for Nobody {
    fn choose(&self, _: &str, _: &[Reference]) -> Result<Option<usize>> {
        Ok(None)
    }
}

impl Registries {
    /// What `name` can mean, in the order to be tried; at least one. Nobody is asked. For errors see [`Registries::resolve_asking`].
    pub fn resolve(&self, name: &str) -> Result<Vec<Candidate>> {
        self.resolve_asking(name, &Nobody)
    }

    /// What `name` can mean, in the order to be tried; at least one.
    ///
    /// UR0702 if it is no name, UR0901 if nobody can say which of several is meant, UR0902 if it is short and there is no
    /// registry to look in, UR0903 if it is blocked.
    pub fn resolve_asking(&self, name: &str, ask: &dyn Ask) -> Result<Vec<Candidate>> {
        let reference = Reference::parse(name)?;
        // A name with a host means only itself.
        if Reference::candidates(name)?.len() == 1 {
            return Ok(vec![self.candidate(reference, None)?]);
        }
        let (short, rest) = name.split_at(name.find([':', '@']).unwrap_or(name.len()));
        if let Some(alias) = self.aliases.get(short)
            && let Some(target) = &alias.value
        {
            let because = alias.at.as_ref().map(|at| format!("an alias in {}", file_of(at)));
            return Ok(vec![self.candidate(Reference::parse(&format!("{target}{rest}"))?, because)?]);
        }
        self.search(name, short, ask)
    }

    fn candidate(&self, reference: Reference, because: Option<String>) -> Result<Candidate> {
        let reference = reference.tagged();
        let endpoints = self.endpoints(&reference)?;
        Ok(Candidate { reference, endpoints, because, chosen_for: None })
    }

    /// Looks in the registries for short names.
    fn search(&self, name: &str, short: &str, ask: &dyn Ask) -> Result<Vec<Candidate>> {
        let (hosts, because) = match &self.search {
            None => (vec![DEFAULT.to_owned()], "the default for short names".to_owned()),
            Some(search) => {
                let place = search.at.as_ref().map(file_of).unwrap_or_default();
                (search.value.clone(), format!("unqualified-search-registries in {place}"))
            }
        };
        let (mut candidates, mut blocked) = (Vec::new(), None);
        for host in &hosts {
            let reference = Reference::parse(&format!("{host}/{name}"))?;
            match self.candidate(reference, Some(because.clone())) {
                Ok(candidate) => candidates.push(candidate),
                Err(error) if error.code() == codes::UR0903 => blocked = Some(error),
                Err(error) => return Err(error),
            }
        }
        match (candidates.len(), blocked) {
            (0, Some(error)) if hosts.len() == 1 => Err(error),
            (0, _) => Err(self.nowhere(name)),
            (1, _) => Ok(candidates),
            _ => self.choose(short, candidates, ask),
        }
    }

    fn choose(&self, short: &str, mut candidates: Vec<Candidate>, ask: &dyn Ask) -> Result<Vec<Candidate>> {
        let mode = self.mode.as_ref().map_or(Mode::Permissive, |mode| mode.value);
        if mode == Mode::Disabled {
            return Ok(candidates);
        }
        let names: Vec<_> = candidates.iter().map(|candidate| candidate.reference.clone()).collect();
        match ask.choose(short, &names)? {
            Some(index) if index < candidates.len() => {
                let mut chosen = candidates.swap_remove(index);
                chosen.chosen_for = Some(short.to_owned());
                Ok(vec![chosen])
            }
            _ if mode == Mode::Permissive => Ok(candidates),
            _ => Err(self.ambiguous(short, &names)),
        }
    }

    fn ambiguous(&self, short: &str, names: &[Reference]) -> Error {
        let what = format!("`{short}` can mean several images, and there is no terminal to ask on");
        let error = names.iter().fold(Error::new(codes::UR0901, what), |error, name| error.fact(name.to_string()));
        let error = match self.mode.as_ref().and_then(|mode| mode.at.clone()) {
            Some(line) => error.at(line),
            None => error,
        };
        match names.first() {
            Some(first) => error.help(format!("write the whole name, such as `{first}`")),
            None => error,
        }
    }

    fn nowhere(&self, name: &str) -> Error {
        let error = Error::new(codes::UR0902, format!("`{name}` has no registry in it, and there is none to look in"));
        let error = match self.search.as_ref().and_then(|search| search.at.clone()) {
            Some(line) => error.at(line),
            None => error,
        };
        match Reference::parse(name) {
            Ok(full) => error.help(format!("write the whole name, such as `{full}`")),
            Err(_) => error,
        }
    }
}

fn file_of(at: &Origin) -> String {
    match at {
        Origin::Line { file, .. } => file.clone(),
        _ => String::new(),
    }
}
