//! A log in a file.
//!
//! A file that would become longer than its limit is put aside as `NAME.1`, in place of the one before, and a new one is
//! begun: readers see the same records in two files. When the disk is full, records are lost, never halved.

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use rustix::{
    fs::{Mode, OFlags, fstat, ftruncate},
    io::Errno,
    time::Timespec,
};
use sys::{Dir, Failed};

use super::{
    Stream, lines,
    record::{Format, incomplete},
};

/// The file's name in the bundle, if nothing else is said.
const NAME: &str = "log";

/// Records are gathered up to this many bytes before they are written.
const GATHERED: usize = 8 * 1024;

/// The open file.
pub(super) struct FileLog {
    fd: OwnedFd,
    dir: Dir,
    name: PathBuf,
    format: Format,
    /// How long the file is: whole records only.
    length: u64,
    /// How long it may become.
    limit: Option<u64>,
    /// Records on their way to the file.
    records: Vec<u8>,
    /// Of each stream, the first bytes of a character (JSON has whole ones only).
    begun: [Vec<u8>; 2],
}

impl FileLog {
    /// Opens the file, behind what is in it.
    pub(super) fn open(bundle: &Dir, path: Option<&Path>, limit: Option<u64>, format: Format) -> Result<FileLog> {
        let failed = |failed: Failed| failed.into_error(codes::UR0630, "the container's log cannot be opened");
        let (dir, name) = match path {
            None => (bundle.try_clone().map_err(failed)?, Path::new(NAME)),
            Some(path) => place(path)?,
        };
        let (fd, length) = open(&dir, name).map_err(failed)?;
        let (records, begun) = (Vec::new(), [Vec::new(), Vec::new()]);
        Ok(FileLog { fd, dir, name: name.to_owned(), format, length, limit, records, begun })
    }

    /// Writes what was read from a stream at a time. The first error, after trying everything.
    pub(super) fn write(&mut self, now: Timespec, stream: Stream, chunk: &[u8]) -> Result<(), Errno> {
        let mut outcome = Ok(());
        let mut held = std::mem::take(&mut self.begun[usize::from(stream == Stream::Stderr)]);
        for (line, whole) in lines(chunk) {
            let cut = if self.format == Format::Json && !whole { incomplete(line) } else { 0 };
            let (line, rest) = line.split_at(line.len() - cut);
            let joined = [&held, line].concat();
            let line = if held.is_empty() { line } else { &joined };
            if self.records.len() + line.len() > GATHERED || self.is_full() {
                outcome = outcome.and(self.flush());
            }
            if whole || !line.is_empty() {
                self.format.append(&mut self.records, now, stream, line, whole);
            }
            held = rest.to_vec();
        }
        self.begun[usize::from(stream == Stream::Stderr)] = held;
        outcome.and(self.flush())
    }

    /// Whether what is gathered fills the file.
    fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.length + self.records.len() as u64 >= limit)
    }

    fn flush(&mut self) -> Result<(), Errno> {
        let coming = self.records.len() as u64;
        if self.length > 0 && self.limit.is_some_and(|limit| self.length + coming > limit) {
            self.put_aside();
        }
        let written = sys::dir::write_all(&self.fd, &self.records);
        match written {
            Ok(()) => self.length += coming,
            // Half a record would garble the next one. If even this fails, the reader sees one bad line.
            Err(_) => drop(ftruncate(&self.fd, self.length)),
        }
        self.records.clear();
        // One long line is no reason to hold its memory for as long as the container lives.
        self.records.shrink_to(GATHERED);
        written
    }

    /// Begins a new file. If that is not possible, the old one becomes longer than it should.
    fn put_aside(&mut self) {
        let (Some(name), aside) = (self.name.to_str(), aside(&self.name)) else { return };
        let Some(aside) = aside.to_str() else { return };
        if self.dir.rename(name, &self.dir, aside, true).is_ok()
            && let Ok((fd, length)) = open(&self.dir, &self.name)
        {
            (self.fd, self.length) = (fd, length);
        }
    }
}

/// What a file is called that was put aside.
fn aside(name: &Path) -> PathBuf {
    let mut aside = name.as_os_str().to_owned();
    aside.push(".1");
    aside.into()
}

