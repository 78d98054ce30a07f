//! Whether an archive as a whole is compressed, from its first bytes. (Layers are looked at where they are unpacked.)

use std::io::{self, Cursor, Read};

use diag::{Error, Result, codes};

/// How many bytes tell.
const MAGIC: usize = 6;

/// Reads the archive as it was before compression. Errors: UR0704, UR0714.
pub(super) fn undo<'a>(mut archive: impl Read + Send + 'a, name: &str) -> Result<Box<dyn Read + Send + 'a>> {
    let mut magic = Vec::with_capacity(MAGIC);
    let unreadable = |error: io::Error| Error::new(codes::UR0704, format!("`{name}` cannot be read")).words(error);
    archive.by_ref().take(MAGIC as u64).read_to_end(&mut magic).map_err(unreadable)?;
    let kind = Compression::of(&magic);
    let whole = Cursor::new(magic).chain(archive);
    match kind {
        Compression::None => Ok(Box::new(whole)),
        Compression::Gzip => Ok(Box::new(flate2::read::MultiGzDecoder::new(whole))),
        Compression::Zstd => Ok(Box::new(zstd::Decoder::new(whole).map_err(unreadable)?)),
        Compression::Other(program) => {
            Err(Error::new(codes::UR0714, format!("`{name}` is compressed with {program}, which is not supported"))
                .help(format!("decompress it first with `{program} -d`, and give the result")))
        }
    }
}

/// How some bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
    /// Not supported; the name of the program that undoes it.
    Other(&'static str),
}

impl Compression {
    /// From the first bytes.
    pub(super) fn of(start: &[u8]) -> Compression {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            // A frame, or one that is skipped.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Compression::Other("xz"),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Other("bzip2"),
            [0x04, 0x22, 0x4d, 0x18, ..] => Compression::Other("lz4"),
            _ => Compression::None,
        }
    }
}
