//! `map plan`: which ids a container of an image needs and why, and the map that a start would get at this moment.
//!
//! The plan is that of the request; where neither the request nor the environment nor containers.conf chooses a way, it is that of
//! `--userns=auto`, so that the same image has the same plan everywhere. Nothing is made, and a lease that was taken to find free
//! ids is given back before the plan is told: another start may be faster.

mod rootfs;
mod why;

use std::ops::RangeInclusive;

use diag::{Error, Report, Result, codes};
use idmap::{Caller, Extents, FULL, IdMap, IdSet, Kind, Needs, Reason, draw, grouped};
use store::ContainerId;

use crate::{
    Engine,
    config::MapRequest,
    create::map_request,
    map::{
        self, Decided, Host,
        asked::{Asked, Known},
        coverage::Image,
        pool::{StoreLeases, has_slots},
    },
    request::{Given, RunRequest},
    run::given_at,
};

/// All that is planned.
#[derive(Debug)]
pub struct MapPlan {
    /// The image's name, or the directory's.
    pub image: String,
    /// The image's files: inodes of all layers, or of the directory.
    pub files: u64,
    /// The uids.
    pub uids: KindPlan,
    /// The gids.
    pub gids: KindPlan,
    /// What else there is to know: how a start that chooses no way differs, what was not counted.
    pub notes: Vec<String>,
    /// What is wrong with the map, but would not keep a container from starting.
    pub findings: Vec<Report>,
    /// Why nothing would start with these options; then there are no maps.
    pub refused: Option<Error>,
}

/// What is planned of one kind of ids.
#[derive(Clone, Debug)]
pub struct KindPlan {
    /// Which kind.
    pub kind: Kind,
    /// Consecutive ids and what they are for, by rising ids.
    pub parts: Vec<PlannedIds>,
    /// How many ids the parts have together.
    pub ids: u64,
    /// The map that a start would get now: container ids and host ids. Empty if nothing would start.
    pub map: Extents,
    /// Ids of the parts that this map leaves out.
    pub left_out: IdSet,
    /// The map as a picture.
    pub picture: String,
}

impl KindPlan {
    /// Extents of the map, of which the kernel takes 340; where there is no map, as many as the parts need at least.
    pub fn extents(&self) -> usize {
        if self.map.is_empty() { self.all().ranges().len() } else { self.map.len() }
    }

    /// Bytes of the map as the kernel reads it, which takes fewer than 4096; 0 where there is no map.
    pub fn bytes(&self) -> usize {
        self.map.to_kernel().len()
    }

    fn all(&self) -> IdSet {
        self.parts.iter().map(|part| part.ids.clone()).collect()
    }
}

/// Consecutive ids of the container and what they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedIds {
    /// The ids, as the container sees them.
    pub ids: RangeInclusive<u32>,
    /// Why they are mapped: the weightiest reason.
    pub reason: Reason,
    /// What the image has of them, in words: `owner of 12 files`.
    pub why: Vec<String>,
}

impl PlannedIds {
    /// How many ids.
    pub fn count(&self) -> u64 {
        u64::from(self.ids.end() - self.ids.start()) + 1
    }

    /// Reason and words in one line.
    pub fn told(&self) -> String {
        let details = self.why.join("; ");
        let of_the_image = matches!(
            self.reason,
            Reason::Process | Reason::Volume | Reason::Files | Reason::Acl | Reason::Capability | Reason::Accounts
        );
        match (self.why.is_empty(), of_the_image) {
            (true, _) => self.reason.to_string(),
            (false, true) => details,
            (false, false) => format!("{}; {details}", self.reason),
        }
    }
}

