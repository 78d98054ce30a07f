use serde::{Deserialize, Serialize};

/// A range of ids in `uidMappings` and `gidMappings` (config-linux.md "User namespace mappings"). All members are required:
/// a misspelt one taken for 0 would be the host's root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMapping {
    /// The first id in the container.
    #[serde(rename = "containerID")]
    pub container_id: u32,
    /// The first id on the host.
    #[serde(rename = "hostID")]
    pub host_id: u32,
    /// How many.
    pub size: u32,
}
