use super::Given;

/// How the container is kept, and who stays connected.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// `--name`.
    pub name: Option<Given<String>>,
    /// `--replace`.
    pub replace: Option<Given<bool>>,
    /// `--rm`.
    pub rm: Option<Given<bool>>,
    /// `--rmi`.
    pub rmi: Option<Given<bool>>,
    /// `--cidfile`.
    pub cidfile: Option<Given<String>>,
    /// `--pidfile`.
    pub pidfile: Option<Given<String>>,
    /// `--conmon-pidfile`.
    pub conmon_pidfile: Option<Given<String>>,
    /// `--label`.
    pub label: Vec<Given<String>>,
    /// `--label-file`.
    pub label_file: Vec<Given<String>>,
    /// `--annotation`.
    pub annotation: Vec<Given<String>>,
}