impl Engine<'_> {
    /// Plans the map of a container. `width` is how wide pictures may be.
    ///
    /// Errors: those of a run, as far as they are about the image, the user and the options for maps. What keeps a map from
    /// being found (UR0101, UR0205, …) is a part of the plan.
    pub fn plan_map(&self, request: &RunRequest, width: usize) -> Result<MapPlan> {
        if !request.rootfs {
            self.ready_hello(&request.image.value).map_err(|error| request.image.blame(error))?;
        }
        let (request, chosen) = self.planned_request(request)?;
        let _content = self.store.share()?;
        let mut image = self.ids_of(&request)?;
        let mut notes = Vec::new();
        if request.rootfs {
            notes.extend(rootfs::count(&mut image, &request.image)?);
        }
        let host = Host::look(self.entered)?;
        let map_request = map_request(&request.identity);
        // What is written wrongly is no plan.
        Asked::read(&map_request, &host, &image)
            .map_err(|refused| refused.into_error(|place| given_at(&request.identity, place)))?;
        let decided = self.peek(&request, &map_request, &host, &image);
        notes.extend(default_note(chosen || decided.is_err(), &host));
        plan(request, &host, &image, decided, notes, width)
    }

    /// The request with the way that counts, and whether somebody chose it.
    fn planned_request(&self, request: &RunRequest) -> Result<(RunRequest, bool)> {
        let mut request = self.with_default_map(request)?;
        let named = [&request.identity.subuidname, &request.identity.subgidname].into_iter().flatten();
        let named = named.filter(|name| !name.value.is_empty()).count() > 0;
        let chosen = request.identity.userns.is_some()
            || !request.identity.uidmap.is_empty()
            || !request.identity.gidmap.is_empty()
            || named;
        if !chosen {
            request.identity.userns = Some(Given::unwritten("auto".to_owned()));
        }
        Ok((request, chosen))
    }

    /// The decision of a start, whose lease is given back at once.
    fn peek(&self, request: &RunRequest, asked: &MapRequest, host: &Host, image: &Image) -> Result<Decided<()>> {
        let id = ContainerId::random();
        // The same name gets the same ids, where they are free; who gives none sees those of a container with the image's.
        let name = request.life.name.as_ref().map_or(image.name.as_str(), |name| name.value.as_str());
        let mut leases = StoreLeases::new(&self.store, id.as_str(), name);
        let decided = map::decide(asked, host, image, name, &mut leases, |place| given_at(&request.identity, place));
        drop(leases);
        let explained = |error: Error| {
            if error.code() == codes::UR0205 { self.explain_scarcity(error, host) } else { error }
        };
        let Decided { map, current, lease: _, user, shifted, warnings, planned, joined } =
            decided.map_err(explained)?;
        Ok(Decided { map, current, lease: None, user, shifted, warnings, planned, joined })
    }
}

/// Puts it together.
fn plan(
    request: RunRequest,
    host: &Host,
    image: &Image,
    decided: Result<Decided<()>>,
    notes: Vec<String>,
    width: usize,
) -> Result<MapPlan> {
    let (map, planned, findings, refused) = match decided {
        Ok(decided) => {
            let map = in_host_ids(host, &decided)?;
            (map, decided.planned, decided.warnings, None)
        }
        Err(error) => (IdMap { uid: Extents::default(), gid: Extents::default() }, None, Vec::new(), Some(error)),
    };
    let automatic = planned.is_some();
    let planned = planned.unwrap_or_else(|| Kind::BOTH.map(|kind| Needs::of_image(&image.ids(kind))));
    let known = Known { image, host };
    let [uids, gids] = [(Kind::Uid, &planned[0]), (Kind::Gid, &planned[1])].map(|(kind, needs)| {
        let map = map.get(kind).clone();
        let parts = why::parts(kind, needs, automatic.then_some(&map), image);
        let ids: IdSet = parts.iter().map(|part| part.ids.clone()).collect();
        let left_out = if map.is_empty() { IdSet::new() } else { map.missing(&ids) };
        let picture = draw(kind, &map, &known, width);
        KindPlan { kind, ids: ids.count(), parts, left_out, picture, map }
    });
    let files = image.uid_files.values().sum();
    let findings = findings.into_iter().map(Error::into_report).collect();
    Ok(MapPlan { image: request.image.value, files, uids, gids, notes, findings, refused })
}

/// An ordinary user's map counts the ids of their own namespace.
fn in_host_ids(host: &Host, decided: &Decided<()>) -> Result<IdMap> {
    match &host.caller {
        Caller::Root { .. } => Ok(decided.map.clone()),
        Caller::User { .. } => IdMap::try_from_fn(|kind| {
            decided.map.get(kind).compose(decided.current.get(kind)).map_err(|fault| fault.into_error(kind))
        }),
    }
}

/// What a start does that chooses no way, if that is something else than the plan.
fn default_note(silent: bool, host: &Host) -> Option<String> {
    if silent {
        return None;
    }
    let exact = "`unroot run --userns=auto` maps exactly this";
    Some(match &host.caller {
        Caller::Root { .. } if has_slots(host) => {
            format!(
                "{exact}; without --userns, the rest of the container's {} ids is mapped, too",
                grouped(FULL.into())
            )
        }
        Caller::Root { .. } => format!("{exact}; without --userns, the ids of this namespace are kept as they are"),
        Caller::User { .. } => format!("{exact}; without --userns, root in the container is you, with all of your ids"),
    })
}
