//! The control groups of a process that enters.

use std::path::{Component, Path, PathBuf};

use diag::{Error, Result, codes};

/// `--cgroup [CONTROLLERS:]PATH`: a group below the container's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubGroup {
    /// The controllers of version 1 whose hierarchies are meant; empty: all, and version 2.
    pub controllers: Vec<String>,
    /// The group's path below the container's.
    pub path: PathBuf,
}

impl SubGroup {
    /// Reads it, as runc has it: `path`, or `controller[,controller…]:path`. UR0607 for a path that leads out.
    pub fn parse(text: &str) -> Result<SubGroup> {
        let (controllers, path) = text.split_once(':').map_or(("", text), |(left, right)| (left, right));
        let mut below = PathBuf::new();
        for part in Path::new(path).components() {
            match part {
                Component::Normal(name) => below.push(name),
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(Error::new(
                        codes::UR0607,
                        format!("the control group `{text}` leads out of the container's"),
                    ));
                }
            }
        }
        let controllers = controllers.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Ok(SubGroup { controllers, path: below })
    }

    /// Whether it is meant for a hierarchy, by that one's controllers.
    pub(crate) fn is_for(&self, controllers: &str) -> bool {
        self.controllers.is_empty()
            || self.controllers.iter().any(|own| controllers.split(',').any(|other| other == own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_runc_writes_them() {
        let all = SubGroup::parse("a/b").unwrap();
        assert!(all.is_for("") && all.is_for("cpu,cpuacct"));
        let some = SubGroup::parse("cpuacct,pids:/a").unwrap();
        assert!(some.is_for("cpu,cpuacct") && !some.is_for("memory") && !some.is_for(""));
        assert_eq!(some.path, Path::new("a"));
        assert_eq!(SubGroup::parse("a/../..").unwrap_err().code(), codes::UR0607);
        assert_eq!(SubGroup::parse("/").unwrap().path, Path::new(""));
    }
}
