//! `--mount type=TYPE,KEY=VALUE,…`.

use std::path::{Path, PathBuf};

use diag::Result;

use super::{
    Map, Mount, Source, VolumeSource, glob,
    option::{absolute, clean, destination},
    reject::{self, unsupported, wrong},
    words::{For, Reader},
};
use crate::request::Given;

/// What is to be mounted: an image is yet to be found.
pub(super) enum Asked {
    /// Ready.
    Mount(Mount),
    /// An image, by name; part of it, if a path is given.
    Image { name: String, mount: Mount },
}

/// One `KEY` or `KEY=VALUE`.
struct Key<'a> {
    text: &'a str,
    name: &'a str,
    value: Option<&'a str>,
}

/// Reads `--mount`; `type=glob` may be several. Errors: UR0843, UR0804, UR0808, UR0315.
pub(super) fn mount(given: &Given<String>) -> Result<Vec<Asked>> {
    let keys = keys(given)?;
    let kind = keys.iter().rev().find(|key| key.name == "type").and_then(|key| key.value).unwrap_or("volume");
    let rest: Vec<&Key<'_>> = keys.iter().filter(|key| key.name != "type").collect();
    match kind {
        "bind" | "volume" | "tmpfs" | "ramfs" | "devpts" | "image" => one(given, kind, &rest).map(|asked| vec![asked]),
        "glob" => globbed(given, &rest),
        "artifact" | "npipe" | "cluster" => {
            let at = keys.iter().find(|key| key.name == "type").map_or(given.value.as_str(), |key| key.text);
            Err(unsupported(given, at, format!("mounts of type `{kind}` are not supported")))
        }
        other => {
            let at = keys.iter().find(|key| key.name == "type").map_or(given.value.as_str(), |key| key.text);
            Err(wrong(given, at, format!("there is no mount of type `{other}`"))
                .help("there are bind, volume, tmpfs, image, devpts, glob and ramfs"))
        }
    }
}

/// Splits at commas; a field may stand in double quotes, as in a CSV file.
fn keys(given: &Given<String>) -> Result<Vec<Key<'_>>> {
    let text = given.value.as_str();
    let mut keys = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let Some((field, after)) = quoted.split_once('"') else {
                    return Err(wrong(given, rest, "a quotation mark is missing at the end"));
                };
                (field, after.strip_prefix(',').unwrap_or(after))
            }
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        rest = after;
        if field.is_empty() {
            continue;
        }
        let (name, value) = field.split_once('=').map_or((field, None), |(name, value)| (name, Some(value)));
        keys.push(Key { text: field, name, value });
    }
    if keys.is_empty() {
        return Err(wrong(given, text, "the mount says nothing").help("write `type=bind,src=DIR,dst=PATH`"));
    }
    Ok(keys)
}

/// What the keys say apart from the words that become options.
#[derive(Default)]
struct Told<'a> {
    source: Option<&'a str>,
    destination: Option<&'a str>,
    subpath: Option<&'a str>,
    volume: VolumeSource,
    writable: Option<bool>,
}

