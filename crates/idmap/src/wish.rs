//! `--map` and `--me-as`: single ids, by number or by name, on top of whatever else makes the map.
//!
//! `[u|g]INSIDE=[@]OUTSIDE[:COUNT]`, several separated by commas:
//!
//! * `INSIDE` is a number or a name of the image; `user:` and `group:` before it, or a `u` or `g` directly before digits, restrict it
//!   to uids or gids; else it counts for both;
//! * `OUTSIDE` without `@` is a number as in `--uidmap` (an intermediate id for an ordinary user), behind `@` a host id, or a name
//!   of the host;
//! * a name that counts for both kinds means the user's uid, and the gid of the group of the same name or else of the user's
//!   primary group.
//!
//! Reading touches nothing: names stay names until [`crate::Wishes::find`] is given the accounts of both sides.

use std::ops::Range;

use diag::codes;

use crate::{
    Kind, LAST_ID, MapOption, Place, Refused,
    number::{decimal, decimal_u32},
};

/// One side of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// An id.
    Id(u32),
    /// A name, which is yet to be looked up.
    Name(String),
}

/// One `INSIDE=[@]OUTSIDE[:COUNT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// It counts for this kind of ids alone; else for both.
    pub only: Option<Kind>,
    /// The first id inside.
    pub inside: Who,
    /// The first id on the other side.
    pub outside: Who,
    /// `@`: the other side is a host id even if there is an intermediate namespace.
    pub host: bool,
    /// How many ids: at least 1.
    pub len: u32,
    /// Where all of it was written.
    pub place: Place,
    /// Where [`Wish::inside`] was written, without what restricts it.
    pub at_inside: Place,
    /// Where [`Wish::outside`] was written, without its `@`.
    pub at_outside: Place,
}

/// `--me-as USER[:GROUP]`: who the caller is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeAs {
    /// The user.
    pub user: Who,
    /// The group; else the user's primary one, as for `--user`.
    pub group: Option<Who>,
    /// Where the user was written.
    pub at_user: Place,
    /// Where the group was written.
    pub at_group: Place,
}

impl Wish {
    /// Reads all values of `--map`, in their order. Empty values say nothing.
    ///
    /// Errors: UR0102.
    pub fn parse_all<S: AsRef<str>>(values: &[S]) -> Result<Vec<Wish>, Refused> {
        let mut wishes = Vec::new();
        for (value, text) in values.iter().enumerate() {
            let mut start = 0;
            for item in text.as_ref().split(',') {
                let place = Place::new(MapOption::Map, value, start..start + item.len());
                start += item.len() + 1;
                if !item.is_empty() {
                    wishes.push(wish(place, item)?);
                }
            }
        }
        Ok(wishes)
    }
}

impl MeAs {
    /// Reads the value of `--me-as`. Errors: UR0102.
    pub fn parse(text: &str) -> Result<MeAs, Refused> {
        let place = |bytes| Place::new(MapOption::MeAs, 0, bytes);
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let (at_user, at_group) = (place(0..user.len()), place((user.len() + 1).min(text.len())..text.len()));
        Ok(MeAs {
            user: who(&at_user, user, "user of the image")?,
            group: group.map(|group| who(&at_group, group, "group of the image")).transpose()?,
            at_user,
            at_group,
        })
    }
}

const FORM: &str = "[u|g]INSIDE=[@]OUTSIDE[:COUNT]";

fn wish(place: Place, item: &str) -> Result<Wish, Refused> {
    let at = |bytes: Range<usize>| Place { bytes, ..place.clone() };
    let (begin, end) = (place.bytes.start, place.bytes.end);
    let Some((left, right)) = item.split_once('=') else {
        let what = format!("`{item}` does not say what it is outside");
        return Err(Refused::new(place, codes::UR0102, what)
            .help(format!("write `{FORM}`, for example `redis=@redis` or `u101=@996`")));
    };
    let (only, inside) = restricted(left);
    let at_inside = at(begin + (left.len() - inside.len())..begin + left.len());
    let (outside, count) = match right.split_once(':') {
        Some((outside, count)) => (outside, Some(count)),
        None => (right, None),
    };
    let host = outside.starts_with('@');
    let outside = outside.strip_prefix('@').unwrap_or(outside);
    let start = begin + left.len() + 1 + usize::from(host);
    let at_outside = at(start..start + outside.len());
    let len = match count {
        Some(count) => amount(at(end - count.len()..end), count)?,
        None => 1,
    };
    let inside = who(&at_inside, inside, "user or group of the image")?;
    let outside = who(&at_outside, outside, "id")?;
    if let (Who::Name(name), false) = (&outside, host) {
        return Err(Refused::new(at_outside, codes::UR0102, format!("`{name}` is not a number"))
            .help(format!("the host's users and groups are written with `@`: `{left}=@{name}`")));
    }
    Ok(Wish { only, inside, outside, host, len, place, at_inside, at_outside })
}

/// What a word before `=` is restricted to, and the rest of it.
fn restricted(left: &str) -> (Option<Kind>, &str) {
    if let Some(name) = left.strip_prefix("user:") {
        return (Some(Kind::Uid), name);
    }
    if let Some(name) = left.strip_prefix("group:") {
        return (Some(Kind::Gid), name);
    }
    let digits = |rest: &&str| rest.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    if let Some(id) = left.strip_prefix('u').filter(digits) {
        return (Some(Kind::Uid), id);
    }
    if let Some(id) = left.strip_prefix('g').filter(digits) {
        return (Some(Kind::Gid), id);
    }
    (None, left)
}

