//! The words that say how something is mounted, for `--volume` and `--tmpfs`, and for those of `--mount`'s keys that are the same.

use std::path::Path;

use diag::Result;

use super::{
    Chown, Cover, Map, Options,
    reject::{unsupported, wrong},
};
use crate::request::Given;

/// What a word is about; of one group, one word can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Access,
    Propagation,
    Extent,
    Devices,
    Programs,
    SetIds,
    Copy,
    CopyUp,
    Label,
    Owner,
    Map,
    Cover,
}

impl Group {
    fn of(word: &str) -> Option<Group> {
        Some(match word {
            "ro" | "rro" | "rw" => Group::Access,
            "shared" | "slave" | "private" | "unbindable" | "rshared" | "rslave" | "rprivate" | "runbindable" => {
                Group::Propagation
            }
            "bind" | "rbind" => Group::Extent,
            "dev" | "nodev" => Group::Devices,
            "exec" | "noexec" => Group::Programs,
            "suid" | "nosuid" => Group::SetIds,
            "copy" | "nocopy" => Group::Copy,
            "tmpcopyup" | "notmpcopyup" => Group::CopyUp,
            "z" | "Z" => Group::Label,
            "U" => Group::Owner,
            "map" | "idmap" => Group::Map,
            "O" => Group::Cover,
            _ => return None,
        })
    }
}

/// Which words make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// A directory of the host.
    Bind,
    /// A volume.
    Volume,
    /// A file system in memory.
    Tmpfs,
}

