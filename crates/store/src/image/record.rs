//! The files that give names to manifests.

use diag::{Error, Result, codes};
use oci::{Digest, Reference};
use serde::{Deserialize, Serialize};
use sys::{
    Dir, Failed,
    rustix::{
        fs::{FlockOperation, Mode, OFlags, fdatasync},
        io::Errno,
    },
};

use crate::{Store, draft, io, layout::wait};

/// The longest record that is read; a reference has some 500 bytes at most.
const RECORD_LIMIT: usize = 4096;
/// The longest file name that a reference is written into as it is. Linux allows 255 bytes.
const PLAIN_LIMIT: usize = 200;

/// A name and what it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The name, with a tag and without a digest; none keeps an image that has lost its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<Reference>,
    pub(super) manifest: Digest,
}

impl Record {
    /// What people know it by.
    pub(super) fn name(&self) -> String {
        self.reference.as_ref().map_or_else(|| self.manifest.to_string(), Reference::to_string)
    }

    /// The name of its file. It is read by people only: what counts is inside.
    pub(super) fn file(&self) -> String {
        self.reference.as_ref().map_or_else(|| format!("@{}", self.manifest), file_of)
    }
}

fn file_of(reference: &Reference) -> String {
    let text = reference.to_string();
    let name = text.replace('/', "%");
    if name.len() <= PLAIN_LIMIT {
        return name;
    }
    // References are ASCII. No other reference has two `%` side by side: parts of a path are not empty.
    format!("{}%%{}", &name[..PLAIN_LIMIT / 2], Digest::of(&text).hex())
}

/// All records; one that cannot be read is an error.
pub(super) fn all(store: &Store) -> Result<Vec<Record>> {
    each(store)?.into_iter().collect()
}

/// All records that can be read.
pub(super) fn legible(store: &Store) -> Result<Vec<Record>> {
    Ok(each(store)?.into_iter().flatten().collect())
}

/// All records, by the names of their files.
pub(super) fn each(store: &Store) -> Result<Vec<Result<Record>>> {
    Ok(files(store)?.into_iter().map(|(_, record)| record).collect())
}

/// All files of records, and what is in them. What others have left there is passed over.
pub(super) fn files(store: &Store) -> Result<Vec<(String, Result<Record>)>> {
    let dir = store.images();
    let mut files = Vec::new();
    for file in dir.names().map_err(io("the images cannot be listed"))? {
        let Some(name) = file.to_str().filter(|name| !name.starts_with('.')) else { continue };
        if let Some(record) = read(dir, name).transpose() {
            files.push((name.to_owned(), record));
        }
    }
    Ok(files)
}

/// A record by the name of its file; `None` if it is not there.
fn read(dir: &Dir, name: &str) -> Result<Option<Record>> {
    match dir.read(name, RECORD_LIMIT) {
        Err(failed) if failed.errno == Errno::NOENT => Ok(None),
        read => parse(name, &read.map_err(io("an image's record cannot be read"))?).map(Some),
    }
}

fn parse(name: &str, text: &[u8]) -> Result<Record> {
    serde_json::from_slice(text).map_err(|error| {
        Error::new(codes::UR0707, format!("the record `images/{name}` cannot be understood"))
            .words(error)
            .help("remove this file, and load the image again")
    })
}

/// The record of a name.
pub(super) fn find(store: &Store, reference: &Reference) -> Result<Option<Record>> {
    let file = file_of(reference);
    // Long names are shortened; the true one is inside.
    Ok(read(store.images(), &file)?.filter(|record| record.reference.as_ref() == Some(reference)))
}

/// Gives a name, taking it from the image that had it. An image that loses its last name so is kept without one.
pub(super) fn name(store: &Store, reference: &Reference, manifest: Digest) -> Result<()> {
    // A record that cannot be read leads to nothing and is replaced.
    let before = find(store, reference).unwrap_or_default();
    let before = before.map(|record| record.manifest).filter(|before| *before != manifest);
    if let Some(before) = before {
        // First, so that at no moment nothing leads to it.
        keep(store, before)?;
    }
    write(store, &Record { reference: Some(reference.clone()), manifest })?;
    if let Some(before) = before {
        drop_superfluous(store, before)?;
    }
    drop_superfluous(store, manifest)
}

/// Keeps an image that has no name.
pub(super) fn keep(store: &Store, manifest: Digest) -> Result<()> {
    write(store, &Record { reference: None, manifest })
}

/// Removes the record without a name if there is one with a name.
pub(super) fn drop_superfluous(store: &Store, manifest: Digest) -> Result<()> {
    let named = legible(store)?.iter().any(|record| record.manifest == manifest && record.reference.is_some());
    if named { remove(store, &Record { reference: None, manifest }) } else { Ok(()) }
}

/// Removes a record; that it is gone already is fine.
pub(super) fn remove(store: &Store, record: &Record) -> Result<()> {
    store.images().remove_file(record.file()).map_err(io(format!("`{}` cannot be removed", record.name())))
}

/// Writes a record where nobody sees it, waits until it is on the disk, and puts it in its place.
fn write(store: &Store, record: &Record) -> Result<()> {
    let what = || format!("`{}` cannot be recorded", record.name());
    let text = serde_json::to_vec(record).map_err(|error| Error::new(codes::UR0707, what()).words(error))?;
    place(store, &record.file(), &text).map_err(|failed| io(what())(failed))
}

fn place(store: &Store, file: &str, text: &[u8]) -> Result<(), Failed> {
    let tmp = &store.tmp;
    // Sweepers want `tmp/` exclusively: while it is shared, an entry without a lock is safe.
    let quiet: Dir = tmp.dir(".")?;
    wait(&quiet, FlockOperation::LockShared).map_err(|errno| Failed::new("flock", tmp.path(), errno))?;
    let name = draft::hex(&draft::random::<16>());
    let failed = |call, errno| Failed::new(call, &tmp.path().join(&name), errno);
    let fd = tmp.open_at(&name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, Mode::RUSR | Mode::WUSR)?;
    let written = sys::dir::write_all(&fd, text)
        .map_err(|errno| failed("write", errno))
        .and_then(|()| fdatasync(&fd).map_err(|errno| failed("fdatasync", errno)))
        .and_then(|()| tmp.rename(&name, store.images(), file, true));
    written.inspect_err(|_| {
        let _ = tmp.remove_file(&name);
    })
}