/// What begins with a digit is a number: no name does.
fn who(place: &Place, text: &str, what: &str) -> Result<Who, Refused> {
    let refused = |words: String| Refused::new(place.clone(), codes::UR0102, words);
    let Some(first) = text.bytes().next() else {
        return Err(refused(format!("the {what} is missing")).help("write a name or a number"));
    };
    if first.is_ascii_digit() {
        return match (decimal_u32(text).filter(|id| *id <= LAST_ID), decimal(text)) {
            (Some(id), _) => Ok(Who::Id(id)),
            (None, Some(_)) => {
                Err(refused(format!("id {text} is beyond the last id, {LAST_ID}")).help("use a lower id"))
            }
            (None, None) => Err(refused(format!("`{text}` is not an id"))
                .help("ids are written in decimal digits; the name of a user begins with a letter")),
        };
    }
    // What no account is named in any system: it is a slip of another kind.
    if !text.chars().all(|c| c.is_alphanumeric() || "._-$\\+@".contains(c)) || text.starts_with(['-', '+', '@']) {
        return Err(refused(format!("`{text}` is neither a number nor a name")).help(format!("write `{FORM}`")));
    }
    Ok(Who::Name(text.to_owned()))
}

fn amount(place: Place, text: &str) -> Result<u32, Refused> {
    match decimal_u32(text) {
        Some(0) => Err(Refused::new(place, codes::UR0102, "the count is 0, so nothing would be mapped")
            .help("give the number of consecutive ids, or leave it out for one id")),
        Some(many) => Ok(many),
        None => Err(Refused::new(place, codes::UR0102, format!("`{text}` is not a count of ids"))
            .help("give the number of consecutive ids in decimal digits, or leave it out for one id")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Wish {
        let mut all = Wish::parse_all(&[text]).unwrap();
        assert_eq!(all.len(), 1, "{text}");
        all.remove(0)
    }

    #[test]
    fn what_may_be_written() {
        let name = |name: &str| Who::Name(name.to_owned());
        let cases = [
            ("redis=@redis", None, name("redis"), name("redis"), true, 1),
            ("u101=@996", Some(Kind::Uid), Who::Id(101), Who::Id(996), true, 1),
            ("g102=996:3", Some(Kind::Gid), Who::Id(102), Who::Id(996), false, 3),
            ("0=@100000:65536", None, Who::Id(0), Who::Id(100_000), true, 65_536),
            ("user:u1=@web", Some(Kind::Uid), name("u1"), name("web"), true, 1),
            ("group:1000=5", Some(Kind::Gid), Who::Id(1000), Who::Id(5), false, 1),
            ("ubuntu=7", None, name("ubuntu"), Who::Id(7), false, 1),
            ("games=@joe@corp", None, name("games"), name("joe@corp"), true, 1),
        ];
        for (text, only, inside, outside, host, len) in cases {
            let wish = one(text);
            assert_eq!(
                (wish.only, wish.inside, wish.outside, wish.host, wish.len),
                (only, inside, outside, host, len),
                "{text}"
            );
        }
    }

    #[test]
    fn places_are_those_of_the_words() {
        let values = ["", "a=1,user:b=@c:2,,"];
        let all = Wish::parse_all(&values).unwrap();
        let text = |place: &Place| &values[place.value][place.bytes.clone()];
        let said: Vec<_> = all.iter().map(|w| (text(&w.place), text(&w.at_inside), text(&w.at_outside))).collect();
        assert_eq!(said, [("a=1", "a", "1"), ("user:b=@c:2", "b", "c")]);
    }

    #[test]
    fn what_is_refused_and_where() {
        let cases = [
            ("redis", "redis"),
            ("redis=redis", "redis"),
            ("=5", ""),
            ("5=", ""),
            ("5=@", ""),
            ("u=@1,5", "5"),
            ("5=1:0", "0"),
            ("5=1:x", "x"),
            ("5=1:2:3", "2:3"),
            ("5x=1", "5x"),
            ("4294967295=1", "4294967295"),
            ("user:=1", ""),
            ("+5=1", "+5"),
            ("a b=1", "a b"),
            ("a=@@b", "@b"),
        ];
        for (text, bad) in cases {
            let refused = Wish::parse_all(&[text]).unwrap_err();
            assert_eq!(refused.error.code(), codes::UR0102, "{text}");
            let place = refused.place.unwrap();
            assert_eq!(&text[place.bytes], bad, "{text}");
            assert!(!refused.error.report().help.is_empty(), "{text}");
        }
    }

    #[test]
    fn me_as_a_user_and_a_group() {
        let me = MeAs::parse("mysql:33").unwrap();
        assert_eq!((me.user, me.group), (Who::Name("mysql".into()), Some(Who::Id(33))));
        assert_eq!((me.at_user.bytes, me.at_group.bytes), (0..5, 6..8));
        assert_eq!(MeAs::parse("7").unwrap().group, None);
        for bad in ["", ":", "a:", ":b", "a:b:c", "-1", "1x"] {
            assert_eq!(MeAs::parse(bad).unwrap_err().error.code(), codes::UR0102, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_places_fit(texts in prop::collection::vec("[ugser:ou=@,0-9é]{0,16}", 0..3), me: String) {
            match Wish::parse_all(&texts) {
                Ok(all) => for wish in all {
                    for place in [wish.place, wish.at_inside, wish.at_outside] {
                        prop_assert!(texts[place.value].get(place.bytes).is_some());
                    }
                },
                Err(refused) => {
                    let place = refused.place.unwrap();
                    prop_assert!(texts[place.value].get(place.bytes).is_some());
                }
            }
            if let Err(refused) = MeAs::parse(&me) {
                prop_assert!(me.get(refused.place.unwrap().bytes).is_some());
            }
        }
    }
}
