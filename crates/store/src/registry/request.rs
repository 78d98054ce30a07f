//! The one door for requests: proof of identity, and the look at the answer.

use std::{fs::File, io, sync::Mutex};

use diag::Result;
use sys::rustix::io::pread;
use ureq::{
    Body, SendBody,
    http::{HeaderMap, Method, Request as Message, Response, StatusCode, header},
};

use super::{Access, Endpoint, Registry, agent, challenge::Challenge, failure::Failure, severing::Severing};

/// So often an answer may lead elsewhere.
const REDIRECTS: usize = 8;

/// What is asked.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) payload: Payload<'a>,
}

/// What is sent along.
#[derive(Clone, Copy)]
pub(super) enum Payload<'a> {
    None,
    Bytes(&'a [u8]),
    /// A file from its beginning, its length in bytes, and who is told how far it is.
    File(&'a File, u64, &'a (dyn Fn(u64) + Sync)),
}

impl Request<'_> {
    /// Without anything sent along.
    pub(super) fn plain(method: Method, url: String) -> Request<'static> {
        Request { method, url, headers: Vec::new(), payload: Payload::None }
    }
}

impl Registry {
    /// Finds out how the registry is spoken to. Errors: UR0921, UR0924.
    pub fn open(endpoint: Endpoint, access: &Access) -> Result<Registry> {
        let (mut endpoint, mut last) = (endpoint, None);
        for scheme in if endpoint.insecure { &["https", "http"][..] } else { &["https"] } {
            let agent = agent::make(&endpoint, scheme)?;
            let registry = Registry {
                _severing: Severing::of(&agent),
                agent,
                scheme,
                access: access.clone(),
                challenge: Mutex::default(),
                shown: Mutex::default(),
                endpoint,
            };
            // Another scheme is the better second try.
            let greeted = match (registry.endpoint.insecure, *scheme) {
                (true, "https") => registry.greet(),
                _ => registry.endpoint.patience.run(|| registry.greet()),
            };
            match greeted {
                Ok(()) => return Ok(registry),
                Err(failure) if registry.endpoint.insecure && failure.is_silence() => last = Some(failure),
                Err(failure) => return Err(registry.unreachable(failure)),
            }
            endpoint = registry.endpoint;
        }
        let failure = last.unwrap_or_else(|| Failure::final_("no way leads there"));
        Err(failure.into_error(&format!("the registry `{}` cannot be reached", endpoint.host), &endpoint))
    }

    fn unreachable(&self, failure: Failure) -> diag::Error {
        failure.into_error(&format!("the registry `{}` cannot be reached", self.endpoint.host), &self.endpoint)
    }

    /// Asks for the protocol's root. Who answers at all is a registry; some want to be told who asks.
    fn greet(&self) -> Result<(), Failure> {
        let response = self.transmit(&Request::plain(Method::GET, format!("{}/", self.root())), None)?;
        if response.status() == StatusCode::UNAUTHORIZED {
            *lock(&self.challenge) = challenge_of(response.headers());
            return Ok(());
        }
        let failure = Failure::answered(response);
        if failure.is_passing() { Err(failure) } else { Ok(()) }
    }

    /// Sends a request with proof of identity, and accepts the answers of these statuses only.
    pub(super) fn send(&self, request: &Request<'_>, accepted: &[u16]) -> Result<Response<Body>, Failure> {
        let proof = if self.is_own(&request.url) { self.proof()? } else { None };
        let mut response = self.transmit(request, proof.as_deref())?;
        if response.status() == StatusCode::UNAUTHORIZED && self.is_own(&request.url) {
            // What was shown may have run out, and the answer may say more about what is wanted.
            let Some(challenge) = challenge_of(response.headers()) else { return Err(Failure::answered(response)) };
            *lock(&self.challenge) = Some(challenge.clone());
            lock(&self.shown).clear();
            let Some(proof) = self.proof()? else { return Err(Failure::answered(response)) };
            response = self.transmit(request, Some(&proof))?;
        }
        if accepted.contains(&response.status().as_u16()) { Ok(response) } else { Err(Failure::answered(response)) }
    }

