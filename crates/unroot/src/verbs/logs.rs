//! `unroot logs`.

use std::io::{self, Write};

use clap::Args;
use diag::Result;
use engine::logs::{Line, LogRequest, record::show_time};

use super::Verb;
use crate::{call::Call, selection::Chosen, times};

pub static VERB: Verb =
    Verb { name: "logs", about: "Show what containers have printed", args: Options::augment_args, run };

// `unroot logs [OPTIONS] CONTAINER...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot logs web
  unroot logs --follow --tail 20 web
  unroot logs --names --since 10m web db")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option that the user gave or not")]
struct Options {
    /// Show each container's lines in a colour of its own
    #[arg(long)]
    color: bool,
    /// Go on with what comes, until the containers have ended
    #[arg(short, long)]
    follow: bool,
    /// Show the container that was made last
    #[arg(short, long)]
    latest: bool,
    /// Where there are several containers, begin each line with the name and not with the id
    #[arg(short, long)]
    names: bool,
    /// Show nothing before this time: RFC 3339, seconds since the epoch, or a duration before now
    #[arg(long, value_name = "TIME", overrides_with = "since", allow_hyphen_values = true)]
    since: Option<String>,
    /// Show only so many lines at the end of what is there; -1: all
    #[arg(long, value_name = "LINES", default_value_t = -1, overrides_with = "tail", allow_negative_numbers = true)]
    tail: i64,
    /// Begin each line with its time
    #[arg(short, long)]
    timestamps: bool,
    /// Show nothing after this time
    #[arg(long, value_name = "TIME", overrides_with = "until", allow_hyphen_values = true)]
    until: Option<String>,
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
}

/// The colours of one container after the other: green, yellow, blue, magenta, cyan, red.
const COLORS: [u8; 6] = [32, 33, 34, 35, 36, 31];

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let time = |name: &str, text: &Option<String>| {
        text.clone().map(|text| times::moment(&call.words.one(name, text))).transpose()
    };
    let request = LogRequest {
        follow: options.follow,
        tail: usize::try_from(options.tail).ok(),
        since: time("since", &options.since)?,
        until: time("until", &options.until)?,
    };
    let containers = options.containers.clone();
    let selection = Chosen { containers, latest: options.latest, ..Chosen::default() }.read(call.words)?;
    let engine = call.viewer()?;
    let names = engine.select(&selection, |_| true)?;
    let several = names.len() > 1;
    engine.logs(&names, &request, &mut |line| write(&options, several, line).is_ok())?;
    Ok(0)
}

/// Writes a line where it was printed to: standard output or standard error.
fn write(options: &Options, several: bool, line: &Line) -> io::Result<()> {
    let mut text = Vec::new();
    if several && options.names {
        text.extend_from_slice(format!("{} ", line.name).as_bytes());
    } else if several {
        text.extend_from_slice(format!("{} ", line.id.get(..12).unwrap_or(line.id)).as_bytes());
    }
    if options.timestamps {
        text.extend_from_slice(format!("{} ", show_time(line.record.at)).as_bytes());
    }
    text.extend_from_slice(&line.record.text);
    if options.color {
        let color = COLORS[line.nth % COLORS.len()];
        text = [format!("\x1b[{color}m").as_bytes(), &text, b"\x1b[0m"].concat();
    }
    if line.record.whole {
        text.push(b'\n');
    }
    if line.record.stderr {
        return io::stderr().lock().write_all(&text);
    }
    let mut out = io::stdout().lock();
    out.write_all(&text).and_then(|()| out.flush())
}
