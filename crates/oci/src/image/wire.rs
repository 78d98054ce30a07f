//! How a configuration is written down: OCI's members, in Docker's spelling, `null` allowed wherever Go writes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};

use super::History;
use crate::Digest;

/// The whole document.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Document {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<String>,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub(super) author: String,
    pub(super) architecture: String,
    pub(super) os: String,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub(super) variant: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) config: Process,
    pub(super) rootfs: RootFs,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub(super) history: Vec<History>,
}

/// What a container of the image is to run.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Process {
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub(super) user: String,
    #[serde(default, with = "set", skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) exposed_ports: BTreeSet<String>,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub(super) env: Vec<String>,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub(super) entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub(super) cmd: Vec<String>,
    #[serde(default, with = "set", skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) volumes: BTreeSet<String>,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub(super) working_dir: String,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub(super) stop_signal: String,
}

/// The layers, as the digests of their tar files before compression, the lowest first.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct RootFs {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) diff_ids: Vec<Digest>,
}

/// Go's sets: objects whose values are `{}`. What stands in the place of a value is not looked at.
mod set {
    use std::collections::BTreeSet;

    use serde::{
        Deserialize, Deserializer, Serializer,
        de::{IgnoredAny, MapAccess, Visitor},
        ser::SerializeMap,
    };

    pub(super) fn serialize<S: Serializer>(set: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(set.len()))?;
        for name in set {
            map.serialize_entry(name, &serde_json::Map::new())?;
        }
        map.end()
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
        Option::<Names>::deserialize(deserializer).map(|names| names.unwrap_or_default().0)
    }

    #[derive(Default)]
    struct Names(BTreeSet<String>);

    impl<'de> Deserialize<'de> for Names {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Names, D::Error> {
            deserializer.deserialize_map(Names::default())
        }
    }

    impl<'de> Visitor<'de> for Names {
        type Value = Names;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object whose members are names")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Names, A::Error> {
            while let Some((name, IgnoredAny)) = map.next_entry()? {
                self.0.insert(name);
            }
            Ok(self)
        }
    }
}

/// `null` where Go had an empty value.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
