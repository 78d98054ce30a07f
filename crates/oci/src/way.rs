//! Which component of a path is at fault, looked up after a call on the whole path has failed.

use std::path::{Path, PathBuf};

use diag::{Code, Error, Origin, codes};
use sys::rustix::{
    fs::{self, FileType, Stat},
    io::Errno,
};

/// What stands in the way to a path.
#[derive(Debug)]
pub enum Obstacle {
    /// This component does not exist, but the directory that it should be in does.
    Missing(PathBuf),
    /// This directory may not be searched by the calling process.
    NotSearchable(PathBuf, Box<Stat>),
    /// This component is no directory, and something is wanted below it.
    NotADirectory(PathBuf),
    /// A symbolic link that leads to nothing, and where it leads.
    Dangling(PathBuf, PathBuf),
    /// Nothing was found: the cause lies elsewhere, or has gone away meanwhile.
    Unknown,
}

/// Walks `path` (absolute) from the root and finds the first component that cannot be passed.
pub fn find(path: &Path) -> Obstacle {
    let mut passed = PathBuf::new();
    for component in path.components() {
        let parent = passed.clone();
        passed.push(component);
        match fs::stat(&passed) {
            Ok(_) => {}
            Err(Errno::NOENT) => return missing(passed),
            Err(Errno::NOTDIR) => return Obstacle::NotADirectory(parent),
            Err(Errno::ACCESS) => return not_searchable(&parent, &passed),
            Err(_) => return Obstacle::Unknown,
        }
    }
    Obstacle::Unknown
}

fn missing(path: PathBuf) -> Obstacle {
    use std::os::unix::ffi::OsStringExt;
    match fs::readlink(&path, Vec::new()) {
        Ok(target) => {
            let target = PathBuf::from(std::ffi::OsString::from_vec(target.into_bytes()));
            Obstacle::Dangling(path, target)
        }
        Err(_) => Obstacle::Missing(path),
    }
}

/// `parent` could be reached; so either it may not be searched, or `path` is a link through something that may not be.
fn not_searchable(parent: &Path, path: &Path) -> Obstacle {
    if let (Ok(_), Ok(target)) = (fs::lstat(path), fs::readlink(path, Vec::new())) {
        use std::os::unix::ffi::OsStringExt;
        let target = parent.join(std::ffi::OsString::from_vec(target.into_bytes()));
        // A chain of links ends at the kernel's own limit of 40; stat has already said that this one is not a loop.
        return if target == path { Obstacle::Unknown } else { find(&target) };
    }
    match fs::stat(parent) {
        Ok(stat) => Obstacle::NotSearchable(parent.to_owned(), Box::new(stat)),
        Err(_) => Obstacle::Unknown,
    }
}

impl Obstacle {
    /// Builds the error for a path that could not be opened. `code` is for what is missing; a directory that cannot be
    /// searched always has its own code. `what` says what was wanted, as in "the bundle `/srv/b`".
    pub fn into_error(self, code: Code, what: &str) -> Error {
        let path = |path: PathBuf| Origin::Path { path };
        match self {
            Obstacle::Missing(at) => {
                Error::new(code, format!("{what} cannot be opened: `{}` does not exist", at.display())).at(path(at))
            }
            Obstacle::Dangling(at, target) => {
                let link = format!("`{}` is a symbolic link to `{}`", at.display(), target.display());
                Error::new(code, format!("{what} cannot be opened: {link}, which does not exist")).at(path(at))
            }
            Obstacle::NotADirectory(at) => {
                Error::new(code, format!("{what} cannot be opened: `{}` is not a directory", at.display())).at(path(at))
            }
            Obstacle::NotSearchable(at, stat) => closed(&at, &stat, what).at(path(at)),
            Obstacle::Unknown => Error::new(code, format!("{what} cannot be opened")),
        }
    }
}

fn closed(at: &Path, stat: &Stat, what: &str) -> Error {
    let mode = stat.st_mode & 0o7777;
    let uid = sys::rustix::process::geteuid().as_raw();
    debug_assert_eq!(FileType::from_raw_mode(stat.st_mode), FileType::Directory);
    let at = at.display();
    Error::new(codes::UR0408, format!("{what} cannot be opened: `{at}` cannot be searched by uid {uid}"))
        .fact(format!("`{at}` belongs to {}:{} and has mode {mode:04o}", stat.st_uid, stat.st_gid))
        .help_run("let others pass through the directory, without letting them list it", format!("chmod o+x {at}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_missing_component_is_named_and_not_the_whole_path() {
        let dir = tempfile::tempdir().unwrap();
        let Obstacle::Missing(at) = find(&dir.path().join("a/b/c")) else { panic!() };
        assert_eq!(at, dir.path().join("a"));
    }

    #[test]
    fn a_link_to_nothing_is_told_from_nothing() {
        let dir = tempfile::tempdir().unwrap();
        symlink("gone", dir.path().join("link")).unwrap();
        let Obstacle::Dangling(_, target) = find(&dir.path().join("link/x")) else { panic!() };
        assert_eq!(target, Path::new("gone"));
    }

    #[test]
    fn a_file_is_no_directory() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let Obstacle::NotADirectory(at) = find(&dir.path().join("file/x")) else { panic!() };
        assert_eq!(at, dir.path().join("file"));
    }

    #[test]
    fn a_closed_directory_is_named_with_owner_and_mode() {
        if sys::rustix::process::geteuid().is_root() {
            #[expect(clippy::print_stderr, reason = "a skipped test says why")]
            let () = eprintln!("skipped: root may search every directory");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let shut = dir.path().join("shut");
        std::fs::create_dir(&shut).unwrap();
        std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o000)).unwrap();
        let error = find(&shut.join("bundle")).into_error(codes::UR0401, "the bundle");
        assert_eq!(error.code(), codes::UR0408);
        assert!(error.report().facts[0].contains("mode 0000"), "{error:?}");
    }
}
