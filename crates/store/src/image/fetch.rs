//! Layers on their way from a registry into the store, several at a time.
//!
//! Theory of operation: the caller's thread claims the layers in the order of their digests and hands those that are missing to
//! workers. A worker downloads, keeps the archive as it comes, verifies, and feeds the unpacker: one pass, memory bounded by the
//! buffers between its threads. The first failure ends all of them.
//!
//! Must: return with every thread joined; leave nothing of what failed. Must not: claim a layer while an earlier one is still waited for
//! (see [`Claim`]).

use std::{
    io::{self, Read, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    thread,
};

use diag::{Error, Result, codes};
use oci::{Digest, image::Descriptor};

use super::Intake;
use crate::{
    BlobWriter, StagedBlob, StagedLayer, Store, Unpack,
    layer::{Claim, Claimed},
    progress::{Progress, State},
    registry::{BlobReader, Listener, Registry},
};

/// A layer that an image needs.
#[derive(Clone, Debug)]
pub(super) struct Need {
    /// The digest of its archive before compression.
    pub(super) diff_id: Digest,
    /// Its archive as the registry has it.
    pub(super) descriptor: Descriptor,
}

/// A layer that has come: its archive as it came, and its files.
pub(super) struct Brought {
    pub(super) blob: StagedBlob,
    pub(super) layer: StagedLayer,
}

/// All that have come.
pub(super) struct Layers {
    pub(super) layers: Vec<Brought>,
    /// To be held until an image is recorded that leads to the layers.
    pub(super) claims: Vec<Claim>,
}

/// What the workers share.
struct Work<'a> {
    store: &'a Store,
    registry: &'a Registry,
    how: &'a Intake,
    progress: &'a dyn Progress,
    cancelled: AtomicBool,
    brought: Mutex<Vec<Brought>>,
    failure: Mutex<Option<Error>>,
}

/// Brings in what is missing of `needs`.
pub(super) fn layers(
    store: &Store,
    registry: &Registry,
    needs: &[Need],
    how: &Intake,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Layers> {
    let mut ordered: Vec<&Need> = needs.iter().collect();
    ordered.sort_by_key(|need| need.diff_id);
    let work = Work {
        store,
        registry,
        how,
        progress,
        cancelled: AtomicBool::new(false),
        brought: Mutex::default(),
        failure: Mutex::default(),
    };
    let claims = work.distribute(&ordered, jobs.max(1));
    match work.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(Layers { layers: work.brought.into_inner().unwrap_or_else(PoisonError::into_inner), claims }),
    }
}

impl Work<'_> {
    /// Claims the layers and has workers bring in those that are missing; all workers have ended when it returns.
    fn distribute(&self, ordered: &[&Need], jobs: usize) -> Vec<Claim> {
        let (out, tasks) = sync_channel::<&Need>(0);
        let tasks = Mutex::new(tasks);
        let mut claims = Vec::new();
        thread::scope(|scope| {
            let mut workers = 0;
            for need in ordered {
                match self.claim(need) {
                    None => break,
                    Some(Claimed::Here(claim)) => {
                        claims.push(claim);
                        continue;
                    }
                    Some(Claimed::Mine(claim)) => claims.push(claim),
                }
                if workers < jobs {
                    workers += 1;
                    let worker = thread::Builder::new().name("fetch".to_owned());
                    if let Err(error) = worker.spawn_scoped(scope, || self.serve(&tasks)) {
                        self.fail(Error::new(codes::UR0707, "a thread to fetch with cannot be started").words(error));
                        break;
                    }
                }
                // There is a worker, and it listens until `out` is gone.
                let _ = out.send(need);
            }
            drop(out);
        });
        claims
    }

    /// Claims a layer; `None` if the work has failed.
    fn claim(&self, need: &Need) -> Option<Claimed> {
        let digest = &need.descriptor.digest;
        let waiting = || self.progress.tell(digest, State::Waiting);
        match Claim::layer(self.store, &need.diff_id, &self.cancelled, waiting) {
            Ok(claimed) => {
                if let Claimed::Here(_) = claimed {
                    self.progress.tell(digest, State::Here);
                }
                (!self.cancelled.load(Ordering::Relaxed)).then_some(claimed)
            }
            Err(error) => {
                self.fail(error);
                None
            }
        }
    }

    /// A worker: until there is nothing more to do.
    fn serve(&self, tasks: &Mutex<Receiver<&Need>>) {
        loop {
            let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(need) = next else { return };
            if self.cancelled.load(Ordering::Relaxed) {
                continue;
            }
            match self.bring(need) {
                Ok(brought) => {
                    self.progress.tell(&need.descriptor.digest, State::Done);
                    self.brought.lock().unwrap_or_else(PoisonError::into_inner).push(brought);
                }
                Err(error) => self.fail(error.fact(format!("it is a layer of `{}`", self.registry.name()))),
            }
        }
    }

    /// Notes a failure; only the first one counts, the others are its consequences.
    fn fail(&self, error: Error) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.cancelled.store(true, Ordering::Relaxed);
    }

    fn bring(&self, need: &Need) -> Result<Brought> {
        let Descriptor { digest, size, .. } = &need.descriptor;
        let told = Told { digest: *digest, progress: self.progress };
        let mut kept = Kept {
            source: self.registry.blob(digest, *size, &told, &self.cancelled),
            copy: self.store.write_blob()?,
            store: self.store,
            fault: None,
        };
        let how = Unpack { diff_id: Some(&need.diff_id), ownership: self.how.ownership, limits: self.how.limits };
        let unpacked = self.store.unpack(&mut kept, &how);
        let about_content =
            |error: &Error| [codes::UR0703, codes::UR0704, codes::UR0705, codes::UR0714].contains(&error.code());
        match unpacked {
            Err(error) if kept.is_faultless() && !about_content(&error) => Err(error),
            unpacked => {
                // If the archive as a whole is not what was promised, that is the cause, and what is in it the consequence.
                let blob = kept.finish(&need.descriptor)?;
                Ok(Brought { blob, layer: unpacked? })
            }
        }
    }
}

/// An archive that is kept as it comes.
struct Kept<'a> {
    source: BlobReader<'a>,
    copy: BlobWriter,
    store: &'a Store,
    fault: Option<Error>,
}

impl Kept<'_> {
    fn is_faultless(&mut self) -> bool {
        self.fault = self.fault.take().or_else(|| self.source.take_fault());
        self.fault.is_none()
    }

    /// Reads what the unpacker has left, and verifies.
    fn finish(mut self, promised: &Descriptor) -> Result<StagedBlob> {
        let drained = io::copy(&mut self, &mut io::sink());
        if !self.is_faultless() {
            return Err(self.fault.unwrap_or_else(|| Error::new(codes::UR0707, "a layer cannot be kept")));
        }
        drained.map_err(|error| Error::new(codes::UR0704, "a layer's archive cannot be read").words(error))?;
        self.copy.finish(Some(&promised.digest), Some(promised.size))
    }
}

impl Read for Kept<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        if let Err(error) = self.copy.write_all(&buffer[..read]) {
            self.fault = Some(self.store.not_written(&error));
            return Err(error);
        }
        Ok(read)
    }
}

/// Passes on how a download goes.
struct Told<'a> {
    digest: Digest,
    progress: &'a dyn Progress,
}

impl Listener for Told<'_> {
    fn arrived(&self, bytes: u64) {
        self.progress.tell(&self.digest, State::Moved(bytes));
    }

    fn interrupted(&self, why: &str) {
        self.progress.tell(&self.digest, State::Interrupted(why));
    }
}
