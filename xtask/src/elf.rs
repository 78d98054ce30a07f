//! Enough of the ELF format to see whether a binary needs a dynamic linker.

use crate::call::Outcome;

/// `PT_INTERP` of elf(5): the program header that names the dynamic linker.
const INTERPRETER: u32 = 3;

/// Whether the file, a 64-bit little-endian ELF, runs without a dynamic linker.
pub fn is_static(file: &[u8]) -> Outcome<bool> {
    if file.get(..6) != Some(b"\x7fELF\x02\x01") {
        return Err("is no 64-bit little-endian ELF file".into());
    }
    let start = usize::try_from(u64::from_le_bytes(field(file, 32)?)).map_err(|_| cut())?;
    let size = usize::from(u16::from_le_bytes(field(file, 54)?));
    let count = usize::from(u16::from_le_bytes(field(file, 56)?));
    for index in 0..count {
        let at = start.checked_add(index * size).ok_or_else(cut)?;
        if u32::from_le_bytes(field(file, at)?) == INTERPRETER {
            return Ok(false);
        }
    }
    Ok(true)
}

fn field<const N: usize>(file: &[u8], at: usize) -> Outcome<[u8; N]> {
    let end = at.checked_add(N).ok_or_else(cut)?;
    file.get(at..end).and_then(|bytes| bytes.try_into().ok()).ok_or_else(cut)
}

fn cut() -> crate::call::Fault {
    "ends before its program headers do".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(kinds: &[u32]) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[32] = 64;
        file[54] = 56;
        file[56] = u8::try_from(kinds.len()).unwrap();
        for kind in kinds {
            file.extend(kind.to_le_bytes());
            file.extend([0; 52]);
        }
        file
    }

    #[test]
    fn an_interpreter_is_seen() {
        assert!(is_static(&elf(&[1, 2])).unwrap());
        assert!(!is_static(&elf(&[1, 3])).unwrap());
    }

    #[test]
    fn other_files_are_refused() {
        assert!(is_static(b"#!/bin/sh\n").is_err());
        let mut whole = elf(&[1, 3]);
        whole.truncate(100);
        assert!(is_static(&whole).is_err());
    }
}
