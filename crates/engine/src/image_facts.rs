//! What an image's layers say about ids, users and the root directory, read without mounting anything.

use std::path::{Component, Path, PathBuf};

use diag::{Error, Result, codes};
use oci::Digest;
use rustix::{
    fs::{FileType, Mode, OFlags, Stat},
    io::Errno,
};
use store::{Layer, Owners, RootDir, Store};
use sys::{Dir, dir::read_all};

use crate::map::coverage::Image;

/// The longest /etc/passwd or /etc/group that is read.
const ACCOUNTS_LIMIT: usize = 4 << 20;

/// How many symbolic links are followed on the way to a file.
const LINKS: usize = 8;

/// An image's layers, opened, the uppermost first.
pub struct Layers {
    layers: Vec<Layer>,
    files: Vec<Dir>,
}

impl Layers {
    /// Opens them; `diff_ids` has the lowest first.
    pub fn open(store: &Store, diff_ids: &[Digest]) -> Result<Layers> {
        let find = |digest: &Digest| {
            store.layer(digest)?.ok_or_else(|| {
                Error::new(codes::UR0707, format!("layer {digest} is missing from the store"))
                    .help("load or import the image again")
            })
        };
        let layers: Vec<Layer> = diff_ids.iter().rev().map(find).collect::<Result<_>>()?;
        let files = layers.iter().map(Layer::files).collect::<Result<_>>()?;
        Ok(Layers { layers, files })
    }

    /// The directories of their files, the uppermost first.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.layers.iter().map(Layer::path).collect()
    }

    /// The root directory that a container sees: the uppermost layer's.
    pub fn root(&self) -> Result<RootDir> {
        let Some(files) = self.files.first() else { return Ok(RootDir { mode: 0o755, uid: 0, gid: 0 }) };
        let stat = files
            .stat("")
            .map_err(|failed| failed.into_error(codes::UR0707, "the image's root directory cannot be seen"))?;
        Ok(RootDir { mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid })
    }

    /// All that is known about the image's ids; who the process is remains to be said.
    pub fn facts(&self, name: &str) -> Result<Image> {
        let root = self.root()?;
        let mut image = Image {
            name: name.to_owned(),
            passwd: self.read("etc/passwd")?,
            group: self.read("etc/group")?,
            root: (root.uid, root.gid),
            layered: true,
            ..Image::default()
        };
        for layer in &self.layers {
            let meta = layer.meta()?;
            if meta.ownership == Owners::Flattened {
                *image.uid_files.entry(0).or_default() += meta.files;
                *image.gid_files.entry(0).or_default() += meta.files;
                continue;
            }
            meta.uids.iter().for_each(|(id, count)| *image.uid_files.entry(*id).or_default() += count);
            meta.gids.iter().for_each(|(id, count)| *image.gid_files.entry(*id).or_default() += count);
        }
        Ok(image)
    }

    /// A file as the container would see it; empty if there is none. Only a regular file is opened: a fifo would hang.
    fn read(&self, path: &str) -> Result<Vec<u8>> {
        let mut path = PathBuf::from(path);
        for _ in 0..LINKS {
            match self.find(&path)? {
                Found::Nothing => return Ok(Vec::new()),
                Found::Contents(bytes) => return Ok(bytes),
                Found::Link(target) => path = follow(&path, &target),
            }
        }
        Ok(Vec::new())
    }

    fn find(&self, path: &Path) -> Result<Found> {
        for files in &self.files {
            match look(files, path)? {
                None => {}
                Some(found) => return Ok(found),
            }
            if hides_below(files, path) {
                break;
            }
        }
        Ok(Found::Nothing)
    }
}

enum Found {
    Nothing,
    Contents(Vec<u8>),
    Link(PathBuf),
}

/// One layer's answer; `None` if the layers below are to be asked.
fn look(files: &Dir, path: &Path) -> Result<Option<Found>> {
    let unreadable = |failed: sys::Failed| {
        failed.into_error(codes::UR0707, format!("the image's `/{}` cannot be read", path.display()))
    };
    let stat = match files.open_at(path, OFlags::PATH | OFlags::NOFOLLOW, Mode::empty()) {
        Ok(fd) => rustix::fs::fstat(&fd).map_err(|errno| unreadable(sys::Failed::new("fstat", path, errno)))?,
        Err(failed) if matches!(failed.errno, Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        // A directory on the way is a link. None of the distributions has that for /etc.
        Err(failed) if failed.errno == Errno::LOOP => return Ok(Some(link_on_the_way(files, path))),
        Err(failed) => return Err(unreadable(failed)),
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let fd = files.open_at(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).map_err(unreadable)?;
            // Longer than any list of accounts: it is none.
            Ok(Some(Found::Contents(read_all(fd, ACCOUNTS_LIMIT).unwrap_or_default())))
        }
        FileType::Symlink => files.read_link(path).map(|target| Some(Found::Link(target))).map_err(unreadable),
        _ => Ok(Some(Found::Nothing)),
    }
}

/// The file's directory is a link in this layer: where the file is then.
fn link_on_the_way(files: &Dir, path: &Path) -> Found {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Found::Nothing };
    match files.read_link(parent) {
        Ok(target) => Found::Link(follow(parent, &target).join(name)),
        Err(_) => Found::Nothing,
    }
}

/// Whether a layer hides what the layers below have at this path: a whiteout or an opaque directory on the way.
fn hides_below(files: &Dir, path: &Path) -> bool {
    path.ancestors().filter(|above| !above.as_os_str().is_empty()).any(|above| match files.stat(above) {
        Ok(stat) => is_whiteout(&stat) || (above != path && is_opaque(files, above)),
        Err(_) => false,
    })
}

fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

fn is_opaque(files: &Dir, path: &Path) -> bool {
    let Ok(dir) = files.dir(path) else { return false };
    let mut value = [0; 8];
    ["user.overlay.opaque", "trusted.overlay.opaque"]
        .iter()
        .any(|name| rustix::fs::fgetxattr(&dir, *name, &mut value).is_ok_and(|length| value[..length] == *b"y"))
}

/// A link's target, from the root of the image; `..` never leads out of it.
fn follow(link: &Path, target: &Path) -> PathBuf {
    let base = if target.is_absolute() { PathBuf::new() } else { link.parent().unwrap_or(Path::new("")).to_owned() };
    base.join(target.strip_prefix("/").unwrap_or(target)).components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => {
                path.pop();
            }
            _ => {}
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside() {
        let cases = [
            ("etc/passwd", "passwd.real", "etc/passwd.real"),
            ("etc/passwd", "/usr/lib/passwd", "usr/lib/passwd"),
            ("etc/passwd", "../../../../etc/shadow", "etc/shadow"),
            ("etc", "./system/../etc2", "etc2"),
        ];
        for (link, target, expected) in cases {
            assert_eq!(follow(Path::new(link), Path::new(target)), Path::new(expected), "{link} -> {target}");
        }
    }
}
