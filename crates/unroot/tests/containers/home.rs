//! A store of its own for one test, and the `unroot` that works with it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::rootfs;

/// A variable that every process of a test has, in containers too if it is passed on: its value is the home's path.
pub const MARK: &str = "UNROOT_TEST_HOME";

/// How long what must happen soon may take on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// A directory for one test, with a store and a run root.
pub struct Home {
    dir: TempDir,
    program: PathBuf,
}

/// Says why a test does not run.
#[expect(clippy::print_stderr, reason = "a test that is skipped says why")]
pub fn skip<T>(why: &str) -> Option<T> {
    eprintln!("skipped: {why}");
    None
}

/// Waits until something is so.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Where the programs are that are tested.
fn programs() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_BIN_EXE_unroot")).parent().map(Path::to_owned);
    let dir = env::var_os("UNROOT_TEST_BIN_DIR").map(PathBuf::from).or(beside)?;
    if dir.join("unroot-runtime").exists() {
        return Some(dir);
    }
    skip("no unroot-runtime beside unroot (cargo build -p unroot-runtime)")
}

impl Home {
    /// For root, with the image `box` of one busybox.
    pub fn privileged() -> Option<Home> {
        let home = Home::bare(true)?;
        home.import_box()?;
        Some(home)
    }

    /// For an ordinary user, with the image `box`.
    pub fn rootless() -> Option<Home> {
        let home = Home::bare(false)?;
        home.import_box()?;
        Some(home)
    }

    /// Without an image.
    pub fn bare(root: bool) -> Option<Home> {
        if rustix::process::geteuid().is_root() != root {
            return skip(if root { "not root" } else { "root, and not an ordinary user" });
        }
        let program = programs()?.join("unroot");
        Some(Home { dir: tempfile::tempdir().expect("a temporary directory"), program })
    }

    fn import_box(&self) -> Option<()> {
        let Some(busybox) = rootfs::busybox() else {
            return skip("no busybox (apt install busybox-static)");
        };
        let archive = self.path("box.tar");
        fs::write(&archive, rootfs::archive(&busybox)).expect("an archive");
        self.says(&["import", archive.to_str()?, "box"]);
        Some(())
    }

    /// A path in the home's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `unroot` itself.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The options that choose this home, and then `words`.
    pub fn words(&self, words: &[&str]) -> Vec<String> {
        let places = ["--root".into(), self.text("root"), "--runroot".into(), self.text("run")];
        places.into_iter().chain(words.iter().map(|word| (*word).to_owned())).collect()
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// `unroot` in this home.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.words(words)).env(MARK, self.dir.path()).env_remove("PODMAN_USERNS");
        command
    }

    /// Runs `unroot` to its end.
    pub fn unroot(&self, words: &[&str]) -> Output {
        self.command(words).stdin(Stdio::null()).output().expect("unroot runs")
    }

    /// Standard output of a command that must succeed.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> String {
        let output = self.unroot(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Exit status and standard error.
    #[track_caller]
    pub fn fails(&self, words: &[&str]) -> (i32, String) {
        let output = self.unroot(words);
        (output.status.code().expect("an exit status"), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// What `ps -a` says of one container.
    pub fn field(&self, name: &str, field: &str) -> String {
        let template = format!("{{{{.{field}}}}}");
        self.says(&["ps", "-a", "--filter", &format!("name={name}"), "--format", &template]).trim().to_owned()
    }

    /// The init of a container that runs.
    pub fn init_of(&self, name: &str) -> i32 {
        self.field(name, "Pid").parse().expect("a pid")
    }

    /// The names in a directory of the home.
    pub fn entries(&self, path: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(path)) else { return Vec::new() };
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Nothing of any container is left: no record, no state, no lease, no mount.
    #[track_caller]
    pub fn assert_empty(&self) {
        assert_eq!(self.says(&["ps", "-aq"]), "");
        for place in ["root/containers", "root/tmp", "run/containers"] {
            assert_eq!(self.entries(place), [""; 0], "{place}");
        }
        // A link that leads nowhere is a free name: that is what is left of a death between naming and making.
        let leads = |name: &String| self.path("root/names").join(name).exists();
        assert_eq!(self.entries("root/names").into_iter().filter(leads).collect::<Vec<_>>(), [""; 0]);
        let info = self.says(&["info", "--format", "{{.store.leases}}"]);
        assert_eq!(info.trim(), "0");
        self.assert_no_mounts();
    }

    /// No mount of this home can be seen from outside.
    #[track_caller]
    pub fn assert_no_mounts(&self) {
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
        assert!(!mounts.contains(&self.dir.path().display().to_string()), "{mounts}");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let each = |list: &[&str], remove: &[&str]| {
            let all = self.unroot(list).stdout;
            for id in String::from_utf8_lossy(&all).lines() {
                self.unroot(&[remove, &[id]].concat());
            }
        };
        each(&["ps", "-aq"], &["rm", "-f"]);
        if !self.entries("root/volumes").is_empty() {
            self.unroot(&["volume", "prune", "--force"]);
        }
        // What an ordinary user has unpacked belongs to ids that only `unroot` can remove the files of.
        each(&["images", "-q"], &["rmi", "-f"]);
    }
}

/// The first id outside of a map: `0 524288 65536`.
#[track_caller]
pub fn base(map: &str) -> u32 {
    map.split_whitespace().nth(1).and_then(|base| base.parse().ok()).expect("a map")
}
