//! The uncompressed stream of an archive: read, decompressed, measured and hashed by one thread, used by another.

use std::{
    io::{self, Read},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use diag::Result;
use oci::Digest;
use sha2::{Digest as _, Sha256};

use super::{
    BLOCK, broken,
    compression::{decompress, unreadable},
};
use crate::{Limits, blob::digest_of, compression::Compression};

/// The size of a piece: large enough that handing it over costs nothing, small enough to stay in the cache.
const PIECE: usize = 256 * 1024;

/// How many pieces may wait.
const WAITING: usize = 4;

/// What the whole uncompressed stream amounts to.
#[derive(Debug)]
pub(crate) struct Sum {
    /// Its SHA-256.
    pub digest: Digest,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The uncompressed stream, in pieces.
pub(crate) struct Stream {
    pieces: Receiver<Result<Vec<u8>>>,
    spent: Sender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

/// Gives `used` the uncompressed stream of `source`, and returns its result once everything was read to the end.
pub(crate) fn with_stream<T>(
    source: impl Read + Send,
    limits: Limits,
    used: impl FnOnce(&mut Stream) -> Result<T>,
) -> Result<(T, Sum)> {
    let (piece_out, pieces) = sync_channel(WAITING);
    let (spent, spent_in) = channel();
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("decompress".to_owned());
        let reader = builder
            .spawn_scoped(scope, move || produce(source, limits, &piece_out, &spent_in))
            .map_err(|error| broken("a thread to decompress with cannot be started").words(error))?;
        let mut stream = Stream { pieces, spent, piece: Vec::new(), at: 0 };
        let result = used(&mut stream).and_then(|value| stream.drain().map(|()| value));
        // The reader ends when nobody listens.
        drop(stream);
        let sum = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let value = result?;
        sum.map(|sum| (value, sum)).ok_or_else(|| broken("the archive was not read to its end"))
    })
}

/// The reading thread. Ends at the end of the stream, at an error, or when nobody listens any more.
fn produce(
    source: impl Read + Send,
    limits: Limits,
    pieces: &SyncSender<Result<Vec<u8>>>,
    spent: &Receiver<Vec<u8>>,
) -> Option<Sum> {
    let mut hash = Sha256::new();
    let mut bytes = 0_u64;
    let input = AtomicU64::new(0);
    let outcome = decompress(Counted { source, count: &input }).and_then(|(mut reader, compression)| {
        loop {
            let mut piece = spent.try_recv().unwrap_or_default();
            fill(&mut reader, &mut piece)?;
            if piece.is_empty() {
                return Ok(true);
            }
            bytes = bytes.saturating_add(piece.len() as u64);
            hash.update(&piece);
            check(bytes, input.load(Ordering::Relaxed), compression, limits)?;
            if pieces.send(Ok(piece)).is_err() {
                return Ok(false);
            }
        }
    });
    match outcome {
        Ok(complete) => complete.then(|| Sum { digest: digest_of(hash), bytes }),
        Err(error) => {
            // That nobody listens means that there is another error already.
            let _ = pieces.send(Err(error));
            None
        }
    }
}

/// Fills a piece from the reader; it stays empty at the end of the stream only.
fn fill(reader: &mut impl Read, piece: &mut Vec<u8>) -> Result<()> {
    piece.resize(PIECE, 0);
    let mut filled = 0;
    while filled < PIECE {
        match reader.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(&error)),
        }
    }
    piece.truncate(filled);
    Ok(())
}

/// Refuses archives that are larger than they may be.
fn check(bytes: u64, input: u64, compression: Compression, limits: Limits) -> Result<()> {
    if bytes > limits.bytes {
        return Err(broken(format!("the archive is larger than {} bytes uncompressed", limits.bytes)));
    }
    if compression != Compression::Plain && bytes > limits.ratio_from && bytes / input.max(1) > limits.ratio {
        return Err(broken(format!("the archive is more than {} times larger than its compressed form", limits.ratio))
            .fact(format!("{input} bytes became {bytes} bytes so far"))
            .help("such archives are made to fill disks; if this one is good, import it uncompressed"));
    }
    Ok(())
}

/// Counts what was read from the source.
struct Counted<'c, R> {
    source: R,
    count: &'c AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buffer)?;
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl Stream {
    /// What is at hand, at most `most` bytes; empty at the end of the stream only. [`Stream::consume`] goes on.
    pub(crate) fn peek(&mut self, most: u64) -> Result<&[u8]> {
        if self.at == self.piece.len() {
            let Ok(next) = self.pieces.recv() else { return Ok(&[]) };
            // The reader may have ended; then the piece is simply dropped.
            let _ = self.spent.send(std::mem::replace(&mut self.piece, next?));
            self.at = 0;
        }
        let left = &self.piece[self.at..];
        Ok(&left[..usize::try_from(most).unwrap_or(usize::MAX).min(left.len())])
    }

    /// Goes on by `n` bytes of what was peeked at.
    pub(crate) fn consume(&mut self, n: usize) {
        self.at = (self.at + n).min(self.piece.len());
    }

    /// The next block; `None` at the end of the stream.
    pub(super) fn block(&mut self) -> Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            let piece = self.peek((BLOCK - filled) as u64)?;
            let n = piece.len();
            if n == 0 {
                return if filled == 0 { Ok(None) } else { Err(cut_off()) };
            }
            block[filled..filled + n].copy_from_slice(piece);
            self.consume(n);
            filled += n;
        }
        Ok(Some(block))
    }

    /// Passes over `n` bytes.
    pub(super) fn skip(&mut self, n: u64) -> Result<()> {
        if self.pass(n)? == 0 { Ok(()) } else { Err(cut_off()) }
    }

    /// Passes over `n` bytes, or as many as there are; how many there were not.
    pub(super) fn pass(&mut self, mut n: u64) -> Result<u64> {
        while n > 0 {
            let passed = self.peek(n)?.len();
            if passed == 0 {
                break;
            }
            self.consume(passed);
            n -= passed as u64;
        }
        Ok(n)
    }

    /// Reads to the end, so that all of the stream is hashed.
    fn drain(&mut self) -> Result<()> {
        loop {
            match self.peek(u64::MAX)?.len() {
                0 => return Ok(()),
                n => self.consume(n),
            }
        }
    }
}

/// The diagnostic for an archive that ends too early.
pub(super) fn cut_off() -> diag::Error {
    broken("the archive ends in the middle of an entry").help("fetch or make it again: it was probably cut off")
}
