//! `pull`: images from registries.
//!
//! A name means one image or several ([`crate::registries`]); each is asked for at its mirrors and then at its registry. The
//! policy is asked before the registry is.

use std::path::PathBuf;

use diag::{Error, Result, codes};
use oci::{Reference, image::Platform};
use store::{
    image::{Image, Images, Loaded, Wanted},
    registry::{Access, Registry},
};

use crate::{
    Engine, hello,
    interruption::interruptibly,
    registries::{Ask, Candidate, Places, Policy, Registries},
    request::Given,
    transfer::{Gate, Progress, Way, without_transport},
};

/// More tags than these are not pulled at once.
const TAGS_LIMIT: usize = 10_000;

/// Layers that travel at a time where containers.conf does not say (`image_parallel_copies`), as in Podman.
const JOBS: usize = 6;
/// More are never wanted, whatever is configured.
const JOBS_LIMIT: usize = 64;

/// When an image is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// Always: its layers only as far as they are not here.
    #[default]
    Always,
    /// If there is none of this name.
    Missing,
    /// Never.
    Never,
    /// If the registry has another one than is here, and can be reached.
    Newer,
}

/// What to pull.
#[derive(Clone, Debug, Default)]
pub struct PullRequest {
    /// The image's name.
    pub name: Given<String>,
    /// `--all-tags`: all images of the repository.
    pub all_tags: bool,
    /// `--platform os/architecture[/variant]`, or what stands for it.
    pub platform: Option<Given<String>>,
    /// `--policy`.
    pub when: When,
    /// `--signature-policy`.
    pub policy: Option<Given<PathBuf>>,
    /// How registries are reached.
    pub way: Way,
}

/// What a pull goes by.
struct Order<'a> {
    gate: Gate<'a>,
    policy: Policy,
    platform: Platform,
    jobs: usize,
    progress: &'a dyn Progress,
}

impl Engine<'_> {
    /// Pulls; the ids of the images, one a line of output. `ask` says which image a short name means.
    ///
    /// Errors: UR0701 if there is none and it may not be fetched; UR0702, UR0901 to UR0907 for names and what is configured; UR0921
    /// to UR0924 for registries; those of [`Images::pull`] for images.
    pub fn pull(&self, request: &PullRequest, progress: &dyn Progress, ask: &dyn Ask) -> Result<Vec<String>> {
        let pulled = interruptibly(|| {
            let pulled = self.pull_images(request, progress, ask);
            pulled.map_err(|error| request.name.blame_if_bare(error))
        });
        let ids = pulled.inspect_err(|_| progress.end())?;
        for id in &ids {
            self.note_image("pull", id, &request.name.value);
        }
        Ok(ids)
    }

    /// Sees to it that an image is here that a container is to be made of, as the request has it: the built-in one is. What to call it, if the
    /// request's own name means another one. Errors: those of [`Engine::pull`].
    pub fn obtain(&self, request: &PullRequest, progress: &dyn Progress, ask: &dyn Ask) -> Result<Option<String>> {
        let images = Images::of(&self.store);
        if hello::is_meant(&request.name.value) {
            match images.resolve(&request.name.value) {
                Ok(image) if !hello::is_built_in(&image) => {}
                _ => return Ok(None),
            }
        }
        let ids = self.pull(request, progress, ask)?;
        let meant = images.resolve(&request.name.value).map(|image| image.id.hex()).ok();
        Ok(ids.into_iter().next().filter(|id| meant.as_ref() != Some(id)))
    }

    fn pull_images(&self, request: &PullRequest, progress: &dyn Progress, ask: &dyn Ask) -> Result<Vec<String>> {
        let name = without_transport(&request.name, "archives and directories are loaded: unroot load -i PATH")?;
        let wanted = platform(request.platform.as_ref())?;
        // An image for another machine than the one that is asked for is as good as none.
        let here = Images::of(&self.store).resolve(name).and_then(|image| match &request.platform {
            Some(given) if !fits(&wanted, &image) => Err(other_platform(given, &image)),
            _ => Ok(image),
        });
        match (request.when, here) {
            (When::Missing | When::Never, Ok(image)) => return Ok(vec![image.id.hex()]),
            (When::Never, Err(error)) => return Err(error),
            _ => {}
        }
        let places = Places::look(self.scope.rootless);
        let registries = Registries::read(&places)?;
        let order = Order {
            gate: Gate::new(&request.way, &places)?,
            policy: self.policy(request.policy.as_ref())?,
            platform: wanted,
            jobs: jobs(self)?,
            progress,
        };
        let candidates = registries.resolve_asking(name, ask)?;
        let (mut failures, only) = (Vec::new(), candidates.len() == 1);
        for candidate in &candidates {
            match self.pull_candidate(candidate, &order, request) {
                Ok(ids) => {
                    registries.remember(candidate)?;
                    return Ok(ids);
                }
                Err(error) if only => return Err(error),
                Err(error) => failures.push((candidate.reference.to_string(), error)),
            }
        }
        Err(nowhere(name, failures))
    }

    /// One image, or all tags of its repository, from the first place that has it.
    fn pull_candidate(&self, candidate: &Candidate, order: &Order<'_>, request: &PullRequest) -> Result<Vec<String>> {
        order.policy.allows(&candidate.reference)?;
        self.tell_note();
        let mut facts = Vec::new();
        for (index, place) in candidate.endpoints.iter().enumerate() {
            let last = index + 1 == candidate.endpoints.len();
            let pulled = order
                .gate
                .endpoint(place)
                .and_then(|endpoint| Registry::open(endpoint, &Access::Pull))
                .and_then(|registry| self.pull_from(&registry, candidate, &place.reference, order, request));
            match pulled {
                Err(error) if !last && is_the_registrys(&error) => {
                    facts.push(format!("`{}` was asked before: {}", place.location(), error.report().what));
                }
                Err(error) => return Err(facts.into_iter().fold(error, Error::fact)),
                done => return done,
            }
        }
        Err(Error::new(codes::UR0902, format!("there is no place to fetch `{}` from", candidate.reference)))
    }

    fn pull_from(
        &self,
        registry: &Registry,
        candidate: &Candidate,
        there: &Reference,
        order: &Order<'_>,
        request: &PullRequest,
    ) -> Result<Vec<String>> {
        let named = &candidate.reference;
        let tags = if request.all_tags { registry.tags(TAGS_LIMIT)? } else { Vec::new() };
        let wanted = match (there.digest(), request.all_tags) {
            (_, true) => {
                tags.iter().map(|tag| Ok((tag.clone(), reference(named.name(), tag)?))).collect::<Result<_>>()?
            }
            (Some(digest), false) => {
                vec![(digest.to_string(), reference_by_digest(named.name(), &digest.to_string())?)]
            }
            (None, false) => vec![(there.tag().unwrap_or("latest").to_owned(), named.clone().tagged())],
        };
        let mut ids = Vec::new();
        for (which, name) in wanted {
            let here = Images::of(&self.store).resolve(&name.to_string()).ok();
            if let (When::Newer, Some(image)) = (request.when, &here)
                && registry.digest_of(&which).ok().flatten().is_none_or(|digest| digest == image.manifest)
            {
                ids.push(image.id.hex());
                continue;
            }
            let loaded = self.pull_one(registry, which, name, order)?;
            ids.push(loaded.image.id.hex());
        }
        Ok(ids)
    }

    fn pull_one(&self, registry: &Registry, which: String, name: Reference, order: &Order<'_>) -> Result<Loaded> {
        let wanted = Wanted { which, names: vec![name], platform: order.platform.clone(), jobs: order.jobs };
        let pulled = Images::of(&self.store).pull(registry, &wanted, &self.intake()?, order.progress);
        let loaded = pulled.map_err(|error| self.explain_full(error))?;
        order.progress.end();
        loaded.warnings.iter().for_each(|warning| self.warn(warning));
        Ok(loaded)
    }
}

