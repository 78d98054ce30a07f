//! Subordinate ids that are in no file of this host: a `subid:` line of nsswitch.conf names where they come from (`sss` for
//! `FreeIPA`), and only `getsubids` can ask there. It is run for those names alone whose ids matter here.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use diag::{Error, codes};
use idmap::Kind;

use super::{ClaimKind, Claims, HostFiles, range};

const FILE: &str = "/etc/nsswitch.conf";

/// How long a directory server may take. Each name is asked for twice.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The longest answer that is read.
const LIMIT: u64 = 1 << 20;

pub(super) fn look(host: &HostFiles, claims: &mut Claims) {
    let Some(text) = host.text(FILE, claims) else { return };
    let Some((line, sources)) = other_sources(&text) else { return };
    if !host.is_here() {
        return;
    }
    let uid = rustix::process::getuid().as_raw();
    let passwd = host.read("/etc/passwd", claims).unwrap_or_default();
    let caller = if uid == 0 { None } else { oci::accounts::user_name(uid, &passwd).or_else(|| Some(uid.to_string())) };
    for name in caller.iter().map(String::as_str).chain(["kubelet", "containers"]) {
        for kind in Kind::BOTH {
            match ask(name, kind) {
                Ok(answer) => {
                    for ids in answer.lines().filter_map(answered) {
                        claims.add(kind, ids, name, ClaimKind::Delegated, &format!("getsubids {name} ({sources})"));
                    }
                }
                Err(why) => {
                    let what = format!("what `{sources}` delegates to `{name}` is not known");
                    claims.warnings.push(
                        Error::warning(codes::UR0209, what)
                            .words(why)
                            .fact(format!("line {line} of `{FILE}` names it")),
                    );
                    return;
                }
            }
        }
    }
}

/// The `subid:` line and its sources, unless they are files alone.
fn other_sources(text: &str) -> Option<(usize, String)> {
    let line = text.lines().position(|line| line.trim_start().starts_with("subid:"))?;
    let sources = text.lines().nth(line)?.trim_start().strip_prefix("subid:")?;
    let sources = sources.split('#').next().unwrap_or_default().trim();
    (!sources.is_empty() && sources != "files").then(|| (line + 1, sources.to_owned()))
}

/// What `getsubids` prints; nothing if the name has no ids.
fn ask(name: &str, kind: Kind) -> Result<String, String> {
    let mut command = Command::new("getsubids");
    if kind == Kind::Gid {
        command.arg("-g");
    }
    command.arg(name).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("getsubids: {error}"))?;
    await_end(&mut child)?;
    let mut answer = String::new();
    if let Some(output) = child.stdout.take() {
        output.take(LIMIT).read_to_string(&mut answer).map_err(|error| format!("getsubids: {error}"))?;
    }
    Ok(answer)
}

/// The answer is short: it fits the pipe, so the program can end before it is read.
fn await_end(child: &mut Child) -> Result<(), String> {
    let end = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return Ok(()),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(2)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err("getsubids does not answer".to_owned());
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// The ids of `0: alice 100000 65536`.
fn answered(line: &str) -> Option<std::ops::RangeInclusive<u32>> {
    let mut words = line.split_ascii_whitespace().rev();
    let (count, first) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    range(first, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked() {
        assert_eq!(other_sources("passwd: files\nsubid: files\n"), None);
        assert_eq!(other_sources("passwd: files\n"), None);
        assert_eq!(other_sources("#subid: sss\n"), None);
        assert_eq!(other_sources("a\nsubid:  sss files # IPA\n"), Some((2, "sss files".into())));
    }

    #[test]
    fn what_is_answered() {
        assert_eq!(answered("0: alice 100000 65536"), Some(100_000..=165_535));
        assert_eq!(answered("Error fetching ranges"), None);
        assert_eq!(answered("0: alice 4294967290 65536"), Some(4_294_967_290..=4_294_967_294));
    }
}
