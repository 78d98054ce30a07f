//! From a line and a column, as `serde_json` reports them, to the JSON pointer of the value there.
//!
//! This runs only after a parse has failed, over a document whose syntax was good up to that place; on anything else it
//! stops and answers with the innermost value that it has seen.

use diag::Pointer;

/// The value that ends at, or holds, the byte before `column` (from 1) of `line` (from 1).
pub(crate) fn find(text: &str, line: usize, column: usize) -> Pointer {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let target = (start + column).min(text.len());
    let mut walk = Walk { text: text.as_bytes(), at: 0, target, stack: Vec::new(), last: Pointer::root() };
    walk.run();
    walk.last
}

/// One object or array that is open.
enum Level {
    /// An object, and the name of its current member.
    Object { key: String, expects_key: bool },
    /// An array, and the index of its current element.
    Array { index: usize },
}

struct Walk<'a> {
    text: &'a [u8],
    at: usize,
    target: usize,
    stack: Vec<Level>,
    last: Pointer,
}

impl Walk<'_> {
    fn run(&mut self) {
        while self.at < self.target {
            match self.text[self.at] {
                b'{' => self.open(Level::Object { key: String::new(), expects_key: true }),
                b'[' => self.open(Level::Array { index: 0 }),
                b'}' | b']' => self.close(),
                b',' => self.next(),
                b'"' => self.string(),
                b':' | b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                _ => self.scalar(),
            }
        }
    }

    /// The pointer of the value that begins here.
    fn here(&self) -> Pointer {
        self.stack.iter().fold(Pointer::root(), |pointer, level| match level {
            Level::Object { key, .. } => pointer.child(key),
            Level::Array { index } => pointer.child(index),
        })
    }

    fn open(&mut self, level: Level) {
        self.last = self.here();
        self.stack.push(level);
        self.at += 1;
    }

    fn close(&mut self) {
        self.stack.pop();
        self.last = self.here();
        self.at += 1;
    }

    fn next(&mut self) {
        match self.stack.last_mut() {
            Some(Level::Object { expects_key, .. }) => *expects_key = true,
            Some(Level::Array { index }) => *index += 1,
            None => {}
        }
        self.at += 1;
    }

    fn string(&mut self) {
        let start = self.at;
        self.at += 1;
        while self.at < self.text.len() && self.text[self.at] != b'"' {
            self.at += if self.text[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at = (self.at + 1).min(self.text.len());
        if let Some(Level::Object { key, expects_key }) = self.stack.last_mut()
            && *expects_key
        {
            *expects_key = false;
            *key = serde_json::from_slice(&self.text[start..self.at]).unwrap_or_default();
            // A member with a name that is given twice or that is not known is at fault itself.
            if self.at < self.target {
                return;
            }
        }
        self.last = self.here();
    }

    fn scalar(&mut self) {
        self.last = self.here();
        while self.at < self.text.len() && !b",]} \t\r\n:\"{[".contains(&self.text[self.at]) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::find;

    #[test]
    fn finds_values_by_their_end() {
        let text = r#"{"a": {"b/c": [true, {"d": "x"}]}, "e": 7}"#;
        for (end, pointer) in [("true", "/a/b~1c/0"), ("\"x\"", "/a/b~1c/1/d"), ("7", "/e"), ("{\"d\"", "/a/b~1c/1/d")]
        {
            let column = text.find(end).unwrap() + end.len();
            assert_eq!(find(text, 1, column).as_str(), pointer, "{end}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\[\\]{}:,\"\\\\a1 \n\u{e9}]{0,60}", line in 0usize..5, column in 0usize..70) {
            find(&text, line, column);
        }
    }
}
