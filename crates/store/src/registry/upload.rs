//! A blob on its way there.

use std::fs::File;

use diag::Result;
use oci::Digest;
use ureq::http::{Method, header};

use super::{
    Registry,
    failure::Failure,
    request::{Payload, Request, absolute},
};

impl Registry {
    /// Whether the repository has a blob.
    pub fn has_blob(&self, digest: &Digest) -> Result<bool> {
        let answered = self.endpoint.patience.run(|| {
            match self.send(&Request::plain(Method::HEAD, self.url(&format!("blobs/{digest}"))), &[200]) {
                Ok(_) => Ok(true),
                Err(failure) if failure.status() == Some(404) => Ok(false),
                Err(failure) => Err(failure),
            }
        });
        answered.map_err(|failure| {
            failure.into_error(&format!("`{}` cannot be asked for {digest}", self.name()), &self.endpoint)
        })
    }

    /// Has the registry take a blob over from another repository of its own; `false` if it will not.
    pub fn mount(&self, digest: &Digest, from: &str) -> Result<bool> {
        let url = self.url(&format!("blobs/uploads/?mount={digest}&from={from}"));
        let asked = Request { payload: Payload::Bytes(&[]), ..Request::plain(Method::POST, url) };
        match self.endpoint.patience.run(|| self.send(&asked, &[201, 202])) {
            // 202: an upload has been begun instead. It is left to the registry to forget it.
            Ok(response) => Ok(response.status().as_u16() == 201),
            // It may not let us look there.
            Err(failure) if matches!(failure.status(), Some(400..=405)) => Ok(false),
            Err(failure) => {
                Err(failure.into_error(&format!("`{}` cannot take over {digest}", self.name()), &self.endpoint))
            }
        }
    }

    /// Sends a blob: `length` bytes of a file from its beginning. The registry verifies the digest.
    pub fn upload(&self, digest: &Digest, file: &File, length: u64, told: &(dyn Fn(u64) + Sync)) -> Result<()> {
        let sent = self.endpoint.patience.run(|| self.send_whole(digest, Payload::File(file, length, told)));
        sent.map_err(|failure| {
            failure.into_error(&format!("{digest} cannot be sent to `{}`", self.name()), &self.endpoint)
        })
    }

    /// Sends a small blob.
    pub fn upload_bytes(&self, digest: &Digest, bytes: &[u8]) -> Result<()> {
        let sent = self.endpoint.patience.run(|| self.send_whole(digest, Payload::Bytes(bytes)));
        sent.map_err(|failure| {
            failure.into_error(&format!("{digest} cannot be sent to `{}`", self.name()), &self.endpoint)
        })
    }

    /// Begins an upload and sends everything at once: `POST`, then `PUT` to the address that was given.
    fn send_whole(&self, digest: &Digest, payload: Payload<'_>) -> Result<(), Failure> {
        let begin =
            Request { payload: Payload::Bytes(&[]), ..Request::plain(Method::POST, self.url("blobs/uploads/")) };
        let answer = self.send(&begin, &[202])?;
        let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| Failure::final_("the registry does not say where to send it"))?;
        let url = absolute(&begin.url, location);
        let mark = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{mark}digest={digest}");
        let headers = vec![("content-type", "application/octet-stream".to_owned())];
        self.send(&Request { method: Method::PUT, url, headers, payload }, &[201, 202, 204]).map(drop)
    }
}
