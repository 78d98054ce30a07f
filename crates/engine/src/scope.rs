//! Whose containers these are: the machine's (root) or a user's, and where they are kept.

use std::{
    env, fs,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use idmap::Extents;
use rustix::process::geteuid;

/// What the options before the verb say.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--root`.
    pub root: Option<PathBuf>,
    /// `--runroot`.
    pub run_root: Option<PathBuf>,
}

/// What decides the scope, apart from the options: looked up once, so that tests can invent it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The effective uid of this process.
    pub uid: u32,
    /// The uid map of this process's user namespace.
    pub uid_map: Extents,
    /// `$HOME`.
    pub home: Option<PathBuf>,
    /// `$XDG_DATA_HOME`.
    pub data_home: Option<PathBuf>,
    /// `$XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
}

/// Where things are kept, and with which rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Images and containers.
    pub root: PathBuf,
    /// What is lost at a reboot.
    pub run_root: PathBuf,
    /// The user is not root: a user namespace of their own must be entered before files of other ids are touched.
    pub rootless: bool,
    /// This process's ids are not the host's: it is in a user namespace, so the files' system is owned by another and no
    /// mount of it can be idmapped from here. The containers' ids are then this namespace's own.
    pub nested: bool,
}

impl Surroundings {
    /// Looks at this process.
    pub fn look() -> Result<Surroundings> {
        let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Ok(Surroundings {
            uid: geteuid().as_raw(),
            uid_map: own_map("uid_map")?,
            home: path("HOME"),
            data_home: path("XDG_DATA_HOME").filter(|path| path.is_absolute()),
            runtime_dir: path("XDG_RUNTIME_DIR").filter(|path| path.is_absolute()),
        })
    }
}

impl Scope {
    /// Decides; touches nothing.
    pub fn choose(options: &Options, around: &Surroundings) -> Result<Scope> {
        let rootless = around.uid != 0;
        let root = match &options.root {
            Some(root) => root.clone(),
            None if rootless => data_home(around)?.join("unroot"),
            None => PathBuf::from("/var/lib/unroot"),
        };
        let run_root = match &options.run_root {
            Some(run_root) => run_root.clone(),
            None if !rootless => PathBuf::from("/run/unroot"),
            None => match &around.runtime_dir {
                Some(dir) => dir.join("unroot"),
                None => PathBuf::from(format!("/tmp/unroot-run-{}", around.uid)),
            },
        };
        Ok(Scope {
            root: absolute(&root)?,
            run_root: absolute(&run_root)?,
            rootless,
            nested: around.uid_map != Extents::identity(),
        })
    }

    /// Makes the run root where `$XDG_RUNTIME_DIR` is missing: in `/tmp`, where others can put things in the way.
    pub fn secure(&self) -> Result<()> {
        if !self.rootless || self.run_root.parent() != Some(Path::new("/tmp")) {
            return Ok(());
        }
        let shown = self.run_root.display();
        let refused = |error: std::io::Error| {
            Error::new(codes::UR0707, format!("the directory for running containers `{shown}` cannot be made"))
                .words(error)
        };
        match fs::DirBuilder::new().mode(0o700).create(&self.run_root) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(refused(error)),
            _ => {}
        }
        let found = fs::symlink_metadata(&self.run_root).map_err(refused)?;
        // Neither group nor others may do anything.
        if found.is_dir() && found.uid() == geteuid().as_raw() && found.mode().trailing_zeros() >= 6 {
            return Ok(());
        }
        Err(Error::new(codes::UR0709, format!("`{shown}` is there already and is not yours alone"))
            .fact("XDG_RUNTIME_DIR is not set, so a directory in /tmp is used")
            .help("set XDG_RUNTIME_DIR to a directory of your own, or choose one with --runroot"))
    }
}

/// A map of this process's user namespace.
pub(crate) fn own_map(name: &str) -> Result<Extents> {
    let path = format!("/proc/self/{name}");
    let text =
        fs::read(&path).map_err(|error| Error::new(codes::UR0699, format!("`{path}` cannot be read")).words(error))?;
    Extents::from_kernel(&text)
        .map_err(|bad| Error::new(codes::UR0699, format!("`{path}` is not understood")).words(format!("{bad:?}")))
}

fn data_home(around: &Surroundings) -> Result<PathBuf> {
    let home = || around.home.as_ref().map(|home| home.join(".local/share"));
    around.data_home.clone().or_else(home).ok_or_else(|| {
        Error::new(codes::UR0707, "there is no place for images: neither HOME nor XDG_DATA_HOME is set")
            .help("set HOME, or choose a directory with --root")
    })
}

/// The monitor and the container's files are told the path, so it must not depend on the working directory.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map_err(|error| Error::new(codes::UR0707, format!("`{}` is not a usable path", path.display())).words(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(uid: u32, home: Option<&str>, runtime: Option<&str>) -> Surroundings {
        Surroundings {
            uid,
            uid_map: Extents::identity(),
            home: home.map(PathBuf::from),
            data_home: None,
            runtime_dir: runtime.map(PathBuf::from),
        }
    }

    #[test]
    fn root_and_users_have_their_places() {
        let none = Options::default();
        let root = Scope::choose(&none, &around(0, Some("/root"), None)).unwrap();
        assert_eq!((root.root.to_str(), root.run_root.to_str()), (Some("/var/lib/unroot"), Some("/run/unroot")));
        assert!(!root.rootless && !root.nested);
        let user = Scope::choose(&none, &around(1000, Some("/home/a"), Some("/run/user/1000"))).unwrap();
        assert_eq!(user.root.to_str(), Some("/home/a/.local/share/unroot"));
        assert_eq!(user.run_root.to_str(), Some("/run/user/1000/unroot"));
        assert!(user.rootless);
        let bare = Scope::choose(&none, &around(1000, Some("/home/a"), None)).unwrap();
        assert_eq!(bare.run_root.to_str(), Some("/tmp/unroot-run-1000"));
        assert!(Scope::choose(&none, &around(1000, None, None)).is_err());
    }

    #[test]
    fn options_win() {
        let options = Options { root: Some("/a".into()), run_root: Some("/b".into()) };
        let scope = Scope::choose(&options, &around(1000, None, None)).unwrap();
        assert_eq!((scope.root.to_str(), scope.run_root.to_str()), (Some("/a"), Some("/b")));
    }
}
