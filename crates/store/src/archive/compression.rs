//! Which compression a stream has, by its first bytes.

use std::io::{self, BufReader, Cursor, Read};

use diag::{Error, Result, codes};
use flate2::bufread::MultiGzDecoder;

/// How much compressed input is read at a time.
const INPUT: usize = 128 * 1024;

/// The longest magic number.
const MAGIC: usize = 6;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Plain,
    Gzip,
    Zstd,
}

/// Recognizes the compression; known ones that are not supported are UR0714.
fn recognize(magic: &[u8]) -> Result<Compression> {
    let unsupported = |name: &str, command: &str| {
        Err(Error::new(codes::UR0714, format!("the archive is compressed with {name}, which images do not use"))
            .help_run("decompress it before", format!("{command} archive | unroot import -")))
    };
    match magic {
        [0x1f, 0x8b, ..] => Ok(Compression::Gzip),
        // A frame, or a skippable frame before it.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Compression::Zstd),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => unsupported("bzip2", "bzip2 -dc"),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => unsupported("xz", "xz -dc"),
        [0x04, 0x22, 0x4d, 0x18, ..] => unsupported("lz4", "lz4 -dc"),
        _ => Ok(Compression::Plain),
    }
}

/// Looks at the first bytes of `source` and decompresses it if they say so.
pub(super) fn decompress<'s>(mut source: impl Read + 's) -> Result<(Box<dyn Read + 's>, Compression), Error> {
    let mut magic = Vec::with_capacity(MAGIC);
    source.by_ref().take(MAGIC as u64).read_to_end(&mut magic).map_err(|error| unreadable(&error))?;
    let compression = recognize(&magic)?;
    let whole = Cursor::new(magic).chain(source);
    let reader: Box<dyn Read + 's> = match compression {
        Compression::Plain => Box::new(whole),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(INPUT, whole))),
        Compression::Zstd => {
            let buffered = BufReader::with_capacity(INPUT, whole);
            Box::new(zstd::stream::read::Decoder::with_buffer(buffered).map_err(|error| unreadable(&error))?)
        }
    };
    Ok((reader, compression))
}

/// A stream that cannot be read, or whose compressed form is damaged.
pub(super) fn unreadable(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return super::broken("the archive ends in the middle of its compressed data")
            .help("fetch it again: it was probably cut off");
    }
    let read = super::broken("the archive cannot be read");
    match error.raw_os_error() {
        Some(errno) => read.os("read(archive)", errno),
        None => read.words(error),
    }
}
