//! From `linux.cgroupsPath` to the directories that are to be made.

use std::path::{Component, Path, PathBuf};

use diag::{Error, Pointer, Result, codes};
use oci::Source;

use super::{CgroupHost, host::Hierarchy};

/// The directory of all containers that name no group of their own.
pub(super) const HOME: &str = "unroot";

/// A directory to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Where the hierarchy is mounted.
    pub(super) mount: PathBuf,
    /// What is there already, below the mount.
    pub(super) base: PathBuf,
    /// What is to be made, below that; not empty.
    pub(super) path: PathBuf,
    /// Whether the directories on the way are unroot's own, to be removed by whoever leaves last.
    pub(super) home: bool,
}

/// The places of one hierarchy: the first that the kernel allows is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) controllers: String,
    pub(super) places: Vec<Place>,
}

/// What is to be made for one container; nothing is made yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupPlan {
    pub(super) choices: Vec<Choice>,
}

/// Decides where a container's group goes, in every hierarchy of the host.
///
/// `path` is `linux.cgroupsPath`: absolute, below each hierarchy's mount; relative, below this process's own group;
/// absent or empty, `unroot/<id>` below the mount or, where that is not allowed, below this process's own group.
///
/// Errors: UR0607 for a path that is none, or one in systemd's form; UR0604 for an id that cannot be a directory's name.
pub fn decide(path: Option<&Path>, id: &str, host: &CgroupHost, source: &Source) -> Result<CgroupPlan> {
    let path = path.filter(|path| !path.as_os_str().is_empty());
    let at = |error: Error| error.at(source.at(Pointer::new("/linux/cgroupsPath")));
    let asked = match path {
        Some(path) => Asked::Path(path.is_absolute(), normal(path).map_err(at)?),
        None => Asked::Home(home(id)?),
    };
    let choice =
        |hierarchy: &Hierarchy| Choice { controllers: hierarchy.controllers.clone(), places: asked.places(hierarchy) };
    Ok(CgroupPlan { choices: host.hierarchies.iter().map(choice).collect() })
}

enum Asked {
    Path(bool, PathBuf),
    Home(PathBuf),
}

impl Asked {
    fn places(&self, hierarchy: &Hierarchy) -> Vec<Place> {
        let place = |base: &Path, path: &Path, home| Place {
            mount: hierarchy.mount.clone(),
            base: base.to_owned(),
            path: path.to_owned(),
            home,
        };
        let (top, own) = (Path::new(""), hierarchy.own.as_path());
        match self {
            // What lies below our own directory goes with it, whoever names it.
            Asked::Path(true, path) => vec![place(top, path, path.starts_with(HOME))],
            Asked::Path(false, path) => vec![place(own, path, false)],
            Asked::Home(path) if own == top => vec![place(top, path, true)],
            Asked::Home(path) => vec![place(top, path, true), place(own, path, true)],
        }
    }
}

fn home(id: &str) -> Result<PathBuf> {
    let mut parts = Path::new(id).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(name)), None) if name == id => Ok(Path::new(HOME).join(id)),
        _ => Err(Error::new(codes::UR0604, format!("`{id}` cannot be the name of a directory"))),
    }
}

/// The path without its leading slash; only ordinary names are left.
fn normal(path: &Path) -> Result<PathBuf> {
    let shown = path.display();
    if is_systemd(path) {
        let what = format!("the control group `{shown}` is in systemd's form, and systemd is not asked for groups yet");
        return Err(Error::new(codes::UR0607, what)
            .help("`--systemd-cgroup` is not supported yet: let the engine use the cgroupfs driver")
            .help("or write a path, such as `/my/group`"));
    }
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => normal.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                let what = format!("the control group `{shown}` leads upwards, out of the place that it is meant for");
                return Err(Error::new(codes::UR0607, what));
            }
        }
    }
    if normal.as_os_str().is_empty() {
        let what = format!("the control group `{shown}` is the one that everything is in");
        return Err(Error::new(codes::UR0607, what).help("name a group below it, such as `/my/group`"));
    }
    Ok(normal)
}

/// `slice:prefix:name`, as runc's systemd driver has it.
fn is_systemd(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    !path.is_absolute() && !bytes.contains(&b'/') && bytes.split(|&byte| byte == b':').count() == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(own: &str) -> CgroupHost {
        let hierarchy = |controllers: &str| Hierarchy {
            controllers: controllers.to_owned(),
            mount: Path::new("/m").join(controllers),
            own: PathBuf::from(own),
        };
        CgroupHost { hierarchies: vec![hierarchy("pids"), hierarchy("")] }
    }

    fn source() -> Source {
        Source::new("config.json", "{}")
    }

    fn places(path: Option<&str>, own: &str) -> Vec<String> {
        let plan = decide(path.map(Path::new), "c1", &host(own), &source()).unwrap();
        let v2 = plan.choices.into_iter().find(|choice| choice.controllers.is_empty()).unwrap();
        v2.places.iter().map(|p| format!("{}+{}", p.base.display(), p.path.display())).collect()
    }

    #[test]
    fn three_kinds_of_path() {
        assert_eq!(places(Some("/a/./b/"), "own"), ["+a/b"]);
        assert_eq!(places(Some("a/b"), "own/x"), ["own/x+a/b"]);
        assert_eq!(places(None, "own"), ["+unroot/c1", "own+unroot/c1"]);
        assert_eq!(places(Some(""), ""), ["+unroot/c1"]);
        // Colons in a path are just that.
        assert_eq!(places(Some("/kube/a:b:c"), ""), ["+kube/a:b:c"]);
    }

    #[test]
    fn every_hierarchy_gets_one() {
        let plan = decide(None, "c1", &host(""), &source()).unwrap();
        assert_eq!(plan.choices.len(), 2);
        assert_eq!(plan.choices[0].places[0].mount, Path::new("/m/pids"));
    }

    #[test]
    fn our_own_directory_goes_with_whoever_leaves_last() {
        let home = |path| decide(path, "c1", &host(""), &source()).unwrap().choices[0].places[0].home;
        assert!(home(None) && home(Some(Path::new("/unroot/c2"))));
        assert!(!home(Some(Path::new("/kube/c2"))) && !home(Some(Path::new("/unrooted/c2"))));
    }

    #[test]
    fn what_is_refused() {
        let refused = |path: &str| decide(Some(Path::new(path)), "c1", &host(""), &source()).unwrap_err();
        for path in ["/", "/..", "a/../b", "..", "."] {
            assert_eq!(refused(path).code(), codes::UR0607, "{path}");
        }
        for path in ["system.slice:docker:abc", ":cri:abc"] {
            let error = refused(path);
            assert!(error.report().help[0].text.contains("--systemd-cgroup"), "{path}");
            assert!(error.report().at.is_some());
        }
        for id in ["", "..", "a/b", "/a", "./a"] {
            assert_eq!(decide(None, id, &host(""), &source()).unwrap_err().code(), codes::UR0604, "{id}");
        }
    }
}
