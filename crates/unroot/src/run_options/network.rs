//! The container's network, and how it and others are called there.

use clap::{ArgAction, Args};
use engine::request::Network;

use crate::words::Words;

// Flattened into the options of `run` and `create`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Network and Names")]
pub struct Options {
    /// Connect the container: none (the default of this version), host, container:NAME or ns:PATH
    #[arg(long, visible_alias = "net", value_name = "MODE", overrides_with = "network")]
    network: Option<String>,
    /// Name the container's host
    #[arg(short, long, value_name = "NAME", overrides_with = "hostname")]
    hostname: Option<String>,
    /// Add an entry to /etc/hosts: NAME[;NAME...]:IP; may be repeated
    #[arg(long, value_name = "NAME:IP")]
    add_host: Vec<String>,
    /// Leave /etc/hosts as it is in the image
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "no_hosts")]
    no_hosts: Option<bool>,
    /// Begin /etc/hosts with this file: a path, image, or none
    #[arg(long, value_name = "FILE", overrides_with = "hosts_file")]
    hosts_file: Option<String>,
    /// Leave /etc/hostname as it is in the image
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "no_hostname")]
    no_hostname: Option<bool>,
    /// Ask this server for names; `none` leaves /etc/resolv.conf as it is in the image; may be repeated
    #[arg(long, value_name = "IP")]
    dns: Vec<String>,
    /// Look up short names in this domain, `.` for none; may be repeated
    #[arg(long, value_name = "DOMAIN")]
    dns_search: Vec<String>,
    /// Set an option of resolv.conf(5); may be repeated
    #[arg(long, visible_alias = "dns-opt", value_name = "OPTION")]
    dns_option: Vec<String>,
}

impl Options {
    /// What they ask for.
    pub fn request(self, words: &Words) -> Network {
        let one = |id: &str, value: Option<String>| value.map(|value| words.one(id, value));
        let flag = |id: &str, value: Option<bool>| value.map(|value| words.one(id, value));
        Network {
            network: one("network", self.network),
            hostname: one("hostname", self.hostname),
            add_host: words.each("add_host", self.add_host),
            no_hosts: flag("no_hosts", self.no_hosts),
            hosts_file: one("hosts_file", self.hosts_file),
            no_hostname: flag("no_hostname", self.no_hostname),
            dns: words.each("dns", self.dns),
            dns_search: words.each("dns_search", self.dns_search),
            dns_option: words.each("dns_option", self.dns_option),
        }
    }
}
