//! From a request to a container's directory: the image, the user, the command, the environment; what can be refused is
//! refused before anything is made.

use std::{
    env,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use diag::{Error, Result, codes};
use oci::{Account, ImageConfig, accounts};
use rustix::fs::{FileType, stat};
use store::{Container, ContainerId, NewContainer, RootDir, check_name, image::Images};
use sys::Dir;

use crate::{
    Engine,
    config::{Config, MapRequest, Network, Rootfs, User},
    environment::{self, Sources},
    image_facts::{Layers, runs_systemd, volumes},
    map::coverage::Image,
    names,
    request::{Given, Identity, RunRequest},
};

/// A container that is decided upon, and the image that it is of.
pub(crate) struct Draft {
    pub config: Config,
    pub image: Image,
    pub upper: Option<RootDir>,
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
    upper: Option<RootDir>,
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
        if let Some(name) = &request.name {
            check_name(&name.value).map_err(|error| name.blame(error))?;
        }
        let network = network(request.network.mode.as_ref())?;
        let base = self.base(request)?;
        let account = account(request, &base)?;
        let hostname = hostname(request, id, network)?;
        let args = args(request, &base)?;
        let caller: Vec<(String, String)> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let home = account.home.display().to_string();
        let sources = Sources {
            image: &base.defaults.env,
            given: &request.process.env,
            caller: &caller,
            hostname: &hostname,
            home: &home,
            tty: request.process.tty,
        };
        let user = User { uid: account.uid, gid: account.gid, groups: account.groups };
        let image = base.image(request, user.clone(), &args);
        let config = Config {
            id: id.to_string(),
            name: request.name.as_ref().map_or_else(|| names::random(id.as_str(), 0), |name| name.value.clone()),
            image: base.name,
            image_id: base.id,
            created: now(),
            remove: request.remove,
            rootfs: base.rootfs,
            args,
            env: environment::merge(&sources)?,
            cwd: cwd(request, &base.defaults)?,
            user,
            hostname,
            network,
            read_only: request.security.read_only,
            privileged: request.security.privileged,
            tty: request.process.tty,
            interactive: request.process.interactive,
            stop_signal: stop_signal(&base.defaults)?,
            map: map_request(&request.identity),
            supervision: runtime::job::Supervision::default(),
        };
        Ok(Draft { config, image, upper: base.upper })
    }

    /// All that is known of the ids that a container would need. A command need not be known; only then can it be systemd.
    pub(crate) fn ids_of(&self, request: &RunRequest) -> Result<Image> {
        let base = self.base(request)?;
        let account = account(request, &base)?;
        let user = User { uid: account.uid, gid: account.gid, groups: account.groups };
        let image = base.image(request, user, &args(request, &base).unwrap_or_default());
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
        let mut attempt = 0;
        loop {
            let text = document(&draft.config);
            let name = Some(draft.config.name.as_str());
            let made =
                self.store.create_container(&NewContainer { id, name, config: text.as_bytes(), upper: draft.upper });
            match (made, &request.name) {
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
            name: found.names.first().map_or_else(|| found.id.to_string(), ToString::to_string),
            id: Some(found.id.hex()),
            rootfs: Rootfs::Layers(found.layers.iter().map(ToString::to_string).collect()),
            upper: Some(layers.root()?),
            defaults: found.config,
            image: facts,
            files: layers.into_files(),
        })
    }
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

/// The entry point, then the words of the command line, or the image's where there are none.
fn args(request: &RunRequest, base: &Base) -> Result<Vec<String>> {
    let entrypoint = match &request.process.entrypoint {
        Some(given) => entrypoint(given)?,
        None => base.defaults.entrypoint.clone(),
    };
    let command: Vec<String> = if !request.command.is_empty() {
        request.command.iter().map(|word| word.value.clone()).collect()
    } else if request.process.entrypoint.is_some() {
        // Another entry point has no use for the image's arguments.
        Vec::new()
    } else {
        base.defaults.cmd.clone()
    };
    let args = [entrypoint, command].concat();
    if args.is_empty() {
        let image = &request.image;
        return Err(image.blame(
            Error::new(codes::UR0501, format!("`{}` does not say what to run, and no command is given", image.value))
                .help_run("write a command after it", format!("unroot run {} COMMAND", image.value)),
        ));
    }
    Ok(args)
}

/// A word, or a JSON array of words; empty removes the image's.
fn entrypoint(given: &Given<String>) -> Result<Vec<String>> {
    let text = given.value.as_str();
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|error| {
            given.blame(Error::new(codes::UR0806, "the entry point is not a JSON array of strings").words(error))
        });
    }
    Ok(if text.is_empty() { Vec::new() } else { vec![text.to_owned()] })
}

fn network(given: Option<&Given<String>>) -> Result<Network> {
    let Some(given) = given else { return Ok(Network::None) };
    match given.value.as_str() {
        "none" => Ok(Network::None),
        "host" => Ok(Network::Host),
        other => Err(given.blame(
            Error::new(codes::UR0808, format!("the network `{other}` is not supported by this version"))
                .help("`none` is a network of the container's own without a way out, `host` is the host's"),
        )),
    }
}

/// The kernel's limit is 64 bytes. On the host's network the host's name is the container's, as Podman has it.
fn hostname(request: &RunRequest, id: &ContainerId, network: Network) -> Result<String> {
    match &request.network.hostname {
        Some(name) if name.value.is_empty() || name.value.len() > 64 => {
            Err(name.blame(Error::new(codes::UR0806, "a host name has 1 to 64 characters")))
        }
        Some(name) => Ok(name.value.clone()),
        None if network == Network::Host => {
            Ok(rustix::system::uname().nodename().to_string_lossy().chars().take(64).collect())
        }
        None => Ok(id.short().to_owned()),
    }
}

fn cwd(request: &RunRequest, defaults: &ImageConfig) -> Result<String> {
    match &request.process.workdir {
        Some(dir) if !Path::new(&dir.value).is_absolute() => Err(dir.blame(
            Error::new(codes::UR0506, format!("the working directory `{}` is not absolute", dir.value))
                .help(format!("write `/{}`", dir.value)),
        )),
        Some(dir) => Ok(dir.value.clone()),
        None if defaults.workdir.is_empty() => Ok("/".to_owned()),
        None => Ok(defaults.workdir.clone()),
    }
}

fn stop_signal(defaults: &ImageConfig) -> Result<u8> {
    match defaults.stop_signal.as_str() {
        "" => Ok(15),
        name => runtime::signal::Signal::parse(name).map(runtime::signal::Signal::number),
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
