//! Who can pull an image, and how each begins anew.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use super::measure::{Cost, measure};
use crate::call::{self, Outcome, While};

/// A program that pulls. Whatever it keeps lies in a directory of its own.
pub struct Contestant {
    pub name: &'static str,
    home: PathBuf,
    pull: fn(&Path, &str) -> Command,
    daemon: bool,
    unroot: PathBuf,
}

/// All that are installed, ours first.
pub fn all(directory: &Path, unroot: &Path) -> Vec<Contestant> {
    let contestant = |name, program: &str, pull, daemon| {
        let installed = call::succeeds(Command::new(program).arg("--version"));
        if !installed {
            println!("{program} is not installed: it is not compared with");
        }
        let home = directory.join("homes").join(name);
        installed.then(|| Contestant { name, home, pull, daemon, unroot: unroot.to_owned() })
    };
    let ours = unroot.display().to_string();
    [
        contestant("unroot", &ours, ours_pulls, false),
        contestant("podman", "podman", podman, false),
        contestant("skopeo+umoci", "umoci", skopeo, false),
        contestant("containerd", "ctr", ctr, true),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ours_pulls(home: &Path, image: &str) -> Command {
    let mut command = Command::new("unroot");
    command.arg("--root").arg(home.join("root")).arg("--runroot").arg(home.join("run"));
    command.args(["pull", "--quiet", "--tls-verify=false", image]);
    command
}

fn podman(home: &Path, image: &str) -> Command {
    let mut command = Command::new("podman");
    command.arg("--root").arg(home.join("root")).arg("--runroot").arg(home.join("run"));
    command.args(["--storage-driver=overlay", "pull", "--quiet", "--tls-verify=false", image]);
    command
}

fn skopeo(home: &Path, image: &str) -> Command {
    let script = "skopeo copy --quiet --src-tls-verify=false \"docker://$1\" \"oci:$0/image:latest\" && \
        umoci unpack --image \"$0/image:latest\" \"$0/bundle\"";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(home).arg(image);
    command
}

fn ctr(home: &Path, image: &str) -> Command {
    let mut command = Command::new("ctr");
    command.arg("--address").arg(home.join("sock")).args(["images", "pull", "--plain-http", image]);
    command
}

impl Contestant {
    /// Pulls an image into an empty store.
    pub fn pull(&self, image: &str) -> Outcome<Cost> {
        self.clear()?;
        fs::create_dir_all(&self.home).during(|| self.home.display().to_string())?;
        let daemon = if self.daemon { Some(Daemon::start(&self.home)?) } else { None };
        // What the one before has written is not this one's business.
        rustix::fs::sync();
        let mut command = (self.pull)(&self.home, image);
        if command.get_program() == "unroot" {
            let mut ours = Command::new(&self.unroot);
            ours.args(command.get_args());
            command = ours;
        }
        measure(&command, daemon.as_ref().map(|daemon| daemon.0.id()))
    }

    /// Removes all that it has kept.
    pub fn clear(&self) -> Outcome<()> {
        if !self.home.exists() {
            return Ok(());
        }
        // podman leaves its store's directory mounted.
        let overlay = self.home.join("root/overlay");
        let _ = call::succeeds(Command::new("umount").arg("-l").arg(overlay));
        call::run(Command::new("rm").arg("-rf").arg(&self.home))
    }
}

/// A containerd of our own, which ends with the value.
struct Daemon(Child);

impl Daemon {
    fn start(home: &Path) -> Outcome<Daemon> {
        let config = home.join("config.toml");
        let text = format!(
            "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.internal.v1.opt\"]\n\
             root = \"{0}/root\"\nstate = \"{0}/state\"\n[grpc]\naddress = \"{0}/sock\"\n[ttrpc]\naddress = \"{0}/sock.ttrpc\"\n",
            home.display()
        );
        fs::write(&config, text).during(|| config.display().to_string())?;
        let mut command = Command::new("containerd");
        command.arg("--config").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = Daemon(command.spawn().during(|| call::shown(&command))?);
        for _ in 0..200 {
            if call::succeeds(Command::new("ctr").arg("--address").arg(home.join("sock")).arg("version")) {
                return Ok(daemon);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("containerd does not answer".into())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
