//! Wishes with their names looked up.

use diag::{Error, codes};

use crate::{
    Accounts, Caller, Inside, Kind, LAST_ID, MapOption, MeAs, Place, Refused, Side, Triple, Who, Wish, extent::end,
};

/// Single ids that the map is to have on top of whatever else it is made of: triples that extend, for one kind each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// For uids.
    pub uid: Vec<Triple>,
    /// For gids.
    pub gid: Vec<Triple>,
}

impl Wishes {
    /// Looks all names up. Later wishes win over earlier ones, and `--me-as` over all, as it is the more particular.
    ///
    /// Errors: UR0507 and UR0109 for names that the image or the host does not know, UR0102 for ids that do not exist, UR0108
    /// for `--me-as` of root; `sudo_user` is who root was before.
    pub fn find(
        map: &[Wish],
        me_as: Option<&MeAs>,
        caller: &Caller,
        accounts: &dyn Accounts,
        sudo_user: Option<&str>,
    ) -> Result<Wishes, Refused> {
        let mut wishes = Wishes::default();
        for wish in map {
            for kind in Kind::BOTH {
                if wish.only.is_none_or(|only| only == kind) {
                    let triple = triple(wish, kind, accounts)?;
                    wishes.list(kind).push(triple);
                }
            }
        }
        if let Some(me) = me_as {
            if matches!(caller, Caller::Root { .. }) {
                return Err(root_is_nobody(me, sudo_user));
            }
            let (uid, gid) = me_inside(me, accounts)?;
            let place = Place::new(MapOption::MeAs, 0, 0..me.at_group.bytes.end);
            // Intermediate id 0 is the caller.
            let triple = |kind, id| Triple {
                extends: true,
                only: Some(kind),
                inside: Inside(id),
                from: 0,
                host: false,
                len: 1,
                place: place.clone(),
            };
            wishes.uid.push(triple(Kind::Uid, uid));
            wishes.gid.push(triple(Kind::Gid, gid));
        }
        Ok(wishes)
    }

    /// Those of one kind.
    pub fn get(&self, kind: Kind) -> &[Triple] {
        match kind {
            Kind::Uid => &self.uid,
            Kind::Gid => &self.gid,
        }
    }

    /// Whether nothing is wished for.
    pub fn is_empty(&self) -> bool {
        self.uid.is_empty() && self.gid.is_empty()
    }

    /// The first of them that was written with this option.
    pub(crate) fn first_of(&self, option: MapOption) -> Option<&Triple> {
        self.uid.iter().chain(&self.gid).find(|triple| triple.place.option == option)
    }

    fn list(&mut self, kind: Kind) -> &mut Vec<Triple> {
        match kind {
            Kind::Uid => &mut self.uid,
            Kind::Gid => &mut self.gid,
        }
    }
}

fn triple(wish: &Wish, kind: Kind, accounts: &dyn Accounts) -> Result<Triple, Refused> {
    let inside = id(Side::Inside, wish, kind, accounts)?;
    let from = id(Side::Outside, wish, kind, accounts)?;
    for (start, side) in [(inside, "container"), (from, "host")] {
        if end(start, wish.len) > u64::from(LAST_ID) + 1 {
            let what = format!("{} ids from {side} {kind} {start} go beyond the last id, {LAST_ID}", wish.len);
            return Err(Refused::new(wish.place.clone(), codes::UR0102, what).help("make the count smaller"));
        }
    }
    Ok(Triple {
        extends: true,
        only: Some(kind),
        inside: Inside(inside),
        from,
        host: wish.host,
        len: wish.len,
        place: wish.place.clone(),
    })
}

/// What one side of a wish is as an id of one kind.
fn id(side: Side, wish: &Wish, kind: Kind, accounts: &dyn Accounts) -> Result<u32, Refused> {
    let (who, place) = match side {
        Side::Inside => (&wish.inside, &wish.at_inside),
        Side::Outside => (&wish.outside, &wish.at_outside),
    };
    let name = match who {
        Who::Id(id) => return Ok(*id),
        Who::Name(name) => name,
    };
    let user = || accounts.user(side, name);
    let found = match (wish.only, kind) {
        (_, Kind::Uid) => user().map(|(uid, _)| uid),
        (Some(_), Kind::Gid) => accounts.group(side, name),
        (None, Kind::Gid) => accounts.group(side, name).or_else(|| user().map(|(_, gid)| gid)),
    };
    found.ok_or_else(|| unknown(side, kind, name, place, (wish.only.is_none(), accounts)))
}

/// The caller's uid and gid inside. As `--user` has it: a number that the image does not know has the group 0.
fn me_inside(me: &MeAs, accounts: &dyn Accounts) -> Result<(u32, u32), Refused> {
    let side = Side::Inside;
    let (uid, primary) = match &me.user {
        Who::Id(uid) => (*uid, accounts.primary_group(side, *uid).unwrap_or(0)),
        Who::Name(name) => {
            accounts.user(side, name).ok_or_else(|| unknown(side, Kind::Uid, name, &me.at_user, (false, accounts)))?
        }
    };
    let gid = match &me.group {
        None => primary,
        Some(Who::Id(gid)) => *gid,
        Some(Who::Name(name)) => {
            accounts.group(side, name).ok_or_else(|| unknown(side, Kind::Gid, name, &me.at_group, (false, accounts)))?
        }
    };
    Ok((uid, gid))
}

/// A name that one side does not know. `bare`: it counted for both kinds.
fn unknown(side: Side, kind: Kind, name: &str, place: &Place, (bare, accounts): (bool, &dyn Accounts)) -> Refused {
    let (what, file, look) = match kind {
        Kind::Uid => ("user", "/etc/passwd", "passwd"),
        Kind::Gid => ("group", "/etc/group", "group"),
    };
    let (code, whose) = match side {
        Side::Inside => (codes::UR0507, "the image"),
        Side::Outside => (codes::UR0109, "the host"),
    };
    let refused = Refused::new(place.clone(), code, format!("{whose} has no {what} `{name}`"));
    if let Some(near) = accounts.near(side, kind, name) {
        return refused.help(format!("did you mean `{near}`?"));
    }
    if bare && accounts.group(side, name).is_some() {
        return refused.fact(format!("there is a group `{name}`")).help(match side {
            Side::Inside => format!("to map the group alone, write `group:{name}=…`"),
            Side::Outside => "to map a group alone, write `group:` at the beginning".to_owned(),
        });
    }
    let refused = refused.help(format!("write the {kind} in digits, which need not be in {file}"));
    match side {
        Side::Inside => refused,
        Side::Outside => {
            let text = format!("for a {what} that comes from a directory service, see");
            let error = refused.error.help_run(text, format!("getent {look} {name}"));
            Refused { error, ..refused }
        }
    }
}

fn root_is_nobody(me: &MeAs, sudo_user: Option<&str>) -> Refused {
    let user = match &me.user {
        Who::Id(id) => id.to_string(),
        Who::Name(name) => name.clone(),
    };
    let error = Error::new(codes::UR0108, "`--me-as` is for ordinary users, but you are root")
        .fact("host root in a container would be root over the host's files");
    let error = match sudo_user {
        Some(before) => error.help(format!("to be there as the one who called sudo, write `--map {user}=@{before}`")),
        None => error.help(format!("to map another user, write `--map {user}=@NAME`")),
    };
    Refused { error, place: Some(Place::new(MapOption::MeAs, 0, 0..me.at_group.bytes.end)) }
}

#[cfg(test)]
mod tests;
