use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, de::IntoDeserializer};

/// One of `linux.devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Where it is, in the container. Required.
    pub path: PathBuf,
    /// `type`. Required.
    #[serde(rename = "type")]
    pub kind: DeviceKind,
    /// Required, unless it is a FIFO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub major: Option<i64>,
    /// Required, unless it is a FIFO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minor: Option<i64>,
    /// Its permissions, as chmod(2) has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_mode: Option<u32>,
    /// Its owner, as the container sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Its group, as the container sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

/// The type of a device, by the letters of mknod(1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceKind {
    /// Every kind; it exists only in rules.
    #[serde(rename = "a")]
    All,
    /// A block device.
    #[serde(rename = "b")]
    Block,
    /// A character device.
    #[serde(rename = "c")]
    Character,
    /// A character device, by its old letter.
    #[serde(rename = "u")]
    Unbuffered,
    /// A FIFO.
    #[serde(rename = "p")]
    Fifo,
}

/// The type in a rule, where an empty text is the same as none.
pub(super) fn in_rule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DeviceKind>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.filter(|letter| !letter.is_empty()) {
        Some(letter) => DeviceKind::deserialize(letter.into_deserializer()).map(Some),
        None => Ok(None),
    }
}
