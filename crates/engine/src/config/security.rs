use std::path::PathBuf;

use oci::spec::DeviceRule;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a container's process may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Security {
    /// The numbers of the capabilities that its processes can have at most; `None`: all that the kernel knows.
    pub bounding: Option<Vec<u8>>,
    /// The numbers of those that it begins with; `None`: all of `bounding` for root, none for others.
    pub held: Option<Vec<u8>>,
    /// `no-new-privileges`.
    pub no_new_privileges: bool,
    /// `seccomp=`.
    pub seccomp: SeccompChoice,
    /// `apparmor=`: a profile's name.
    pub apparmor: Option<String>,
    /// `proc-opts=`.
    pub proc_options: Vec<String>,
    /// What is hidden.
    pub masked: Vec<String>,
    /// What may only be read.
    pub read_only: Vec<String>,
    /// `--device`.
    pub devices: Vec<DeviceBind>,
    /// `--device-cgroup-rule`.
    pub device_rules: Vec<DeviceRule>,
    /// `--group-add keep-groups`: the groups of whoever starts it stay.
    pub keep_groups: bool,
}

/// The filter of system calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeccompChoice {
    /// The usual one.
    #[default]
    Usual,
    /// None.
    Unconfined,
    /// This one, as config.json has it or as Docker's profiles are written.
    Profile(Value),
}

/// A device of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceBind {
    /// Where it is on the host.
    pub source: PathBuf,
    /// Where the container finds it.
    pub target: PathBuf,
    /// Whether it is a block device.
    pub block: bool,
    /// Its major number.
    pub major: u32,
    /// Its minor number.
    pub minor: u32,
    /// Letters of `rwm`.
    pub access: String,
}

/// What a container is that was made before any of it could be chosen.
impl Default for Security {
    fn default() -> Self {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Security {
            bounding: Some(crate::capabilities::usual()),
            held: None,
            no_new_privileges: false,
            seccomp: SeccompChoice::Usual,
            apparmor: None,
            proc_options: Vec::new(),
            masked: texts(crate::spec::paths::MASKED),
            read_only: texts(crate::spec::paths::READ_ONLY),
            devices: Vec::new(),
            device_rules: Vec::new(),
            keep_groups: false,
        }
    }
}
