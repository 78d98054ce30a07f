//! A blob on its way here. If it breaks off, it goes on where it broke.

use std::{
    io::{self, Read},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use diag::{Error, Result, codes};
use oci::Digest;
use ureq::{
    Body, BodyReader,
    http::{Method, Response, header},
};

use super::{Registry, failure::Failure, request::Request};

/// Who is told how it goes.
pub trait Listener {
    /// So many bytes are here.
    fn arrived(&self, bytes: u64);
    /// It broke off, and is tried again after a pause.
    fn interrupted(&self, why: &str);
}

/// The bytes of a blob, as many as were promised. They are not verified here.
pub struct BlobReader<'r> {
    registry: &'r Registry,
    digest: Digest,
    size: u64,
    at: u64,
    body: Option<BodyReader<'static>>,
    /// Failures since the last byte that arrived.
    failed: u32,
    ended: bool,
    fault: Option<Error>,
    listener: &'r (dyn Listener + Sync),
    cancelled: &'r AtomicBool,
}

impl Registry {
    /// Begins to fetch a blob; nothing is asked before the first read. `cancelled` ends it at the next read.
    pub fn blob<'r>(
        &'r self,
        digest: &Digest,
        size: u64,
        listener: &'r (dyn Listener + Sync),
        cancelled: &'r AtomicBool,
    ) -> BlobReader<'r> {
        BlobReader {
            registry: self,
            digest: *digest,
            size,
            at: 0,
            body: None,
            failed: 0,
            ended: false,
            fault: None,
            listener,
            cancelled,
        }
    }
}

impl BlobReader<'_> {
    /// Why reading failed, which an [`io::Error`] cannot tell.
    pub fn take_fault(&mut self) -> Option<Error> {
        self.fault.take()
    }

    /// The next bytes; none at the end.
    fn advance(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        if self.body.is_none() {
            self.body = Some(self.ask()?);
        }
        let Some(body) = &mut self.body else { return Ok(0) };
        let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX);
        // One byte more than promised tells a longer blob from a right one.
        let most = buffer.len().min(left.max(1));
        let read = body.read(&mut buffer[..most]).map_err(|error| Failure::broken(error.to_string()))?;
        match (read, left) {
            (0, 0) => Ok(0),
            (0, _) => Err(Failure::broken(format!("the connection ended after {} of {} bytes", self.at, self.size))),
            (_, 0) => Err(self.too_long("more")),
            _ => Ok(read),
        }
    }

    /// Asks for what is not here yet.
    fn ask(&self) -> Result<BodyReader<'static>, Failure> {
        let mut request = Request::plain(Method::GET, self.registry.url(&format!("blobs/{}", self.digest)));
        if self.at > 0 {
            request.headers.push(("range", format!("bytes={}-", self.at)));
        }
        let response = self.registry.send(&request, &[200, 206])?;
        let whole = response.status().as_u16() == 200;
        if whole && let Some(length) = response.body().content_length().filter(|length| *length != self.size) {
            return Err(self.too_long(&length.to_string()));
        }
        if !whole && range_start(&response) != Some(self.at) {
            return Err(Failure::final_("the registry sends another part of it than was asked for"));
        }
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
        if whole && self.at > 0 {
            // No ranges there. The same bytes come again; if they are others, the digest tells.
            let passed = io::copy(&mut body.by_ref().take(self.at), &mut io::sink());
            passed.map_err(|error| Failure::broken(error.to_string()))?;
        }
        Ok(body)
    }

    fn too_long(&self, length: &str) -> Failure {
        Failure::final_(format!("{length} bytes are there, and {} were promised by the manifest", self.size))
    }

    /// Notes a failure; `Err` if it is the last one.
    fn fail(&mut self, failure: Failure) -> io::Result<()> {
        self.body = None;
        let patience = self.registry.endpoint.patience;
        if failure.is_passing() && self.failed < patience.retries {
            self.listener.interrupted(&failure.brief());
            self.pause(patience.pause_after(self.failed, &failure))?;
            self.failed += 1;
            return Ok(());
        }
        let what = format!("{} cannot be fetched from `{}`", self.digest, self.registry.name());
        let mismatched = failure.status().is_none() && !failure.is_passing();
        let error = if mismatched {
            Error::new(codes::UR0703, what)
                .fact(failure.brief())
                .help("the registry's content is damaged; push the image there again")
        } else {
            failure.after(self.failed + 1).into_error(&what, &self.registry.endpoint)
        };
        self.fault = Some(error);
        Err(io::Error::other("the blob cannot be fetched"))
    }

    fn pause(&self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.check_cancelled()?;
            thread::sleep(left.min(Duration::from_millis(100)));
        }
        Ok(())
    }

    fn check_cancelled(&self) -> io::Result<()> {
        let ended = self.cancelled.load(Ordering::Relaxed) || sys::interruption::came().is_some();
        if ended { Err(io::Error::other("cancelled")) } else { Ok(()) }
    }
}

impl Read for BlobReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.ended {
            return Ok(0);
        }
        loop {
            self.check_cancelled()?;
            match self.advance(buffer) {
                Ok(0) => {
                    self.ended = true;
                    // So that the connection serves the next request.
                    self.body = None;
                    return Ok(0);
                }
                Ok(read) => {
                    self.at += read as u64;
                    self.failed = 0;
                    self.listener.arrived(self.at);
                    return Ok(read);
                }
                Err(failure) => self.fail(failure)?,
            }
        }
    }
}

/// Where the part begins that was sent: `Content-Range: bytes 5-9/10`.
fn range_start(response: &Response<Body>) -> Option<u64> {
    let text = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    text.trim().strip_prefix("bytes")?.trim_start().split('-').next()?.parse().ok()
}
