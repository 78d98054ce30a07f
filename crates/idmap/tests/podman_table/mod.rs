//! What Podman makes of its options, written down. The maps in the tables are checked without Podman; where it is
//! installed, both are.
//!
//! A table is a text. A line is a case: `options | uid map | gid map`, or, in a table of refusals, `options | code | words`,
//! the words being those of the options that the refusal points at. `=` is "as in the column before". Maps are in host
//! ids. Lines that begin with `@` hold for all cases after them:
//!
//! * `@ world NAME`: who asks ([`worlds`]);
//! * `@ since 5.0`: Podman does the same since that version;
//! * `@ inside since 5.0`: it maps the same ids inside, and what was wished for to the same ids; the others come from
//!   a range that it chooses by rules of its own;
//! * `@ podman refuses: WHY`: we take what Podman does not; `@ podman takes: WHY`, in a table of refusals: the reverse;
//! * `@ podman differs: WHY`: its map is another, on purpose;
//! * `@ together`: Podman refuses too, which is what a table of refusals begins with.
//!
//! Options are separated by spaces. `PODMAN_USERNS=` is a variable of the environment, `userns=` a line of
//! containers.conf; both count where no option chooses the map.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::missing_panics_doc)]

pub mod ask;
pub mod worlds;

use worlds::World;

const TABLES: [(&str, &str); 2] = [("root", include_str!("root.txt")), ("user", include_str!("user.txt"))];
const REFUSALS: [(&str, &str); 1] = [("refused", include_str!("refused.txt"))];

/// What Podman does with a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Podman {
    /// The same, since this version.
    Same((u32, u32)),
    /// The same ids inside, since this version.
    Inside((u32, u32)),
    /// It refuses.
    Refuses,
    /// Something else, for this reason.
    Otherwise(&'static str),
}

/// One line of a table.
#[derive(Clone, Debug)]
pub struct Case {
    /// Table and line, for messages.
    pub at: String,
    pub world: World,
    pub options: &'static str,
    /// What the other two columns say.
    pub expected: [&'static str; 2],
    pub podman: Podman,
}

/// All cases that have maps.
pub fn maps() -> Vec<Case> {
    TABLES.into_iter().flat_map(|(name, text)| read(name, text, &Podman::Same((4, 0)))).collect()
}

/// All cases that are refused.
pub fn refusals() -> Vec<Case> {
    REFUSALS.into_iter().flat_map(|(name, text)| read(name, text, &Podman::Refuses)).collect()
}

fn read(name: &str, text: &'static str, podman: &Podman) -> Vec<Case> {
    let (mut world, mut podman) = (World::Root, podman.clone());
    let mut cases = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let at = format!("{name}.txt:{}", i + 1);
        if let Some(rule) = line.strip_prefix("@ ") {
            match rule.strip_prefix("world ") {
                Some(name) => world = World::named(name).unwrap_or_else(|| panic!("{at}: no such world")),
                None => podman = rule_of(rule).unwrap_or_else(|| panic!("{at}: no such rule")),
            }
        } else if !line.is_empty() && !line.starts_with('#') {
            let mut columns = line.split('|').map(str::trim);
            let options = columns.next().unwrap();
            let first = columns.next().unwrap_or_default();
            let second = columns.next().map_or("", |column| if column == "=" { first } else { column });
            assert_eq!(columns.next(), None, "{at}: too many columns");
            cases.push(Case { at, world, options, expected: [first, second], podman: podman.clone() });
        }
    }
    cases
}

fn rule_of(rule: &'static str) -> Option<Podman> {
    let since = |version: &str| {
        let (major, minor) = version.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    if rule == "together" {
        return Some(Podman::Refuses);
    }
    if let Some(version) = rule.strip_prefix("since ") {
        return since(version).map(Podman::Same);
    }
    if let Some(version) = rule.strip_prefix("inside since ") {
        return since(version).map(Podman::Inside);
    }
    let (head, why) = rule.split_once(": ")?;
    match head {
        "podman refuses" => Some(Podman::Refuses),
        "podman takes" | "podman differs" => Some(Podman::Otherwise(why)),
        _ => None,
    }
}
