//! A bundle: `spec`'s own configuration, a busybox as its root filesystem, and a state directory of its own.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    call::{MARK, Ran, call, program, wait_until},
    remains, root_filesystem,
};

/// The host id of the container's root, as `spec` writes it.
pub const BASE: u32 = 524_288;

/// Runs a test that needs root, if this is root.
pub fn privileged(test: impl FnOnce(&mut Bundle)) {
    if !rustix::process::geteuid().is_root() {
        return println!("skipped: it needs root");
    }
    with_bundle(&[], test);
}

/// Runs a test with a bundle that `spec` has made with these options.
pub fn with_bundle(options: &[&str], test: impl FnOnce(&mut Bundle)) {
    let Some(busybox) = std::env::var_os("UNROOT_TEST_BUSYBOX").map(PathBuf::from) else {
        return println!("skipped: there is no busybox (UNROOT_TEST_BUSYBOX)");
    };
    let mut bundle = Bundle::make(&busybox, options);
    test(&mut bundle);
    bundle.nothing_is_left();
}

/// A bundle. Its container and everything about it goes with it.
pub struct Bundle {
    /// The id of its container.
    pub id: String,
    directory: TempDir,
    /// The configuration, written when a container is made.
    pub config: Value,
    before: Vec<String>,
    options: Vec<String>,
}

impl Bundle {
    fn make(busybox: &Path, options: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let id = format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let searchable = PermissionsExt::from_mode(0o755);
        let directory = tempfile::Builder::new().prefix("unroot-test.").permissions(searchable).tempdir().unwrap();
        let mut bundle = Bundle { id, directory, config: Value::Null, before: Vec::new(), options: Vec::new() };
        fs::create_dir(bundle.path()).unwrap();
        root_filesystem::make(&bundle.root(), busybox);
        let mut spec = bundle.command(&["spec"]);
        call(spec.args(options).current_dir(bundle.path()), bundle.outside()).ok();
        bundle.config = serde_json::from_str(&fs::read_to_string(bundle.path().join("config.json")).unwrap()).unwrap();
        let mark = format!("{MARK}={}", bundle.id);
        bundle.set("/process/env/-", mark);
        bundle
    }

    /// The bundle's directory.
    pub fn path(&self) -> PathBuf {
        self.outside().join("bundle")
    }

    /// The root filesystem.
    pub fn root(&self) -> PathBuf {
        self.path().join("rootfs")
    }

