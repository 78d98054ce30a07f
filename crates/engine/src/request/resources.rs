use super::Given;

/// What the container may use.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// `--shm-size`.
    pub shm_size: Option<Given<String>>,
    /// `--ulimit`.
    pub ulimit: Vec<Given<String>>,
    /// `--oom-score-adj`.
    pub oom_score_adj: Option<Given<String>>,
    /// `--sysctl`.
    pub sysctl: Vec<Given<String>>,
}
