//! A path as an overlay of layers shows it, found without mounting one.
//!
//! On each step of the way the directories of that name are a stack, the uppermost first, as overlayfs merges them: it ends at a
//! whiteout, at what is not a directory, and below an opaque directory. Symbolic links are followed as in the container: from its
//! root, and never out of it.
//!
//! Must: hold no more descriptors than there are layers, however long the way is. Must not: open anything but directories.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{FileType, Stat},
    io::Errno,
};
use sys::{Dir, Failed};

/// How many symbolic links are followed on the way.
const LINKS: usize = 16;

/// What is at the end of the way.
pub struct Found {
    /// Owners, type and mode.
    pub stat: Stat,
    /// The directory of the layer that has it, and its name there; `None` for directories, which may be in several layers.
    pub file: Option<(Dir, OsString)>,
    /// A directory, in all layers that have it, the uppermost first.
    pub dirs: Vec<Dir>,
}

/// Looks for a path, whose last component may be a link, too. `None` if it is not there, or leads round in circles.
///
/// Errors: what a layer's directory cannot be asked.
pub fn find(layers: &[Dir], path: &Path) -> Result<Option<Found>, Failed> {
    let Some(top) = layers.first() else { return Ok(None) };
    let mut found = Found { stat: top.stat("")?, file: None, dirs: Vec::new() };
    let mut rest = names(path);
    let mut links = 0;
    // What lies behind, and where it led; nothing at the root.
    let (mut behind, mut here): (Vec<OsString>, Option<Vec<Dir>>) = (Vec::new(), None);
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            // Once more from the root, to one directory before this one.
            behind.pop();
            behind.drain(..).rev().for_each(|name| rest.push_front(name));
            (here, found.stat) = (None, top.stat("")?);
            continue;
        }
        match step(here.as_deref().unwrap_or(layers), &name)? {
            Step::Nothing => return Ok(None),
            Step::Dirs(dirs, stat) => {
                found.stat = stat;
                here = Some(dirs);
                behind.push(name);
            }
            Step::Link(target) => {
                links += 1;
                if links > LINKS {
                    return Ok(None);
                }
                if target.is_absolute() {
                    behind.clear();
                    (here, found.stat) = (None, top.stat("")?);
                }
                names(&target).into_iter().rev().for_each(|name| rest.push_front(name));
            }
            Step::File(dir, stat) => {
                return Ok(rest.is_empty().then_some(Found { stat, file: Some((dir, name)), dirs: Vec::new() }));
            }
        }
    }
    found.dirs = match here {
        Some(dirs) => dirs,
        None => layers.iter().map(Dir::try_clone).collect::<Result<_, _>>()?,
    };
    Ok(Some(found))
}

/// One name in a stack of directories.
enum Step {
    Nothing,
    /// A stack of directories, and the uppermost one's attributes.
    Dirs(Vec<Dir>, Stat),
    Link(PathBuf),
    /// Something else, and the directory that has it.
    File(Dir, Stat),
}

fn step(stack: &[Dir], name: &OsStr) -> Result<Step, Failed> {
    let mut dirs = Vec::new();
    let mut uppermost = None;
    for dir in stack {
        let stat = match dir.stat(name) {
            Err(failed) if matches!(failed.errno, Errno::NOENT | Errno::NAMETOOLONG) => continue,
            stat => stat?,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let own = dir.dir(name)?;
                let opaque = is_opaque(&own);
                dirs.push(own);
                uppermost.get_or_insert(stat);
                if opaque {
                    break;
                }
            }
            FileType::CharacterDevice if stat.st_rdev == 0 => break,
            _ if uppermost.is_some() => break,
            FileType::Symlink => return Ok(Step::Link(dir.read_link(name)?)),
            _ => return Ok(Step::File(dir.try_clone()?, stat)),
        }
    }
    Ok(uppermost.map_or(Step::Nothing, |stat| Step::Dirs(dirs, stat)))
}

fn is_opaque(dir: &Dir) -> bool {
    let mut value = [0; 8];
    ["user.overlay.opaque", "trusted.overlay.opaque"]
        .iter()
        .any(|name| rustix::fs::fgetxattr(dir, *name, &mut value).is_ok_and(|length| value[..length] == *b"y"))
}

