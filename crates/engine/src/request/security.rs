use super::Given;

/// What the container may do.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// `--privileged`.
    pub privileged: Option<Given<bool>>,
    /// `--read-only`.
    pub read_only: Option<Given<bool>>,
    /// `--cap-add`.
    pub cap_add: Vec<Given<String>>,
    /// `--cap-drop`.
    pub cap_drop: Vec<Given<String>>,
    /// `--security-opt`.
    pub security_opt: Vec<Given<String>>,
    /// `--device`.
    pub device: Vec<Given<String>>,
    /// `--device-cgroup-rule`.
    pub device_cgroup_rule: Vec<Given<String>>,
}
