//! A row of the set, and how it is tried.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

use diag::Code;
use store::Durability;

use crate::promises::Yard;

/// An archive, and what becomes of it.
pub struct Case {
    pub name: &'static str,
    pub archive: Vec<u8>,
    pub outcome: Outcome,
}

pub enum Outcome {
    /// Refused with this code; these words are in the message.
    Refused(Code, &'static str),
    /// Accepted, and this is what is there: `d` directory, `o` opaque directory, `f` file `=` contents, `l` link `->` target, `w` whiteout,
    /// `p` fifo, `c` and `b` devices.
    There(&'static [&'static str]),
    /// Accepted; a device is there for root, and for nobody else.
    Device(&'static str),
}

pub fn refused(name: &'static str, archive: Vec<u8>, code: Code, words: &'static str) -> Case {
    Case { name, archive, outcome: Outcome::Refused(code, words) }
}

pub fn there(name: &'static str, archive: Vec<u8>, tree: &'static [&'static str]) -> Case {
    Case { name, archive, outcome: Outcome::There(tree) }
}

impl Case {
    pub fn hold(&self) {
        let yard = Yard::new();
        let unpacked = yard.store.unpack(self.archive.as_slice(), &Yard::how());
        match (unpacked, &self.outcome) {
            (Err(error), Outcome::Refused(code, words)) => {
                let text = diag::render::text(error.report(), diag::render::Style::PLAIN);
                assert_eq!(error.code(), *code, "{}: {text}", self.name);
                assert!(text.contains(words), "{}: {text}", self.name);
                assert!(!text.contains('\x1b'), "{}: {text:?}", self.name);
            }
            (Ok(staged), Outcome::There(_) | Outcome::Device(_)) => {
                let layers = yard.store.publish(Vec::new(), vec![staged], Durability::Volatile).unwrap();
                self.compare(&listing(&layers[0].path()));
                yard.store.remove_layer(layers[0].diff_id()).unwrap();
            }
            (Err(error), _) => panic!("{}: {error:?}", self.name),
            (Ok(_), _) => panic!("{} was accepted", self.name),
        }
        yard.assert_untouched();
    }

    fn compare(&self, found: &[String]) {
        let expected: Vec<&str> = match &self.outcome {
            Outcome::There(tree) => tree.to_vec(),
            // Devices need a privilege that not even every root has.
            Outcome::Device(device) => {
                if found.is_empty() {
                    Vec::new()
                } else {
                    vec![*device]
                }
            }
            Outcome::Refused(..) => Vec::new(),
        };
        assert_eq!(found, expected, "{}", self.name);
    }
}

/// All that is below a directory.
fn listing(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    walk(root, root, &mut lines);
    lines.sort();
    lines
}

fn walk(root: &Path, at: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        let shown = path.strip_prefix(root).unwrap().display().to_string();
        let stat = fs::symlink_metadata(&path).unwrap();
        let kind = stat.file_type();
        let line = if kind.is_symlink() {
            format!("l {shown}->{}", fs::read_link(&path).unwrap().display())
        } else if kind.is_dir() {
            walk(root, &path, lines);
            format!("{} {shown}", if is_opaque(&path) { 'o' } else { 'd' })
        } else if kind.is_fifo() {
            format!("p {shown}")
        } else if kind.is_char_device() && stat.rdev() == 0 {
            format!("w {shown}")
        } else if kind.is_char_device() || kind.is_block_device() {
            format!("{} {shown}", if kind.is_char_device() { 'c' } else { 'b' })
        } else {
            let contents = fs::read(&path).unwrap();
            format!("f {shown}={}", contents[..contents.len().min(20)].escape_ascii())
        };
        lines.push(line);
    }
}

fn is_opaque(path: &Path) -> bool {
    let mut value = [0_u8; 1];
    sys::rustix::fs::lgetxattr(path, c"user.overlay.opaque", &mut value) == Ok(1)
}
