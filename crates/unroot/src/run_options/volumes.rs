//! What is mounted into the container.

use clap::{ArgAction, Args};
use engine::request::Volumes;

use crate::words::Words;

// Flattened into the options of `run`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Volumes")]
pub struct Options {
    #[arg(short, long, value_name = "VOLUME")]
    #[arg(help = "Mount a volume or a directory of the host: [SOURCE:]DESTINATION[:OPTIONS]; may be repeated")]
    volume: Vec<String>,
    #[arg(long, value_name = "MOUNT")]
    #[arg(help = "Mount something: type=bind|volume|tmpfs|image|devpts|glob|ramfs,KEY=VALUE,...; may be repeated")]
    mount: Vec<String>,
    #[arg(long, value_name = "TMPFS")]
    #[arg(help = "Mount a file system in memory: DESTINATION[:OPTIONS]; may be repeated")]
    tmpfs: Vec<String>,
    #[arg(long, value_name = "CONTAINER")]
    #[arg(help = "Mount what another container has mounted: CONTAINER[:ro|rw]; may be repeated")]
    volumes_from: Vec<String>,
    #[arg(long, value_name = "MODE", overrides_with = "image_volume")]
    #[arg(help = "Treat the image's volumes as: anonymous (or bind), tmpfs or ignore")]
    image_volume: Option<String>,
    /// With --read-only, leave /run, /tmp and /var/tmp writable; the default
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    read_only_tmpfs: bool,
}

impl Options {
    /// What they ask for.
    pub fn request(self, words: &Words) -> Volumes {
        Volumes {
            volume: words.each("volume", self.volume),
            mount: words.each("mount", self.mount),
            tmpfs: words.each("tmpfs", self.tmpfs),
            from: words.each("volumes_from", self.volumes_from),
            image_volume: self.image_volume.map(|mode| words.one("image_volume", mode)),
            without_scratch: !self.read_only_tmpfs,
        }
    }
}
