//! What a start makes of a container's mounts: entries of config.json, and what is to be held while the container lives.

use std::{
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use idmap::{IdMap, Inside, Kind, Wish, Wishes};
use rustix::fs::{FileType, stat};
use serde_json::{Value, json};
use store::{Lease, Mapping, RootDir, Volume, VolumeRecord, Way};

use super::{
    Map, Mount, Source, VolumeSource, chown,
    probe::{Ability, Probe, Refused},
    translate::{Facts, Translated, translate},
};
use crate::{
    Engine,
    config::{Config, Rootfs},
    create::now,
    image_facts::{Layers, merged},
    map::{Decided, Host, asked::Known, coverage::Image},
};

/// File systems that hold no files, but what the kernel has to say.
const PSEUDO: [&str; 13] = [
    "bpf",
    "cgroup",
    "cgroup2",
    "debugfs",
    "devpts",
    "devtmpfs",
    "mqueue",
    "nsfs",
    "proc",
    "securityfs",
    "sysfs",
    "tracefs",
    "configfs",
];

/// What a start has of its mounts.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// Entries of `mounts` of config.json, by destination.
    pub mounts: Vec<Value>,
    /// To be open in the monitor for as long as the container lives.
    pub held: Vec<OwnedFd>,
}

/// What the decisions depend on.
struct Surroundings<'a> {
    config: &'a Config,
    decided: &'a Decided<Lease>,
    layers: Option<&'a Layers>,
    image: &'a Image,
}

