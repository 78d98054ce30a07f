//! How the container is looked after: its log, its restarts, its health, its time.

use clap::{ArgAction, Args};
use engine::request::Supervision;

use crate::words::Words;

// Flattened into the options of `run` and `create`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Supervision")]
pub struct Options {
    #[arg(help = "Start the container again when it has ended: no, on-failure[:N], always or unless-stopped")]
    #[arg(long, value_name = "POLICY", overrides_with = "restart")]
    restart: Option<String>,
    /// Kill the container after so many seconds
    #[arg(long, value_name = "SECONDS", overrides_with = "timeout")]
    timeout: Option<String>,
    /// Keep what the container prints: k8s-file, json-file, journald, none or passthrough
    #[arg(long, value_name = "DRIVER", overrides_with = "log_driver")]
    log_driver: Option<String>,
    /// How it is kept: path=FILE, max-size=SIZE or tag=TEXT; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    log_opt: Vec<String>,
    /// Check the container's health with this command; `none` switches the image's check off
    #[arg(long, value_name = "COMMAND", overrides_with = "health_cmd")]
    health_cmd: Option<String>,
    /// Check so often; `disable`: only when `healthcheck run` asks
    #[arg(long, value_name = "DURATION", overrides_with = "health_interval")]
    health_interval: Option<String>,
    /// So many failures in a row make the container unhealthy
    #[arg(long, value_name = "NUMBER", overrides_with = "health_retries")]
    health_retries: Option<String>,
    /// A check that takes longer has failed
    #[arg(long, value_name = "DURATION", overrides_with = "health_timeout")]
    health_timeout: Option<String>,
    /// Failures do not count for so long after the start
    #[arg(long, value_name = "DURATION", overrides_with = "health_start_period")]
    health_start_period: Option<String>,
    /// What becomes of an unhealthy container: none, kill, restart or stop
    #[arg(long, value_name = "ACTION", overrides_with = "health_on_failure")]
    health_on_failure: Option<String>,
    /// Check with this command instead until it has succeeded
    #[arg(long, value_name = "COMMAND", overrides_with = "health_startup_cmd")]
    health_startup_cmd: Option<String>,
    /// Check so often until then
    #[arg(long, value_name = "DURATION", overrides_with = "health_startup_interval")]
    health_startup_interval: Option<String>,
    /// Restart the container after so many failures of that command; 0: never
    #[arg(long, value_name = "NUMBER", overrides_with = "health_startup_retries")]
    health_startup_retries: Option<String>,
    /// That command has to succeed so often in a row
    #[arg(long, value_name = "NUMBER", overrides_with = "health_startup_success")]
    health_startup_success: Option<String>,
    /// That command has failed if it takes longer
    #[arg(long, value_name = "DURATION", overrides_with = "health_startup_timeout")]
    health_startup_timeout: Option<String>,
    /// Do not check the container's health, whatever its image says
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "no_healthcheck")]
    no_healthcheck: Option<bool>,
    /// Who tells the service manager that it is ready: container, conmon, healthy or ignore
    #[arg(long, value_name = "WHO", overrides_with = "sdnotify")]
    sdnotify: Option<String>,
    /// Part from the container when these keys are typed; empty: never
    #[arg(long, value_name = "KEYS", overrides_with = "detach_keys")]
    detach_keys: Option<String>,
    /// Pass signals on to the container
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "sig_proxy")]
    sig_proxy: Option<bool>,
}

impl Options {
    /// What they ask for.
    pub fn request(self, words: &Words) -> Supervision {
        let one = |id: &str, value: Option<String>| value.map(|value| words.one(id, value));
        let flag = |id: &str, value: Option<bool>| value.map(|value| words.one(id, value));
        Supervision {
            restart: one("restart", self.restart),
            timeout: one("timeout", self.timeout),
            log_driver: one("log_driver", self.log_driver),
            log_opt: words.each("log_opt", self.log_opt),
            health_cmd: one("health_cmd", self.health_cmd),
            health_interval: one("health_interval", self.health_interval),
            health_retries: one("health_retries", self.health_retries),
            health_timeout: one("health_timeout", self.health_timeout),
            health_start_period: one("health_start_period", self.health_start_period),
            health_on_failure: one("health_on_failure", self.health_on_failure),
            health_startup_cmd: one("health_startup_cmd", self.health_startup_cmd),
            health_startup_interval: one("health_startup_interval", self.health_startup_interval),
            health_startup_retries: one("health_startup_retries", self.health_startup_retries),
            health_startup_success: one("health_startup_success", self.health_startup_success),
            health_startup_timeout: one("health_startup_timeout", self.health_startup_timeout),
            no_healthcheck: flag("no_healthcheck", self.no_healthcheck),
            sdnotify: one("sdnotify", self.sdnotify),
            detach_keys: one("detach_keys", self.detach_keys),
            sig_proxy: flag("sig_proxy", self.sig_proxy),
        }
    }
}
