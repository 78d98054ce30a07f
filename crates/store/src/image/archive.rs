//! The members of an archive of an image, found once and then read wherever they are.
//!
//! The archive is a stranger's: it is never unpacked, so its names lead nowhere but to its own members.
//! Source: POSIX pax, GNU tar.

use std::{collections::HashMap, fs::File, io, os::unix::fs::FileExt, sync::Arc};

use diag::{Error, Result, codes};

use super::tree::Section;

/// The most members that are looked at. An image has some hundred.
const MEMBER_LIMIT: usize = 100_000;
/// The longest extended header that is read.
const EXTENSION_LIMIT: u64 = 1 << 20;
/// How many links in a row are followed.
const LINK_LIMIT: usize = 8;
const BLOCK: u64 = 512;

/// An indexed tar file.
#[derive(Debug)]
pub(super) struct Archive {
    file: Arc<File>,
    members: HashMap<String, Member>,
}

#[derive(Debug)]
enum Member {
    /// A file's bytes.
    File { at: u64, size: u64 },
    /// Another member's name.
    Link(String),
}

impl Archive {
    /// Finds all members. Error: UR0704 for what is no tar file or is cut off.
    pub(super) fn index(file: File, name: &str) -> Result<Archive> {
        let damaged = |error: io::Error| {
            let error = Error::new(codes::UR0704, format!("`{name}` is not a tar archive, or is damaged")).words(error);
            error.help("an image is loaded from an oci-archive, a docker-archive or an OCI layout directory")
        };
        let length = file.metadata().map_err(damaged)?.len();
        let mut walk = Walk { file: &file, length, at: 0, next: Extension::default() };
        let mut members = HashMap::new();
        while let Some((name, member)) = walk.member().map_err(damaged)? {
            if members.len() == MEMBER_LIMIT {
                return Err(damaged(io::Error::other(format!("more than {MEMBER_LIMIT} members"))));
            }
            // As when it is unpacked: of two members with one name the later one counts.
            members.insert(name, member);
        }
        Ok(Archive { file: Arc::new(file), members })
    }

    /// A member's bytes; `None` if there is none of this name.
    pub(super) fn open(&self, name: &str) -> Option<Section> {
        let mut name = normal("", name)?;
        for _ in 0..LINK_LIMIT {
            match self.members.get(&name)? {
                Member::File { at, size } => return Some(Section::new(Arc::clone(&self.file), *at, *size)),
                Member::Link(target) => name.clone_from(target),
            }
        }
        None
    }
}

/// What extended headers say about the member that follows them.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

struct Walk<'a> {
    file: &'a File,
    length: u64,
    at: u64,
    next: Extension,
}

impl Walk<'_> {
    /// The next file or link; other kinds are passed over.
    fn member(&mut self) -> io::Result<Option<(String, Member)>> {
        while let Some(header) = self.header()? {
            let kind = header.entry_type();
            let size = match self.next.size.take().filter(|_| !is_extension(kind)) {
                Some(size) => size,
                None if kind.is_symlink() || kind.is_hard_link() || kind.is_dir() => 0,
                None => header.entry_size()?,
            };
            let at = self.at;
            self.skip(size)?;
            if is_extension(kind) {
                self.extend(kind, at, size)?;
                continue;
            }
            let extension = std::mem::take(&mut self.next);
            let name = extension.name.unwrap_or_else(|| header.path_bytes().into_owned());
            let link = extension.link.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
            let Some(name) = text(name).and_then(|name| normal("", &name)) else { continue };
            let link = link.and_then(text).unwrap_or_default();
            let member = if kind.is_file() || kind.is_contiguous() {
                Some(Member::File { at, size })
            } else if kind.is_symlink() {
                let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                normal(folder, &link).map(Member::Link)
            } else if kind.is_hard_link() {
                normal("", &link).map(Member::Link)
            } else {
                None
            };
            if let Some(member) = member {
                return Ok(Some((name, member)));
            }
        }
        Ok(None)
    }

    /// The header that comes next; `None` at the end.
    fn header(&mut self) -> io::Result<Option<tar::Header>> {
        if self.at == self.length && self.at > 0 {
            return Ok(None);
        }
        let mut header = tar::Header::new_old();
        self.file.read_exact_at(header.as_mut_bytes(), self.at)?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum: u32 = header.as_bytes().iter().map(|byte| u32::from(*byte)).sum();
        let own: u32 = header.as_old().cksum.iter().map(|byte| u32::from(*byte)).sum();
        if header.cksum()? != sum - own + 8 * u32::from(b' ') {
            return Err(io::Error::other(format!("the header at byte {} has a wrong checksum", self.at)));
        }
        self.at += BLOCK;
        Ok(Some(header))
    }

    fn skip(&mut self, size: u64) -> io::Result<()> {
        let end = self.at.checked_add(size).filter(|end| *end <= self.length);
        let end = end.ok_or_else(|| io::Error::other("the archive is cut off inside a member"))?;
        // The last member may lack its padding.
        self.at = end.next_multiple_of(BLOCK).min(self.length);
        Ok(())
    }

    fn extend(&mut self, kind: tar::EntryType, at: u64, size: u64) -> io::Result<()> {
        if size > EXTENSION_LIMIT {
            return Err(io::Error::other(format!("an extended header of {size} bytes")));
        }
        let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, at)?;
        let until_nul = |bytes: &[u8]| bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        if kind.is_gnu_longname() {
            self.next.name = Some(until_nul(&bytes));
        } else if kind.is_gnu_longlink() {
            self.next.link = Some(until_nul(&bytes));
        } else if kind.is_pax_local_extensions() {
            for record in tar::PaxExtensions::new(&bytes) {
                let record = record?;
                match record.key_bytes() {
                    b"path" => self.next.name = Some(record.value_bytes().to_vec()),
                    b"linkpath" => self.next.link = Some(record.value_bytes().to_vec()),
                    b"size" => self.next.size = record.value().ok().and_then(|size| size.parse().ok()),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn is_extension(kind: tar::EntryType) -> bool {
    kind.is_gnu_longname()
        || kind.is_gnu_longlink()
        || kind.is_pax_local_extensions()
        || kind.is_pax_global_extensions()
}

fn text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok()
}

/// A name relative to `folder`, without `.` and `..`; `None` if it leads out of the archive or to its top.
fn normal(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty() && !name.starts_with('/')).then(|| parts.join("/"))
}
