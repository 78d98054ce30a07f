//! What the options ask for: read, with names looked up in the image and on the host.

use std::env;

use diag::{Origin, Result};
use idmap::{
    Accounts, Caller, Inside, KeepId, Kind, MapOption, MeAs, Names, Outside, Place, Refused, Request, Side, Userns,
    Wish, Wishes, Words,
};
use oci::accounts::{group_id, group_name, near_group, near_user, primary_group, user_ids, user_name};

use crate::{
    Engine,
    config::MapRequest,
    map::{Host, coverage::Image},
    request::RunRequest,
};

/// The way to the map, and the single ids on top of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The way; the default where none is chosen.
    pub request: Request,
    /// `--map` and `--me-as`.
    pub wishes: Wishes,
}

impl Asked {
    /// Reads the options.
    ///
    /// Errors: those of [`Request::parse`], [`Wish::parse_all`] and [`Wishes::find`].
    pub fn read(asked: &MapRequest, host: &Host, image: &Image) -> std::result::Result<Asked, Refused> {
        let request = Request::parse(&words(asked))?;
        let map = Wish::parse_all(&asked.map)?;
        // An empty value is none, so that a script may always pass it.
        let me_as = asked.me_as.as_deref().filter(|text| !text.is_empty()).map(MeAs::parse).transpose()?;
        let sudo_user = env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
        let known = Known { image, host };
        let wishes = Wishes::find(&map, me_as.as_ref(), &host.caller, &known, sudo_user.as_deref())?;
        let request = request.unwrap_or_else(|| Request::Mode(default_mode(&host.caller)));
        Ok(Asked { request, wishes })
    }
}

fn words(asked: &MapRequest) -> Words<'_> {
    Words {
        userns: asked.userns.as_deref(),
        uidmap: &asked.uidmap,
        gidmap: &asked.gidmap,
        subuidname: asked.subuidname.as_deref(),
        subgidname: asked.subgidname.as_deref(),
    }
}

impl Engine<'_> {
    /// The request with the default of containers.conf where neither the command line nor the environment chooses a map.
    /// The file is not looked at otherwise: what is wrong in it is then no business of this start.
    pub(crate) fn with_default_map(&self, request: &RunRequest) -> Result<RunRequest> {
        let mut request = request.clone();
        let names = [&request.identity.subuidname, &request.identity.subgidname].into_iter().flatten();
        let delegated = names.filter(|name| !name.value.is_empty()).count();
        if request.identity.userns.is_none()
            && request.identity.uidmap.is_empty()
            && request.identity.gidmap.is_empty()
            && delegated == 0
        {
            request.identity.userns =
                self.containers_conf()?.containers.userns.filter(|userns| !userns.value.is_empty());
        }
        Ok(request)
    }
}

/// For root a range of the container's own; for others their own namespace as it is.
fn default_mode(caller: &Caller) -> Userns {
    match caller {
        Caller::Root { current } if *current == idmap::IdMap::identity() => Userns::Private,
        Caller::Root { .. } => Userns::KeepId(KeepId { uid: None, gid: None, size: None }),
        Caller::User { .. } => Userns::Host,
    }
}

/// The word that the map as a whole comes from: the first one that chooses all of it, or else a wish.
pub fn place_of_all(asked: &MapRequest, origin: impl Fn(&Place) -> Option<Origin>) -> Option<Origin> {
    let first = |list: &'_ [String]| list.first().map(String::len);
    let length = |text: &Option<String>| text.as_ref().filter(|text| !text.is_empty()).map(String::len);
    let words = [
        (MapOption::Userns, asked.userns.as_ref().map(String::len)),
        (MapOption::Uidmap, first(&asked.uidmap)),
        (MapOption::Gidmap, first(&asked.gidmap)),
        (MapOption::Subuidname, length(&asked.subuidname)),
        (MapOption::Subgidname, length(&asked.subgidname)),
        (MapOption::Map, first(&asked.map)),
        (MapOption::MeAs, length(&asked.me_as)),
    ];
    let (option, length) = words.into_iter().find_map(|(option, length)| Some((option, length?)))?;
    origin(&Place::new(option, 0, 0..length))
}

/// The accounts of both sides.
pub struct Known<'a> {
    /// Inside.
    pub image: &'a Image,
    /// Outside.
    pub host: &'a Host,
}

impl Known<'_> {
    fn passwd(&self, side: Side) -> &[u8] {
        match side {
            Side::Inside => &self.image.passwd,
            Side::Outside => &self.host.passwd,
        }
    }

    fn groups(&self, side: Side) -> &[u8] {
        match side {
            Side::Inside => &self.image.group,
            Side::Outside => &self.host.group,
        }
    }

    fn name(&self, side: Side, kind: Kind, id: u32) -> Option<String> {
        match kind {
            Kind::Uid => user_name(id, self.passwd(side)),
            Kind::Gid => group_name(id, self.groups(side)),
        }
    }
}

impl Names for Known<'_> {
    fn inside(&self, kind: Kind, id: Inside) -> Option<String> {
        self.name(Side::Inside, kind, id.0)
    }

    fn outside(&self, kind: Kind, id: Outside) -> Option<String> {
        self.name(Side::Outside, kind, id.0)
    }
}

impl Accounts for Known<'_> {
    fn user(&self, side: Side, name: &str) -> Option<(u32, u32)> {
        user_ids(name, self.passwd(side))
    }

    fn group(&self, side: Side, name: &str) -> Option<u32> {
        group_id(name, self.groups(side))
    }

    fn primary_group(&self, side: Side, uid: u32) -> Option<u32> {
        primary_group(uid, self.passwd(side))
    }

    fn near(&self, side: Side, kind: Kind, name: &str) -> Option<String> {
        match kind {
            Kind::Uid => near_user(name, self.passwd(side)),
            Kind::Gid => near_group(name, self.groups(side)),
        }
    }
}

#[cfg(test)]
mod tests;
