//! Where an image's files go: into a tar stream, or into a directory.

use std::{
    fs::File,
    io::{self, Read, Write},
};

use diag::{Error, Result, codes};
use sys::{
    Dir, Failed,
    rustix::fs::{Mode, OFlags},
};

/// The files of an image on their way out.
pub(super) enum Sink<'a> {
    Tar(Box<tar::Builder<Box<dyn Write + 'a>>>),
    Dir(Dir),
}

/// Errors of the source, which is ours, as against those of the place that is written to.
const SOURCE: &str = "the content cannot be read";

impl Sink<'_> {
    /// Writes a file; `size` is how many bytes `from` has, which the caller verifies. Errors: UR0740, UR0707.
    pub(super) fn put(&mut self, name: &str, size: u64, from: &mut dyn Read) -> Result<()> {
        let mut tracked = Tracked { source: from, fault: None };
        let written = match self {
            Sink::Tar(archive) => {
                let mut header = tar::Header::new_ustar();
                header.set_mode(0o644);
                header.set_size(size);
                header.set_mtime(0);
                archive
                    .append_data(&mut header, name, tracked.by_ref().take(size))
                    .map_err(|error| unwritten(name, &error))
            }
            Sink::Dir(dir) => into_dir(dir, name, &mut tracked),
        };
        match tracked.fault {
            Some(error) => Err(Error::new(codes::UR0707, SOURCE).words(error)),
            None => written,
        }
    }

    /// Writes a small file.
    pub(super) fn put_text(&mut self, name: &str, text: &str) -> Result<()> {
        self.put(name, text.len() as u64, &mut text.as_bytes())
    }

    /// Ends the stream.
    pub(super) fn finish(self) -> Result<()> {
        let Sink::Tar(archive) = self else { return Ok(()) };
        let ended = archive.into_inner().and_then(|mut stream| stream.flush());
        ended.map_err(|error| unwritten("the archive's end", &error))
    }
}

fn into_dir(dir: &Dir, name: &str, from: &mut dyn Read) -> Result<()> {
    let failed = |failed: Failed| failed.into_error(codes::UR0740, format!("`{name}` cannot be written"));
    let mut at = dir.try_clone().map_err(failed)?;
    let mut parts: Vec<&str> = name.split('/').collect();
    let file = parts.pop().unwrap_or(name);
    for part in parts {
        at = at.ensure_dir(part, 0o755).map_err(failed)?;
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
    let fd = at.open_at(file, flags, Mode::from_raw_mode(0o644)).map_err(failed)?;
    io::copy(from, &mut File::from(fd)).map(drop).map_err(|error| unwritten(name, &error))
}

fn unwritten(name: &str, error: &io::Error) -> Error {
    let error_of_reader = error.kind() == io::ErrorKind::BrokenPipe;
    let ours = Error::new(codes::UR0740, format!("`{name}` cannot be written")).words(error);
    if error_of_reader { ours.help("the program that should have read the image has ended") } else { ours }
}

/// Remembers a failure of the source.
struct Tracked<'a> {
    source: &'a mut dyn Read,
    fault: Option<String>,
}

impl Read for Tracked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.fault = Some(error.to_string());
            }
        })
    }
}
