//! `--userns`: how a container gets its namespace, as Podman 5 has it.

use diag::codes;

use crate::{
    Kind, LAST_ID, MapOption, Place, Refused, Triple,
    number::{decimal, decimal_u32},
};

/// A value of `--userns`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Userns {
    /// `host`, or nothing: the caller's ids.
    Host,
    /// `private`: a namespace of its own, filled automatically.
    Private,
    /// `auto[:size=N,uidmapping=C:H:N,gidmapping=C:H:N]`.
    Auto(Auto),
    /// `keep-id[:uid=N,gid=N,size=N]`.
    KeepId(KeepId),
    /// `nomap`: the caller's own id is left out.
    NoMap,
    /// `container:ID`: that container's namespace.
    Container(String),
    /// `ns:PATH`: the namespace of that file.
    Path(String),
}

/// What an automatic map must contain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auto {
    /// Map exactly the ids 0 to `size - 1` (and the wishes), instead of what the image needs.
    pub size: Option<u32>,
    /// `uidmapping`, in order.
    pub uidmapping: Vec<Triple>,
    /// `gidmapping`, in order.
    pub gidmapping: Vec<Triple>,
}

impl Auto {
    /// The wishes for one kind of ids.
    pub fn wishes(&self, kind: Kind) -> &[Triple] {
        match kind {
            Kind::Uid => &self.uidmapping,
            Kind::Gid => &self.gidmapping,
        }
    }
}

/// The options of `keep-id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepId {
    /// The caller's uid inside, if not the same as outside.
    pub uid: Option<u32>,
    /// The caller's gid inside, if not the same as outside.
    pub gid: Option<u32>,
    /// How many ids to map at most.
    pub size: Option<u32>,
}

impl KeepId {
    /// The caller's id inside, if it was given.
    pub const fn id(&self, kind: Kind) -> Option<u32> {
        match kind {
            Kind::Uid => self.uid,
            Kind::Gid => self.gid,
        }
    }
}

impl Userns {
    /// Reads the value. Of options that are given twice, the last counts; mappings add up.
    pub fn parse(text: &str) -> Result<Userns, Refused> {
        let (mode, rest) = match text.split_once(':') {
            Some((mode, rest)) => (mode, Some((rest, mode.len() + 1))),
            None => (text, None),
        };
        match (mode, rest) {
            ("" | "host", None) => Ok(Userns::Host),
            ("private", None) => Ok(Userns::Private),
            ("nomap", None) => Ok(Userns::NoMap),
            ("auto", rest) => auto(rest).map(Userns::Auto),
            ("keep-id", rest) => keep_id(rest).map(Userns::KeepId),
            ("container", Some((id, _))) if !id.is_empty() => Ok(Userns::Container(id.to_owned())),
            ("ns", Some((path, _))) if !path.is_empty() => Ok(Userns::Path(path.to_owned())),
            _ => Err(unknown_mode(mode, rest, text)),
        }
    }
}

fn place(bytes: std::ops::Range<usize>) -> Place {
    Place::new(MapOption::Userns, 0, bytes)
}

fn unknown_mode(mode: &str, rest: Option<(&str, usize)>, text: &str) -> Refused {
    let whole = place(0..text.len());
    match (mode, rest) {
        ("host" | "private" | "nomap", Some((rest, start))) => {
            let what = format!("`{mode}` takes no options, but `{rest}` is given");
            Refused::new(place(start..text.len()), codes::UR0102, what).help(format!("write `--userns={mode}`"))
        }
        ("container", _) => Refused::new(whole, codes::UR0102, "`container:` wants a container's name or id")
            .help("write `--userns=container:NAME`"),
        ("ns", _) => Refused::new(whole, codes::UR0102, "`ns:` wants the path of a namespace's file")
            .help("write `--userns=ns:/proc/PID/ns/user`"),
        ("no-map" | "keepid" | "keep_id", _) => {
            let right = if mode == "no-map" { "nomap" } else { "keep-id" };
            Refused::new(place(0..mode.len()), codes::UR0102, format!("there is no user namespace mode `{mode}`"))
                .help(format!("it is spelled `{right}`"))
        }
        _ => Refused::new(place(0..mode.len()), codes::UR0102, format!("there is no user namespace mode `{mode}`"))
            .help("the modes are `auto`, `host`, `keep-id`, `nomap`, `private`, `container:NAME` and `ns:PATH`"),
    }
}

/// `key=value`, and where they are.
struct Setting<'a> {
    key: &'a str,
    value: &'a str,
    at_key: Place,
    at_value: Place,
}

fn settings(rest: Option<(&str, usize)>) -> Result<Vec<Setting<'_>>, Refused> {
    let Some((rest, mut start)) = rest else { return Ok(Vec::new()) };
    let mut settings = Vec::new();
    for item in rest.split(',') {
        let end = start + item.len();
        let Some((key, value)) = item.split_once('=') else {
            let what = format!("`{item}` is not an option of the form `KEY=VALUE`");
            return Err(Refused::new(place(start..end), codes::UR0102, what).help("write it as in `auto:size=65536`"));
        };
        let equals = start + key.len();
        settings.push(Setting { key, value, at_key: place(start..equals), at_value: place(equals + 1..end) });
        start = end + 1;
    }
    Ok(settings)
}

fn auto(rest: Option<(&str, usize)>) -> Result<Auto, Refused> {
    let mut auto = Auto::default();
    for setting in settings(rest)? {
        match setting.key {
            "size" => auto.size = Some(size(&setting)?),
            "uidmapping" => {
                auto.uidmapping.push(Triple::parse_wish(&setting.at_value, setting.value, Kind::Uid)?);
            }
            "gidmapping" => {
                auto.gidmapping.push(Triple::parse_wish(&setting.at_value, setting.value, Kind::Gid)?);
            }
            _ => return Err(unknown_key(&setting, "auto", "`size`, `uidmapping` and `gidmapping`")),
        }
    }
    Ok(auto)
}

fn keep_id(rest: Option<(&str, usize)>) -> Result<KeepId, Refused> {
    let mut keep = KeepId::default();
    for setting in settings(rest)? {
        match setting.key {
            "uid" => keep.uid = Some(id(&setting)?),
            "gid" => keep.gid = Some(id(&setting)?),
            "size" => keep.size = Some(size(&setting)?),
            _ => return Err(unknown_key(&setting, "keep-id", "`uid`, `gid` and `size`")),
        }
    }
    Ok(keep)
}

fn unknown_key(setting: &Setting<'_>, mode: &str, keys: &str) -> Refused {
    let what = format!("`{mode}` has no option `{}`", setting.key);
    Refused::new(setting.at_key.clone(), codes::UR0102, what).help(format!("its options are {keys}"))
}

fn id(setting: &Setting<'_>) -> Result<u32, Refused> {
    decimal_u32(setting.value).filter(|id| *id <= LAST_ID).ok_or_else(|| {
        let what = format!("`{}` is not a {}", setting.value, setting.key);
        Refused::new(setting.at_value.clone(), codes::UR0102, what)
            .help(format!("give a number from 0 to {LAST_ID} in decimal digits"))
    })
}

fn size(setting: &Setting<'_>) -> Result<u32, Refused> {
    match decimal(setting.value).and_then(|size| u32::try_from(size).ok()) {
        Some(0) | None => {
            let what = format!("`{}` is not a size of a user namespace", setting.value);
            Err(Refused::new(setting.at_value.clone(), codes::UR0102, what)
                .help("give a number of ids, such as 65536, or leave the option out"))
        }
        Some(size) => Ok(size),
    }
}
