//! `unroot map audit`.

use std::{
    fs,
    io::{IsTerminal, stdout},
    path::PathBuf,
};

use clap::Args;
use diag::{Error, Result, codes};
use engine::claims::HostFiles;

use super::Verb;
use crate::{call::Call, console, format};

pub static VERB: Verb = Verb {
    name: "map audit",
    about: "Show who claims which ids of this host, and what two owners both claim",
    args: Options::augment_args,
    run,
};

/// As wide as a page, where there is no terminal.
const WIDTH: usize = 100;

// `unroot map audit [OPTIONS]`.
#[derive(Debug, Args)]
#[command(after_help = "\
Looked at are /etc/subuid and /etc/subgid, getsubids, the accounts, the configuration of Docker, Podman, CRI-O, the kubelet,
Incus and LXD, what systemd sets aside, and the maps of running processes. The exit status is 1 if there is an overlap.

Examples:
  unroot map audit
  unroot map audit --svg ids.svg
  unroot map audit --format '{{range .overlaps}}{{.first}} {{.last}}{{end}}'
  unroot map audit --host /mnt           a machine's disk that is mounted here")]
struct Options {
    /// Write an SVG picture to this file, or with `-` to standard output
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print as json, or through a Go template
    #[arg(long, value_name = "FORMAT", conflicts_with = "svg")]
    format: Option<String>,
    /// Look at the host whose root directory this is
    #[arg(long, value_name = "DIR", default_value = "/")]
    host: PathBuf,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    if !options.host.is_dir() {
        let host = call.words.one("host", options.host);
        return Err(host.blame(Error::new(codes::UR0806, format!("`{}` is no directory", host.value.display()))));
    }
    let claims = call.viewer()?.audit(&HostFiles { root: options.host })?;
    match (options.svg, options.format) {
        (Some(path), _) if path.as_os_str() == "-" => console::page(&claims.to_svg()),
        (Some(path), _) => {
            let path = call.words.one("svg", path);
            fs::write(&path.value, claims.to_svg()).map_err(|error| {
                let what = format!("the picture cannot be written to `{}`", path.value.display());
                path.blame(Error::new(codes::UR0806, what)).words(error)
            })?;
        }
        (None, Some(format)) => {
            console::page(&format::one(&claims.to_json(), &call.words.one("format", format))?);
        }
        (None, None) => {
            let terminal = if stdout().is_terminal() { engine::client::columns() } else { None };
            console::page(&claims.to_text(terminal.map_or(WIDTH, usize::from)));
        }
    }
    Ok(u8::from(claims.have_overlaps()))
}