impl Engine<'_> {
    /// Makes the volumes that the mounts name and that are not there.
    pub(crate) fn make_volumes(&self, mounts: &[Mount]) -> Result<()> {
        for volume in mounts.iter().filter_map(Mount::volume) {
            let record = VolumeRecord {
                name: volume.name.clone(),
                created: now(),
                labels: volume.labels.clone(),
                options: volume.options.clone(),
                anonymous: volume.anonymous,
                ..VolumeRecord::default()
            };
            let record = crate::volumes::checked(record)?;
            // One that is there is used.
            self.store.create_volume(&record)?;
        }
        Ok(())
    }

    /// Makes a container's mounts ready for this start. Errors: those of volumes (UR0840, UR0845, UR0848), of sources that are gone (UR0315), of
    /// maps of mounts (UR0322), of `:U` (UR0846).
    pub(crate) fn ready_mounts(
        &self,
        config: &Config,
        decided: &Decided<Lease>,
        layers: Option<&Layers>,
        image: &Image,
    ) -> Result<Ready> {
        let around = Surroundings { config, decided, layers, image };
        let mut ready = Ready::default();
        let mut probe = self.alone.map(Probe::new);
        for mount in &config.mounts {
            let entry = self.ready_mount(mount, &around, probe.as_mut(), &mut ready.held);
            ready.mounts.push(entry.map_err(|error| match &mount.at {
                Some(at) if error.report().at.is_none() => error.at(at.clone()),
                _ => error,
            })?);
        }
        Ok(ready)
    }

    fn ready_mount(
        &self,
        mount: &Mount,
        around: &Surroundings<'_>,
        probe: Option<&mut Probe<'_>>,
        held: &mut Vec<OwnedFd>,
    ) -> Result<Value> {
        let words = &mount.options.words;
        match &mount.source {
            Source::Tmpfs => Ok(entry(mount, "tmpfs", Path::new("tmpfs"), words)),
            Source::Ramfs => Ok(entry(mount, "ramfs", Path::new("ramfs"), words)),
            Source::Devpts => Ok(entry(
                mount,
                "devpts",
                Path::new("devpts"),
                &[words.as_slice(), &["newinstance".to_owned(), "ptmxmode=0666".to_owned()]].concat(),
            )),
            Source::Image(_) => Err(not_yet("mounts of images")),
            Source::Bind(path) => self.bound(mount, path, path, around, probe),
            Source::Volume(source) => {
                let volume = self.ready_volume(mount, source, around, held)?;
                let path = crate::volumes::bound_to(volume.record()).unwrap_or_else(|| volume.path());
                match &source.subpath {
                    None => self.bound(mount, &path, &path, around, probe),
                    Some(subpath) => {
                        // Held open, so that nobody can lead it elsewhere by a link.
                        let fd = volume.below(subpath)?;
                        let through = PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()));
                        let entry = self.bound(mount, &through, &path.join(subpath), around, probe);
                        held.push(fd);
                        entry
                    }
                }
            }
        }
    }

    /// A bind of a directory or file; `source` is how it is reached, `shown` how people know it.
    fn bound(
        &self,
        mount: &Mount,
        source: &Path,
        shown: &Path,
        around: &Surroundings<'_>,
        probe: Option<&mut Probe<'_>>,
    ) -> Result<Value> {
        if mount.options.cover.is_some() {
            return Err(not_yet("`O`, a layer over a mount,"));
        }
        let found = stat(source).map_err(|errno| {
            let what = format!("the source `{}` of a mount", shown.display());
            oci::way::find(shown)
                .into_error(codes::UR0315, &what)
                .os(format!("stat({})", shown.display()), errno.raw_os_error())
        })?;
        let (decided, user) = (around.decided, &around.config.user);
        let kind = FileType::from_raw_mode(found.st_mode);
        let is_special = !matches!(kind, FileType::Directory | FileType::RegularFile);
        let volume = matches!(mount.source, Source::Volume(_));
        // A volume's files have the container's ids whoever owns its directory.
        let choice = if volume && mount.options.map == Map::Auto { &Map::Idmap(None) } else { &mount.options.map };
        let facts = Facts {
            map: &decided.map,
            user,
            owner: (found.st_uid, found.st_gid),
            is_system: is_special || chown::system(shown).is_some(),
            is_special,
        };
        let mut translated = if decided.shifted || !matches!(choice, Map::Auto | Map::Idmap(None)) {
            translate(choice, &facts, &self.wishes(choice, around)?)?
        } else {
            Translated::AsIs
        };
        let mut recursive = mount.options.words.iter().any(|word| word == "rbind");
        if translated != Translated::AsIs {
            match ability(source, recursive, probe) {
                Ability::Tree => {}
                Ability::Top => recursive = false,
                Ability::Nothing(refused) => {
                    self.without_translation(mount, shown, &facts, &refused)?;
                    translated = Translated::AsIs;
                }
            }
        }
        if let Some(to) = on_disk(&translated, &decided.map, user.uid, user.gid)
            && let Some(said) = chown::give(&self.store, mount, shown, to)?
        {
            self.warn(&said);
        }
        Ok(bind_entry(mount, source, &translated, recursive))
    }

    /// The directory is mounted as it is; or, if the user has asked for a translation, not at all.
    fn without_translation(&self, mount: &Mount, shown: &Path, facts: &Facts<'_>, refused: &Refused) -> Result<()> {
        if matches!(mount.source, Source::Volume(_)) && self.is_nested() {
            // Their owners have been changed instead.
            return Ok(());
        }
        let path = shown.display();
        let filesystem =
            if refused.filesystem.is_empty() { String::new() } else { format!(", {},", refused.filesystem) };
        let nested = self.is_nested();
        let why =
            if nested { "belongs to the host, and you are not its root" } else { "does not allow it on this kernel" };
        let what = format!("`{path}` cannot be idmapped: its file system{filesystem} {why}");
        let call = format!("{}({path})", refused.call);
        if super::keys::is_chosen(&mount.options.map) {
            let code = if nested { codes::UR0302 } else { codes::UR0303 };
            let error = Error::new(code, what).os(call, refused.errno.raw_os_error());
            return Err(if nested {
                error.help(suggestion(facts))
            } else {
                error.help("leave `map=` out, or keep the files elsewhere")
            });
        }
        let root = facts.map.uid.to_outside(Inside(facts.user.uid)).map_or(u32::MAX, |id| id.0);
        // Who is the owner by the choice of the container's map needs no translation; and what the kernel shows in files has no owners that matter.
        if root == facts.owner.0 || facts.is_special || PSEUDO.contains(&refused.filesystem.as_str()) {
            return Ok(());
        }
        let warning = Error::warning(codes::UR0320, format!("{what}: it is mounted as it is"))
            .os(call, refused.errno.raw_os_error())
            .fact(format!(
                "container uid {} is uid {root} to these files, which belong to uid {}",
                facts.user.uid, facts.owner.0
            ));
        self.warn(&if nested {
            warning.help(suggestion(facts))
        } else {
            warning.help("say `map=none` if that is meant so")
        });
        Ok(())
    }

    fn wishes(&self, choice: &Map, around: &Surroundings<'_>) -> Result<Wishes> {
        let Map::Wishes(texts) = choice else { return Ok(Wishes::default()) };
        let host = Host::look(self.entered)?;
        let known = Known { image: around.image, host: &host };
        let found = Wish::parse_all(texts).and_then(|wishes| Wishes::find(&wishes, None, &host.caller, &known, None));
        found.map_err(|refused| refused.error)
    }

    /// A volume that is there, has its file system mounted and its first contents, and is locked for this container.
    fn ready_volume(
        &self,
        mount: &Mount,
        source: &VolumeSource,
        around: &Surroundings<'_>,
        held: &mut Vec<OwnedFd>,
    ) -> Result<Volume> {
        let mut volume = self.store.volume(&source.name)?;
        crate::volumes::mount_own(&volume)?;
        let elsewhere = volume.record().is_mounted();
        let current = &around.decided.current;
        if let Some(alone) = volume.alone()? {
            if !volume.record().filled && !mount.options.no_copy && !elsewhere {
                let (layers, root) = first_contents(mount, around)?;
                volume.fill(&self.store, &layers, Some(root), current, &alone)?;
            }
            if self.is_nested() && !elsewhere {
                volume.own(&mapping(around.decided), &alone)?;
            }
        } else if self.is_nested() && !elsewhere && !volume.is_owned_for(&mapping(around.decided))? {
            return Err(Error::new(
                codes::UR0845,
                format!("the volume `{}` is in use under another map", volume.name()),
            )
            .fact("its files can have the owners of one map at a time: an ordinary user cannot idmap their mount")
            .help("give both containers the same --userns, or stop the other one first"));
        }
        held.push(volume.hold()?);
        Ok(volume)
    }
}

