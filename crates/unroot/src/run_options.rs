//! The options of `run` and `create`: what may be written, and nothing about what it means. One file a family.

mod attachment;
mod identity;
mod image;
mod life;
mod network;
mod process;
mod resources;
mod security;
mod supervision;
mod volumes;

use clap::{ArgAction, Args};
use engine::request::RunRequest;

use crate::words::Words;

// `unroot run [OPTIONS] IMAGE [COMMAND [ARG...]]`.
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
    #[command(flatten)]
    pub container: ContainerOptions,
    /// Print the map that the container would get, and the same for other programs; run nothing
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    #[arg(help_heading = "User and Ids")]
    pub explain_map: bool,
    #[command(flatten)]
    attachment: attachment::Options,
}

impl RunOptions {
    /// The request that this is, with the places of its words.
    pub fn into_request(self, words: &Words) -> RunRequest {
        RunRequest { attachment: self.attachment.request(words), ..self.container.into_request(words) }
    }
}

// `unroot create [OPTIONS] IMAGE [COMMAND [ARG...]]`.
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  unroot create --name web -e MODE=test debian:trixie sleep 60
  unroot start --attach web"
)]
pub struct ContainerOptions {
    /// The image, or with --rootfs a directory
    #[arg(value_name = "IMAGE")]
    image: String,
    /// The command and its arguments, instead of the image's
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    /// IMAGE is the path of a root filesystem
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    rootfs: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    #[command(flatten)]
    life: life::Options,
    #[command(flatten)]
    identity: identity::Options,
    #[command(flatten)]
    supervision: supervision::Options,
    #[command(flatten)]
    process: process::Options,
    #[command(flatten)]
    network: network::Options,
    #[command(flatten)]
    resources: resources::Options,
    #[command(flatten)]
    security: security::Options,
    #[command(flatten)]
    pub image_options: image::Options,
    #[command(flatten)]
    volumes: volumes::Options,
}

impl ContainerOptions {
    /// The request that this is, with the places of its words.
    pub fn into_request(self, words: &Words) -> RunRequest {
        RunRequest {
            image: words.operands_from(0, vec![self.image]).pop().unwrap_or_default(),
            rootfs: self.rootfs,
            command: words.operands_from(1, self.command),
            life: self.life.request(words),
            supervision: self.supervision.request(words),
            identity: self.identity.request(words),
            process: self.process.request(words),
            network: self.network.request(words),
            volumes: self.volumes.request(words),
            resources: self.resources.request(words),
            security: self.security.request(words),
            ..RunRequest::default()
        }
    }
}
