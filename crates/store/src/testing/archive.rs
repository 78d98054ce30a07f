//! Archives as no tar program writes them, block by block. Tests of the crate and those beside it use it.

#![allow(dead_code, reason = "each of them takes what it needs")]

/// One header block, field by field, so that tests can write what no tar program would.
#[derive(Clone)]
pub(crate) struct Head(pub [u8; 512]);

impl Head {
    /// A POSIX header: type, name (its first 100 bytes) and size; mode 0644, owner 0:0, time 1.
    pub(crate) fn new(kind: u8, name: &str, size: u64) -> Head {
        let mut head = Head([0; 512]);
        head.0[156] = kind;
        head.0[257..265].copy_from_slice(b"ustar\x0000");
        head.put(0, &name.as_bytes()[..name.len().min(100)]).octal(100, 8, 0o644).octal(108, 8, 0).octal(116, 8, 0);
        head.octal(124, 12, size).octal(136, 12, 1);
        head
    }

    /// Bytes at an offset.
    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) -> &mut Head {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// An octal number in a field.
    pub(crate) fn octal(&mut self, at: usize, width: usize, number: u64) -> &mut Head {
        self.put(at, format!("{number:0digits$o}\0", digits = width - 1).as_bytes())
    }

    /// What a link leads to, its first 100 bytes.
    pub(crate) fn link(mut self, target: &str) -> Head {
        self.put(157, &target.as_bytes()[..target.len().min(100)]);
        self
    }

    pub(crate) fn mode(mut self, mode: u64) -> Head {
        self.octal(100, 8, mode);
        self
    }

    pub(crate) fn owner(mut self, uid: u64, gid: u64) -> Head {
        self.octal(108, 8, uid).octal(116, 8, gid);
        self
    }

    pub(crate) fn device(mut self, major: u64, minor: u64) -> Head {
        self.octal(329, 8, major).octal(337, 8, minor);
        self
    }

    /// The block, with its checksum.
    pub(crate) fn block(&self) -> [u8; 512] {
        let mut block = self.0;
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

/// An archive in the making.
#[derive(Clone, Default)]
pub(crate) struct Archive(pub Vec<u8>);

impl Archive {
    pub(crate) fn new() -> Archive {
        Archive::default()
    }

    /// A header and its contents, padded.
    pub(crate) fn entry(mut self, head: &Head, contents: &[u8]) -> Archive {
        self.0.extend_from_slice(&head.block());
        self.0.extend_from_slice(contents);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: &str, contents: &str) -> Archive {
        self.entry(&Head::new(b'0', name, contents.len() as u64), contents.as_bytes())
    }

    /// A file of any bytes.
    pub(crate) fn member(self, name: &str, contents: &[u8]) -> Archive {
        self.entry(&Head::new(b'0', name, contents.len() as u64), contents)
    }

    pub(crate) fn dir(self, name: &str) -> Archive {
        self.entry(&Head::new(b'5', name, 0).mode(0o755), b"")
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Archive {
        self.entry(&Head::new(b'2', name, 0).link(target), b"")
    }

    pub(crate) fn hard_link(self, name: &str, target: &str) -> Archive {
        self.entry(&Head::new(b'1', name, 0).link(target), b"")
    }

    /// An extended header for the next entry.
    pub(crate) fn pax(self, records: &[(&str, &[u8])]) -> Archive {
        let body: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.entry(&Head::new(b'x', "pax", body.len() as u64), &body)
    }

    /// An extended header for all entries that follow.
    pub(crate) fn pax_global(self, records: &[(&str, &[u8])]) -> Archive {
        let body: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.entry(&Head::new(b'g', "global", body.len() as u64), &body)
    }

    /// The archive with the mark of its end.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

/// A record of an extended header.
pub(crate) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let body = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let mut length = body.len() + 1;
    while format!("{length}").len() + body.len() != length {
        length += 1;
    }
    [format!("{length}").as_bytes(), &body].concat()
}