fn one(given: &Given<String>, kind: &str, keys: &[&Key<'_>]) -> Result<Asked> {
    let words_for = match kind {
        "bind" => For::Bind,
        "tmpfs" | "ramfs" | "devpts" => For::Tmpfs,
        _ => For::Volume,
    };
    let translated: Vec<(Option<String>, &Key<'_>)> = keys.iter().map(|key| (word(kind, key), *key)).collect();
    let mut told = Told::default();
    let mut words = Vec::new();
    for (word, key) in &translated {
        match word {
            Some(word) => words.push((word.as_str(), key.text)),
            None => tell(given, kind, key, &mut told)?,
        }
    }
    let Some(text) = told.destination else {
        return Err(wrong(given, &given.value, "the mount has no destination").help("add `dst=/PATH`"));
    };
    let destination = destination(given, text)?;
    let mut options = options(given, words_for, &words)?;
    match kind {
        // What config.json says of them is the file system's own affair.
        "devpts" | "ramfs" => options.words.retain(|word| !matches!(word.as_str(), "tmpcopyup" | "rprivate")),
        "image" => {
            let readonly = told.writable != Some(true);
            options.words.retain(|word| word != "ro" && word != "rw");
            if readonly {
                options.words.push("ro".to_owned());
            }
        }
        _ => {}
    }
    let at = given.at.clone();
    let subpath = told.subpath.map(|path| subpath(given, path)).transpose()?;
    let source = match kind {
        "bind" => Source::Bind(bind(given, &told)?),
        "volume" => Source::Volume(VolumeSource { subpath, ..volume(given, told)? }),
        "tmpfs" => Source::Tmpfs,
        "ramfs" => Source::Ramfs,
        "devpts" => Source::Devpts,
        _ => {
            let Some(name) = told.source.filter(|name| !name.is_empty()) else {
                return Err(wrong(given, &given.value, "the mount does not say which image").help("add `src=IMAGE`"));
            };
            if subpath.is_some() {
                return Err(unsupported(
                    given,
                    told.subpath.unwrap_or_default(),
                    "a part of an image cannot be mounted by this version",
                ));
            }
            let image = Source::Image(super::ImageSource { name: name.to_owned(), layers: Vec::new() });
            let mount = Mount { destination, source: image, options, at };
            return Ok(Asked::Image { name: name.to_owned(), mount });
        }
    };
    Ok(Asked::Mount(Mount { destination, source, options, at }))
}

/// The word of [`super::words`] that a key means, if it is one.
fn word(kind: &str, key: &Key<'_>) -> Option<String> {
    let yes = || !matches!(key.value, Some("false" | "0"));
    let either = |on: &str, off: &str| Some(if yes() { on } else { off }.to_owned());
    match (key.name, kind) {
        (_, "image") if matches!(key.name, "rw" | "readwrite" | "ro" | "readonly") => None,
        ("ro" | "readonly", _) => either("ro", "rw"),
        ("rw", _) => either("rw", "ro"),
        ("bind-propagation", "bind" | "glob") => Some(key.value.unwrap_or("?").to_owned()),
        ("bind-nonrecursive", "bind" | "glob") => either("bind", "rbind"),
        ("bind-recursive", "bind" | "glob") => {
            Some(if matches!(key.value, Some("disabled")) { "bind" } else { "rbind" }.to_owned())
        }
        ("relabel", "bind" | "glob") => Some(if key.value == Some("private") { "Z" } else { "z" }.to_owned()),
        ("U" | "chown", "bind" | "volume" | "glob") => {
            Some(key.value.map_or_else(|| "U".to_owned(), |value| format!("U={value}")))
        }
        ("idmap" | "map", "bind" | "volume" | "glob")
        | ("uid" | "gid", "tmpfs" | "ramfs" | "devpts")
        | ("mode", "devpts") => Some(key.text.to_owned()),
        ("nocopy" | "volume-nocopy", "volume") => either("nocopy", "copy"),
        ("copy", "volume") => either("copy", "nocopy"),
        ("tmpfs-size" | "size", "tmpfs") => Some(format!("size={}", key.value.unwrap_or_default())),
        ("tmpfs-mode" | "mode", "tmpfs" | "ramfs") => Some(format!("mode={}", key.value.unwrap_or_default())),
        ("tmpcopyup", "tmpfs") => either("tmpcopyup", "notmpcopyup"),
        ("notmpcopyup", "tmpfs") => either("notmpcopyup", "tmpcopyup"),
        ("exec" | "noexec" | "dev" | "nodev" | "suid" | "nosuid", _) => Some(key.name.to_owned()),
        _ => None,
    }
}

/// What is no word.
fn tell<'a>(given: &Given<String>, kind: &str, key: &Key<'a>, told: &mut Told<'a>) -> Result<()> {
    match (key.name, key.value) {
        ("src" | "source", Some(value)) => told.source = Some(value),
        ("dst" | "destination" | "target", Some(value)) => told.destination = Some(value),
        ("subpath" | "volume-subpath" | "image-subpath", Some(value))
            if matches!(kind, "volume" | "image" | "bind") =>
        {
            told.subpath = Some(value);
        }
        ("volume-label", Some(value)) if kind == "volume" => {
            let (name, value) = value.split_once('=').unwrap_or((value, ""));
            told.volume.labels.insert(name.to_owned(), value.to_owned());
        }
        ("volume-opt", Some(value)) if kind == "volume" => {
            let (name, value) = value.split_once('=').unwrap_or((value, ""));
            told.volume.options.insert(name.to_owned(), value.to_owned());
        }
        ("volume-driver", Some(store::DRIVER)) if kind == "volume" => {}
        ("volume-driver", Some(other)) if kind == "volume" => {
            return Err(unsupported(given, key.text, format!("there is no volume driver `{other}`")));
        }
        ("rw" | "readwrite", value) if kind == "image" => told.writable = Some(!matches!(value, Some("false"))),
        ("ro" | "readonly", value) if kind == "image" => told.writable = Some(matches!(value, Some("false"))),
        // A hint for Docker on a Mac; it has no meaning on Linux, for Podman neither.
        ("consistency", Some(_)) => {}
        ("max" | "no-dereference", _) if matches!(kind, "devpts" | "bind" | "glob") => {
            return Err(unsupported(given, key.text, format!("`{}` is not supported by this version", key.name)));
        }
        (name, _) => {
            return Err(wrong(given, key.text, format!("`{name}` is no key of a mount of type `{kind}`"))
                .help("see docs/volumes.md for the keys of each type"));
        }
    }
    Ok(())
}

/// Reads the words, and points at the key that one came from.
fn options(given: &Given<String>, kind: For, words: &[(&str, &str)]) -> Result<super::Options> {
    let mut reader = Reader::new(given, kind);
    for (word, text) in words {
        reader.word(word).map_err(|error| match reject::origin(given, text) {
            Some(origin) => error.moved_to(origin),
            None => error,
        })?;
    }
    reader.finish()
}

fn bind(given: &Given<String>, told: &Told<'_>) -> Result<PathBuf> {
    let Some(text) = told.source.filter(|text| !text.is_empty()) else {
        return Err(wrong(given, &given.value, "the mount has no source").help("add `src=DIR`"));
    };
    if told.subpath.is_some() {
        return Err(wrong(given, told.subpath.unwrap_or_default(), "a bind has no `subpath`")
            .help("write the whole path into `src`"));
    }
    absolute(given, text)
}

fn volume(given: &Given<String>, told: Told<'_>) -> Result<VolumeSource> {
    match told.source.filter(|name| !name.is_empty()) {
        None => Ok(VolumeSource { anonymous: true, ..told.volume }),
        Some(name) => {
            store::check_volume_name(name).map_err(|error| reject::blame(given, name, error))?;
            Ok(VolumeSource { name: name.to_owned(), ..told.volume })
        }
    }
}

/// A path below a volume: relative, and going nowhere else.
fn subpath(given: &Given<String>, text: &str) -> Result<PathBuf> {
    let path = Path::new(text.trim_start_matches('/'));
    let leaves = path.components().any(|part| matches!(part, std::path::Component::ParentDir));
    if leaves || path.as_os_str().is_empty() || text.contains('\0') {
        return Err(wrong(given, text, format!("`{text}` is not a path below the volume")));
    }
    Ok(clean(path))
}

/// `type=glob`: a bind for each path of the host that fits.
fn globbed(given: &Given<String>, keys: &[&Key<'_>]) -> Result<Vec<Asked>> {
    let pattern = keys.iter().rev().find(|key| matches!(key.name, "src" | "source")).and_then(|key| key.value);
    let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) else {
        return Err(wrong(given, &given.value, "the mount has no pattern").help("add `src=/PATH*`"));
    };
    let to =
        keys.iter().rev().find(|key| matches!(key.name, "dst" | "destination" | "target")).and_then(|key| key.value);
    let to = to.map(|to| destination(given, to)).transpose()?;
    let words: Vec<(String, &str)> = keys.iter().filter_map(|key| Some((word("glob", key)?, key.text))).collect();
    let known = |name: &str| matches!(name, "src" | "source" | "dst" | "destination" | "target");
    if let Some(key) = keys.iter().find(|key| word("glob", key).is_none() && !known(key.name)) {
        return Err(wrong(given, key.text, format!("`{}` is no key of a mount of type `glob`", key.name)));
    }
    let words: Vec<(&str, &str)> = words.iter().map(|(word, text)| (word.as_str(), *text)).collect();
    let options = options(given, For::Bind, &words)?;
    let found = glob::paths(&absolute(given, pattern)?);
    if found.is_empty() {
        let what = format!("nothing on this host fits `{pattern}`");
        return Err(reject::blame(given, pattern, diag::Error::new(diag::codes::UR0315, what)));
    }
    let mount = |path: PathBuf| {
        let destination = match (&to, path.file_name()) {
            (Some(to), Some(name)) => to.join(name),
            _ => path.clone(),
        };
        Asked::Mount(Mount { destination, source: Source::Bind(path), options: options.clone(), at: given.at.clone() })
    };
    Ok(found.into_iter().map(mount).collect())
}

/// Whether a map was chosen by hand.
pub(super) fn is_chosen(map: &Map) -> bool {
    !matches!(map, Map::Auto)
}
