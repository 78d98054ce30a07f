//! The entries of an archive, one after the other.

use diag::Result;

use super::{
    BLOCK, Segment, Time, broken,
    header::Header,
    pax::Records,
    refused, shown,
    sparse::{self, Map},
    stream::{Stream, cut_off},
};
use crate::Limits;

/// The longest extended header, as Go's reader has it: 1 MiB.
const EXTENSION: u64 = 1 << 20;

/// Sizes from here on do not fit the octal field of a header; then the extended header's is the only one.
const OCTAL_SIZES: u64 = 1 << 33;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Dir,
    /// A symbolic link and what it holds.
    Symlink(Vec<u8>),
    /// Another name of an entry that came before.
    HardLink(Vec<u8>),
    /// A character device: major and minor number.
    Char(u64, u64),
    /// A block device: major and minor number.
    Block(u64, u64),
    Fifo,
}

/// One entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// As it is written; nothing about it is sure.
    pub name: Vec<u8>,
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Time,
    pub atime: Option<Time>,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Access control lists in words, each with the attribute that holds it.
    pub acls: Vec<(&'static str, Vec<u8>)>,
    /// Bytes, holes and all.
    pub size: u64,
    /// Where its contents belong, if it has holes.
    pub segments: Option<Vec<Segment>>,
}

/// The reader. After an error it must not be used again.
pub(crate) struct Entries<'s> {
    stream: &'s mut Stream,
    limits: Limits,
    /// Contents of the present entry that were not read yet, and the padding after them.
    left: u64,
    padding: u64,
    count: u64,
    global: Records,
    ended: End,
}

/// How the archive ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Not yet.
    Not,
    /// With the blocks of zeros that mark the end.
    Marked,
    /// The stream ended between two entries: perhaps something is missing.
    Unmarked,
}

/// What headers before the entry's own say about it.
#[derive(Default)]
struct Extensions {
    pax: Option<Records>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl<'s> Entries<'s> {
    pub(crate) fn new(stream: &'s mut Stream, limits: Limits) -> Entries<'s> {
        Entries { stream, limits, left: 0, padding: 0, count: 0, global: Records::default(), ended: End::Not }
    }

    /// How the archive ended.
    pub(crate) fn end(&self) -> End {
        self.ended
    }

    /// How many headers were read.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The next entry. What was not read of the one before is passed over.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>> {
        let mut before = Extensions::default();
        loop {
            self.stream.skip(self.left)?;
            // Without it behind the last entry the archive ends unmarked, which whoever knows its digest accepts (umoci writes such).
            self.stream.pass(self.padding)?;
            (self.left, self.padding) = (0, 0);
            let Some(header) = self.header()? else {
                let complete = before.pax.is_none() && before.name.is_none() && before.link.is_none();
                return if complete { Ok(None) } else { Err(cut_off()) };
            };
            match header.kind() {
                b'x' => once(&mut before.pax, Records::parse(&self.extension(&header)?)?)?,
                b'g' => {
                    let records = Records::parse(&self.extension(&header)?)?;
                    self.global.take_global(records)?;
                }
                b'L' => once(&mut before.name, self.long_name(&header)?)?,
                b'K' => once(&mut before.link, self.long_name(&header)?)?,
                // A volume's label is not a file.
                b'V' => self.begin(header.size()?),
                _ => return self.entry(&header, before).map(Some),
            }
        }
    }

    /// The next piece of the entry's contents, at most `most` bytes; empty at its end only. [`Entries::used`] goes on.
    pub(crate) fn contents(&mut self, most: u64) -> Result<&[u8]> {
        let most = most.min(self.left);
        if most == 0 {
            return Ok(&[]);
        }
        match self.stream.peek(most)? {
            [] => Err(cut_off()),
            piece => Ok(piece),
        }
    }

    /// Goes on by `n` bytes of the contents.
    pub(crate) fn used(&mut self, n: usize) {
        self.stream.consume(n);
        self.left = self.left.saturating_sub(n as u64);
    }

    /// Notes what follows a header.
    fn begin(&mut self, size: u64) {
        let block = BLOCK as u64;
        self.left = size;
        self.padding = (block - size % block) % block;
    }

    /// The next header; `None` at the end of the archive.
    fn header(&mut self) -> Result<Option<Header>> {
        let Some(block) = self.stream.block()? else {
            self.ended = End::Unmarked;
            return Ok(None);
        };
        if block == [0; BLOCK] {
            return match self.stream.block()? {
                Some(second) if second != [0; BLOCK] => {
                    Err(broken("the archive has a block of zeros where a header should be"))
                }
                _ => {
                    self.ended = End::Marked;
                    Ok(None)
                }
            };
        }
        self.count += 1;
        if self.count > self.limits.entries {
            return Err(broken(format!("the archive has more than {} entries", self.limits.entries)));
        }
        Header::new(&block).map(Some)
    }

    /// The contents of an extended header.
    fn extension(&mut self, header: &Header) -> Result<Vec<u8>> {
        let size = header.size()?;
        if size > EXTENSION {
            return Err(broken(format!(
                "an extended header of the archive has {size} bytes, and {EXTENSION} are the limit"
            )));
        }
        self.begin(size);
        let mut contents = Vec::new();
        while self.left > 0 {
            let piece = self.contents(u64::MAX)?;
            contents.extend_from_slice(piece);
            let n = piece.len();
            self.used(n);
        }
        Ok(contents)
    }

    /// The contents of GNU's header for a long name: up to the first NUL.
    fn long_name(&mut self, header: &Header) -> Result<Vec<u8>> {
        let mut name = self.extension(header)?;
        name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
        Ok(name)
    }

    /// Puts together what all the headers say.
    fn entry(&mut self, header: &Header, before: Extensions) -> Result<Entry> {
        let own = before.pax.unwrap_or_default();
        let records = own.over(&self.global);
        let written = |pax: &str, gnu: Option<Vec<u8>>| agreed(records.get(pax), gnu);
        let name = written("path", before.name)?.unwrap_or_else(|| header.path());
        let name = records.get("GNU.sparse.name").map_or(name, <[u8]>::to_vec);
        let link = written("linkpath", before.link)?.unwrap_or_else(|| header.link());
        let kind = kind(&name, header, link)?;
        let stored = match kind {
            Kind::File => size(&name, header, &records)?,
            // Old programs wrote a directory's size on its disk, or that of a link's target. Nothing follows: so read it Go,
            // which all engines are written in, and libarchive.
            _ => 0,
        };
        let map = self.map(&name, &kind, header, &records, stored)?;
        self.begin(stored);
        self.left -= map.as_ref().map_or(0, |map| map.taken);
        let size = map.as_ref().map_or(stored, |map| map.size);
        if size > self.limits.bytes {
            return Err(refused(&name, format!("is larger than {} bytes", self.limits.bytes)));
        }
        Ok(Entry {
            mode: u32::try_from(header.mode()? & 0o7777).unwrap_or(0),
            uid: id(&name, "uid", records.number("uid")?.map_or_else(|| header.uid(), Ok)?)?,
            gid: id(&name, "gid", records.number("gid")?.map_or_else(|| header.gid(), Ok)?)?,
            mtime: match records.time("mtime")? {
                Some(time) => time,
                None => Time { seconds: header.mtime()?, nanoseconds: 0 },
            },
            atime: records.time("atime")?,
            xattrs: records.xattrs(),
            acls: records.acls(),
            segments: map.map(|map| map.segments),
            name,
            kind,
            size,
        })
    }

    /// The map of a file with holes.
    fn map(
        &mut self,
        name: &[u8],
        kind: &Kind,
        header: &Header,
        records: &Records,
        stored: u64,
    ) -> Result<Option<Map>> {
        let map = match kind {
            Kind::File if header.kind() == b'S' => Some(sparse::old_gnu(name, header, self.stream)?),
            Kind::File => sparse::pax(name, records, stored, self.stream)?,
            _ => None,
        };
        map.map(|map| sparse::check(name, &map, stored).map(|()| map)).transpose()
    }
}

/// Two headers of one type before one entry: tar programs disagree about which counts.
fn once<T>(place: &mut Option<T>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(broken("the archive has two extended headers of one kind for one entry")),
    }
}

