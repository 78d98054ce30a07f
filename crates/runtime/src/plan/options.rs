//! Mount options, as the OCI runtime specification lists them (config.md "Linux mount options").

use diag::{Error, Pointer, Result, codes};
use oci::Bundle;
use sys::mount::{Attr, Propagation};

use crate::step::MountChange;

/// The words that are known, for `features`; every other word is the file system's own affair.
pub const KNOWN: [&str; 62] = [
    "async",
    "atime",
    "bind",
    "defaults",
    "dev",
    "diratime",
    "dirsync",
    "exec",
    "idmap",
    "iversion",
    "lazytime",
    "loud",
    "mand",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "noiversion",
    "nolazytime",
    "nomand",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nosymfollow",
    "private",
    "ratime",
    "rbind",
    "rdev",
    "rdiratime",
    "relatime",
    "remount",
    "rexec",
    "ridmap",
    "rnoatime",
    "rnodev",
    "rnodiratime",
    "rnoexec",
    "rnorelatime",
    "rnostrictatime",
    "rnosuid",
    "rnosymfollow",
    "ro",
    "rprivate",
    "rrelatime",
    "rro",
    "rrw",
    "rshared",
    "rslave",
    "rstrictatime",
    "rsuid",
    "rsymfollow",
    "runbindable",
    "rw",
    "shared",
    "silent",
    "slave",
    "strictatime",
    "suid",
    "symfollow",
    "sync",
    "tmpcopyup",
    "unbindable",
];

/// What a mount's options say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word that is in the list or not")]
pub struct MountOptions {
    /// Whether something that exists is bound (`bind`, `rbind`).
    pub bind: bool,
    /// Whether what is mounted below comes along (`rbind`).
    pub recursive: bool,
    /// Whether a mount is changed that is there already.
    pub remount: bool,
    /// Attributes and propagation.
    pub change: MountChange,
    /// Whether the mount is idmapped, and whether what is mounted below is too.
    pub idmap: Option<bool>,
    /// Whether a tmpfs begins with what it covers.
    pub copy_up: bool,
    /// Options of the file system, each with its index in the list: a key, and a value.
    pub data: Vec<(usize, String, Option<String>)>,
}

/// What one word does.
enum Meaning {
    Set(Attr),
    Clear(Attr),
    SetAll(Attr),
    ClearAll(Attr),
    Atime(Attr),
    AtimeAll(Attr),
    Spread(Propagation, bool),
    /// A flag of the file system, and nothing for a bind.
    Flag,
    /// The default, or without an effect on any kernel that has the new mount interface.
    Nothing,
}

impl MountOptions {
    /// Reads a mount's options. `at` is the pointer of their list.
    pub fn read(options: &[String], at: &Pointer, bundle: &Bundle) -> Result<MountOptions> {
        let mut read = MountOptions::default();
        for (index, option) in options.iter().enumerate() {
            read.add(index, option).map_err(|error| error.at(bundle.at(at.child(index))))?;
        }
        Ok(read)
    }

    fn add(&mut self, index: usize, option: &str) -> Result<()> {
        match option {
            "bind" => self.bind = true,
            "rbind" => (self.bind, self.recursive) = (true, true),
            "remount" => self.remount = true,
            "idmap" => self.idmap = Some(false),
            "ridmap" => self.idmap = Some(true),
            "tmpcopyup" => self.copy_up = true,
            "" => return Err(Error::new(codes::UR0316, "a mount option is empty")),
            _ => match meaning(option) {
                Some(Meaning::Flag) => self.data.push((index, option.to_owned(), None)),
                Some(meaning) => self.apply(&meaning),
                None => self.add_data(index, option)?,
            },
        }
        Ok(())
    }

    fn apply(&mut self, meaning: &Meaning) {
        let change = &mut self.change;
        let (set, clear) = match meaning {
            Meaning::SetAll(_) | Meaning::ClearAll(_) | Meaning::AtimeAll(_) => {
                (&mut change.set_all, &mut change.clear_all)
            }
            _ => (&mut change.set, &mut change.clear),
        };
        match *meaning {
            Meaning::Set(attr) | Meaning::SetAll(attr) => {
                set.insert(attr);
                clear.remove(attr);
            }
            Meaning::Clear(attr) | Meaning::ClearAll(attr) => {
                clear.insert(attr);
                set.remove(attr);
            }
            // The access time mode is a field: the kernel wants it cleared whole before it is set.
            Meaning::Atime(mode) | Meaning::AtimeAll(mode) => {
                clear.insert(Attr::ATIME);
                set.remove(Attr::ATIME);
                set.insert(mode);
            }
            Meaning::Spread(propagation, recursive) => change.propagation = Some((propagation, recursive)),
            Meaning::Flag | Meaning::Nothing => {}
        }
    }

