//! Who may ask: root, root in a container, users with and without delegated ids.

use idmap::{
    Accounts, Auto, Automatic, Caller, Extent, Extents, IdMap, IdSet, ImageIds, Kind, Needs, Outside, Pool, Side, Slot,
    SubidFile, intermediate,
};

/// What the worlds have in `/etc/subuid` and `/etc/subgid`.
pub fn subids() -> SubidFile {
    SubidFile::parse("/etc/subuid", b"containers:2147483648:65536\nalice:100000:65536\nalice:2000:1\n0:7:1\n")
}

/// All callers that the promises are checked for.
pub fn callers() -> [Caller; 4] {
    let nested = Extents::new([Extent::new(0, 100_000, 10), Extent::new(10, 200_000, 700_000)]).unwrap();
    let rich = intermediate(Outside(1000), &[2000..=2000, 100_000..=165_535]).unwrap();
    let poor = intermediate(Outside(1000), &[]).unwrap();
    let user = |map: Extents| Caller::User {
        uid: Outside(1000),
        gid: Outside(1000),
        intermediate: IdMap { uid: map.clone(), gid: map },
    };
    [
        Caller::Root { current: IdMap::identity() },
        Caller::Root { current: IdMap { uid: nested.clone(), gid: nested } },
        user(rich),
        user(poor),
    ]
}

/// The ids that may stand in the right column of this caller's maps.
pub fn allowed(caller: &Caller, kind: Kind) -> IdSet {
    match caller {
        Caller::Root { current } => current.get(kind).inside_ids(),
        Caller::User { intermediate, .. } => intermediate.get(kind).outside_ids(),
    }
}

/// What an automatic map is made of in these worlds.
pub fn automatic(auto: &Auto, caller: &Caller) -> Automatic {
    let needs = match auto.size {
        Some(size) => Needs::window(size),
        None => {
            Needs::of_image(&ImageIds { files: [0..=3, 70_000..=70_000].into_iter().collect(), ..ImageIds::default() })
        }
    };
    let pool = match caller {
        Caller::Root { .. } => Pool::slot(Slot::at(1).unwrap()),
        Caller::User { intermediate, .. } => Pool::ranges(intermediate.uid.outside_ids().ranges().collect()),
    };
    Automatic { uids: needs.clone(), gids: needs, uid_pool: pool.clone(), gid_pool: pool }
}

/// The accounts of image and host: `redis` everywhere, `ops` is a group.
pub struct People;

impl Accounts for People {
    fn user(&self, side: Side, name: &str) -> Option<(u32, u32)> {
        (name == "redis").then_some(if side == Side::Inside { (101, 102) } else { (996, 996) })
    }

    fn group(&self, side: Side, name: &str) -> Option<u32> {
        (name == "ops").then_some(if side == Side::Inside { 50 } else { 2000 })
    }

    fn primary_group(&self, _: Side, uid: u32) -> Option<u32> {
        (uid == 101).then_some(102)
    }

    fn near(&self, _: Side, _: Kind, name: &str) -> Option<String> {
        (name == "radis").then(|| "redis".to_owned())
    }
}
