use super::Given;

/// What the container may do.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// `--privileged`.
    pub privileged: Option<Given<bool>>,
    /// `--read-only`.
    pub read_only: Option<Given<bool>>,
}
