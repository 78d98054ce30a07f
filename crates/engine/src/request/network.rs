use super::Given;

/// The container's network, and how it is called.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// `--network`.
    pub mode: Option<Given<String>>,
    /// `--hostname`.
    pub hostname: Option<Given<String>>,
}