    /// A directory beside the bundle, for what a test needs on the host.
    pub fn outside(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of states.
    pub fn states(&self) -> PathBuf {
        self.outside().join("states")
    }

    /// Sets a member of config.json, making what is missing above it; `-` is a new element of a list.
    pub fn set(&mut self, pointer: &str, value: impl Into<Value>) -> &mut Self {
        let mut place = &mut self.config;
        for name in pointer.split('/').skip(1) {
            if name == "-" && place.is_null() {
                *place = json!([]);
            }
            place = if let Value::Array(list) = place {
                let index = name.parse().unwrap_or_else(|_| {
                    list.push(Value::Null);
                    list.len() - 1
                });
                &mut list[index]
            } else {
                &mut place[name]
            };
        }
        *place = value.into();
        self
    }

    /// Takes a member of config.json away.
    pub fn remove(&mut self, pointer: &str) -> &mut Self {
        let (above, name) = pointer.rsplit_once('/').unwrap();
        self.config.pointer_mut(above).unwrap().as_object_mut().unwrap().remove(name);
        self
    }

    /// The command: its words.
    pub fn args(&mut self, words: &[&str]) -> &mut Self {
        self.set("/process/args", json!(words))
    }

    /// The command: a script.
    pub fn sh(&mut self, script: &str) -> &mut Self {
        self.args(&["/bin/sh", "-c", script])
    }

    /// One more mount.
    pub fn mount(&mut self, kind: &str, source: impl AsRef<Path>, target: &str, options: &[&str]) -> &mut Self {
        let source = source.as_ref();
        self.set("/mounts/-", json!({"type": kind, "source": source, "destination": target, "options": options}))
    }

    /// The number of the mount with this target.
    pub fn mount_number(&self, target: &str) -> usize {
        let mounts = self.config["mounts"].as_array().unwrap();
        mounts.iter().position(|mount| mount["destination"] == target).unwrap()
    }

    /// Takes the mount with this target away.
    pub fn unmount(&mut self, target: &str) -> &mut Self {
        let number = self.mount_number(target);
        self.config["mounts"].as_array_mut().unwrap().remove(number);
        self
    }

    /// Takes a namespace away.
    pub fn without(&mut self, kind: &str) -> &mut Self {
        self.config["linux"]["namespaces"].as_array_mut().unwrap().retain(|namespace| namespace["type"] != kind);
        self
    }

    /// Joins a namespace, or has a new one if there is no path.
    pub fn namespace(&mut self, kind: &str, path: Option<&str>) -> &mut Self {
        self.without(kind);
        let namespace = path.map_or(json!({"type": kind}), |path| json!({"type": kind, "path": path}));
        self.set("/linux/namespaces/-", namespace)
    }

    /// Both maps, as triples: container id, host id, size.
    pub fn map(&mut self, extents: &[[u32; 3]]) -> &mut Self {
        let extent =
            |[inside, outside, size]: &[u32; 3]| json!({"containerID": inside, "hostID": outside, "size": size});
        let map: Value = extents.iter().map(extent).collect();
        self.set("/linux/uidMappings", map.clone()).set("/linux/gidMappings", map)
    }

    /// All ids are the host's: no user namespace, and root filesystem and files as they are.
    pub fn without_map(&mut self) -> &mut Self {
        self.without("user").remove("/linux/uidMappings").remove("/linux/gidMappings")
    }

    /// Shifts the root filesystem into the map, and has it mounted as it is.
    pub fn shifted(&mut self) -> &mut Self {
        root_filesystem::give(&self.root(), BASE);
        self.remove("/annotations")
    }

    /// Writes a file into the root filesystem.
    pub fn file(&mut self, path: &str, contents: impl AsRef<[u8]>, mode: u32) -> &mut Self {
        root_filesystem::file(&self.root(), path, contents, mode);
        self
    }

    /// An option that stands before the verb.
    pub fn before(&mut self, words: &[&str]) -> &mut Self {
        self.before.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// An option of `create` and `run`.
    pub fn option(&mut self, words: &[&str]) -> &mut Self {
        self.options.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// The runtime with these arguments behind this bundle's own options.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.arg("--root").arg(self.states()).args(&self.before).args(arguments).env(MARK, &self.id);
        command
    }

    /// `create` or `run` with this bundle, its configuration written.
    pub fn making(&self, verb: &str) -> Command {
        fs::write(self.path().join("config.json"), serde_json::to_string_pretty(&self.config).unwrap()).unwrap();
        let mut command = self.command(&[verb, "--bundle"]);
        command.arg(self.path()).args(&self.options).arg(&self.id);
        command
    }

    /// Calls `run`.
    pub fn run(&self) -> Ran {
        call(&mut self.making("run"), self.outside())
    }

    /// Calls `create`.
    pub fn create(&self) -> Ran {
        call(&mut self.making("create"), self.outside())
    }

    /// Calls a verb with the container's id and further words.
    pub fn verb(&self, verb: &str, words: &[&str]) -> Ran {
        // The standard output of a container that runs stays what it is.
        let directory = self.outside().join("calls");
        fs::create_dir_all(&directory).unwrap();
        call(self.command(&[verb, &self.id]).args(words), &directory)
    }

    /// Calls `exec` with options, the container's id and a command.
    pub fn exec(&self, options: &[&str], command: &[&str]) -> Ran {
        let directory = self.outside().join("calls");
        fs::create_dir_all(&directory).unwrap();
        call(self.command(&["exec"]).args(options).arg(&self.id).args(command), &directory)
    }

    /// What a container that was created has said so far.
    pub fn said(&self) -> String {
        fs::read_to_string(self.outside().join("stdout")).unwrap()
    }

    /// What `state` prints.
    pub fn state(&self) -> Value {
        serde_json::from_str(self.verb("state", &[]).ok()).unwrap()
    }

    /// Whether there is a container, and where it is in its life.
    pub fn is(&self, status: &str) -> bool {
        let ran = self.verb("state", &[]);
        ran.status == 0 && serde_json::from_str::<Value>(&ran.stdout).unwrap()["status"] == status
    }

    /// The pid of the container's first process.
    pub fn pid(&self) -> i32 {
        self.state()["pid"].as_i64().unwrap().try_into().unwrap()
    }

    /// Waits until the container has stopped.
    pub fn wait_stopped(&self) {
        assert!(wait_until(|| self.state()["status"] == "stopped"), "{}", self.state());
    }

    /// Asserts that nothing is left of the container.
    pub fn nothing_is_left(&self) {
        let mut left = Vec::new();
        wait_until(|| {
            left = remains::of(&self.id, self.outside(), &self.states());
            left.is_empty()
        });
        assert!(left.is_empty(), "left behind: {left:#?}");
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // A test that has failed leaves a container.
        let names =
            fs::read_dir(self.states()).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.file_name());
        for name in names {
            let _ = self.command(&["delete", "--force"]).arg(name).output();
        }
        for pid in remains::processes(&self.id) {
            let _ = rustix::process::kill_process(
                rustix::process::Pid::from_raw(pid).unwrap(),
                rustix::process::Signal::KILL,
            );
        }
    }
}
