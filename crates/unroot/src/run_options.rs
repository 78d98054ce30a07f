//! The options of `run`: what may be written, and nothing about what it means.

use std::env;

use clap::{ArgAction, Args};
use diag::Origin;
use engine::request::{Given, RunRequest};

use crate::words::Words;

// `unroot run [OPTIONS] IMAGE [COMMAND [ARG...]]`.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that the user gave or not")]
#[derive(Debug, Args)]
// `-h` is the host name's, as in Podman.
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  unroot run --rm debian:trixie cat /proc/self/uid_map
  unroot run -it --name work debian:trixie bash
  unroot run --rm --map redis=@redis redis:7
  unroot run --rm --me-as postgres --explain-map postgres:17
  unroot run --rm --rootfs ./rootfs /bin/sh -c 'ls -ln /'"
)]
pub struct RunOptions {
    /// Remove the container when it has ended
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    rm: bool,
    /// Keep standard input open
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    interactive: bool,
    /// Give the container a terminal
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    tty: bool,
    /// Run in the background and print the container's id
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    detach: bool,
    /// Name the container
    #[arg(long, overrides_with = "name")]
    name: Option<String>,
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
    /// Print the map that the container would get, and the same for other programs; run nothing
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    pub explain_map: bool,
    #[arg(short, long, overrides_with = "user")]
    #[arg(help = "Run as this user of the container: NAME|UID[:GROUP|GID]")]
    user: Option<String>,
    /// Begin in this directory of the container
    #[arg(short, long, value_name = "DIR", overrides_with = "workdir")]
    workdir: Option<String>,
    /// Set an environment variable: NAME=VALUE, or NAME to pass the caller's on; may be repeated
    #[arg(short, long, value_name = "ENV")]
    env: Vec<String>,
    /// Name the container's host
    #[arg(short = 'h', long, value_name = "NAME", overrides_with = "hostname")]
    hostname: Option<String>,
    /// Make the root filesystem read-only
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    read_only: bool,
    /// Replace the image's entry point: a word, or a JSON array of words
    #[arg(long, value_name = "COMMAND", overrides_with = "entrypoint")]
    entrypoint: Option<String>,
    /// IMAGE is the path of a root filesystem
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    rootfs: bool,
    /// Connect the container: none (the default of this version) or host
    #[arg(long, visible_alias = "net", value_name = "MODE", overrides_with = "network")]
    network: Option<String>,
    /// Give all capabilities within the container's own user namespace
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    privileged: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// The image, or with --rootfs a directory
    #[arg(value_name = "IMAGE")]
    image: String,
    /// The command and its arguments, instead of the image's
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// The variable that holds the default of `--userns`, as for Podman.
const USERNS: &str = "PODMAN_USERNS";

/// What the environment says where the command line chooses no map.
fn default_userns() -> Option<Given<String>> {
    let value = env::var(USERNS).ok().filter(|value| !value.is_empty())?;
    let at = Origin::Env { name: USERNS.to_owned(), value: value.clone() };
    Some(Given { value, at: Some(at) })
}

impl RunOptions {
    /// The request that this is, with the places of its words.
    pub fn into_request(self, words: &Words) -> RunRequest {
        let one = |id: &str, value: Option<String>| value.map(|value| words.one(id, value));
        let image = words.operands_from(0, vec![self.image]).pop().unwrap_or_default();
        let names = [&self.subuidname, &self.subgidname].into_iter().flatten().filter(|name| !name.is_empty());
        let open = names.chain(&self.uidmap).chain(&self.gidmap).next().is_none();
        RunRequest {
            image,
            rootfs: self.rootfs,
            command: words.operands_from(1, self.command),
            name: one("name", self.name),
            userns: one("userns", self.userns).or_else(|| open.then(default_userns)?),
            uidmap: words.each("uidmap", self.uidmap),
            gidmap: words.each("gidmap", self.gidmap),
            subuidname: one("subuidname", self.subuidname),
            subgidname: one("subgidname", self.subgidname),
            map: words.each("map", self.map),
            me_as: one("me_as", self.me_as),
            user: one("user", self.user),
            workdir: one("workdir", self.workdir),
            env: words.each("env", self.env),
            hostname: one("hostname", self.hostname),
            read_only: self.read_only,
            entrypoint: one("entrypoint", self.entrypoint),
            network: one("network", self.network),
            privileged: self.privileged,
            interactive: self.interactive,
            tty: self.tty,
            detach: self.detach,
            remove: self.rm,
        }
    }
}
