//! `--uidmap` and `--gidmap`: `[flags]container:from[:amount]`, as Podman 5 has it.
//!
//! * flags, in any order: `+` replaces what earlier triples said about the same ids, `u` and `g` restrict the triple to
//!   uids or gids (else it counts for both, where one list serves for both);
//! * `from` is a host id for root, an id of the intermediate namespace for others; `@` before it makes it a host id;
//! * the amount is 1 if it is left out. Podman ignores an amount of 0; here it is refused, since it must be a mistake;
//! * one value may hold several: separated by commas, or, as Podman allows too, by going on with `:`.

use std::ops::Range;

use diag::codes;

use crate::{
    Extent, Inside, Kind, LAST_ID, MapOption, Place, Refused,
    extent::end,
    number::{decimal, decimal_u32},
};

/// One triple, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Triple {
    /// `+`: earlier triples give way.
    pub extends: bool,
    /// It counts for this kind of ids alone; else for both, where one list serves for both.
    pub only: Option<Kind>,
    /// The first id inside.
    pub inside: Inside,
    /// The first id on the other side.
    pub from: u32,
    /// `@`: `from` is a host id even if there is an intermediate namespace.
    pub host: bool,
    /// How many ids: at least 1; both ends are within the ids that can be mapped.
    pub len: u32,
    /// Where it was written.
    pub place: Place,
}

impl Triple {
    /// Whether it counts for this kind of ids.
    pub const fn applies(&self, kind: Kind) -> bool {
        matches!((self.only, kind), (None, _) | (Some(Kind::Uid), Kind::Uid) | (Some(Kind::Gid), Kind::Gid))
    }

    /// Its numbers; what the middle one refers to depends on [`Triple::host`] and on the caller.
    pub const fn extent(&self) -> Extent {
        Extent { inside: self.inside, outside: crate::Outside(self.from), len: self.len }
    }

    /// Reads all values of one option, in their order. Empty values say nothing, as in Podman.
    pub fn parse_all<S: AsRef<str>>(option: MapOption, values: &[S]) -> Result<Vec<Triple>, Refused> {
        let mut triples = Vec::new();
        for (value, text) in values.iter().enumerate() {
            let mut start = 0;
            for item in text.as_ref().split(',') {
                let place = Place::new(option, value, start..start + item.len());
                start += item.len() + 1;
                if !item.is_empty() {
                    read(&place, item, Flags::Allowed, &mut triples)?;
                }
            }
        }
        Ok(triples)
    }