/// The directory of a log that somebody has chosen, and the name in it.
fn place(path: &Path) -> Result<(Dir, &Path)> {
    let no_place = || Error::new(codes::UR0630, format!("`{}` cannot be a log", path.display()));
    let (above, name) = path.parent().zip(path.file_name()).ok_or_else(no_place)?;
    let dir = Dir::open(above).map_err(|failed| {
        failed
            .into_error(codes::UR0630, format!("the directory of the log `{}` cannot be opened", path.display()))
            .help_run("make it", format!("mkdir -p {}", above.display()))
    })?;
    Ok((dir, Path::new(name)))
}

fn open(dir: &Dir, name: &Path) -> Result<(OwnedFd, u64), Failed> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
    let fd = dir.open_at(name, flags, Mode::RUSR | Mode::WUSR)?;
    let stat = fstat(&fd).map_err(|errno| Failed::new("fstat", &dir.path().join(name), errno))?;
    Ok((fd, u64::try_from(stat.st_size).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timespec = Timespec { tv_sec: 1_795_291_200, tv_nsec: 0 };

    fn open_in(dir: &tempfile::TempDir, limit: Option<u64>, format: Format) -> FileLog {
        FileLog::open(&Dir::open(dir.path()).unwrap(), None, limit, format).unwrap()
    }

    fn text(dir: &tempfile::TempDir, name: &str) -> String {
        Dir::open(dir.path()).unwrap().read_text(name, 64 << 20).unwrap()
    }

    #[test]
    fn a_log_is_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        open_in(&dir, None, Format::K8s).write(NOW, Stream::Stdout, b"one\n\ntw").unwrap();
        open_in(&dir, None, Format::K8s).write(NOW, Stream::Stdout, b"o\n").unwrap();
        let log = text(&dir, "log");
        let told: Vec<&str> = log.lines().map(|line| line.split_once(" stdout ").unwrap().1).collect();
        assert_eq!(told, ["F one", "F ", "P tw", "F o"]);
    }

    #[test]
    fn a_long_log_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open_in(&dir, Some(200), Format::K8s);
        for n in 0..100 {
            log.write(NOW, Stream::Stdout, format!("{n}\n{n}\n").as_bytes()).unwrap();
        }
        let (now, before) = (text(&dir, "log"), text(&dir, "log.1"));
        assert!(now.len() <= 200 && before.len() <= 200, "{} {}", now.len(), before.len());
        assert!(now.ends_with("F 99\n") && before.lines().count() + now.lines().count() >= 4);
        let numbers: Vec<u32> =
            before.lines().chain(now.lines()).map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == pair[0] + 1), "{numbers:?}");
    }

    #[test]
    fn a_path_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let bundle = Dir::open(dir.path()).unwrap();
        let path = dir.path().join("own.log");
        let mut log = FileLog::open(&bundle, Some(&path), None, Format::Json).unwrap();
        log.write(NOW, Stream::Stdout, "\u{e4}".as_bytes().split_at(1).0).unwrap();
        log.write(NOW, Stream::Stdout, "\u{e4}\n".as_bytes().split_at(1).1).unwrap();
        assert!(text(&dir, "own.log").starts_with("{\"log\":\"\u{e4}\\n\""), "{}", text(&dir, "own.log"));
        let nowhere = dir.path().join("no/own.log");
        let refused = FileLog::open(&bundle, Some(&nowhere), None, Format::K8s).err().unwrap();
        assert_eq!(refused.code(), codes::UR0630);
    }

    #[test]
    fn a_lost_record_is_not_halved() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open_in(&dir, None, Format::K8s);
        log.fd = rustix::fs::open("/dev/full", OFlags::WRONLY, Mode::empty()).unwrap();
        assert_eq!(log.write(NOW, Stream::Stdout, b"x\n"), Err(Errno::NOSPC));
        assert_eq!(log.length, 0);
    }

    proptest! {
        #[test]
        fn the_file_has_every_byte(chunks in proptest::collection::vec("[a-c\n]{0,9000}", 0..4)) {
            let dir = tempfile::tempdir().unwrap();
            let mut log = open_in(&dir, None, Format::K8s);
            for chunk in &chunks {
                log.write(NOW, Stream::Stdout, chunk.as_bytes()).unwrap();
            }
            let mut read = String::new();
            for line in text(&dir, "log").lines() {
                let (kind, text) = line.split_once(" stdout ").unwrap().1.split_at(2);
                read.push_str(text);
                read.push_str(if kind == "F " { "\n" } else { "" });
            }
            prop_assert_eq!(read, chunks.concat());
            prop_assert!(log.records.capacity() <= 2 * GATHERED);
        }
    }
}
