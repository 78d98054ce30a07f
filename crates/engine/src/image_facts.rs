//! What an image's layers say about ids, users and the root directory, read without mounting anything.

pub(crate) mod merged;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use oci::Digest;
use rustix::{
    fs::{FileType, Stat},
    io::Errno,
};
use store::{Layer, Owners, RootDir, Store, Upper};
use sys::Dir;

use crate::map::coverage::Image;
use merged::find;

/// The longest /etc/passwd or /etc/group that is read.
const ACCOUNTS_LIMIT: usize = 4 << 20;

/// Commands that mean systemd, as Podman has them.
const INITS: [&str; 3] = ["/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"];

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

    /// What a container's own files begin with.
    pub fn upper(&self) -> Result<Upper> {
        Upper::of(&self.layers)
    }

    /// The root directory that a container sees.
    pub fn root(&self) -> Result<RootDir> {
        self.upper().map(|upper| upper.root())
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
            for (counts, more) in [
                (&mut image.uid_files, &meta.uids),
                (&mut image.gid_files, &meta.gids),
                (&mut image.acl_uids, &meta.acl_uids),
                (&mut image.acl_gids, &meta.acl_gids),
                (&mut image.capability_roots, &meta.capability_roots),
            ] {
                for (id, count) in more {
                    *counts.entry(*id).or_default() += count;
                }
            }
        }
        Ok(image)
    }

    /// A file as the container would see it; empty if there is none. Only a regular file is opened: a fifo would hang.
    fn read(&self, path: &str) -> Result<Vec<u8>> {
        let unreadable =
            |failed: sys::Failed| failed.into_error(codes::UR0707, format!("the image's `/{path}` cannot be read"));
        let found = find(&self.files, Path::new(path)).map_err(unreadable)?;
        let file = found.filter(|found| is_regular(&found.stat)).and_then(|found| found.file);
        let Some((dir, name)) = file else { return Ok(Vec::new()) };
        match dir.read(name, ACCOUNTS_LIMIT) {
            // Longer than any list of accounts: it is none.
            Err(failed) if failed.errno == Errno::FBIG => Ok(Vec::new()),
            bytes => bytes.map_err(unreadable),
        }
    }

    /// Their files, the uppermost layer first.
    pub fn files(&self) -> &[Dir] {
        &self.files
    }

    /// Their files, the uppermost layer first.
    pub fn into_files(self) -> Vec<Dir> {
        self.files
    }
}

/// Who owns the directories that an image declares as volumes; those that are not there are left out.
pub fn volumes<'a>(files: &[Dir], paths: impl IntoIterator<Item = &'a String>) -> BTreeMap<String, (u32, u32)> {
    let owner = |path: &'a String| {
        let stat = find(files, Path::new(path)).ok().flatten()?.stat;
        Some((path.clone(), (stat.st_uid, stat.st_gid)))
    };
    paths.into_iter().filter_map(owner).collect()
}

/// Whether a command is systemd, as Podman decides it for `--systemd=true`: by its name, or by being one of the usual paths of an init.
/// What Podman cannot see is seen here: an init that is a link to something else than systemd (busybox, for one) is something else.
pub fn runs_systemd(files: &[Dir], args: &[String]) -> bool {
    let Some(command) = args.first().map(Path::new) else { return false };
    if command.file_name().is_some_and(|name| name == "systemd") {
        return true;
    }
    INITS.iter().any(|init| command == Path::new(init))
        && find(files, command)
            .ok()
            .flatten()
            .and_then(|found| found.file)
            .is_some_and(|(_, name)| name == "systemd" || name == "init")
}

fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn what_is_systemd() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("usr/sbin")).unwrap();
        fs::create_dir_all(home.path().join("usr/local/sbin")).unwrap();
        fs::create_dir_all(home.path().join("lib/systemd")).unwrap();
        for file in ["lib/systemd/systemd", "usr/local/sbin/init", "busybox"] {
            fs::write(home.path().join(file), "").unwrap();
        }
        symlink("usr/sbin", home.path().join("sbin")).unwrap();
        symlink("/lib/systemd/systemd", home.path().join("usr/sbin/init")).unwrap();
        let files = [Dir::open(home.path()).unwrap()];
        let runs =
            |words: &[&str]| runs_systemd(&files, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        for command in ["/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init", "/lib/systemd/systemd", "systemd"] {
            assert!(runs(&[command, "--log-level=info"]), "{command}");
        }
        for words in [&["init"][..], &["/bin/init"], &["sh", "/sbin/init"], &["/usr/bin/systemd-nspawn"], &[]] {
            assert!(!runs(words), "{words:?}");
        }
        fs::remove_file(home.path().join("usr/sbin/init")).unwrap();
        symlink("../../busybox", home.path().join("usr/sbin/init")).unwrap();
        assert!(!runs(&["/sbin/init"]) && runs(&["/usr/local/sbin/init"]));
    }
}