/// Reads words one by one.
pub(super) struct Reader<'a> {
    given: &'a Given<String>,
    kind: For,
    options: Options,
    seen: Vec<(Group, &'a str)>,
    propagation: Option<&'a str>,
    recursive: Option<bool>,
    copy_up: Option<bool>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(given: &'a Given<String>, kind: For) -> Reader<'a> {
        let options = Options::default();
        Reader { given, kind, options, seen: Vec::new(), propagation: None, recursive: None, copy_up: None }
    }

    /// All words of a list with commas.
    pub(super) fn list(mut self, text: &'a str) -> Result<Options> {
        for word in text.split(',').filter(|word| !word.is_empty()) {
            self.word(word)?;
        }
        self.finish()
    }

    /// One word, `NAME` or `NAME=VALUE`.
    pub(super) fn word(&mut self, word: &'a str) -> Result<()> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let Some(group) = Group::of(name) else { return self.other(word, name, value) };
        self.once(group, word)?;
        match (group, value) {
            (Group::Map, _) => self.map(name, word, value),
            (Group::Owner, _) => self.owner(word, value),
            (_, Some(_)) => {
                Err(wrong(self.given, word, format!("`{name}` has no value")).help(format!("write `{name}`")))
            }
            _ => self.plain(group, name),
        }
    }

    fn once(&mut self, group: Group, word: &'a str) -> Result<()> {
        let repeatable = group == Group::Map
            && word.starts_with("map=")
            && self.seen.iter().all(|(seen, before)| *seen != group || before.starts_with("map="));
        if let Some((_, before)) = self.seen.iter().find(|(seen, _)| *seen == group)
            && !repeatable
        {
            let what = format!("`{before}` and `{word}` cannot both be given");
            return Err(wrong(self.given, word, what).help("leave one of them out"));
        }
        self.seen.push((group, word));
        Ok(())
    }

    fn plain(&mut self, group: Group, name: &'a str) -> Result<()> {
        let fits = match group {
            Group::Copy => self.kind == For::Volume,
            Group::CopyUp => self.kind == For::Tmpfs,
            Group::Extent | Group::Cover | Group::Label => self.kind != For::Tmpfs,
            _ => true,
        };
        if !fits {
            let what = match self.kind {
                For::Bind => "a directory of the host",
                For::Volume => "a volume",
                For::Tmpfs => "a tmpfs",
            };
            return Err(wrong(self.given, name, format!("`{name}` is no option of {what}")));
        }
        match group {
            Group::Propagation => self.propagation = Some(name),
            Group::Extent => self.recursive = Some(name == "rbind"),
            Group::Copy => self.options.no_copy = name == "nocopy",
            Group::CopyUp => self.copy_up = Some(name == "tmpcopyup"),
            Group::Label if Path::new("/sys/fs/selinux/enforce").exists() => {
                return Err(unsupported(
                    self.given,
                    name,
                    format!("`{name}` relabels files for SELinux, which this version does not do"),
                ));
            }
            // Without SELinux there are no labels to change, and Podman changes none either; `finish` sees that a cover was given.
            Group::Label | Group::Cover => {}
            _ => self.options.words.push(name.to_owned()),
        }
        Ok(())
    }

    fn map(&mut self, name: &str, word: &'a str, value: Option<&str>) -> Result<()> {
        if self.kind == For::Tmpfs {
            return Err(wrong(self.given, word, "a tmpfs is the container's own: nothing of it has to be translated"));
        }
        self.options.map = match (name, value, std::mem::take(&mut self.options.map)) {
            ("idmap", value, _) => Map::Idmap(value.filter(|value| !value.is_empty()).map(str::to_owned)),
            (_, Some("auto"), _) => Map::Auto,
            (_, Some("none"), _) => Map::None,
            (_, Some("owner"), _) => Map::Owner,
            (_, Some(wish), before) if wish.contains('=') => {
                idmap::Wish::parse_all(&[wish])
                    .map_err(|refused| super::reject::blame(self.given, word, refused.error))?;
                let mut wishes = if let Map::Wishes(wishes) = before { wishes } else { Vec::new() };
                wishes.push(wish.to_owned());
                Map::Wishes(wishes)
            }
            _ => {
                return Err(wrong(self.given, word, format!("`{word}` says nothing about owners"))
                    .help("write `map=auto`, `map=none`, `map=owner`, or `map=INSIDE=@OUTSIDE` with names or ids, as `map=redis=@redis`"));
            }
        };
        Ok(())
    }

    fn owner(&mut self, word: &'a str, value: Option<&str>) -> Result<()> {
        self.options.chown = match value {
            None | Some("true") => Chown::Yes,
            Some("false") => Chown::No,
            Some("preview") => Chown::Preview,
            Some("force") => Chown::Force,
            Some(_) => {
                return Err(wrong(self.given, word, format!("`{word}` is not understood"))
                    .help("write `U`, `U=preview` to be told what would change, or `U=force`"));
            }
        };
        Ok(())
    }

    /// What belongs to no group: a layer's directories, and a tmpfs's own options.
    fn other(&mut self, word: &'a str, name: &str, value: Option<&str>) -> Result<()> {
        match (name, value, self.kind) {
            ("upperdir" | "workdir", Some(dir), For::Bind | For::Volume) => {
                if !dir.starts_with('/') {
                    return Err(wrong(self.given, word, format!("`{dir}` is not absolute")).help("write the whole path"));
                }
                let cover = self.options.cover.get_or_insert_default();
                let side = if name == "upperdir" { &mut cover.upper } else { &mut cover.work };
                *side = Some(dir.into());
                Ok(())
            }
            ("size" | "mode" | "uid" | "gid" | "nr_inodes" | "nr_blocks" | "huge" | "mpol", Some(_), For::Tmpfs)
            | ("noswap" | "inode32" | "inode64" | "sync" | "async" | "defaults", None, For::Tmpfs)
            | ("noatime" | "relatime" | "strictatime" | "nodiratime", None, _) => {
                self.options.words.push(word.to_owned());
                Ok(())
            }
            _ => Err(wrong(self.given, word, format!("the option `{word}` is not known"))
                .help("there are: ro rw rro, rprivate rshared rslave runbindable and the same without r, bind rbind, exec noexec, dev nodev, suid nosuid, copy nocopy, U, O, z Z, idmap, map=")),
        }
    }

    /// The options, with what is understood where nothing is said: as Podman has it.
    pub(super) fn finish(mut self) -> Result<Options> {
        let was_covered = self.seen.iter().any(|(group, _)| *group == Group::Cover);
        if let Some(cover) = &self.options.cover {
            if !was_covered {
                return Err(
                    wrong(self.given, &self.given.value, "`upperdir` and `workdir` belong to `O`").help("add `O`")
                );
            }
            if cover.upper.is_some() != cover.work.is_some() {
                return Err(wrong(self.given, &self.given.value, "`upperdir` and `workdir` come together")
                    .help("both are directories of one file system, and `workdir` is empty"));
            }
        } else if was_covered {
            self.options.cover = Some(Cover::default());
        }
        let words = &mut self.options.words;
        let has = |words: &[String], all: &[&str]| words.iter().any(|word| all.contains(&word.as_str()));
        if self.kind != For::Bind {
            for (word, opposite) in [("nosuid", "suid"), ("nodev", "dev")] {
                if !has(words, &[word, opposite]) {
                    words.push(word.to_owned());
                }
            }
        }
        if self.kind == For::Tmpfs {
            if self.copy_up != Some(false) {
                words.push("tmpcopyup".to_owned());
            }
        } else {
            words.push(if self.recursive == Some(false) { "bind" } else { "rbind" }.to_owned());
        }
        words.push(self.propagation.unwrap_or("rprivate").to_owned());
        Ok(self.options)
    }
}
