//! A layer's stream without its compression, and what is said of one that cannot be read.

use std::io::{self, Read};

use diag::{Error, Result, codes};

use crate::compression::{self, Compression, Refusal};

/// Looks at the first bytes of `source` and decompresses it if they say so. Errors: UR0704, UR0714.
pub(super) fn decompress<'s>(source: impl Read + Send + 's) -> Result<(Box<dyn Read + Send + 's>, Compression)> {
    compression::undo(source).map_err(|refusal| match refusal {
        Refusal::Unreadable(error) => unreadable(&error),
        Refusal::Unsupported(program) => {
            let what = format!("the archive is compressed with {program}, which images do not use");
            Error::new(codes::UR0714, what)
                .help_run("decompress it before", format!("{program} -dc archive | unroot import -"))
        }
    })
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
