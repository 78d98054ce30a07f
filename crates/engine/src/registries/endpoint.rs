//! Where a name is fetched from: mirrors, the place that a table gives it, or simply itself.

use diag::{Error, Result, codes};
use oci::Reference;

use super::{Pulls, Registries, Registry, prefix::matched};

/// A place to ask for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The name that it is asked for there. Docker Hub is still `docker.io` here.
    pub reference: Reference,
    /// Plain HTTP and unverified certificates are allowed.
    pub insecure: bool,
    /// It is a mirror: a failure is a reason to ask the next endpoint.
    pub mirror: bool,
}

impl Endpoint {
    /// `host[:port]/repository`.
    pub fn location(&self) -> &str {
        self.reference.name()
    }
}

impl Registries {
    /// Where to fetch a full name, in the order to be tried. UR0903 if that is forbidden.
    pub fn endpoints(&self, reference: &Reference) -> Result<Vec<Endpoint>> {
        let Some(registry) = self.registry_of(reference) else {
            return Ok(vec![Endpoint { reference: reference.clone(), insecure: false, mirror: false }]);
        };
        check_blocked(registry, reference)?;
        let by_digest = reference.digest().is_some();
        let mut endpoints = Vec::new();
        for mirror in &registry.mirrors {
            let serves = match mirror.pulls {
                Pulls::All => true,
                Pulls::DigestOnly => by_digest,
                Pulls::TagOnly => !by_digest,
            };
            if serves {
                let reference = moved(registry, &mirror.location, reference)?;
                endpoints.push(Endpoint { reference, insecure: mirror.insecure, mirror: true });
            }
        }
        let reference = match &registry.location {
            Some(location) => moved(registry, location, reference)?,
            None => reference.clone(),
        };
        endpoints.push(Endpoint { reference, insecure: registry.insecure, mirror: false });
        Ok(endpoints)
    }

    /// Where to push a full name. As in Podman neither `location` nor mirrors count then, but `blocked` and `insecure` do.
    pub fn endpoint_to_push(&self, reference: &Reference) -> Result<Endpoint> {
        let registry = self.registry_of(reference);
        registry.map_or(Ok(()), |registry| check_blocked(registry, reference))?;
        let insecure = registry.is_some_and(|registry| registry.insecure);
        Ok(Endpoint { reference: reference.clone(), insecure, mirror: false })
    }

    /// Whether plain HTTP and unverified certificates are allowed for a host or a repository of it.
    pub fn is_insecure(&self, name: &str) -> bool {
        self.table_of(name).is_some_and(|registry| registry.insecure)
    }

    /// Whether a host as a whole is blocked.
    pub(super) fn is_blocked(&self, host: &str) -> bool {
        self.table_of(host).is_some_and(|registry| registry.blocked.is_some())
    }

    fn registry_of(&self, reference: &Reference) -> Option<&Registry> {
        self.table_of(&reference.clone().tagged().to_string())
    }

    /// The table with the longest prefix that fits.
    fn table_of(&self, name: &str) -> Option<&Registry> {
        let fitting = self.tables.iter().filter(|registry| matched(&registry.prefix, name).is_some());
        fitting.max_by_key(|registry| registry.prefix.len())
    }
}

fn check_blocked(registry: &Registry, reference: &Reference) -> Result<()> {
    let Some(line) = &registry.blocked else { return Ok(()) };
    let name = reference.clone().tagged();
    Err(Error::new(codes::UR0903, format!("`{name}` is out of bounds: its registry is blocked"))
        .at(line.clone())
        .fact(format!("the longest prefix that fits is `{}`", registry.prefix))
        .help("use a registry that is allowed, or make an exception: a `[[registry]]` table with a longer `prefix`"))
}

/// The name with `location` in the prefix's place.
fn moved(registry: &Registry, location: &str, reference: &Reference) -> Result<Reference> {
    let name = reference.clone().tagged().to_string();
    let range = matched(&registry.prefix, &name).unwrap_or(0..0);
    let text = format!("{location}{}", &name[range.end..]);
    Reference::parse(&text).map_err(|fault| {
        Error::new(codes::UR0811, format!("`{name}` becomes `{text}`, which does not name an image: {}", fault.what))
            .at(registry.at.clone())
            .help("mend `prefix` and `location` of this table: what the prefix leaves over is put behind the location")
    })
}
