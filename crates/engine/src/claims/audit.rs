//! The claims with the names of this scope's own containers.

use diag::Result;
use idmap::Kind;

use super::{Claim, ClaimKind, Claims, HostFiles};
use crate::{Engine, holders::Holder};

impl Engine<'_> {
    /// Everything that is claimed on a host. On this one, the maps of running containers of this scope go by their names. What cannot
    /// be read is told as a warning.
    pub fn audit(&self, host: &HostFiles) -> Result<Claims> {
        let mut claims = Claims::look(host);
        if host.is_here() {
            // An ordinary user's containers may share the ids that are delegated to the user.
            let what = if self.scope.rootless { ClaimKind::Process } else { ClaimKind::Container };
            name(&mut claims, &self.holders()?, what);
        }
        claims.warnings.iter().for_each(|warning| self.warn(warning));
        Ok(claims)
    }
}

/// Processes with a container's map are the container.
fn name(claims: &mut Claims, holders: &[Holder], what: ClaimKind) {
    let mut own = Vec::new();
    for holder in holders {
        let Some(map) = &holder.map else { continue };
        let source = holder.pid.map_or_else(|| "unroot".to_owned(), |pid| format!("pid {pid}"));
        for kind in Kind::BOTH {
            own.extend(map.get(kind).iter().filter(|extent| extent.inside.0 != extent.outside.0).map(|extent| Claim {
                kind,
                ids: extent.outside_range(),
                owner: format!("container {}", holder.name),
                what,
                source: source.clone(),
            }));
        }
    }
    let is_own = |claim: &Claim| {
        claim.what == ClaimKind::Process && own.iter().any(|one| (one.kind, &one.ids) == (claim.kind, &claim.ids))
    };
    claims.all.retain(|claim| !is_own(claim));
    claims.all.extend(own);
}

#[cfg(test)]
mod tests {
    use idmap::{Extent, Extents, IdMap};

    use super::*;

    fn holder(name: &str, first: u32) -> Holder {
        let map = Extents::new([Extent::new(0, first, 65_536)]).unwrap();
        Holder {
            id: name.into(),
            name: name.into(),
            image: "box".into(),
            started: None,
            pid: Some(7),
            map: Some(IdMap { uid: map.clone(), gid: map }),
        }
    }

    #[test]
    fn containers_go_by_their_names() {
        let mut claims = Claims::default();
        claims.both(&(600_000..=665_535), "process sleep and 1 more", ClaimKind::Process, "pid 9");
        claims.both(&(900_000..=900_009), "process other", ClaimKind::Process, "pid 10");
        name(&mut claims, &[holder("a", 600_000), holder("b", 600_000)], ClaimKind::Container);
        let owners: Vec<&str> = claims.all.iter().map(|claim| claim.owner.as_str()).collect();
        let expected = ["process other", "process other", "container a", "container a", "container b", "container b"];
        assert_eq!(owners, expected);
        // Both were given the same ids: of each kind.
        assert_eq!(idmap::line::overlaps(&claims.all).len(), 2);
    }
}