/// The names on the way, from the root or from wherever it begins.
fn names(path: &Path) -> VecDeque<OsString> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    };
    path.components().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use tempfile::TempDir;

    use super::*;

    /// Layers, the uppermost first: each a list of files (`a/b`), directories (`a/`), links (`a -> b`), opaque directories (`a/!`).
    fn layers(all: &[&[&str]]) -> (TempDir, Vec<Dir>) {
        let home = tempfile::tempdir().unwrap();
        for (index, entries) in all.iter().enumerate() {
            let root = home.path().join(index.to_string());
            fs::create_dir(&root).unwrap();
            for entry in *entries {
                let (name, target) = entry.split_once(" -> ").map_or((*entry, None), |(name, to)| (name, Some(to)));
                let path = root.join(name.trim_end_matches('!'));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                match target {
                    Some(target) => symlink(target, path).unwrap(),
                    None if name.ends_with('!') => {
                        fs::create_dir_all(&path).unwrap();
                        let dir = Dir::open(path).unwrap();
                        rustix::fs::fsetxattr(&dir, "user.overlay.opaque", b"y", rustix::fs::XattrFlags::empty())
                            .unwrap();
                    }
                    None if name.ends_with('/') => fs::create_dir_all(path).unwrap(),
                    None => fs::write(path, format!("{index}")).unwrap(),
                }
            }
        }
        let dirs = (0..all.len()).map(|index| Dir::open(home.path().join(index.to_string())).unwrap()).collect();
        (home, dirs)
    }

    /// Which layer has it: `-` if none, `/` for directories.
    fn seen(layers: &[Dir], path: &str) -> String {
        match find(layers, Path::new(path)).unwrap() {
            None => "-".to_owned(),
            Some(Found { file: None, .. }) => "/".to_owned(),
            Some(Found { file: Some((dir, name)), .. }) => dir.read_text(name, 10).unwrap(),
        }
    }

    #[test]
    fn the_uppermost_counts() {
        let (_home, layers) =
            layers(&[&["etc/group"], &["etc/passwd", "file"], &["etc/passwd", "etc/group", "file/x"]]);
        for (path, expected) in [
            ("/etc/group", "0"),
            ("etc/passwd", "1"),
            ("/etc", "/"),
            ("/", "/"),
            ("", "/"),
            ("/etc/shadow", "-"),
            ("/file", "1"),
            ("/file/x", "-"),
            ("/etc/../../etc/./group", "0"),
        ] {
            assert_eq!(seen(&layers, path), expected, "{path}");
        }
        assert_eq!(seen(&[], "/"), "-");
    }

    #[test]
    fn links_lead_through_all_layers() {
        let (_home, layers) = layers(&[
            &["sbin -> usr/sbin", "a -> b", "b -> a", "etc/up -> ../../../../etc/passwd"],
            &["usr/sbin/init -> ../lib/systemd/systemd", "etc -> hidden", "hidden/passwd"],
            &["usr/lib/systemd/systemd", "etc/passwd", "var/run -> /run", "run/x", "long -> /sbin/init"],
        ]);
        for (path, expected) in [
            ("/sbin/init", "2"),
            ("/long", "2"),
            ("/a", "-"),
            ("/a/x", "-"),
            ("/var/run/x", "2"),
            // The directory above hides the link below, which hides what is below it.
            ("/etc/passwd", "-"),
            ("/etc/up", "-"),
            ("/hidden/passwd", "1"),
        ] {
            assert_eq!(seen(&layers, path), expected, "{path}");
        }
        let init = find(&layers, Path::new("/sbin/init")).unwrap().unwrap();
        assert_eq!(init.file.unwrap().1, "systemd");
    }

    #[test]
    fn opaque_directories_hide() {
        let (_home, layers) = layers(&[&["data/new"], &["data/!"], &["data/old", "other"]]);
        assert_eq!((seen(&layers, "/data/new"), seen(&layers, "/data/old")), ("0".into(), "-".into()));
        assert_eq!(seen(&layers, "/data/../other"), "2");
    }

    #[test]
    fn long_ways_hold_few_descriptors() {
        let deep = format!("{}f", "d/".repeat(800));
        let (_home, layers) = layers(&[&["x -> ."]]);
        let mut dir = layers[0].try_clone().unwrap();
        for _ in 0..800 {
            dir = dir.make_dir("d", 0o755).unwrap();
        }
        dir.write("f", b"0", 0o644).unwrap();
        assert_eq!(seen(&layers, &deep), "0");
        assert_eq!(seen(&layers, &format!("x/x/{deep}/..")), "-");
    }
}
