//! `unroot top`.

use clap::Args;
use diag::{Error, Result, codes};
use engine::request::Given;

use super::Verb;
use crate::{call::Call, console, table};

pub static VERB: Verb =
    Verb { name: "top", about: "Show the processes of a running container", args: Options::augment_args, run };

// `unroot top [OPTIONS] CONTAINER [COLUMN...]`.
#[derive(Debug, Args)]
#[command(after_help = "\
Columns:
  args capeff comm etime gid group hgroup hpid huser nice pcpu pgid pid ppid rss seccomp state time tty uid user vsz

Examples:
  unroot top web
  unroot top web user pid hpid pcpu args")]
struct Options {
    /// Of the container that was made last
    #[arg(short, long)]
    latest: bool,
    /// The container (unless --latest), and columns instead of the usual ones
    #[arg(value_name = "CONTAINER COLUMN")]
    words: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let engine = call.viewer()?;
    let mut words = call.words.operands_from(0, options.words).into_iter();
    let container = if options.latest {
        Given::unwritten(engine.latest()?)
    } else {
        words.next().ok_or_else(|| {
            Error::new(codes::UR0806, "`unroot top` needs a container")
                .help_run("all options are listed by", "unroot top --help")
        })?
    };
    let columns: Vec<_> = words.collect();
    console::page(&table::lay_out(&engine.top(&container, &columns)?));
    Ok(0)
}