    /// Reads the one triple of `uidmapping=` or `gidmapping=`: no flags, but `@`. `place` is that of the triple.
    pub(crate) fn parse_wish(place: &Place, text: &str, kind: Kind) -> Result<Triple, Refused> {
        let mut triples = Vec::new();
        read(place, text, Flags::Forbidden, &mut triples)?;
        match (triples.pop(), triples.is_empty()) {
            (Some(triple), true) => Ok(Triple { only: Some(kind), ..triple }),
            _ => Err(malformed(place.clone(), text, Flags::Forbidden)),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Flags {
    Allowed,
    Forbidden,
}

/// A field and its place.
type Field<'a> = (&'a str, Range<usize>);

fn read(place: &Place, text: &str, flags: Flags, triples: &mut Vec<Triple>) -> Result<(), Refused> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut start = place.bytes.start;
    for field in text.split(':') {
        fields.push((field, start..start + field.len()));
        start += field.len() + 1;
    }
    if fields.len() == 2 {
        fields.push(("1", place.bytes.end..place.bytes.end));
    }
    if !fields.len().is_multiple_of(3) {
        return Err(malformed(place.clone(), text, flags));
    }
    for three in fields.chunks_exact(3) {
        if let [inside, from, len] = three {
            triples.push(triple(place, inside, from, len, flags)?);
        }
    }
    Ok(())
}

fn malformed(place: Place, text: &str, flags: Flags) -> Refused {
    let form = match flags {
        Flags::Allowed => "[+ug]CONTAINER_ID:[@]HOST_ID[:AMOUNT]",
        Flags::Forbidden => "CONTAINER_ID:[@]HOST_ID[:AMOUNT]",
    };
    let what = format!("`{text}` is not two or three numbers separated by colons");
    Refused::new(place, codes::UR0102, what).help(format!("write `{form}`, for example `0:100000:65536`"))
}

fn triple(
    place: &Place,
    inside: &Field<'_>,
    from: &Field<'_>,
    len: &Field<'_>,
    allowed: Flags,
) -> Result<Triple, Refused> {
    let at = |bytes: &Range<usize>| Place { bytes: bytes.clone(), ..place.clone() };
    let digits = inside.0.find(|c: char| c.is_ascii_digit()).unwrap_or(inside.0.len());
    let (flags, id) = inside.0.split_at(digits);
    if let Some((i, flag)) = flags.char_indices().find(|(_, c)| allowed == Flags::Forbidden || !"+ug".contains(*c)) {
        let start = inside.1.start + i;
        return Err(bad_flag(at(&(start..start + flag.len_utf8())), flag, allowed));
    }
    let id = id_of(at(&(inside.1.start + digits..inside.1.end)), id, "container")?;
    let host = from.0.starts_with('@');
    let digits = from.1.start + usize::from(host)..from.1.end;
    let from = id_of(at(&digits), from.0.strip_prefix('@').unwrap_or(from.0), "host")?;
    let many = amount(at(&len.1), len.0)?;
    let only = match (flags.contains('u'), flags.contains('g')) {
        (true, false) => Some(Kind::Uid),
        (false, true) => Some(Kind::Gid),
        _ => None,
    };
    let whole = Place { bytes: inside.1.start..len.1.end, ..place.clone() };
    for (start, side) in [(id, "container"), (from, "host")] {
        if end(start, many) > u64::from(LAST_ID) + 1 {
            let what = format!("{many} ids from {side} id {start} go beyond the last id, {LAST_ID}");
            return Err(Refused::new(whole, codes::UR0102, what).help("make the amount smaller"));
        }
    }
    Ok(Triple { extends: flags.contains('+'), only, inside: Inside(id), from, host, len: many, place: whole })
}

fn bad_flag(place: Place, flag: char, allowed: Flags) -> Refused {
    let refused =
        Refused::new(place, codes::UR0102, format!("`{flag}` is not a flag that may stand before a container id"));
    match allowed {
        Flags::Allowed => {
            refused.help("the flags are `+` (extend), `u` (uids only) and `g` (gids only); ids are digits")
        }
        Flags::Forbidden => refused.help("write the container id in digits"),
    }
}

fn id_of(place: Place, text: &str, side: &str) -> Result<u32, Refused> {
    match (decimal_u32(text), decimal(text)) {
        (Some(id), _) if id <= LAST_ID => Ok(id),
        (Some(_), _) | (None, Some(_)) => {
            let what = format!("{side} id {text} is beyond the last id, {LAST_ID}");
            Err(Refused::new(place, codes::UR0102, what).help("use a lower id"))
        }
        (None, None) if text.is_empty() => {
            Err(Refused::new(place, codes::UR0102, format!("the {side} id is missing")).help("write it in digits"))
        }
        (None, None) => {
            let what = format!("`{text}` is not a {side} id");
            Err(Refused::new(place, codes::UR0102, what).help("ids are written in decimal digits"))
        }
    }
}

fn amount(place: Place, text: &str) -> Result<u32, Refused> {
    match decimal(text) {
        Some(0) => Err(Refused::new(place, codes::UR0102, "the amount is 0, so nothing would be mapped")
            .help("give the number of consecutive ids, or leave it out for one id")),
        Some(many) if many > u64::from(LAST_ID) + 1 => {
            let what = format!("the amount {text} is more than there are ids");
            Err(Refused::new(place, codes::UR0102, what).help("give the number of consecutive ids"))
        }
        Some(many) => Ok(u32::try_from(many).unwrap_or(u32::MAX)),
        None => Err(Refused::new(place, codes::UR0102, format!("`{text}` is not an amount of ids"))
            .help("give the number of consecutive ids in decimal digits, or leave it out for one id")),
    }
}
