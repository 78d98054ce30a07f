//! A store with sentinels around it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use store::{Limits, Ownership, Store, Unpack, image::Images};

/// A directory with a store, and around it files and directories that nothing may touch.
pub struct Yard {
    home: tempfile::TempDir,
    pub store: Store,
    before: BTreeMap<PathBuf, String>,
}

impl Default for Yard {
    fn default() -> Self {
        Self::new()
    }
}

impl Yard {
    pub fn new() -> Yard {
        let memory = Path::new("/dev/shm");
        let home = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let at = home.path();
        // Where `..` from a layer's directory leads, and a link from anywhere.
        for dir in ["outside", "outside/dir", "root"] {
            fs::create_dir(at.join(dir)).unwrap();
        }
        for file in ["evil", "outside/file", "outside/dir/file", "root/evil"] {
            fs::write(at.join(file), "canary").unwrap();
        }
        std::os::unix::fs::symlink("file", at.join("outside/link")).unwrap();
        private(&at.join("root"));
        let store = Store::open(&at.join("root"), &at.join("run")).unwrap();
        // So that its lock is there.
        assert_eq!(Images::of(&store).list().unwrap(), []);
        let mut yard = Yard { home, store, before: BTreeMap::new() };
        yard.before = yard.look();
        yard
    }

    /// Where the sentinels are.
    pub fn outside(&self) -> String {
        self.home.path().join("outside").display().to_string()
    }

    /// How archives are unpacked here: as far as this user may.
    pub fn how() -> Unpack<'static> {
        let limits = Limits { bytes: 24 << 20, entries: 20_000, ..Limits::default() };
        Unpack { diff_id: None, ownership: ownership(), limits }
    }

    /// Everything of the yard that may not change: all but the contents of published layers.
    fn look(&self) -> BTreeMap<PathBuf, String> {
        let mut seen = BTreeMap::new();
        self.walk(self.home.path(), &mut seen);
        seen
    }

    fn walk(&self, at: &Path, seen: &mut BTreeMap<PathBuf, String>) {
        let stat = fs::symlink_metadata(at).unwrap();
        // The store's own directories change their times.
        let own = at.starts_with(self.home.path().join("root"));
        let times = if own { (0, 0) } else { (stat.ctime(), stat.ctime_nsec()) };
        let what = format!("{:o} {}:{} {} {times:?}", stat.mode(), stat.uid(), stat.gid(), stat.len());
        let contents = if stat.is_file() { fs::read(at).unwrap() } else { Vec::new() };
        let what = if own && stat.is_dir() { format!("{:o}", stat.mode()) } else { what };
        seen.insert(at.to_owned(), format!("{what} {}", contents.as_slice().escape_ascii()));
        if stat.is_dir() {
            for entry in fs::read_dir(at).unwrap() {
                self.walk(&entry.unwrap().path(), seen);
            }
        }
    }

    /// Nothing is touched, nothing is left.
    #[track_caller]
    pub fn assert_untouched(&self) {
        assert_eq!(
            self.look(),
            self.before,
            "something outside of the layer's directory was touched, or something is left"
        );
    }
}

pub fn ownership() -> Ownership {
    let root = sys::rustix::process::geteuid().is_root();
    if root { Ownership::Canonical } else { Ownership::Single }
}

/// A store is its owner's alone.
fn private(dir: &Path) {
    fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
}
