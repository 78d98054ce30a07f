//! The text of `/proc/PID/uid_map` and `gid_map`: `user_namespaces(7)`.

use std::fmt::{self, Write};

use crate::{Extent, Extents, Fault, number::decimal_u32};

/// A text that the kernel does not write as a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadKernelText {
    /// A line, counted from 1, that is not three numbers.
    Line(usize),
    /// The numbers are no map.
    Fault(Fault),
}

impl fmt::Display for BadKernelText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadKernelText::Line(line) => write!(f, "line {line} is not three numbers"),
            BadKernelText::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for BadKernelText {}

impl Extents {
    /// The text to write to `/proc/PID/uid_map`, in one write: a line an extent.
    pub fn to_kernel(&self) -> String {
        let mut text = String::with_capacity(self.iter().map(Extent::text_len).sum());
        for Extent { inside, outside, len } in self {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{inside} {outside} {len}");
        }
        text
    }

    /// Reads `/proc/PID/uid_map`. The right column is in terms of the *reader's* namespace.
    ///
    /// A namespace may have ids that its reader's namespace has not: the kernel writes 4294967295 for the first id
    /// outside then. Such lines are left out: for the reader those ids do not exist.
    pub fn from_kernel(text: impl AsRef<[u8]>) -> Result<Self, BadKernelText> {
        let mut list = Vec::new();
        // What is no text is no number either, and its line is named.
        let text = String::from_utf8_lossy(text.as_ref());
        for (i, line) in text.lines().enumerate() {
            let mut words = line.split_ascii_whitespace().map(decimal_u32);
            let extent = match (words.next(), words.next(), words.next(), words.next()) {
                (Some(Some(inside)), Some(Some(outside)), Some(Some(len)), None) => Extent::new(inside, outside, len),
                _ => return Err(BadKernelText::Line(i + 1)),
            };
            if extent.outside.0 != u32::MAX {
                list.push(extent);
            }
        }
        Extents::new(list).map_err(BadKernelText::Fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_kernel_writes_it() {
        let host = "         0          0 4294967295\n";
        assert_eq!(Extents::from_kernel(host), Ok(Extents::identity()));
        assert_eq!(
            Extents::from_kernel(b"0 4294967295 1\n5 7 1\n"),
            Extents::new([Extent::new(5, 7, 1)]).map_err(BadKernelText::Fault)
        );
        assert_eq!(Extents::from_kernel(""), Ok(Extents::default()));
    }

    #[test]
    fn what_it_never_writes() {
        for (text, line) in
            [("0 0", 1), ("0 0 1 1", 1), ("0 0 1\n0 x 1", 2), ("\n", 1), ("0 0 4294967296", 1), ("-1 0 1", 1)]
        {
            assert_eq!(Extents::from_kernel(text), Err(BadKernelText::Line(line)), "{text:?}");
        }
        assert_eq!(Extents::from_kernel(b"\xff 0 1"), Err(BadKernelText::Line(1)));
        assert!(matches!(Extents::from_kernel("0 0 5\n3 9 1"), Err(BadKernelText::Fault(_))));
    }
}
