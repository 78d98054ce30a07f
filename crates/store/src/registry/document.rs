//! Manifests and other small documents: bytes as they are.

use std::io::Read as _;

use diag::{Error, Result, codes};
use oci::{Digest, image::DOCUMENT_LIMIT};
use ureq::{
    Body,
    http::{Method, Response, header},
};

use super::{
    Registry,
    failure::Failure,
    request::{Payload, Request},
};
use crate::blob::mismatch;

/// What may be answered: OCI's and Docker's manifests and indexes.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// A manifest or an index as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
    /// What the registry calls it, if it says so.
    pub media_type: Option<String>,
}

impl Registry {
    /// A manifest or an index by its tag or digest; under a digest nothing else is accepted (UR0703).
    ///
    /// Errors: UR0923 if there is none, UR0921, UR0922, UR0924; UR0706 if it is longer than 4 MiB.
    pub fn manifest(&self, which: &str) -> Result<Fetched> {
        let what = || format!("the image `{}` cannot be fetched", self.with(which));
        let (bytes, media_type) = self
            .endpoint
            .patience
            .run(|| {
                let accept = vec![("accept", ACCEPTED.to_owned())];
                let url = self.url(&format!("manifests/{which}"));
                let response = self.send(&Request { headers: accept, ..Request::plain(Method::GET, url) }, &[200])?;
                let media_type = text_of(&response, header::CONTENT_TYPE.as_str());
                Ok((read(response)?, media_type))
            })
            .map_err(|failure| self.absent(failure, &what(), which))?;
        if bytes.len() > DOCUMENT_LIMIT {
            return Err(Error::new(codes::UR0706, format!("the manifest of `{}` is too long", self.with(which))));
        }
        let digest = Digest::of(&bytes);
        match Digest::parse(which) {
            Ok(wanted) if wanted != digest => {
                Err(mismatch(&wanted, &digest).fact(format!("it is the manifest of `{}`", self.with(which))))
            }
            _ => Ok(Fetched { bytes, digest, media_type }),
        }
    }

    /// The digest that a tag has now; `None` if the registry does not say, or has no such tag.
    pub fn digest_of(&self, which: &str) -> Result<Option<Digest>> {
        let headers = vec![("accept", ACCEPTED.to_owned())];
        let answered = self.endpoint.patience.run(|| {
            let url = self.url(&format!("manifests/{which}"));
            match self.send(&Request { headers: headers.clone(), ..Request::plain(Method::HEAD, url) }, &[200]) {
                Ok(response) => Ok(text_of(&response, "docker-content-digest")),
                Err(failure) if failure.status() == Some(404) => Ok(None),
                Err(failure) => Err(failure),
            }
        });
        let text = answered.map_err(|failure| {
            failure.into_error(&format!("`{}` cannot be looked at", self.with(which)), &self.endpoint)
        })?;
        Ok(text.and_then(|text| Digest::parse(&text).ok()))
    }

    /// A small blob, whole and verified (UR0703).
    pub fn document(&self, digest: &Digest, size: u64) -> Result<Vec<u8>> {
        let what = format!("{digest} cannot be fetched from `{}`", self.name());
        let bytes = self
            .endpoint
            .patience
            .run(|| read(self.send(&Request::plain(Method::GET, self.url(&format!("blobs/{digest}"))), &[200])?));
        let bytes = bytes.map_err(|failure| failure.into_error(&what, &self.endpoint))?;
        let found = Digest::of(&bytes);
        if found != *digest {
            return Err(mismatch(digest, &found).fact(format!("it came from `{}`", self.name())));
        }
        if bytes.len() as u64 != size {
            return Err(Error::new(
                codes::UR0703,
                format!("{digest} has {} bytes, and {size} were promised", bytes.len()),
            ));
        }
        Ok(bytes)
    }

    /// Puts a manifest under a tag or its digest.
    pub fn put_manifest(&self, which: &str, media_type: &str, bytes: &[u8]) -> Result<()> {
        let what = format!("the manifest of `{}` cannot be put there", self.with(which));
        let sent = self.endpoint.patience.run(|| {
            let url = self.url(&format!("manifests/{which}"));
            let headers = vec![("content-type", media_type.to_owned())];
            self.send(&Request { method: Method::PUT, url, headers, payload: Payload::Bytes(bytes) }, &[200, 201, 202])
        });
        sent.map(drop).map_err(|failure| failure.into_error(&what, &self.endpoint))
    }

    /// `host/repository:tag` or `host/repository@digest`.
    fn with(&self, which: &str) -> String {
        let mark = if which.starts_with("sha256:") { '@' } else { ':' };
        format!("{}{mark}{which}", self.name())
    }

    fn absent(&self, failure: Failure, what: &str, which: &str) -> Error {
        if failure.status() == Some(404) {
            let error = failure.into_error(&format!("`{}` has no `{which}`", self.name()), &self.endpoint);
            return error.help_run("see what is there", format!("unroot search --list-tags {}", self.name()));
        }
        failure.into_error(what, &self.endpoint)
    }
}

fn text_of(response: &Response<Body>, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// The whole body, up to a byte more than a document may have.
fn read(response: Response<Body>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let body = response.into_body().into_with_config().limit(u64::MAX).reader();
    body.take(DOCUMENT_LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(|error| Failure::broken(error.to_string()))?;
    Ok(bytes)
}
