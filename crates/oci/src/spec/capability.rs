//! The capabilities of capabilities(7) by name and number, and the sets of config.json.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::null_as_default;

/// The names without `CAP_`; a name's place is its number (include/uapi/linux/capability.h).
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The number of a capability by its name, with or without `CAP_`, in any case.
pub fn number(name: &str) -> Option<u8> {
    let name = name.to_ascii_uppercase();
    let bare = name.strip_prefix("CAP_").unwrap_or(&name);
    (0..).zip(NAMES).find_map(|(number, known)| (known == bare).then_some(number))
}

/// The name of a capability, with `CAP_`; `CAP_n` for one that has no name yet.
pub fn name(number: u8) -> String {
    match NAMES.get(usize::from(number)) {
        Some(name) => format!("CAP_{name}"),
        None => format!("CAP_{number}"),
    }
}

/// A capability that is known, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability(pub u8);

/// With `CAP_`, as config.json has it.
impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(self.0))
    }
}

impl Serialize for Capability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// By its name as [`number`] takes it.
impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Capability, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown = || de::Error::invalid_value(de::Unexpected::Str(&name), &"a capability, such as `CAP_CHOWN`");
        number(&name).map(Capability).ok_or_else(unknown)
    }
}

/// `process.capabilities`: the five sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// What an execve may ever gain.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub bounding: Vec<Capability>,
    /// What the kernel looks at.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub effective: Vec<Capability>,
    /// What an execve of a file with inheritable capabilities keeps.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub inheritable: Vec<Capability>,
    /// What may be made effective.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub permitted: Vec<Capability>,
    /// What an ordinary execve keeps.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub ambient: Vec<Capability>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_number() {
        assert_eq!(number("CAP_CHOWN"), Some(0));
        assert_eq!(number("sys_admin"), Some(21));
        assert_eq!(number("cap_checkpoint_restore"), Some(40));
        assert_eq!(number("CAP_CAP_CHOWN"), None);
        assert_eq!(number(""), None);
        assert!((0..41).all(|n| number(&name(n)) == Some(n)));
        assert_eq!(name(41), "CAP_41");
    }
}
