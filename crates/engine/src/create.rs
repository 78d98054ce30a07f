//! From a request to a container's directory: the image, the user, the command, the environment; what can be refused is
//! refused before anything is made.

mod command;
mod devices;
pub(crate) mod file;
mod groups;
mod labels;
mod limits;
#[path = "create/names.rs"]
mod naming;
pub(crate) mod process;
mod security;
pub(crate) mod supervision;

use std::time::{SystemTime, UNIX_EPOCH};

use diag::{Error, Origin, Result, codes};
use oci::{Account, ImageConfig, Reference, accounts};
use rustix::fs::{FileType, stat};
use store::{Container, ContainerId, Durability, NewContainer, Upper, check_name, image::Images};
use sys::Dir;

use crate::{
    Engine,
    config::{Config, MapRequest, Rootfs, User},
    containers_conf::ContainersConf,
    image_facts::{Layers, runs_systemd, volumes},
    map::coverage::Image,
    names,
    request::{Given, Identity, RunRequest, is_on},
};

/// A container that is decided upon, and the image that it is of.
pub(crate) struct Draft {
    pub config: Config,
    pub image: Image,
    pub upper: Option<Upper>,
}

/// What is needed of an image, or of a directory in its place.
struct Base {
    name: String,
    id: Option<String>,
    rootfs: Rootfs,
    defaults: ImageConfig,
    image: Image,
    /// The layers' directories, the uppermost first, or the one directory.
    files: Vec<Dir>,
    upper: Option<Upper>,
}

/// What a container's properties are decided by.
#[derive(Clone, Copy)]
struct Setting<'a> {
    /// What the user asks for.
    request: &'a RunRequest,
    /// What the configuration files say.
    conf: &'a ContainersConf,
    /// What the image says.
    image: &'a ImageConfig,
}

/// A switch: what the user has said, or else the configuration files; off where nobody says anything.
fn flag(given: Option<&Given<bool>>, conf: Option<&Given<bool>>) -> bool {
    given.or(conf).is_some_and(|given| given.value)
}

/// UR0830: two options that cannot both be meant.
fn contradiction(one: &str, other: &str, at: Option<Origin>) -> Error {
    let error = Error::new(codes::UR0830, format!("`{one}` and `{other}` contradict each other"));
    match at {
        Some(at) => error.at(at).help("leave one of them out"),
        None => error.help("leave one of them out"),
    }
}

/// What no part of the container is at fault for, but two options together.
fn contradictions(request: &RunRequest) -> Result<()> {
    let life = &request.life;
    if let Some(replace) = life.replace.as_ref().filter(|replace| replace.value && life.name.is_none()) {
        let error = Error::new(codes::UR0830, "`--replace` needs the name of the container that is to be replaced");
        return Err(replace.blame(error.help("add --name")));
    }
    life.cidfile.as_ref().map_or(Ok(()), file::must_not_exist)
}

impl Base {
    /// What is known of the image's ids, in a container with this user and this command.
    fn image(&self, request: &RunRequest, process: User, args: &[String]) -> Image {
        let user_is_open = request.identity.user.is_none() && self.defaults.user.is_empty();
        Image { process, user_is_open, systemd: runs_systemd(&self.files, args), ..self.image.clone() }
    }
}

