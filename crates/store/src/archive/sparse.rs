//! Files with holes: GNU's old format, and the three that GNU writes in extended headers (0.0, 0.1 and 1.0).

use diag::Result;

use super::{
    BLOCK,
    header::{Header, unsigned},
    pax::{Records, decimal},
    refused,
    stream::Stream,
};

/// More segments than this are a trick: 16 MiB of map.
const SEGMENTS: usize = 1 << 20;

/// A run of bytes that the archive has; what is between two of them are zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub offset: u64,
    pub length: u64,
}

/// A file with holes.
#[derive(Debug)]
pub(super) struct Map {
    pub segments: Vec<Segment>,
    /// The file's size, holes and all.
    pub size: u64,
    /// Bytes of the entry's contents that the map itself has taken.
    pub taken: u64,
}

/// The map of an entry of type `S`. Its blocks, which no size counts, are read from the stream.
pub(super) fn old_gnu(name: &[u8], header: &Header, stream: &mut Stream) -> Result<Map> {
    let (fields, mut more, size) = header.gnu_sparse()?;
    let mut segments = Vec::new();
    descriptors(name, fields, &mut segments)?;
    while more {
        let block = stream.block()?.ok_or_else(super::stream::cut_off)?;
        descriptors(name, &block[..504], &mut segments)?;
        more = block[504] != 0;
    }
    Ok(Map { segments, size, taken: 0 })
}

fn descriptors(name: &[u8], fields: &[u8], segments: &mut Vec<Segment>) -> Result<()> {
    let used = |descriptor: &&[u8]| descriptor[0] != 0;
    for descriptor in fields.chunks_exact(24).take_while(used) {
        let (offset, length) = descriptor.split_at(12);
        let (Some(offset), Some(length)) = (unsigned(offset), unsigned(length)) else { return Err(malformed(name)) };
        push(name, segments, offset, length)?;
    }
    Ok(())
}

/// The map that extended headers announce, if they do. Format 1.0 has it in front of the contents, of which `stored` bytes are there.
pub(super) fn pax(name: &[u8], records: &Records, stored: u64, stream: &mut Stream) -> Result<Option<Map>> {
    let size = records.number("GNU.sparse.realsize")?.or(records.number("GNU.sparse.size")?);
    let version = (records.number("GNU.sparse.major")?, records.number("GNU.sparse.minor")?);
    let (segments, taken) = match version {
        (Some(1), Some(0)) => in_front(name, stored, stream)?,
        (None | Some(0), _) if records.get("GNU.sparse.map").is_some() => {
            let numbers = records.get("GNU.sparse.map").unwrap_or_default().split(|byte| *byte == b',');
            (pairs(name, numbers)?, 0)
        }
        (None | Some(0), _) if records.get("GNU.sparse.numblocks").is_some() => {
            let both = records.all("GNU.sparse.offset").zip(records.all("GNU.sparse.numbytes"));
            (pairs(name, both.flat_map(|(offset, length)| [offset, length]))?, 0)
        }
        (None, None) if size.is_none() => return Ok(None),
        _ => return Err(refused(name, "is a sparse file of a kind that is not known")),
    };
    let size = size.ok_or_else(|| malformed(name))?;
    Ok(Some(Map { segments, size, taken }))
}

/// Decimal numbers, two a segment.
fn pairs<'n>(name: &[u8], mut numbers: impl Iterator<Item = &'n [u8]>) -> Result<Vec<Segment>> {
    let mut segments = Vec::new();
    while let Some(offset) = numbers.next() {
        let length = numbers.next().and_then(decimal);
        let (Some(offset), Some(length)) = (decimal(offset), length) else { return Err(malformed(name)) };
        push(name, &mut segments, offset, length)?;
    }
    Ok(segments)
}

/// Format 1.0: a count and two numbers a segment, each on a line of its own, padded to a block.
fn in_front(name: &[u8], stored: u64, stream: &mut Stream) -> Result<(Vec<Segment>, u64)> {
    let mut lines = Lines { name, stream, block: [0; BLOCK], at: BLOCK, taken: 0, stored };
    let count = lines.number()?;
    let mut segments = Vec::new();
    for _ in 0..count {
        let (offset, length) = (lines.number()?, lines.number()?);
        push(name, &mut segments, offset, length)?;
    }
    Ok((segments, lines.taken))
}

/// The numbers of a map in front of the contents.
struct Lines<'s> {
    name: &'s [u8],
    stream: &'s mut Stream,
    block: [u8; BLOCK],
    at: usize,
    taken: u64,
    stored: u64,
}

impl Lines<'_> {
    fn number(&mut self) -> Result<u64> {
        let mut digits = Vec::with_capacity(20);
        loop {
            match self.byte()? {
                b'\n' => return decimal(&digits).ok_or_else(|| malformed(self.name)),
                _ if digits.len() == 20 => return Err(malformed(self.name)),
                digit => digits.push(digit),
            }
        }
    }

    fn byte(&mut self) -> Result<u8> {
        if self.at == BLOCK {
            self.taken += BLOCK as u64;
            if self.taken > self.stored {
                return Err(malformed(self.name));
            }
            self.block = self.stream.block()?.ok_or_else(super::stream::cut_off)?;
            self.at = 0;
        }
        self.at += 1;
        Ok(self.block[self.at - 1])
    }
}

fn push(name: &[u8], segments: &mut Vec<Segment>, offset: u64, length: u64) -> Result<()> {
    if segments.len() == SEGMENTS {
        return Err(refused(name, format!("is a sparse file of more than {SEGMENTS} segments")));
    }
    segments.push(Segment { offset, length });
    Ok(())
}

/// Refuses maps whose segments overlap, go backwards, pass the file's end, or do not amount to the `stored` bytes.
pub(super) fn check(name: &[u8], map: &Map, stored: u64) -> Result<()> {
    let mut end = 0;
    let mut sum = 0_u64;
    for segment in &map.segments {
        if segment.offset < end {
            return Err(malformed(name));
        }
        end = segment.offset.checked_add(segment.length).ok_or_else(|| malformed(name))?;
        sum = sum.saturating_add(segment.length);
    }
    if end > map.size || Some(sum) != stored.checked_sub(map.taken) { Err(malformed(name)) } else { Ok(()) }
}

fn malformed(name: &[u8]) -> diag::Error {
    refused(name, "is a sparse file whose map is malformed")
}
