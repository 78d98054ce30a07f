//! A registry on this machine's loopback.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::call::{self, Outcome, While};

/// Debian's docker-registry, which ends with the value.
pub struct Registry {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub host: String,
}

impl Registry {
    /// Starts it with its content below `directory`.
    pub fn start(directory: &Path) -> Outcome<Registry> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let host = format!("127.0.0.1:{}", free.during(|| "a free port".to_owned())?.port());
        let content = directory.join("registry");
        let file = directory.join("registry.yml");
        let config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {host}}}\n",
            content.display()
        );
        fs::write(&file, config).during(|| file.display().to_string())?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().during(|| "docker-registry (install it)".to_owned())?;
        let registry = Registry { child, host };
        for _ in 0..200 {
            if TcpStream::connect(&registry.host).is_ok() {
                return Ok(registry);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("docker-registry does not listen".into())
    }

    /// Pushes a layout as `NAME:COMPRESSION`, unless it is there.
    pub fn push(&self, layout: &Path, name: &str, compression: &str) -> Outcome<String> {
        let image = format!("{}/{name}:{compression}", self.host);
        let there = format!("docker://{image}");
        if call::succeeds(Command::new("skopeo").args(["inspect", "--raw", "--tls-verify=false", &there])) {
            return Ok(image);
        }
        let mut copy = Command::new("skopeo");
        copy.args(["copy", "--quiet", "--dest-tls-verify=false", "--dest-compress-format", compression]);
        call::run(copy.arg(format!("oci:{}:latest", layout.display())).arg(&there))?;
        Ok(image)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
