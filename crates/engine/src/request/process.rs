use super::Given;

/// The container's process.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// `--interactive`.
    pub interactive: bool,
    /// `--tty`.
    pub tty: bool,
    /// `--entrypoint`: a word, or a JSON array of words; empty removes the image's.
    pub entrypoint: Option<Given<String>>,
    /// `--workdir`.
    pub workdir: Option<Given<String>>,
    /// `--env`: `NAME=VALUE`, `NAME` (from the caller's environment) or `NAME*`.
    pub env: Vec<Given<String>>,
}
