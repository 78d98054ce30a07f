use super::Given;

/// Who the container is.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// `--userns`.
    pub userns: Option<Given<String>>,
    /// `--uidmap`, in order; may hold comma lists.
    pub uidmap: Vec<Given<String>>,
    /// `--gidmap`, in order; may hold comma lists.
    pub gidmap: Vec<Given<String>>,
    /// `--subuidname`.
    pub subuidname: Option<Given<String>>,
    /// `--subgidname`.
    pub subgidname: Option<Given<String>>,
    /// `--map`, in order; may hold comma lists.
    pub map: Vec<Given<String>>,
    /// `--me-as`.
    pub me_as: Option<Given<String>>,
    /// `--user`.
    pub user: Option<Given<String>>,
    /// `--group-add`.
    pub group_add: Vec<Given<String>>,
}