/// A name that may come from a POSIX header or from a GNU one; if both are there they have to agree.
fn agreed(pax: Option<&[u8]>, gnu: Option<Vec<u8>>) -> Result<Option<Vec<u8>>> {
    match (pax, gnu) {
        (Some(pax), Some(gnu)) if pax != gnu => {
            Err(broken(format!("one entry of the archive has the names `{}` and `{}`", shown(pax), shown(&gnu))))
        }
        (Some(pax), _) => Ok(Some(pax.to_vec())),
        (None, gnu) => Ok(gnu),
    }
}

/// How many bytes follow. An extended header's size counts, but only sizes that the other field cannot hold may differ from it:
/// programs that believe different fields would see different archives.
fn size(name: &[u8], header: &Header, records: &Records) -> Result<u64> {
    let field = header.size()?;
    match records.number("size")? {
        Some(size) if size != field && size < OCTAL_SIZES => {
            Err(refused(name, format!("has the size {field} in one header and {size} in the other"))
                .fact("tar programs disagree about which of the two counts"))
        }
        Some(size) => Ok(size),
        None => Ok(field),
    }
}

fn kind(name: &[u8], header: &Header, link: Vec<u8>) -> Result<Kind> {
    Ok(match header.kind() {
        // Programs older than POSIX wrote directories as files whose names end with a slash; nothing follows them either.
        0 | b'0' if name.ends_with(b"/") => Kind::Dir,
        0 | b'0' | b'7' | b'S' => Kind::File,
        b'1' => Kind::HardLink(link),
        b'2' => Kind::Symlink(link),
        b'3' => header.device().map(|(major, minor)| Kind::Char(major, minor))?,
        b'4' => header.device().map(|(major, minor)| Kind::Block(major, minor))?,
        b'5' => Kind::Dir,
        b'6' => Kind::Fifo,
        other => return Err(refused(name, format!("is of the type `{}`, which is not known", shown(&[other])))),
    })
}

/// An owner: 32 bits, and not -1, which is the kernel's word for "as it is".
fn id(name: &[u8], what: &str, number: u64) -> Result<u32> {
    match u32::try_from(number) {
        Ok(id) if id != u32::MAX => Ok(id),
        _ => Err(refused(name, format!("has the {what} {number}, which no file can have"))),
    }
}
