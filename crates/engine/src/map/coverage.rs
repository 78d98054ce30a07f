//! Whether a map has the ids that a container needs.

use std::collections::BTreeMap;

use diag::{Error, Result, Severity};
use idmap::{IdMap, ImageIds, Inside, Kind, NOBODY, Names, Need, NeedWhy, Outside, Request, Writing, coverage};
use oci::accounts::{group_name, user_name};

use crate::config::User;

/// What is known of an image's ids.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// What the user calls it.
    pub name: String,
    /// How many files each uid owns.
    pub uid_files: BTreeMap<u32, u64>,
    /// How many files belong to each gid.
    pub gid_files: BTreeMap<u32, u64>,
    /// How many access control lists name each uid.
    pub acl_uids: BTreeMap<u32, u64>,
    /// How many access control lists name each gid.
    pub acl_gids: BTreeMap<u32, u64>,
    /// How many files have capabilities that count under this root.
    pub capability_roots: BTreeMap<u32, u64>,
    /// The directories that its configuration declares as volumes, and who owns them, where they exist.
    pub volumes: BTreeMap<String, (u32, u32)>,
    /// Whether its process is systemd.
    pub systemd: bool,
    /// Its /etc/passwd; empty if there is none.
    pub passwd: Vec<u8>,
    /// Its /etc/group; empty if there is none.
    pub group: Vec<u8>,
    /// Who owns its root directory.
    pub root: (u32, u32),
    /// Who the process is.
    pub process: User,
    /// Whether nobody has said who the process is to be, so that the map's mode may.
    pub user_is_open: bool,
    /// Whether it consists of layers, which are mounted; otherwise it is a directory of the user's own, of which nothing is known.
    pub layered: bool,
}

impl Image {
    /// All ids of one kind, for the planning of a map.
    pub fn ids(&self, kind: Kind) -> ImageIds {
        let (uids, gids) = oci::accounts::known_ids(&self.passwd, &self.group);
        let (accounts, process) = match kind {
            Kind::Uid => (uids, vec![self.process.uid]),
            Kind::Gid => (gids, [vec![self.process.gid], self.process.groups.clone()].concat()),
        };
        // The root of capabilities is a user.
        let roots = (kind == Kind::Uid).then_some(&self.capability_roots);
        ImageIds {
            files: self.files(kind).keys().copied().collect(),
            volumes: self.volumes.values().map(|(uid, gid)| if kind == Kind::Uid { *uid } else { *gid }).collect(),
            acls: self.acls(kind).keys().copied().collect(),
            capabilities: roots.into_iter().flat_map(BTreeMap::keys).copied().collect(),
            accounts: accounts.into_iter().collect(),
            process: process.into_iter().collect(),
            systemd: self.systemd,
        }
    }

    /// How many files each id of a kind owns.
    pub fn files(&self, kind: Kind) -> &BTreeMap<u32, u64> {
        match kind {
            Kind::Uid => &self.uid_files,
            Kind::Gid => &self.gid_files,
        }
    }

    /// How many access control lists name each id of a kind.
    pub fn acls(&self, kind: Kind) -> &BTreeMap<u32, u64> {
        match kind {
            Kind::Uid => &self.acl_uids,
            Kind::Gid => &self.acl_gids,
        }
    }

    fn needs(&self) -> Vec<Need> {
        let need = |kind, id, why, count| Need { kind, id: Inside(id), why, count };
        let mut needs = Vec::new();
        for kind in Kind::BOTH {
            let counted = [(self.files(kind), NeedWhy::Files), (self.acls(kind), NeedWhy::Acl)];
            for (ids, why) in counted {
                needs.extend(ids.iter().map(|(id, count)| need(kind, *id, why, *count)));
            }
        }
        let roots = self.capability_roots.iter();
        needs.extend(roots.map(|(id, count)| need(Kind::Uid, *id, NeedWhy::Capability, *count)));
        needs.push(need(Kind::Uid, self.process.uid, NeedWhy::Process, 0));
        needs.push(need(Kind::Gid, self.process.gid, NeedWhy::Process, 0));
        needs.extend(self.process.groups.iter().map(|gid| need(Kind::Gid, *gid, NeedWhy::Group, 0)));
        needs
    }

    /// Accounts in the holes of a map by hand: whoever writes `0:1000:101` and `102:2000:1000` has hardly meant to leave 101 out. A map
    /// that ends before an account is another matter: that is how small maps are.
    fn forgotten(&self, map: &IdMap) -> Vec<Need> {
        let (uids, gids) = oci::accounts::known_ids(&self.passwd, &self.group);
        let mut needs = Vec::new();
        for (kind, accounts) in [(Kind::Uid, uids), (Kind::Gid, gids)] {
            let extents = map.get(kind);
            let mapped = extents.inside_ids();
            let (Some(first), Some(last)) = (mapped.first(), mapped.last()) else { continue };
            let is_forgotten = |id: &u32| (first..last).contains(id) && *id != NOBODY && !extents.contains(Inside(*id));
            let forgotten = accounts.into_iter().filter(is_forgotten);
            needs.extend(forgotten.map(|id| Need { kind, id: Inside(id), why: NeedWhy::Account, count: 0 }));
        }
        needs
    }

    /// Whether nothing can start under a map: there is no process, or a root directory of nobody, in which nobody can make
    /// so much as the target of a mount.
    fn is_impossible(&self, map: &IdMap) -> bool {
        let has = |kind, id| map.get(kind).contains(Inside(id));
        let process = has(Kind::Uid, self.process.uid)
            && has(Kind::Gid, self.process.gid)
            && self.process.groups.iter().all(|gid| has(Kind::Gid, *gid));
        let root = !self.layered || (has(Kind::Uid, self.root.0) && has(Kind::Gid, self.root.1));
        !(process && root)
    }
}

/// Refuses a map without which nothing can start, and warns of one that leaves out further ids of the image: both UR0101.
pub fn check(
    map: &IdMap,
    image: &Image,
    asked: &Request,
    host_passwd: &[u8],
    host_group: &[u8],
) -> Result<Option<Error>> {
    let names = Both { image, passwd: host_passwd, group: host_group };
    let writing = Writing { request: Some(asked), subject: "image", image: &image.name, volume: None, names: &names };
    let mut needs = image.needs();
    if matches!(asked, Request::Triples { .. }) {
        needs.extend(image.forgotten(map));
    }
    let Some(finding) = coverage(map, &needs, &writing) else { return Ok(None) };
    if image.is_impossible(map) {
        return Err(finding);
    }
    let mut report = finding.into_report();
    report.severity = Severity::Warning;
    report.facts.push("files of ids that are left out show up as nobody's".to_owned());
    Ok(Some(report.into()))
}

/// The image's names inside, the host's outside.
struct Both<'a> {
    image: &'a Image,
    passwd: &'a [u8],
    group: &'a [u8],
}

impl Names for Both<'_> {
    fn inside(&self, kind: Kind, id: Inside) -> Option<String> {
        match kind {
            Kind::Uid => user_name(id.0, &self.image.passwd),
            Kind::Gid => group_name(id.0, &self.image.group),
        }
    }

    fn outside(&self, kind: Kind, id: Outside) -> Option<String> {
        match kind {
            Kind::Uid => user_name(id.0, self.passwd),
            Kind::Gid => group_name(id.0, self.group),
        }
    }
}
