//! `map calc`: one id through maps that somebody has at hand. Nothing is asked of the kernel; a map may come from a file.

use std::fs;

use diag::{Error, Result, codes};
use idmap::{Extents, Kind, LAST_ID, NOBODY, Trace, Way, trace};

use crate::request::Given;

/// An id, and where it comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calculation {
    /// Which way it was followed.
    pub way: Way,
    /// The namespaces that it reaches, the innermost first, and what it is there.
    pub reached: Vec<(String, u32)>,
    /// Where it is lost.
    pub lost: Option<Lost>,
}

/// The end of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The namespace in which the id does not exist.
    pub namespace: String,
    /// Which of the maps leaves it out, from 0, …
    pub map: usize,
    /// … and how it was written.
    pub written: String,
}

impl Calculation {
    /// `container 101 = namespace 1100 = host 101099`, and what it means if that is not the whole way.
    pub fn to_text(&self) -> String {
        let mut parts: Vec<String> = self.reached.iter().map(|(name, id)| format!("{name} {id}")).collect();
        let Some(lost) = &self.lost else { return parts.join(" = ") + "\n" };
        let (end, means) = match self.way {
            Way::Outwards => {
                parts.push(format!("not mapped to the {}", lost.namespace));
                (self.reached.last(), "no process can have it, and no file can be given to it (EINVAL)".to_owned())
            }
            Way::Inwards => {
                parts.insert(0, format!("not mapped to the {}", lost.namespace));
                (self.reached.first(), format!("in the {} it shows up as {NOBODY} (nobody)", lost.namespace))
            }
        };
        let (from, id) = end.map_or(("", 0), |(name, id)| (name.as_str(), *id));
        format!("{}\n`{}` leaves {from} id {id} out: {means}\n", parts.join(" = "), lost.written)
    }
}

/// Follows an id through maps, the innermost first: `101` from inside to outside, `@996` (or any id, with `reverse`) from outside.
///
/// Errors: UR0102 to UR0104 for what is no map, UR0806 for what is no id or a file that cannot be read.
pub fn calculate(maps: &[Given<String>], id: &Given<String>, reverse: bool) -> Result<Calculation> {
    let read: Vec<(Extents, &str)> = maps.iter().map(read_map).collect::<Result<_>>()?;
    let (way, number) = match id.value.strip_prefix('@') {
        Some(number) => (Way::Inwards, number),
        None if reverse => (Way::Inwards, id.value.as_str()),
        None => (Way::Outwards, id.value.as_str()),
    };
    let number = id_of(number).ok_or_else(|| {
        id.blame(Error::new(codes::UR0806, format!("`{}` is not an id", id.value))).help(format!(
            "the last word is the id: a number of at most {LAST_ID}, with an `@` before it if it is the host's"
        ))
    })?;
    let extents: Vec<Extents> = read.iter().map(|(map, _)| map.clone()).collect();
    Ok(told(&trace(&extents, number, way), way, &read))
}

fn id_of(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id <= LAST_ID)
}

fn told(trace: &Trace, way: Way, maps: &[(Extents, &str)]) -> Calculation {
    let count = maps.len();
    // Which column the nth id of the way is in.
    let column = |nth: usize| if way == Way::Outwards { nth } else { count - nth };
    let mut reached: Vec<(String, u32)> =
        trace.ids.iter().enumerate().map(|(nth, id)| (column_name(column(nth), count), *id)).collect();
    if way == Way::Inwards {
        reached.reverse();
    }
    let lost = trace.lost_in.map(|map| Lost {
        namespace: column_name(column(trace.ids.len()), count),
        map,
        written: maps.get(map).map_or_else(String::new, |(_, written)| written.trim().replace('\n', ", ")),
    });
    Calculation { way, reached, lost }
}

/// What the columns between `count` maps are called: the first is the container, the last the host.
fn column_name(column: usize, count: usize) -> String {
    match column {
        0 => "container".to_owned(),
        _ if column == count => "host".to_owned(),
        _ if count == 2 => "namespace".to_owned(),
        _ => format!("namespace {column}"),
    }
}

/// A word with a slash is a file's path, any other is the map itself.
fn read_map(word: &Given<String>) -> Result<(Extents, &str)> {
    let written = word.value.as_str();
    if !written.contains('/') {
        return Extents::written(Kind::Uid, written).map(|map| (map, written)).map_err(|error| word.blame(error));
    }
    let bytes = fs::read(written).map_err(|error| {
        let errno = error.raw_os_error().unwrap_or_default();
        word.blame(
            Error::new(codes::UR0806, format!("the map `{written}` cannot be read"))
                .os(format!("open({written})"), errno),
        )
    })?;
    let kind = if written.ends_with("gid_map") { Kind::Gid } else { Kind::Uid };
    let map = Extents::written(kind, &String::from_utf8_lossy(&bytes));
    map.map(|map| (map, written)).map_err(|error| word.blame(error.fact(format!("read from `{written}`"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calc(maps: &[&str], id: &str, reverse: bool) -> Result<Calculation> {
        let maps: Vec<_> = maps.iter().map(|map| Given::unwritten((*map).to_owned())).collect();
        calculate(&maps, &Given::unwritten(id.to_owned()), reverse)
    }

    fn text(maps: &[&str], id: &str) -> String {
        calc(maps, id, false).unwrap().to_text()
    }

    #[test]
    fn through_several_levels() {
        assert_eq!(text(&["0 1000 65536"], "101"), "container 101 = host 1101\n");
        let two = ["0:999:1000", "0 100000 65536"];
        assert_eq!(text(&two, "101"), "container 101 = namespace 1100 = host 101100\n");
        assert_eq!(text(&two, "@101100"), "container 101 = namespace 1100 = host 101100\n");
        assert_eq!(calc(&two, "101100", true).unwrap(), calc(&two, "@101100", false).unwrap());
        let three = ["0:1:9", "0:1:10", "0:1:11"];
        assert_eq!(text(&three, "1"), "container 1 = namespace 1 2 = namespace 2 3 = host 4\n");
    }

    #[test]
    fn what_is_lost_is_told() {
        insta::assert_snapshot!(
            [text(&["0:1:5", "0:0:3\n"], "3"), text(&["0:1:5", "0:0:3"], "@0"), text(&["101:996"], "0"),].join("\n")
        );
    }

    #[test]
    fn files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gid_map");
        fs::write(&path, "  0  7  1\n").unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(text(&[path], "0"), "container 0 = host 7\n");
        assert_eq!(calc(&["/no/such"], "0", false).unwrap_err().code(), codes::UR0806);
    }

    #[test]
    fn ids_are_numbers() {
        for id in ["", "x", "@", "-1", "+1", "4294967295", "1 1"] {
            assert_eq!(calc(&["0:0:1"], id, false).unwrap_err().code(), codes::UR0806, "{id}");
        }
    }
}
