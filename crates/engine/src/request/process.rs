use super::Given;

/// The container's process.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// `--interactive`.
    pub interactive: Option<Given<bool>>,
    /// `--tty`.
    pub tty: Option<Given<bool>>,
    /// `--entrypoint`.
    pub entrypoint: Option<Given<String>>,
    /// `--workdir`.
    pub workdir: Option<Given<String>>,
    /// `--env`.
    pub env: Vec<Given<String>>,
    /// `--env-file`.
    pub env_file: Vec<Given<String>>,
    /// `--env-host`.
    pub env_host: Option<Given<bool>>,
    /// `--env-merge`.
    pub env_merge: Vec<Given<String>>,
    /// `--unsetenv`.
    pub unsetenv: Vec<Given<String>>,
    /// `--unsetenv-all`.
    pub unsetenv_all: Option<Given<bool>>,
    /// `--http-proxy`.
    pub http_proxy: Option<Given<bool>>,
    /// `--umask`.
    pub umask: Option<Given<String>>,
    /// `--tz`.
    pub tz: Option<Given<String>>,
    /// `--stop-signal`.
    pub stop_signal: Option<Given<String>>,
    /// `--stop-timeout`.
    pub stop_timeout: Option<Given<String>>,
}
