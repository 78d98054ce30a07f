//! What the container may do.

use clap::{ArgAction, Args};
use engine::request::Security;

use crate::words::Words;

// Flattened into the options of `run` and `create`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Security")]
pub struct Options {
    /// Give all capabilities within the container's own user namespace, and hide nothing
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "privileged")]
    privileged: Option<bool>,
    /// Make the root filesystem read-only
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "read_only")]
    read_only: Option<bool>,
    /// Give a capability, or all of them; may be repeated
    #[arg(long, value_name = "CAPABILITY")]
    cap_add: Vec<String>,
    /// Take a capability away, or all of them; may be repeated
    #[arg(long, value_name = "CAPABILITY")]
    cap_drop: Vec<String>,
    /// no-new-privileges, seccomp=unconfined|FILE, apparmor=PROFILE, label=disable, mask=PATHS, unmask=PATHS|ALL, proc-opts=OPTIONS or systempaths=unconfined; may be repeated
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<String>,
    /// Give the container a device of the host; may be repeated
    #[arg(long, value_name = "HOST[:PATH][:rwm]")]
    device: Vec<String>,
    /// Allow devices: TYPE MAJOR:MINOR ACCESS, such as `c 10:* rwm`; may be repeated
    #[arg(long, value_name = "RULE")]
    device_cgroup_rule: Vec<String>,
}

impl Options {
    /// What they ask for.
    pub fn request(self, words: &Words) -> Security {
        let flag = |id: &str, value: Option<bool>| value.map(|value| words.one(id, value));
        Security {
            privileged: flag("privileged", self.privileged),
            read_only: flag("read_only", self.read_only),
            cap_add: words.each("cap_add", self.cap_add),
            cap_drop: words.each("cap_drop", self.cap_drop),
            security_opt: words.each("security_opt", self.security_opt),
            device: words.each("device", self.device),
            device_cgroup_rule: words.each("device_cgroup_rule", self.device_cgroup_rule),
        }
    }
}
