//! What a hostile archive must not reach.

use std::{os::unix::fs::MetadataExt, path::Path};

/// A file and a directory outside the store, which nothing may touch.
pub(super) struct Canary {
    home: tempfile::TempDir,
    before: String,
}

impl Canary {
    pub(super) fn new() -> Canary {
        let home = tempfile::tempdir().unwrap();
        let at = home.path();
        Canary::fill(at).unwrap();
        let before = Canary::look(at);
        Canary { home, before }
    }

    #[expect(clippy::disallowed_methods, reason = "the canary stands outside of the store")]
    fn fill(at: &Path) -> std::io::Result<()> {
        std::fs::create_dir(at.join("dir"))?;
        std::fs::write(at.join("dir/file"), "canary")
    }

    pub(super) fn path(&self) -> String {
        self.home.path().to_str().unwrap().to_owned()
    }

    /// Everything about the canary that could change.
    #[expect(clippy::disallowed_methods, reason = "the canary stands outside of the store")]
    fn look(at: &Path) -> String {
        let mut seen = String::new();
        for name in ["", "dir", "dir/file"] {
            let stat = std::fs::symlink_metadata(at.join(name)).unwrap();
            let times = (stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec());
            let owners = (stat.uid(), stat.gid(), stat.nlink());
            seen.extend([format!("{name} {:o} {owners:?} {times:?}\n", stat.mode())]);
        }
        let listed =
            |at: &Path| std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
        format!(
            "{seen}{:?}{:?}{}",
            listed(at),
            listed(&at.join("dir")),
            std::fs::read_to_string(at.join("dir/file")).unwrap()
        )
    }

    pub(super) fn assert_untouched(&self) {
        assert_eq!(Canary::look(self.home.path()), self.before);
    }
}