fn reference(name: &str, tag: &str) -> Result<Reference> {
    Ok(Reference::parse(&format!("{name}:{tag}"))?)
}

fn reference_by_digest(name: &str, digest: &str) -> Result<Reference> {
    Ok(Reference::parse(&format!("{name}@{digest}"))?)
}

/// Another place may do better.
fn is_the_registrys(error: &Error) -> bool {
    [codes::UR0921, codes::UR0922, codes::UR0923, codes::UR0924, codes::UR0703].contains(&error.code())
}

fn nowhere(name: &str, failures: Vec<(String, Error)>) -> Error {
    let code = failures.last().map_or(codes::UR0923, |(_, error)| error.code());
    let error = Error::new(code, format!("`{name}` is in none of the registries that are looked in"));
    failures.into_iter().fold(error, |error, (name, failure)| {
        let why = failure.report().facts.first().map(|fact| format!(" ({fact})")).unwrap_or_default();
        error.fact(format!("`{name}`: {}{why}", failure.report().what))
    })
}

/// How many layers travel at a time.
pub(crate) fn jobs(engine: &Engine<'_>) -> Result<usize> {
    let configured = engine.containers_conf()?.engine.image_parallel_copies;
    let configured = configured.and_then(|jobs| usize::try_from(jobs.value).ok()).filter(|jobs| *jobs > 0);
    Ok(configured.unwrap_or(JOBS).min(JOBS_LIMIT))
}

fn fits(wanted: &Platform, image: &Image) -> bool {
    let own = &image.config.platform;
    wanted.suits(own).is_some() && (wanted.variant.is_empty() || wanted.variant == own.variant)
}

fn other_platform(given: &Given<String>, image: &Image) -> Error {
    let own = &image.config.platform;
    given.blame(Error::new(codes::UR0712, format!("the image that is here is for `{own}`, not for `{}`", given.value)))
}

/// `os/architecture[/variant]`; an empty or missing part is this machine's.
fn platform(given: Option<&Given<String>>) -> Result<Platform> {
    let here = Platform::here();
    let Some(given) = given else { return Ok(here) };
    let parts: Vec<&str> = given.value.split('/').collect();
    let or = |index: usize, default: &str| match parts.get(index) {
        None | Some(&"") => default.to_owned(),
        Some(part) => (*part).to_owned(),
    };
    if parts.len() > 3 || given.value.chars().any(|letter| !(letter.is_ascii_alphanumeric() || "/._-".contains(letter)))
    {
        let what = format!("`{}` is not a platform", given.value);
        return Err(given
            .blame(Error::new(codes::UR0806, what))
            .help("write it as `os/architecture[/variant]`: `linux/arm64`"));
    }
    let architecture = match or(1, &here.architecture).as_str() {
        "x86_64" | "x86-64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        other => other.to_owned(),
    };
    Ok(Platform { os: or(0, &here.os), architecture, variant: or(2, "") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_read() {
        let read = |text: &str| platform(Some(&Given::unwritten(text.to_owned()))).map(|platform| platform.to_string());
        assert_eq!(read("linux/arm/v7").unwrap(), "linux/arm/v7");
        assert_eq!(read("linux/aarch64").unwrap(), "linux/arm64");
        assert_eq!(read("/s390x").unwrap(), "linux/s390x");
        assert_eq!(read("linux").unwrap(), Platform::here().to_string());
        for bad in ["a/b/c/d", "linux arm"] {
            assert_eq!(read(bad).unwrap_err().code(), codes::UR0806);
        }
        assert_eq!(platform(None).unwrap(), Platform::here());
    }
}
