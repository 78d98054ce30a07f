use super::Given;

/// The container's network, and how it and others are called.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// `--network`.
    pub network: Option<Given<String>>,
    /// `--hostname`.
    pub hostname: Option<Given<String>>,
    /// `--add-host`.
    pub add_host: Vec<Given<String>>,
    /// `--no-hosts`.
    pub no_hosts: Option<Given<bool>>,
    /// `--hosts-file`.
    pub hosts_file: Option<Given<String>>,
    /// `--no-hostname`.
    pub no_hostname: Option<Given<bool>>,
    /// `--dns`.
    pub dns: Vec<Given<String>>,
    /// `--dns-search`.
    pub dns_search: Vec<Given<String>>,
    /// `--dns-option`.
    pub dns_option: Vec<Given<String>>,
}
