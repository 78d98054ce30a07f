//! `pull` and `push` against Debian's docker-registry on loopback, beside skopeo, which sees what is there.
//!
//! Whatever is not installed makes its test say `skipped:`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "all of it is a test, and one that is skipped says why")]

mod crowd;
mod full_disk;
mod interrupted;
mod made;
mod proxy;
mod whole;

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A registry for everybody, and a directory for all that a test makes. Both end with it.
struct Registry {
    process: Child,
    host: String,
    dir: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Files of other ids go in the namespace that they were made in.
        for store in ["one", "two"] {
            let _ = self.unroot(store, &["rmi", "--force", "localhost/made"]);
        }
    }
}

/// Whether the test can be done here, as root or as somebody else.
fn can(root: bool) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if is_root != root {
        println!("skipped: this test is for {}", if root { "root" } else { "ordinary users" });
        return false;
    }
    let missing =
        ["docker-registry", "skopeo"].into_iter().find(|program| !Path::new("/usr/bin").join(program).exists());
    if let Some(program) = missing {
        println!("skipped: {program} is not installed");
    }
    missing.is_none()
}

/// Whether containers can be started.
fn has_runtime() -> bool {
    Path::new(env!("CARGO_BIN_EXE_unroot")).with_file_name("unroot-runtime").exists()
}

impl Registry {
    fn start() -> Registry {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '127.0.0.1:{port}'}}\n",
            dir.path().join("data").display(),
        );
        fs::write(dir.path().join("config.yml"), config).unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(dir.path().join("config.yml")).stdout(Stdio::null()).stderr(Stdio::null());
        let registry = Registry { process: command.spawn().unwrap(), host: format!("127.0.0.1:{port}"), dir };
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&registry.host).is_err() {
            assert!(Instant::now() < end, "docker-registry does not start");
            thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    /// The name of something there.
    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }

    /// Runs `unroot` with a store of this name: whether it went well, its standard output and its standard error.
    fn unroot(&self, store: &str, words: &[&str]) -> (bool, String, String) {
        let output = self.command(store, words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }

    /// `unroot` with a store of this name.
    fn command(&self, store: &str, words: &[&str]) -> Command {
        let dir = self.dir.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_unroot"));
        command.arg("--root").arg(dir.join(store)).arg("--runroot").arg(dir.join(format!("{store}-run"))).args(words);
        command.env("HOME", dir.join("home")).env_remove("XDG_CONFIG_HOME").stdin(Stdio::null());
        command
    }

    fn fine(&self, store: &str, words: &[&str]) -> String {
        let (fine, out, err) = self.unroot(store, words);
        assert!(fine, "{words:?}: {err}");
        out
    }

    fn skopeo(&self, words: &[&str]) -> String {
        let mut command = Command::new("skopeo");
        let output = command.args(words).env("HOME", self.dir.path().join("home")).output().unwrap();
        assert!(output.status.success(), "skopeo {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The digests of what is there, as skopeo sees them.
    fn seen(&self, name: &str) -> String {
        let place = format!("docker://{}", self.at(name));
        self.skopeo(&["inspect", "--tls-verify=false", "--format", "{{.Digest}} {{.Layers}}", &place])
    }

    /// Puts an image there, in all the ways that images are written.
    fn fill(&self) {
        let tar = self.dir.path().join("root.tar");
        let mut archive = tar::Builder::new(fs::File::create(&tar).unwrap());
        for (name, uid) in [("etc/owned-by-root", 0), ("etc/owned-by-seven", 7)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(5);
            header.set_mode(0o644);
            header.set_uid(uid);
            header.set_gid(uid);
            archive.append_data(&mut header, name, &b"hello"[..]).unwrap();
        }
        archive.finish().unwrap();
        drop(archive);
        fs::set_permissions(&tar, fs::Permissions::from_mode(0o644)).unwrap();
        self.fine("one", &["import", tar.to_str().unwrap(), "localhost/made"]);
        self.fine("one", &["push", "--tls-verify=false", "-q", "localhost/made", &self.at("a/plain:1")]);
        let from = format!("docker://{}", self.at("a/plain:1"));
        let kept = format!("dir:{}", self.dir.path().join("copy").display());
        for (tag, format, compression) in [("gzip", "oci", "gzip"), ("zstd", "oci", "zstd"), ("two", "v2s2", "gzip")] {
            let to = format!("docker://{}", self.at(&format!("a/{tag}:1")));
            let _ = fs::remove_dir_all(self.dir.path().join("copy"));
            let compress = ["--dest-compress", "--dest-compress-format", compression];
            self.skopeo(
                &[&["copy", "-q", "--src-tls-verify=false", "--format", format], &compress[..], &[&from, &kept]]
                    .concat(),
            );
            self.skopeo(&["copy", "-q", "--dest-tls-verify=false", &kept, &to]);
        }
    }
}

/// Everything that can be written can be pulled, and what is pushed is what was pulled.
fn images_keep_their_digests() {
    let registry = Registry::start();
    registry.fill();
    for kind in ["plain", "gzip", "zstd", "two"] {
        let (from, to) = (registry.at(&format!("a/{kind}:1")), registry.at(&format!("b/{kind}:new")));
        let store = format!("store-{kind}");
        let id = registry.fine(&store, &["pull", "--tls-verify=false", &from]);
        assert_eq!(id.trim().len(), 64, "{id}");
        registry.fine(&store, &["push", "--tls-verify=false", "-q", &from, &to]);
        assert_eq!(registry.seen(&format!("a/{kind}:1")), registry.seen(&format!("b/{kind}:new")), "{kind}");
        // By the digest of the one, from the other.
        let seen = registry.seen(&format!("b/{kind}:new"));
        let by_digest = registry.at(&format!("b/{kind}@{}", seen.split(' ').next().unwrap()));
        assert_eq!(registry.fine(&store, &["pull", "-q", "--tls-verify=false", &by_digest]), id);
        assert_eq!(registry.fine(&store, &["pull", "-q", "--policy", "never", &by_digest]), id);
        registry.fine(&store, &["rmi", "--force", id.trim()]);
    }
    let (fine, out, err) = registry.unroot("two", &["pull", "--tls-verify=false", &registry.at("a/gzip:no")]);
    assert!(!fine && out.is_empty() && err.contains("UR0923"), "{err}");
    let (fine, _, err) = registry.unroot("two", &["pull", "--retry=0", &registry.at("a/gzip:1")]);
    assert!(!fine && err.contains("UR0921") && err.contains("--tls-verify=false"), "{err}");
}

/// Two at once want the same layers.
fn two_at_once_fetch_once() {
    let registry = Registry::start();
    registry.fill();
    let name = registry.at("a/gzip:1");
    let pull = || registry.unroot("two", &["pull", "--tls-verify=false", &name]);
    let (one, two) = thread::scope(|scope| {
        let (one, two) = (scope.spawn(pull), scope.spawn(pull));
        (one.join().unwrap(), two.join().unwrap())
    });
    assert!(one.0 && two.0, "{} {}", one.2, two.2);
    let fetched = [&one.2, &two.2].into_iter().filter(|told| told.contains("pulling done")).count();
    assert_eq!(fetched, 1, "{} {}", one.2, two.2);
    registry.fine("two", &["rmi", "--force", &name]);
}

#[test]
fn privileged_images_keep_their_digests() {
    if can(true) {
        images_keep_their_digests();
        two_at_once_fetch_once();
    }
}

#[test]
fn rootless_images_keep_their_digests() {
    if can(false) {
        images_keep_their_digests();
        two_at_once_fetch_once();
    }
}
