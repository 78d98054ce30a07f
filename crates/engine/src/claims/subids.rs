//! `/etc/subuid` and `/etc/subgid`, and which tools live on whose lines.

use std::collections::BTreeMap;

use idmap::{Kind, SubidFile};

use super::{Claim, ClaimKind, Claims, HostFiles};

/// The lines of both files.
pub(super) struct Lines {
    uid: SubidFile,
    gid: SubidFile,
    /// The tool that lives on an owner's lines.
    users: BTreeMap<String, String>,
}

impl Lines {
    /// Reads them; what is wrong with a line becomes a warning.
    pub(super) fn read(host: &HostFiles, claims: &mut Claims) -> Lines {
        let mut read = |kind: Kind| {
            let path = kind.subid_file();
            let file = SubidFile::parse(path, &host.read(path, claims).unwrap_or_default());
            claims.warnings.extend(file.warnings());
            file
        };
        Lines { uid: read(Kind::Uid), gid: read(Kind::Gid), users: BTreeMap::new() }
    }

    fn file(&self, kind: Kind) -> &SubidFile {
        match kind {
            Kind::Uid => &self.uid,
            Kind::Gid => &self.gid,
        }
    }

    /// Whether the owner has a line.
    pub(super) fn has(&self, owner: &str) -> bool {
        Kind::BOTH.into_iter().any(|kind| self.file(kind).delegations.iter().any(|line| line.owner == owner))
    }

    /// Notes that a tool takes its ids from an owner's lines. If another tool does so too, these are claims of its own. Whether
    /// there are such lines.
    pub(super) fn use_by(&mut self, tool: &str, owner: &str, source: &str, claims: &mut Claims) -> bool {
        let label = if tool == owner { tool.to_owned() } else { format!("{tool} ({owner})") };
        if self.users.contains_key(owner) {
            for kind in Kind::BOTH {
                for ids in self.file(kind).ranges_of_name(owner) {
                    claims.add(kind, ids, &label, ClaimKind::Tool, source);
                }
            }
        } else {
            self.users.insert(owner.to_owned(), label);
        }
        self.has(owner)
    }

    /// Each line is a claim of its owner's, or of the tool's.
    pub(super) fn tell(self, claims: &mut Claims) {
        for kind in Kind::BOTH {
            let file = self.file(kind);
            claims.all.extend(file.delegations.iter().map(|line| Claim {
                kind,
                ids: line.ids.clone(),
                owner: self.users.get(&line.owner).unwrap_or(&line.owner).clone(),
                what: ClaimKind::Delegated,
                source: format!("{}:{}", file.file, line.line),
            }));
        }
    }
}
