use super::Given;

/// How the container is looked after.
#[derive(Clone, Debug, Default)]
pub struct Supervision {
    /// `--restart`.
    pub restart: Option<Given<String>>,
    /// `--timeout`.
    pub timeout: Option<Given<String>>,
    /// `--log-driver`.
    pub log_driver: Option<Given<String>>,
    /// `--log-opt`.
    pub log_opt: Vec<Given<String>>,
    /// `--health-cmd`.
    pub health_cmd: Option<Given<String>>,
    /// `--health-interval`.
    pub health_interval: Option<Given<String>>,
    /// `--health-retries`.
    pub health_retries: Option<Given<String>>,
    /// `--health-timeout`.
    pub health_timeout: Option<Given<String>>,
    /// `--health-start-period`.
    pub health_start_period: Option<Given<String>>,
    /// `--health-on-failure`.
    pub health_on_failure: Option<Given<String>>,
    /// `--health-startup-cmd`.
    pub health_startup_cmd: Option<Given<String>>,
    /// `--health-startup-interval`.
    pub health_startup_interval: Option<Given<String>>,
    /// `--health-startup-retries`.
    pub health_startup_retries: Option<Given<String>>,
    /// `--health-startup-success`.
    pub health_startup_success: Option<Given<String>>,
    /// `--health-startup-timeout`.
    pub health_startup_timeout: Option<Given<String>>,
    /// `--no-healthcheck`.
    pub no_healthcheck: Option<Given<bool>>,
    /// `--sdnotify`.
    pub sdnotify: Option<Given<String>>,
    /// `--detach-keys`.
    pub detach_keys: Option<Given<String>>,
    /// `--sig-proxy`.
    pub sig_proxy: Option<Given<bool>>,
}
