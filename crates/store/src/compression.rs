//! How a stream is compressed, by its first bytes, and its undoing: for layers, and for archives as a whole.

use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

/// How much compressed input is read at a time.
const INPUT: usize = 128 * 1024;

/// How many bytes tell: the longest magic number.
pub(crate) const MAGIC: usize = 6;

/// The largest window that a zstd stream may ask for, as a power of two: 128 MiB, what `zstd --long` makes and what `zstd -d` takes. A window
/// is memory, and how much of it is wanted stands in the stream.
const ZSTD_WINDOW: u32 = 27;

/// How some bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Plain,
    Gzip,
    Zstd,
    /// Not supported; the name of the program that undoes it.
    Other(&'static str),
}

impl Compression {
    /// From the first bytes.
    pub(crate) fn of(start: &[u8]) -> Compression {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            // A frame, or a skippable frame before it.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Other("bzip2"),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Compression::Other("xz"),
            [0x04, 0x22, 0x4d, 0x18, ..] => Compression::Other("lz4"),
            _ => Compression::Plain,
        }
    }
}

/// Why a stream is not decompressed.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It cannot be read.
    Unreadable(io::Error),
    /// Its compression is known and not supported; the name of the program that undoes it.
    Unsupported(&'static str),
}

/// Looks at the first bytes of `source`, and reads it as it was before the compression that they tell of.
pub(crate) fn undo<'s>(mut source: impl Read + Send + 's) -> Result<(Box<dyn Read + Send + 's>, Compression), Refusal> {
    let mut magic = Vec::with_capacity(MAGIC);
    source.by_ref().take(MAGIC as u64).read_to_end(&mut magic).map_err(Refusal::Unreadable)?;
    let compression = Compression::of(&magic);
    let whole = Cursor::new(magic).chain(source);
    let reader: Box<dyn Read + Send + 's> = match compression {
        Compression::Plain => Box::new(whole),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(INPUT, whole))),
        Compression::Zstd => {
            let buffered = BufReader::with_capacity(INPUT, whole);
            let mut decoder = zstd::Decoder::with_buffer(buffered).map_err(Refusal::Unreadable)?;
            decoder.window_log_max(ZSTD_WINDOW).map_err(Refusal::Unreadable)?;
            Box::new(decoder)
        }
        Compression::Other(program) => return Err(Refusal::Unsupported(program)),
    };
    Ok((reader, compression))
}
