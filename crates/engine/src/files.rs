//! The files in a container's /etc that the engine writes: they lie in the container's directory and are bound into place.

use std::{fmt::Write as _, fs};

use diag::{Result, codes};
use sys::Dir;

use crate::config::{Config, Network};

/// The files of a container with this network. Without a network there is nobody to ask for names.
pub fn names(network: Network) -> &'static [&'static str] {
    match network {
        Network::None => &["hosts", "hostname"],
        Network::Host => &["hosts", "hostname", "resolv.conf"],
    }
}

/// Writes them anew.
pub fn write(config: &Config, dir: &Dir) -> Result<()> {
    for name in names(config.network) {
        let text = match *name {
            "hosts" => hosts(config),
            "hostname" => format!("{}\n", config.hostname),
            _ => fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
        };
        dir.write(name, text.as_bytes(), 0o644).map_err(|failed| {
            failed.into_error(codes::UR0707, format!("the container's `/etc/{name}` cannot be written"))
        })?;
    }
    Ok(())
}

fn hosts(config: &Config) -> String {
    // On the host's network the host's own names hold.
    let base = match config.network {
        Network::Host => fs::read_to_string("/etc/hosts").ok(),
        Network::None => None,
    };
    let mut text = base.unwrap_or_else(|| "127.0.0.1\tlocalhost\n::1\tlocalhost\n".to_owned());
    if !text.ends_with('\n') {
        text.push('\n');
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "127.0.1.1\t{} {}", config.hostname, config.name);
    text
}
