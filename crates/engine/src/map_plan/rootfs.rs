//! The owners of a directory's files, for `--rootfs`: what the store has counted for images while it unpacked them.
//!
//! Must: stay in the file system of the directory, follow no link, hold two descriptors at most. Must not: go on for ever; a
//! directory with more files than [`MOST`] is counted as far as that, and the plan says so.

use std::path::PathBuf;

use diag::{Result, codes};
use idmap::grouped;
use rustix::fs::FileType;
use sys::{Dir, Failed};

use crate::{map::coverage::Image, request::Given};

/// How many files are looked at.
const MOST: u64 = 2_000_000;

/// Counts owners into what is known of a directory. What is to be told about it.
pub(super) fn count(image: &mut Image, path: &Given<String>) -> Result<Option<String>> {
    let unreadable = |failed: Failed| {
        path.blame(failed.into_error(codes::UR0403, format!("the files of `{}` cannot be counted", path.value)))
    };
    let root = Dir::open(&path.value).map_err(unreadable)?;
    let mut counting = Counting { image, files: 0, unseen: 0 };
    counting.tree(&root, MOST).map_err(unreadable)?;
    let (files, unseen) = (grouped(counting.files), grouped(counting.unseen));
    Ok(match (counting.files >= MOST, counting.unseen) {
        (true, _) => Some(format!("only the first {files} files were counted")),
        (false, 0) => None,
        (false, _) => Some(format!("{unseen} directories could not be looked into")),
    })
}

struct Counting<'a> {
    image: &'a mut Image,
    files: u64,
    unseen: u64,
}

impl Counting<'_> {
    fn tree(&mut self, root: &Dir, most: u64) -> std::result::Result<(), Failed> {
        let device = root.stat("")?;
        self.add(device.st_uid, device.st_gid);
        let device = device.st_dev;
        let mut waiting = vec![PathBuf::new()];
        while let Some(path) = waiting.pop() {
            let here = if path.as_os_str().is_empty() { root.try_clone() } else { root.dir(&path) };
            let Ok(here) = here else {
                self.unseen += 1;
                continue;
            };
            let seen = here.each(|name, kind| {
                if self.files >= most {
                    return Ok(());
                }
                // It may be gone by now.
                let Ok(stat) = here.stat(name) else { return Ok(()) };
                self.add(stat.st_uid, stat.st_gid);
                let is_dir =
                    FileType::from_raw_mode(stat.st_mode) == FileType::Directory || kind == FileType::Directory;
                if is_dir && stat.st_dev == device {
                    waiting.push(path.join(name));
                }
                Ok(())
            });
            self.unseen += u64::from(seen.is_err());
            if self.files >= most {
                break;
            }
        }
        Ok(())
    }

    fn add(&mut self, uid: u32, gid: u32) {
        self.files += 1;
        *self.image.uid_files.entry(uid).or_default() += 1;
        *self.image.gid_files.entry(gid).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn files_links_and_directories() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("a/b")).unwrap();
        fs::write(home.path().join("a/b/file"), "").unwrap();
        symlink("/", home.path().join("a/link")).unwrap();
        let mut image = Image::default();
        let path = Given::unwritten(home.path().display().to_string());
        assert_eq!(count(&mut image, &path).unwrap(), None);
        assert_eq!(image.uid_files.values().sum::<u64>(), 5);
        assert_eq!(image.uid_files.keys().copied().collect::<Vec<_>>(), [rustix::process::geteuid().as_raw()]);
        let mut counting = Counting { image: &mut Image::default(), files: 0, unseen: 0 };
        counting.tree(&Dir::open(home.path()).unwrap(), 3).unwrap();
        assert_eq!(counting.files, 3);
    }
}
