//! `/etc/subuid` and `/etc/subgid`: who may use which further ids. `subuid(5)`.

use std::{fmt, ops::RangeInclusive};

use diag::{Error, Origin, codes};

use crate::{
    Extent, Extents, Fault, IdSet, LAST_ID, Outside,
    extent::{end, span},
    number::{decimal, decimal_u32},
};

/// One line of the file: `owner:start:count`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// A user's name or, in digits, their uid (in `/etc/subgid` too).
    pub owner: String,
    /// The host ids; those that cannot be mapped are cut off.
    pub ids: RangeInclusive<u32>,
    /// The line's number, from 1.
    pub line: usize,
}

impl Delegation {
    /// Whether it is this user's: shadow compares the name first, then the uid in digits.
    pub fn belongs_to(&self, name: Option<&str>, uid: u32) -> bool {
        name == Some(self.owner.as_str()) || decimal_u32(&self.owner) == Some(uid)
    }
}

/// A line that delegates nothing, or less than it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// The line; bytes that are no UTF-8 are replaced.
    pub text: String,
    /// What is wrong with it.
    pub why: LineFault,
}

/// What is wrong with a line of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// Not three fields.
    Fields,
    /// The owner is empty.
    Owner,
    /// The start or the count is no decimal number.
    Number,
    /// The start or the count begins with a zero: shadow reads it as octal, others as decimal.
    LeadingZero,
    /// The count is 0.
    Nothing,
    /// The range goes beyond the last id. Its beginning counts.
    Beyond,
    /// Not UTF-8.
    NotText,
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LineFault::Fields => "it is not `user:first id:count`",
            LineFault::Owner => "the user is missing",
            LineFault::Number => "the first id or the count is not a decimal number",
            LineFault::LeadingZero => "a number begins with 0, which newuidmap reads as octal",
            LineFault::Nothing => "its count is 0",
            LineFault::Beyond => "it goes beyond the last id, 4294967294; the rest of it counts",
            LineFault::NotText => "it is not UTF-8",
        })
    }
}

/// What such a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubidFile {
    /// Its name, for messages.
    pub file: String,
    /// The lines that delegate something, in the file's order.
    pub delegations: Vec<Delegation>,
    /// The lines that do not, or not fully.
    pub bad: Vec<BadLine>,
}

impl SubidFile {
    /// Reads the file's bytes. Nothing makes it fail: bad lines are collected, as one of them must not take the
    /// other users' ids away.
    pub fn parse(file: &str, bytes: &[u8]) -> Self {
        let mut found = SubidFile { file: file.to_owned(), ..SubidFile::default() };
        for (i, raw) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let line = i + 1;
            let Ok(text) = std::str::from_utf8(raw) else {
                let text = String::from_utf8_lossy(raw).into_owned();
                found.bad.push(BadLine { line, text, why: LineFault::NotText });
                continue;
            };
            let trimmed = text.trim_ascii();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let (delegation, why) = match delegation(trimmed, line) {
                Ok((delegation, whole)) => (Some(delegation), (!whole).then_some(LineFault::Beyond)),
                Err(why) => (None, Some(why)),
            };
            found.delegations.extend(delegation);
            found.bad.extend(why.map(|why| BadLine { line, text: text.to_owned(), why }));
        }
        found
    }

    /// What a user may use, in the file's order. `name` is absent if the uid has no name.
    pub fn ranges_for(&self, name: Option<&str>, uid: u32) -> Vec<RangeInclusive<u32>> {
        self.delegations.iter().filter(|line| line.belongs_to(name, uid)).map(|line| line.ids.clone()).collect()
    }

    /// What the owner of this very name may use (`--subuidname`), in the file's order.
    pub fn ranges_of_name(&self, name: &str) -> Vec<RangeInclusive<u32>> {
        self.delegations.iter().filter(|line| line.owner == name).map(|line| line.ids.clone()).collect()
    }

    /// Everything that is delegated to anybody: to keep away from.
    pub fn all(&self) -> IdSet {
        self.delegations.iter().map(|line| line.ids.clone()).collect()
    }

    /// Pairs of lines of different owners that share ids.
    pub fn overlaps(&self) -> Vec<(&Delegation, &Delegation)> {
        let mut pairs = Vec::new();
        for (i, a) in self.delegations.iter().enumerate() {
            for b in self.delegations.iter().skip(i + 1) {
                if a.owner != b.owner && a.ids.start() <= b.ids.end() && b.ids.start() <= a.ids.end() {
                    pairs.push((a, b));
                }
            }
        }
        pairs
    }

    /// A warning (UR0202) for each bad line.
    pub fn warnings(&self) -> Vec<Error> {
        self.bad
            .iter()
            .map(|bad| {
                Error::warning(
                    codes::UR0202,
                    format!("line {} of `{}` cannot be used as it is: {}", bad.line, self.file, bad.why),
                )
                .at(Origin::Line { file: self.file.clone(), line: bad.line, text: bad.text.clone() })
                .help("write it as `user:first id:count`, for example `alice:100000:65536`")
            })
            .collect()
    }
}