/// What can be idmapped; where nothing can be tried, the start will tell.
fn ability(path: &Path, recursive: bool, probe: Option<&mut Probe<'_>>) -> Ability {
    probe.map_or(Ability::Tree, |probe| probe.path(path, recursive))
}

fn not_yet(what: &str) -> Error {
    Error::new(codes::UR0808, format!("{what} cannot be used in this version"))
}

fn mapping(decided: &Decided<Lease>) -> Mapping<'_> {
    Mapping { map: &decided.map, current: &decided.current, way: Way::Copy }
}

/// The image's directories at a destination, and whom the volume is to belong to: the owner of the image's directory, or where there is none
/// the container's user.
fn first_contents(mount: &Mount, around: &Surroundings<'_>) -> Result<(Vec<sys::Dir>, RootDir)> {
    let user = &around.config.user;
    let nobody_else = RootDir { mode: 0o755, uid: user.uid, gid: user.gid };
    let what = |failed: sys::Failed| failed.into_error(codes::UR0707, "the image's files cannot be read");
    let files: Vec<sys::Dir> = match (&around.config.rootfs, around.layers) {
        (_, Some(layers)) => layers.files().iter().map(sys::Dir::try_clone).collect::<Result<_, _>>().map_err(what)?,
        // A directory of the user's may have any owners: what is taken from it could be wrong.
        (Rootfs::Directory(_) | Rootfs::Layers(_), None) => return Ok((Vec::new(), nobody_else)),
    };
    let found = merged::find(&files, &mount.destination).map_err(what)?;
    Ok(match found {
        Some(found) if found.file.is_none() => {
            let root = RootDir { mode: found.stat.st_mode & 0o7777, uid: found.stat.st_uid, gid: found.stat.st_gid };
            (found.dirs, root)
        }
        _ => (Vec::new(), nobody_else),
    })
}

/// What a user of the container is on the disk.
fn on_disk(translated: &Translated, map: &IdMap, uid: u32, gid: u32) -> Option<(u32, u32)> {
    let one = |kind: Kind, id: u32| match translated {
        Translated::ByContainer => Some(id),
        Translated::AsIs => map.get(kind).to_outside(Inside(id)).map(|id| id.0),
        Translated::By(own) => own.get(kind).to_inside(map.get(kind).to_outside(Inside(id))?).map(|id| id.0),
    };
    Some((one(Kind::Uid, uid)?, one(Kind::Gid, gid)?))
}

/// What an ordinary user can do about owners that no mount translates.
fn suggestion(facts: &Facts<'_>) -> String {
    match facts.user.uid {
        0 => "leave --userns out: then root inside is you, and owns what is yours".to_owned(),
        uid => format!("make the container's user you: with `--me-as {uid}`, or `--userns keep-id:uid={uid}`"),
    }
}

fn entry(mount: &Mount, kind: &str, source: &Path, words: &[String]) -> Value {
    json!({ "destination": mount.destination, "type": kind, "source": source, "options": words })
}

fn bind_entry(mount: &Mount, source: &Path, translated: &Translated, recursive: bool) -> Value {
    let mut words = mount.options.words.clone();
    let mut value = entry(mount, "bind", source, &[]);
    if *translated != Translated::AsIs {
        words.push(if recursive { "ridmap" } else { "idmap" }.to_owned());
    }
    value["options"] = json!(words);
    if let Translated::By(map) = translated {
        for (kind, member) in [(Kind::Uid, "uidMappings"), (Kind::Gid, "gidMappings")] {
            let extent = |extent: &idmap::Extent| json!({ "containerID": extent.inside.0, "hostID": extent.outside.0, "size": extent.len });
            value[member] = map.get(kind).iter().map(extent).collect();
        }
    }
    value
}
