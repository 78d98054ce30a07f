//! The keys that part a terminal from its container: `--detach-keys`.

use diag::{Error, Result, codes};

/// A sequence of bytes; empty: nothing detaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachKeys(Vec<u8>);

/// Podman's: ctrl-p, ctrl-q.
impl Default for DetachKeys {
    fn default() -> Self {
        DetachKeys(vec![0x10, 0x11])
    }
}

impl DetachKeys {
    /// Reads keys as Podman writes them: single characters and `ctrl-x`, with commas between; an empty text switches
    /// detaching off. Fails with UR0806.
    pub fn parse(text: &str) -> Result<DetachKeys> {
        if text.is_empty() {
            return Ok(DetachKeys(Vec::new()));
        }
        text.split(',').map(key).collect::<Option<_>>().map(DetachKeys).ok_or_else(|| {
            Error::new(codes::UR0806, format!("`{text}` is no sequence of detach keys"))
                .help("write single characters, or `ctrl-` and a letter or one of `@ [ \\ ] ^ _`: ctrl-p,ctrl-q")
        })
    }
}

fn key(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] => Some(*byte),
        [b'c' | b'C', b't' | b'T', b'r' | b'R', b'l' | b'L', b'-', letter] => match letter {
            b'a'..=b'z' => Some(letter - b'a' + 1),
            b'@' => Some(0),
            b'['..=b'_' => Some(letter - b'@'),
            _ => None,
        },
        _ => None,
    }
}

/// Looks for the keys in what is typed. Keys that may be the beginning are held back until the next one decides.
#[derive(Debug, Default)]
pub struct Detector {
    keys: DetachKeys,
    seen: usize,
}

impl Detector {
    /// Looks for these.
    pub fn new(keys: DetachKeys) -> Detector {
        Detector { keys, seen: 0 }
    }

    /// What of the typed bytes is for the container, and whether the keys were all there; nothing behind them counts.
    pub fn pass(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let keys = &self.keys.0;
        if keys.is_empty() {
            return (typed.to_vec(), false);
        }
        let mut passed = Vec::with_capacity(typed.len());
        for &byte in typed {
            while byte != keys[self.seen] && self.seen > 0 {
                // The longest end of what was held back that may be a beginning again.
                let held = &keys[..self.seen];
                let shorter = (0..self.seen).rev().find(|&n| held.ends_with(&keys[..n])).unwrap_or(0);
                passed.extend_from_slice(&held[..self.seen - shorter]);
                self.seen = shorter;
            }
            if byte != keys[self.seen] {
                passed.push(byte);
                continue;
            }
            self.seen += 1;
            if self.seen == keys.len() {
                self.seen = 0;
                return (passed, true);
            }
        }
        (passed, false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_read_as_podman_reads_them() {
        assert_eq!(DetachKeys::parse("ctrl-p,ctrl-q").unwrap(), DetachKeys::default());
        assert_eq!(DetachKeys::parse("a,ctrl-@,ctrl-[,ctrl-_").unwrap(), DetachKeys(vec![b'a', 0, 27, 31]));
        assert_eq!(DetachKeys::parse("").unwrap(), DetachKeys(vec![]));
        for text in ["ctrl-", "ctrl-A", "ab", "a,", "ctrl-pp", ",", "\u{e4}"] {
            assert_eq!(DetachKeys::parse(text).unwrap_err().code(), codes::UR0806, "{text}");
        }
    }

    #[test]
    fn a_beginning_is_held_back() {
        let mut detector = Detector::new(DetachKeys(b"aab".to_vec()));
        assert_eq!(detector.pass(b"xa"), (b"x".to_vec(), false));
        assert_eq!(detector.pass(b"a"), (b"".to_vec(), false));
        assert_eq!(detector.pass(b"a"), (b"a".to_vec(), false));
        assert_eq!(detector.pass(b"bz"), (b"".to_vec(), true));
        assert_eq!(Detector::new(DetachKeys(vec![])).pass(b"\x10\x11"), (b"\x10\x11".to_vec(), false));
    }

    proptest! {
        #[test]
        fn what_is_passed_is_what_is_before_the_keys(
            typed in "[ab]{0,30}", keys in "[ab]{1,4}", cuts in proptest::collection::vec(0..30_usize, 0..4),
        ) {
            let mut detector = Detector::new(DetachKeys(keys.clone().into_bytes()));
            let (mut passed, mut detached) = (Vec::new(), false);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(typed.len())).chain([0, typed.len()]).collect();
            cuts.sort_unstable();
            for pair in cuts.windows(2) {
                let (bytes, done) = detector.pass(&typed.as_bytes()[pair[0]..pair[1]]);
                passed.extend(bytes);
                detached = done;
                if done {
                    break;
                }
            }
            let passed = String::from_utf8(passed).unwrap();
            match typed.find(&keys) {
                Some(at) => prop_assert!(detached && passed == typed[..at]),
                None => prop_assert!(!detached && typed.starts_with(&passed) && typed.len() - passed.len() < keys.len()),
            }
        }
    }
}