    /// What is shown to the registry now.
    fn proof(&self) -> Result<Option<String>, Failure> {
        let challenge = lock(&self.challenge).clone();
        let Some(challenge) = challenge else { return Ok(None) };
        let key = format!("{challenge:?}");
        // Held while a token is asked for, so that threads do not ask for several.
        let mut shown = lock(&self.shown);
        if let Some(proof) = shown.get(&key) {
            return Ok(Some(proof.clone()));
        }
        let proof = self.prove(&challenge)?;
        if let Some(proof) = &proof {
            shown.insert(key, proof.clone());
        }
        Ok(proof)
    }

    /// Sends a request. If it only reads, it goes where the answer sends it; what proves who we are is shown here only.
    pub(super) fn transmit(&self, request: &Request<'_>, proof: Option<&str>) -> Result<Response<Body>, Failure> {
        let mut url = request.url.clone();
        for _ in 0..REDIRECTS {
            let response =
                self.transmit_once(request, &url, proof.filter(|_| url == request.url || self.is_own(&url)))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let reads = matches!(request.method, Method::GET | Method::HEAD);
            let Some(next) = location.filter(|_| reads).map(|location| absolute(&url, location)) else {
                return Ok(response);
            };
            if url.starts_with("https:") && !next.starts_with("https:") && !self.endpoint.insecure {
                return Err(Failure::final_(format!("the registry leads to `{next}`, which is not HTTPS")));
            }
            url = next;
        }
        Err(Failure::final_("the registry leads from one address to the next and never to an answer"))
    }

    fn transmit_once(&self, request: &Request<'_>, url: &str, proof: Option<&str>) -> Result<Response<Body>, Failure> {
        let mut builder = Message::builder().method(request.method.clone()).uri(url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(proof) = proof {
            builder = builder.header(header::AUTHORIZATION, proof);
        }
        let wrong = |error: ureq::http::Error| Failure::final_(format!("`{url}` cannot be asked for: {error}"));
        match request.payload {
            Payload::None => Ok(self.agent.run(builder.body(()).map_err(wrong)?)?),
            Payload::Bytes(bytes) => Ok(self.agent.run(builder.body(bytes).map_err(wrong)?)?),
            Payload::File(file, length, told) => {
                let mut section = Section { file, at: 0, length, told };
                let builder = builder.header(header::CONTENT_LENGTH, length);
                Ok(self.agent.run(builder.body(SendBody::from_reader(&mut section)).map_err(wrong)?)?)
            }
        }
    }

    /// Whether an address is this registry's: only there are secrets shown.
    pub(super) fn is_own(&self, url: &str) -> bool {
        let root = self.root();
        let own = root.strip_suffix("v2").unwrap_or(&root);
        url.starts_with(own)
    }

    /// What a token is wanted for, in the words of the specification.
    pub(super) fn scopes(&self) -> Vec<String> {
        let own = &self.endpoint.repository;
        match &self.access {
            Access::Registry => Vec::new(),
            Access::Pull => vec![format!("repository:{own}:pull")],
            Access::Push { from } => {
                let others = from.iter().map(|path| format!("repository:{path}:pull"));
                std::iter::once(format!("repository:{own}:pull,push")).chain(others).collect()
            }
        }
    }
}

/// An address that is given relative to another one, as far as registries do that: in full, without a scheme, or from the root.
pub(super) fn absolute(base: &str, location: &str) -> String {
    let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
    if let Some(after) = location.strip_prefix("//") {
        return format!("{scheme}://{after}");
    }
    if location.starts_with('/') {
        return format!("{scheme}://{}{location}", rest.split('/').next().unwrap_or_default());
    }
    location.to_owned()
}

fn challenge_of(headers: &HeaderMap) -> Option<Challenge> {
    Challenge::read(headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()))
}

/// Threads that panicked leave nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A file that is read without moving its position, so that it can be sent again.
struct Section<'a> {
    file: &'a File,
    at: u64,
    length: u64,
    told: &'a (dyn Fn(u64) + Sync),
}

impl io::Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if sys::interruption::came().is_some() {
            return Err(io::Error::other("interrupted"));
        }
        let left = usize::try_from(self.length - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let read = pread(self.file, &mut buffer[..left], self.at)?;
        self.at += read as u64;
        (self.told)(self.at);
        Ok(read)
    }
}