impl Engine<'_> {
    /// Decides everything but the map. The caller holds the store shared.
    pub(crate) fn draft(&self, request: &RunRequest, id: &ContainerId) -> Result<Draft> {
        contradictions(request)?;
        if let Some(name) = &request.life.name {
            check_name(&name.value).map_err(|error| name.blame(error))?;
        }
        let conf = self.containers_conf()?;
        let base = self.base(request)?;
        let setting = Setting { request, conf: &conf, image: &base.defaults };
        let account = account(request, &base)?;
        let args = command::args(request, &base.defaults)?;
        let network = naming::network(request.network.network.as_ref())?;
        let hostname = naming::hostname(request.network.hostname.as_ref(), id, network)?;
        let env = process::environment(&setting, &hostname, &account.home.display().to_string())?;
        let user = User { uid: account.uid, gid: account.gid, groups: groups::further(request, &account, &base)? };
        let image = base.image(request, user.clone(), &args);
        let config = Config {
            id: id.to_string(),
            name: request.life.name.as_ref().map_or_else(|| names::random(id.as_str(), 0), |name| name.value.clone()),
            created: now(),
            remove: is_on(request.life.rm.as_ref()) || is_on(request.life.rmi.as_ref()),
            remove_image: is_on(request.life.rmi.as_ref()),
            args,
            env,
            cwd: command::cwd(request, &base.defaults)?,
            user: user.clone(),
            hostname,
            network,
            read_only: flag(request.security.read_only.as_ref(), conf.containers.read_only.as_ref()),
            privileged: flag(request.security.privileged.as_ref(), conf.containers.privileged.as_ref()),
            tty: is_on(request.process.tty.as_ref()),
            interactive: is_on(request.process.interactive.as_ref()),
            stop_signal: process::stop_signal(&setting)?,
            map: map_request(&request.identity),
            mounts: self.mounts(request, &base.defaults)?,
            without_scratch: request.volumes.without_scratch,
            supervision: supervision::decide(&setting)?,
            labels: labels::labels(&setting)?,
            annotations: labels::annotations(&setting)?,
            surroundings: process::surroundings(&setting)?,
            security: security::decide(&setting, user.uid)?,
            names: naming::files(&setting, &base)?,
            image: base.name,
            image_id: base.id,
            rootfs: base.rootfs,
        };
        Ok(Draft { config, image, upper: base.upper })
    }

    /// All that is known of the ids that a container would need. A command need not be known; only then can it be systemd.
    pub(crate) fn ids_of(&self, request: &RunRequest) -> Result<Image> {
        let base = self.base(request)?;
        let account = account(request, &base)?;
        let user = User { uid: account.uid, gid: account.gid, groups: account.groups };
        let args = command::args(request, &base.defaults).unwrap_or_default();
        let image = base.image(request, user, &args);
        Ok(Image { volumes: volumes(&base.files, &base.defaults.volumes), ..image })
    }

    fn base(&self, request: &RunRequest) -> Result<Base> {
        if request.rootfs { directory(&request.image) } else { self.image_base(&request.image) }
    }

    /// Makes the directory. Without a name that the user has chosen, names are tried until one is free.
    pub(crate) fn make(
        &self,
        draft: &mut Draft,
        id: &ContainerId,
        request: &RunRequest,
        document: &dyn Fn(&Config) -> String,
    ) -> Result<Container> {
        // Nobody removes a volume before the container's record names it.
        let _volumes = self.store.share_volumes()?;
        self.make_volumes(&draft.config.mounts)?;
        let mut attempt = 0;
        loop {
            let text = document(&draft.config);
            let name = Some(draft.config.name.as_str());
            let made = self.store.create_container(&NewContainer {
                id,
                name,
                config: text.as_bytes(),
                upper: draft.upper.as_ref(),
                durability: if draft.config.remove { Durability::Volatile } else { Durability::Synced },
            });
            match (made, &request.life.name) {
                (Err(error), Some(name)) => return Err(name.blame(error)),
                (Err(error), None) if error.code() == codes::UR0801 && attempt < 1000 => {
                    attempt += 1;
                    draft.config.name = names::random(id.as_str(), attempt);
                }
                (made, _) => return made,
            }
        }
    }

    fn image_base(&self, image: &Given<String>) -> Result<Base> {
        let found = Images::of(&self.store).resolve(&image.value).map_err(|error| image.blame(error))?;
        let layers = Layers::open(&self.store, &found.layers)?;
        let facts = layers.facts(&image.value)?;
        Ok(Base {
            name: name_asked_for(&found.names, &image.value).unwrap_or_else(|| found.id.to_string()),
            id: Some(found.id.hex()),
            rootfs: Rootfs::Layers(found.layers.iter().map(ToString::to_string).collect()),
            upper: Some(layers.upper()?),
            defaults: found.config,
            image: facts,
            files: layers.into_files(),
        })
    }
}

/// Of an image's names the one that was meant, or its first.
fn name_asked_for(names: &[Reference], asked: &str) -> Option<String> {
    let is_meant = |name: &String| {
        let name = name.strip_suffix(":latest").filter(|_| !asked.ends_with(":latest")).unwrap_or(name);
        name.strip_suffix(asked).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    let names = names.iter().map(ToString::to_string).collect::<Vec<_>>();
    names.iter().find(|name| is_meant(name)).or(names.first()).cloned()
}

/// `--rootfs`: a directory of the user's own, of which nothing is known but its account files.
fn directory(path: &Given<String>) -> Result<Base> {
    let absolute = std::path::absolute(&path.value).map_err(|error| {
        path.blame(Error::new(codes::UR0403, format!("`{}` is not a usable path", path.value)).words(error))
    })?;
    let found = stat(&absolute).map_err(|errno| {
        let what = format!("the root filesystem `{}`", absolute.display());
        path.blame(
            oci::way::find(&absolute)
                .into_error(codes::UR0403, &what)
                .os(format!("stat({})", absolute.display()), errno.raw_os_error()),
        )
    })?;
    if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
        return Err(path.blame(
            Error::new(codes::UR0403, format!("`{}` is not a directory", path.value))
                .help("with --rootfs, the word in the image's place is a directory that holds a root filesystem"),
        ));
    }
    let files: Vec<Dir> = Dir::open(&absolute).into_iter().collect();
    let facts = directory_facts(&path.value, files.first());
    let image = Image { root: (found.st_uid, found.st_gid), ..facts };
    let (name, defaults) = (absolute.display().to_string(), ImageConfig::default());
    Ok(Base { name, id: None, rootfs: Rootfs::Directory(absolute), defaults, image, files, upper: None })
}

/// What is known of a directory in an image's place: the accounts in it.
pub(crate) fn directory_facts(name: &str, dir: Option<&Dir>) -> Image {
    let read = |file: &str| dir.and_then(|dir| dir.read(file, 4 << 20).ok()).unwrap_or_default();
    Image { name: name.to_owned(), passwd: read("etc/passwd"), group: read("etc/group"), ..Image::default() }
}

fn account(request: &RunRequest, base: &Base) -> Result<Account> {
    let (passwd, group) = (&base.image.passwd, &base.image.group);
    match &request.identity.user {
        Some(user) => accounts::resolve(&user.value, passwd, group).map_err(|error| user.blame(error)),
        None => accounts::resolve(&base.defaults.user, passwd, group)
            .map_err(|error| request.image.blame(error.fact("the image says so itself (USER)"))),
    }
}

pub(crate) fn map_request(identity: &Identity) -> MapRequest {
    let texts = |list: &[Given<String>]| list.iter().map(|given| given.value.clone()).collect();
    let text = |given: &Option<Given<String>>| given.as_ref().map(|given| given.value.clone());
    MapRequest {
        userns: text(&identity.userns),
        uidmap: texts(&identity.uidmap),
        gidmap: texts(&identity.gidmap),
        subuidname: text(&identity.subuidname),
        subgidname: text(&identity.subgidname),
        map: texts(&identity.map),
        me_as: text(&identity.me_as),
    }
}

/// Seconds since the epoch.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
