//! `login`, `logout` and `search` against Debian's docker-registry on loopback, beside podman and skopeo, which read and write the same files.
//!
//! Whatever is not installed makes its test say `skipped:`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "all of it is a test, and one that is skipped says why")]

use std::{
    fs,
    io::Write as _,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

const PASSWORD: &str = "ge:heim\"x";

/// A registry that wants to know who asks, and a home for one user. Both end with it.
struct Registry {
    process: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn has(program: &str) -> bool {
    let found = ["/usr/bin", "/bin", "/usr/sbin"].iter().any(|dir| Path::new(dir).join(program).exists());
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

impl Registry {
    /// Nothing if it cannot be had here.
    fn start() -> Option<Registry> {
        if !has("docker-registry") || !has("htpasswd") {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let users = Command::new("htpasswd").args(["-Bbn", "anna", PASSWORD]).output().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("htpasswd"), users.stdout).unwrap();
        fs::create_dir(at("home")).unwrap();
        fs::create_dir(at("run")).unwrap();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '127.0.0.1:{port}'}}\nauth: {{htpasswd: {{realm: test, path: {}}}}}\n",
            at("data").display(),
            at("htpasswd").display()
        );
        fs::write(at("config.yml"), config).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(at("config.yml")).stdout(Stdio::null()).stderr(Stdio::null());
        let registry = Registry { process: command.spawn().unwrap(), port, dir };
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "docker-registry does not start");
            thread::sleep(Duration::from_millis(20));
        }
        Some(registry)
    }

    fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    fn auth_file(&self) -> PathBuf {
        self.dir.path().join("run/containers/auth.json")
    }

    fn run(&self, program: &str, words: &[&str], input: &str) -> Output {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.dir.path().join("home"));
        command.env("XDG_RUNTIME_DIR", self.dir.path().join("run")).args(words);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that does not care for its input may have gone.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Standard output of a command that must succeed.
    fn good(&self, program: &str, words: &[&str], input: &str) -> String {
        let output = self.run(program, words, input);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Standard error of a command that must fail as the engine fails.
    fn bad(&self, words: &[&str], input: &str) -> String {
        let output = self.run(UNROOT, words, input);
        assert_eq!(output.status.code(), Some(125), "{words:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }
}

const UNROOT: &str = env!("CARGO_BIN_EXE_unroot");

#[test]
fn a_login_is_tried_kept_told_and_forgotten() {
    let Some(registry) = Registry::start() else { return };
    let host = registry.host();
    let login = ["login", "--tls-verify=false", "-v", "-u", "anna", "--password-stdin", host.as_str()];
    assert!(registry.bad(&login, "wrong").contains("UR0922"));
    assert!(!registry.auth_file().exists());
    // Without being told so, nothing is sent in the clear.
    assert!(registry.bad(&["login", "-u", "anna", "--password-stdin", &host], PASSWORD).contains("UR0921"));
    let said = registry.good(UNROOT, &login, &format!("{PASSWORD}\n"));
    assert_eq!(said, format!("Login Succeeded!\nUsed: {}\n", registry.auth_file().display()));
    assert_eq!(registry.good(UNROOT, &["login", "--get-login", &host], ""), "anna\n");
    let again = registry.good(UNROOT, &["login", "--tls-verify=false", &host], "");
    assert_eq!(again, format!("Existing credentials are valid. Already logged in to {host}\n"));
    let out = registry.good(UNROOT, &["logout", &host], "");
    assert_eq!(out, format!("Removed login credentials for {host}\n"));
    assert!(registry.bad(&["logout", &host], "").contains("UR0910"));
    assert!(registry.bad(&["login", "--get-login", &host], "").contains("UR0910"));
    assert!(registry.bad(&["login", "--tls-verify=false", &host], "").contains("no terminal to ask on"));
}

#[test]
fn registries_conf_says_what_is_insecure() {
    let Some(registry) = Registry::start() else { return };
    let host = registry.host();
    let conf = registry.dir.path().join("home/.config/containers");
    fs::create_dir_all(&conf).unwrap();
    let text =
        format!("unqualified-search-registries = [\"{host}\"]\n[[registry]]\nlocation = \"{host}\"\ninsecure = true\n");
    fs::write(conf.join("registries.conf"), text).unwrap();
    registry.good(UNROOT, &["login", "-u", "anna", "--password-stdin"], PASSWORD);
    assert_eq!(registry.good(UNROOT, &["login", "--get-login"], ""), "anna\n");
    assert!(registry.bad(&["login", "--tls-verify", "-u", "anna", "--password-stdin"], PASSWORD).contains("UR0921"));
}

#[test]
fn podman_reads_what_we_write_and_we_what_podman_writes() {
    let Some(registry) = Registry::start() else { return };
    if !has("podman") {
        return;
    }
    let host = registry.host();
    registry.good(UNROOT, &["login", "--tls-verify=false", "-u", "anna", "--password-stdin", &host], PASSWORD);
    assert_eq!(registry.good("podman", &["login", "--get-login", &host], ""), "anna\n");
    registry.good("podman", &["logout", &host], "");
    assert!(registry.bad(&["login", "--get-login", &host], "").contains("UR0910"));
    registry.good("podman", &["login", "--tls-verify=false", "-u", "anna", "--password-stdin", &host], PASSWORD);
    assert_eq!(registry.good(UNROOT, &["login", "--get-login", &host], ""), "anna\n");
    registry.good(UNROOT, &["logout", "--all"], "");
    assert!(!registry.run("podman", &["login", "--get-login", &host], "").status.success());
}

/// An image without layers, for skopeo to push.
fn image(dir: &Path) {
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |text: &str| {
        use std::fmt::Write as _;

        use sha2::{Digest as _, Sha256};
        let mut digest = String::new();
        Sha256::digest(text).iter().for_each(|byte| write!(digest, "{byte:02x}").unwrap());
        fs::write(blobs.join(&digest), text).unwrap();
        (digest, text.len())
    };
    let (config, length) =
        put(r#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#);
    let (manifest, size) = put(&format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:{config}","size":{length}}},"layers":[]}}"#
    ));
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{manifest}","size":{size}}}]}}"#
    );
    fs::write(dir.join("index.json"), index).unwrap();
}

#[test]
fn what_is_in_a_registry_is_found() {
    let Some(registry) = Registry::start() else { return };
    if !has("skopeo") {
        return;
    }
    let host = registry.host();
    registry.good(UNROOT, &["login", "--tls-verify=false", "-u", "anna", "--password-stdin", &host], PASSWORD);
    let source = registry.dir.path().join("image");
    image(&source);
    for name in ["web/shop:1", "web/shop:2", "db:1"] {
        let (from, to) = (format!("oci:{}", source.display()), format!("docker://{host}/{name}"));
        // skopeo knows who we are from the file that our login wrote.
        registry.good("skopeo", &["--insecure-policy", "copy", "--dest-tls-verify=false", &from, &to], "");
    }
    let search = |words: &[&str]| {
        let all: Vec<&str> = ["search", "--tls-verify=false"].iter().chain(words).copied().collect();
        registry.good(UNROOT, &all, "")
    };
    let all = search(&["--format", "{{.Name}}", &format!("{host}/")]);
    assert_eq!(all, format!("{host}/db\n{host}/web/shop\n"));
    let shop = search(&[&format!("{host}/shop")]);
    assert!(shop.starts_with("NAME ") && shop.contains("/web/shop") && !shop.contains("/db"), "{shop}");
    let tags = search(&["--list-tags", "--format", "{{.Tag}}", &format!("{host}/web/shop")]);
    // Registries have an order of their own.
    assert!(tags == "1\n2\n" || tags == "2\n1\n", "{tags}");
    let json = search(&["--list-tags", "--format", "json", "--limit=1", &format!("{host}/web/shop")]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["Tags"].as_array().unwrap().len(), 1);
    let none = registry.bad(&["search", "--tls-verify=false", "--list-tags", &format!("{host}/none")], "");
    assert!(none.contains("UR0923"), "{none}");
    registry.good(UNROOT, &["logout", &host], "");
    assert!(registry.bad(&["search", "--tls-verify=false", &format!("{host}/")], "").contains("UR0922"));
}
