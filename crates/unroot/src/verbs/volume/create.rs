use clap::Args;
use diag::Result;
use engine::volumes::NewVolume;

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb = Verb { name: "create", about: "Make a volume", args: Options::augment_args, run };

// `unroot volume create [OPTIONS] [NAME]`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot volume create data
  unroot volume create --label env=test --opt type=tmpfs --opt o=size=64m scratch
  unroot volume create --opt type=none --opt o=bind --opt device=/srv/data data")]
struct Options {
    /// Choose the driver: local is the only one
    #[arg(short, long, value_name = "NAME", overrides_with = "driver")]
    driver: Option<String>,
    /// If there is one of this name, leave it as it is
    #[arg(long)]
    ignore: bool,
    /// Label it: KEY[=VALUE]; may be repeated
    #[arg(short, long, value_name = "LABEL")]
    label: Vec<String>,
    /// Set an option, type=, device= or o= as for mount(8); may be repeated
    #[arg(short, long, value_name = "OPTION")]
    opt: Vec<String>,
    /// The name; 64 hexadecimal digits without one
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let asked = NewVolume {
        name: call.words.operands_from(0, options.name.into_iter().collect()).pop(),
        driver: options.driver.map(|driver| call.words.one("driver", driver)),
        labels: call.words.each("label", options.label),
        options: call.words.each("opt", options.opt),
        ignore: options.ignore,
    };
    console::line(call.engine()?.create_volume(&asked)?);
    Ok(0)
}