    fn add_data(&mut self, index: usize, option: &str) -> Result<()> {
        if option.contains('\0') {
            return Err(Error::new(codes::UR0316, "a mount option has a NUL in it"));
        }
        let (key, value) = match option.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (option, None),
        };
        self.data.push((index, key.to_owned(), value));
        Ok(())
    }

    /// The value of an option of the file system, and its index.
    pub fn value(&self, name: &str) -> Option<(usize, &str)> {
        self.data
            .iter()
            .rev()
            .find(|(_, key, _)| key == name)
            .and_then(|(index, _, value)| Some((*index, value.as_deref()?)))
    }
}

fn meaning(option: &str) -> Option<Meaning> {
    if let Some(found) = attribute(option) {
        return Some(found);
    }
    if let Some(found) = option.strip_prefix('r').and_then(attribute) {
        return match found {
            Meaning::Set(attr) => Some(Meaning::SetAll(attr)),
            Meaning::Clear(attr) => Some(Meaning::ClearAll(attr)),
            Meaning::Atime(attr) => Some(Meaning::AtimeAll(attr)),
            _ => None,
        };
    }
    Some(match option {
        "private" => Meaning::Spread(Propagation::Private, false),
        "slave" => Meaning::Spread(Propagation::Slave, false),
        "shared" => Meaning::Spread(Propagation::Shared, false),
        "unbindable" => Meaning::Spread(Propagation::Unbindable, false),
        "rprivate" => Meaning::Spread(Propagation::Private, true),
        "rslave" => Meaning::Spread(Propagation::Slave, true),
        "rshared" => Meaning::Spread(Propagation::Shared, true),
        "runbindable" => Meaning::Spread(Propagation::Unbindable, true),
        "sync" | "dirsync" | "lazytime" | "mand" => Meaning::Flag,
        "defaults" | "async" | "nomand" | "loud" | "silent" | "iversion" | "noiversion" | "nolazytime" => {
            Meaning::Nothing
        }
        _ => return None,
    })
}

/// The options that set or clear an attribute of the mount itself.
fn attribute(option: &str) -> Option<Meaning> {
    Some(match option {
        "ro" => Meaning::Set(Attr::RDONLY),
        "rw" => Meaning::Clear(Attr::RDONLY),
        "nosuid" => Meaning::Set(Attr::NOSUID),
        "suid" => Meaning::Clear(Attr::NOSUID),
        "nodev" => Meaning::Set(Attr::NODEV),
        "dev" => Meaning::Clear(Attr::NODEV),
        "noexec" => Meaning::Set(Attr::NOEXEC),
        "exec" => Meaning::Clear(Attr::NOEXEC),
        "nosymfollow" => Meaning::Set(Attr::NOSYMFOLLOW),
        "symfollow" => Meaning::Clear(Attr::NOSYMFOLLOW),
        "nodiratime" => Meaning::Set(Attr::NODIRATIME),
        "diratime" => Meaning::Clear(Attr::NODIRATIME),
        "noatime" => Meaning::Atime(Attr::NOATIME),
        "strictatime" => Meaning::Atime(Attr::STRICTATIME),
        "relatime" | "atime" | "norelatime" | "nostrictatime" => Meaning::Atime(Attr::empty()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> MountOptions {
        let mut options = MountOptions::default();
        for (index, word) in words.iter().enumerate() {
            options.add(index, word).unwrap();
        }
        options
    }

    #[test]
    fn the_last_word_counts() {
        let change = read(&["ro", "rw", "nosuid"]).change;
        assert_eq!((change.set, change.clear), (Attr::NOSUID, Attr::RDONLY));
        let change = read(&["noatime", "strictatime"]).change;
        assert_eq!((change.set, change.clear), (Attr::STRICTATIME, Attr::ATIME));
    }

    #[test]
    fn recursive_attributes_are_kept_apart() {
        let change = read(&["rbind", "rro", "rnoexec", "dev"]).change;
        assert_eq!((change.set_all, change.clear), (Attr::RDONLY | Attr::NOEXEC, Attr::NODEV));
    }

    #[test]
    fn what_is_said_to_be_known_is() {
        for word in KNOWN {
            let special = matches!(word, "bind" | "rbind" | "remount" | "idmap" | "ridmap" | "tmpcopyup");
            assert!(special || meaning(word).is_some(), "{word}");
        }
    }

    #[test]
    fn what_is_no_attribute_is_for_the_file_system() {
        let options = read(&["mode=755", "size=64m", "newinstance", "sync"]);
        assert_eq!(options.value("mode"), Some((0, "755")));
        assert_eq!(options.data.len(), 4);
        assert!(read(&["rprivate"]).data.is_empty());
    }
}
