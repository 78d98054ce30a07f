//! Who the container is: its user namespace, and its user in there.

use std::env;

use clap::Args;
use diag::Origin;
use engine::request::{Given, Identity};

use crate::words::Words;

// Flattened into the options of `run`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "User and Ids")]
pub struct Options {
    #[arg(long, value_name = "MODE", overrides_with = "userns")]
    #[arg(
        help = "Choose the user namespace: auto[:OPTIONS], private, host, keep-id[:OPTIONS], nomap, container:NAME or ns:PATH"
    )]
    userns: Option<String>,
    #[arg(long, value_name = "MAP")]
    #[arg(help = "Map user ids: CONTAINER:HOST[:COUNT]; may be repeated")]
    uidmap: Vec<String>,
    #[arg(long, value_name = "MAP")]
    #[arg(help = "Map group ids: CONTAINER:HOST[:COUNT]; may be repeated")]
    gidmap: Vec<String>,
    /// Map the ids that this name has in /etc/subuid
    #[arg(long, value_name = "NAME", overrides_with = "subuidname")]
    subuidname: Option<String>,
    /// Map the ids that this name has in /etc/subgid
    #[arg(long, value_name = "NAME", overrides_with = "subgidname")]
    subgidname: Option<String>,
    #[arg(long, value_name = "MAP")]
    #[arg(help = "Map single ids besides: [u|g]INSIDE=[@]OUTSIDE[:COUNT], by number or name; may be repeated")]
    map: Vec<String>,
    /// Be this user of the image: NAME|UID[:GROUP|GID] inside is you outside
    #[arg(long, value_name = "USER", overrides_with = "me_as")]
    me_as: Option<String>,
    #[arg(short, long, overrides_with = "user")]
    #[arg(help = "Run as this user of the container: NAME|UID[:GROUP|GID]")]
    user: Option<String>,
    /// Be in this group of the image, too: a name or a number; or keep-groups for the groups of the caller; may be repeated
    #[arg(long, value_name = "GROUP")]
    group_add: Vec<String>,
}

/// The variable that holds the default of `--userns`, as for Podman.
const USERNS: &str = "PODMAN_USERNS";

/// What the environment says where the command line chooses no map.
fn default_userns() -> Option<Given<String>> {
    let value = env::var(USERNS).ok().filter(|value| !value.is_empty())?;
    let at = Origin::Env { name: USERNS.to_owned(), value: value.clone() };
    Some(Given { value, at: Some(at) })
}

impl Options {
    /// What they ask for.
    pub fn request(self, words: &Words) -> Identity {
        let one = |id: &str, value: Option<String>| value.map(|value| words.one(id, value));
        let names = [&self.subuidname, &self.subgidname].into_iter().flatten().filter(|name| !name.is_empty());
        let open = names.chain(&self.uidmap).chain(&self.gidmap).next().is_none();
        Identity {
            userns: one("userns", self.userns).or_else(|| open.then(default_userns)?),
            uidmap: words.each("uidmap", self.uidmap),
            gidmap: words.each("gidmap", self.gidmap),
            subuidname: one("subuidname", self.subuidname),
            subgidname: one("subgidname", self.subgidname),
            map: words.each("map", self.map),
            me_as: one("me_as", self.me_as),
            user: one("user", self.user),
            group_add: words.each("group_add", self.group_add),
        }
    }
}
