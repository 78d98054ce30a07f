use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What the files in a container's /etc tell of names, beside its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NameFiles {
    /// `--no-hosts`: /etc/hosts is the image's.
    pub no_hosts: bool,
    /// `--no-hostname`: /etc/hostname is the image's.
    pub no_hostname: bool,
    /// `--dns none`: /etc/resolv.conf is the image's.
    pub no_resolv: bool,
    /// What /etc/hosts begins with.
    pub base: HostsBase,
    /// `--add-host`: an address and its names.
    pub hosts: Vec<(String, Vec<String>)>,
    /// `--dns`.
    pub servers: Vec<String>,
    /// `--dns-search`; one empty text for none.
    pub searches: Vec<String>,
    /// `--dns-option`.
    pub options: Vec<String>,
}

/// `--hosts-file`: what /etc/hosts begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostsBase {
    /// The host's file on the host's network; else the names of the loopback interface.
    #[default]
    Network,
    /// Nothing but the names of the loopback interface.
    None,
    /// The image's file.
    Image(String),
    /// A file of the host's.
    File(PathBuf),
}
