//! As much of the ELF format as tells why a program does not start: its machine, and the loader that it needs.
//!
//! Source: elf(5).

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// What the beginning of an ELF file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// `e_machine`.
    pub machine: u16,
    /// 32 or 64.
    pub bits: u8,
    big_endian: bool,
}

const PT_INTERP: u64 = 3;

impl Header {
    /// Reads the header; `None` if this is no ELF file or too short for one.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        let identity = bytes.get(..20)?.strip_prefix(b"\x7fELF")?;
        let bits = match identity[0] {
            1 => 32,
            2 => 64,
            _ => return None,
        };
        let big_endian = identity[1] == 2;
        let machine = [bytes[18], bytes[19]];
        let machine = if big_endian { u16::from_be_bytes(machine) } else { u16::from_le_bytes(machine) };
        Some(Header { machine, bits, big_endian })
    }

    /// Whether a program of this kind is for this machine's kernel: its own architecture, or the 32-bit one that goes with it.
    pub fn runs_here(self) -> bool {
        let (own, lesser) = match std::env::consts::ARCH {
            "x86_64" => (62, Some(3)),
            "aarch64" => (183, Some(40)),
            "riscv64" => (243, None),
            "powerpc64" => (21, None),
            "s390x" => (22, None),
            "x86" => (3, None),
            "arm" => (40, None),
            // Not known here: then nothing is claimed.
            _ => return true,
        };
        self.machine == own || Some(self.machine) == lesser
    }

    /// The dynamic loader that the program asks for, if its name lies within the given bytes.
    pub fn loader(self, bytes: &[u8]) -> Option<PathBuf> {
        let number = |at: usize, size: usize| self.number(bytes, at, size);
        let wide = self.bits == 64;
        let table = usize::try_from(if wide { number(32, 8)? } else { number(28, 4)? }).ok()?;
        let size = usize::try_from(number(if wide { 54 } else { 42 }, 2)?).ok()?;
        let count = usize::try_from(number(if wide { 56 } else { 44 }, 2)?).ok()?;
        for index in 0..count {
            let at = table.checked_add(index.checked_mul(size)?)?;
            if number(at, 4)? == PT_INTERP {
                let (offset, length) = if wide { (at + 8, at + 32) } else { (at + 4, at + 16) };
                let width = if wide { 8 } else { 4 };
                let start = usize::try_from(number(offset, width)?).ok()?;
                let end = start.checked_add(usize::try_from(number(length, width)?).ok()?)?;
                let name = bytes.get(start..end)?.split(|byte| *byte == 0).next()?;
                return Some(Path::new(OsStr::from_bytes(name)).to_owned());
            }
        }
        None
    }

    fn number(self, bytes: &[u8], at: usize, size: usize) -> Option<u64> {
        let field = bytes.get(at..at.checked_add(size)?)?;
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if self.big_endian { field.iter().fold(0, fold) } else { field.iter().rev().fold(0, fold) })
    }
}

/// The name of this machine, of the same list.
pub fn own_name() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => machine_name(62),
        "aarch64" => machine_name(183),
        other => other,
    }
}

/// The name of a machine number, as people know it.
pub fn machine_name(machine: u16) -> &'static str {
    match machine {
        3 => "x86 (32 bits)",
        8 => "mips",
        20 => "powerpc",
        21 => "ppc64",
        22 => "s390x",
        40 => "arm (32 bits)",
        62 => "x86-64",
        183 => "arm64",
        243 => "riscv",
        258 => "loongarch",
        _ => "another machine",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test reads the program that it is")]
    fn this_program_runs_here() {
        let bytes = std::fs::read("/proc/self/exe").unwrap();
        let header = Header::parse(&bytes).unwrap();
        assert!(header.runs_here());
        assert_eq!(header.bits, 64);
    }

    #[test]
    fn short_and_foreign_bytes_are_no_elf() {
        assert_eq!(Header::parse(b""), None);
        assert_eq!(Header::parse(b"\x7fELF"), None);
        assert_eq!(Header::parse(&[0; 64]), None);
    }

    #[test]
    fn damaged_tables_are_no_panic() {
        let mut bytes = vec![0xff; 128];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert_eq!(Header::parse(&bytes).unwrap().loader(&bytes), None);
    }
}