/// One line, and whether all of its ids can be mapped.
fn delegation(text: &str, line: usize) -> Result<(Delegation, bool), LineFault> {
    let fields: Vec<&str> = text.split(':').collect();
    let [owner, start, count] = fields[..] else { return Err(LineFault::Fields) };
    if owner.is_empty() {
        return Err(LineFault::Owner);
    }
    if [start, count].iter().any(|number| number.len() > 1 && number.starts_with('0')) {
        return Err(LineFault::LeadingZero);
    }
    let (Some(first), Some(many)) = (decimal(start), decimal(count)) else { return Err(LineFault::Number) };
    if many == 0 {
        return Err(LineFault::Nothing);
    }
    let Some(first) = u32::try_from(first).ok().filter(|first| *first <= LAST_ID) else {
        return Err(LineFault::Number);
    };
    let len = u32::try_from(many).unwrap_or(u32::MAX);
    let whole = u64::from(len) == many && end(first, len) <= u64::from(LAST_ID) + 1;
    Ok((Delegation { owner: owner.to_owned(), ids: span(first, len), line }, whole))
}

/// The namespace that a rootless user's numbers refer to: id 0 is the user, then follow the delegated ids without a
/// gap. Podman puts the ranges in the order of their ids, whatever the file's order is, and so does this. Ids that were given twice count once.
pub fn intermediate(user: Outside, ranges: &[RangeInclusive<u32>]) -> Result<Extents, Fault> {
    let mut seen: IdSet = [user.0].into_iter().collect();
    let mut extents = vec![Extent::new(0, user.0, 1)];
    append(&mut extents, &mut seen, 1, ranges);
    Extents::new(extents)
}

/// The ranges one after the other from container id 0: what `--subuidname` means.
pub fn consecutive(ranges: &[RangeInclusive<u32>]) -> Result<Extents, Fault> {
    let mut extents = Vec::new();
    append(&mut extents, &mut IdSet::new(), 0, ranges);
    Extents::new(extents)
}

fn append(extents: &mut Vec<Extent>, seen: &mut IdSet, mut inside: u32, ranges: &[RangeInclusive<u32>]) {
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|range| *range.start());
    for range in sorted {
        let range = *range.start()..=(*range.end()).min(LAST_ID);
        let fresh = IdSet::from_iter([range.clone()]).difference(seen);
        for part in fresh.ranges() {
            let len = part.end() - part.start() + 1;
            extents.push(Extent::new(inside, *part.start(), len));
            inside += len;
        }
        seen.insert_range(range);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# comment\n\nalice:100000:65536\n1000:300000:10\nbob:0100:5\nbob:1:2:3\n:1:2\nbob:x:1\nbob:5:0\n\
                        bob:4294967290:100\nalice:200000:1\r\n  \nbob:4294967295:1\nbob:99999999999999999999999:1";

    #[test]
    fn every_line_is_used_or_reported() {
        let file = SubidFile::parse("/etc/subuid", FILE.as_bytes());
        let whys: Vec<_> = file.bad.iter().map(|bad| (bad.line, bad.why)).collect();
        let expected = [
            (5, LineFault::LeadingZero),
            (6, LineFault::Fields),
            (7, LineFault::Owner),
            (8, LineFault::Number),
            (9, LineFault::Nothing),
            (10, LineFault::Beyond),
            (13, LineFault::Number),
            (14, LineFault::Number),
        ];
        assert_eq!(whys, expected);
        assert_eq!(file.warnings().len(), expected.len());
        assert_eq!(file.warnings()[0].code(), codes::UR0202);
        assert_eq!(file.all().to_string(), "100000-165535,200000,300000-300009,4294967290-4294967294");
    }

    #[test]
    fn by_name_and_by_uid_in_the_files_order() {
        let file = SubidFile::parse("f", b"1000:300000:10\nalice:100000:5\nbob:5:1\n0:9:1\n");
        assert_eq!(file.ranges_for(Some("alice"), 1000), [300_000..=300_009, 100_000..=100_004]);
        assert_eq!(file.ranges_for(None, 1000), [300_000..=300_009]);
        assert_eq!(file.ranges_for(Some("bob"), 7), [5..=5]);
        assert_eq!(file.ranges_of_name("alice"), [100_000..=100_004]);
        assert!(file.ranges_for(Some("carol"), 1001).is_empty());
    }

    #[test]
    fn overlaps_of_different_owners() {
        let file = SubidFile::parse("f", b"a:100:50\na:120:5\nb:149:1\nc:150:1\n");
        let pairs: Vec<_> = file.overlaps().iter().map(|(a, b)| (a.line, b.line)).collect();
        assert_eq!(pairs, [(1, 3)]);
    }

    #[test]
    fn bytes_that_are_no_text() {
        let file = SubidFile::parse("f", b"\xff\xfe:1:2\nalice:1:2\n");
        assert_eq!(file.bad[0].why, LineFault::NotText);
        assert_eq!(file.delegations.len(), 1);
    }

    #[test]
    fn podmans_own_example_fits() {
        let file = SubidFile::parse("f", b"containers:2147483647:2147483648\n");
        assert!(file.bad.is_empty());
        assert_eq!(file.all().to_string(), "2147483647-4294967294");
    }

    #[test]
    fn the_intermediate_namespace() {
        let map = intermediate(Outside(1000), &[300_000..=300_009, 100_000..=165_535, 100_005..=165_540]).unwrap();
        assert_eq!(map.to_kernel(), "0 1000 1\n1 100000 65536\n65537 165536 5\n65542 300000 10\n");
        let own = intermediate(Outside(1000), &[999..=1001]).unwrap();
        assert_eq!(own.to_kernel(), "0 1000 1\n1 999 1\n2 1001 1\n");
        assert_eq!(consecutive(&[50..=59, 10..=19]).unwrap().to_kernel(), "0 10 10\n10 50 10\n");
        assert!(consecutive(&[0..=LAST_ID]).is_ok());
        assert!(intermediate(Outside(5), &[0..=LAST_ID]).is_ok());
    }
}
