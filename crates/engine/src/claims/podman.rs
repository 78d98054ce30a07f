//! Podman's `--userns=auto` as root: the lines of one user, `containers` unless storage.conf names another. CRI-O's automatic
//! maps come from the same lines by the same code, and know of each other.

use super::{
    Claims, HostFiles,
    files::{line_of, line_with, misunderstood},
    subids::Lines,
};

/// The administrator's, and the distribution's: the first that is there counts.
const FILES: [&str; 2] = ["/etc/containers/storage.conf", "/usr/share/containers/storage.conf"];

const KEY: &str = "root-auto-userns-user";

pub(super) fn look(host: &HostFiles, lines: &mut Lines, claims: &mut Claims) {
    let found = FILES.into_iter().find_map(|file| Some((file, toml(host, file, claims)?)));
    let user = found.and_then(|(file, (config, text))| {
        let user = config.get("storage")?.get("options")?.get(KEY)?.as_str()?.to_owned();
        Some((user, format!("{file}:{}", line_with(&text, KEY))))
    });
    let (user, source) = user.unwrap_or_else(|| ("containers".to_owned(), "Podman's default".to_owned()));
    lines.use_by("Podman", &user, &source, claims);
}

/// A TOML file and its text.
pub(super) fn toml(host: &HostFiles, file: &str, claims: &mut Claims) -> Option<(toml::Table, String)> {
    let text = host.text(file, claims)?;
    match text.parse::<toml::Table>() {
        Ok(table) => Some((table, text)),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            claims.warnings.push(misunderstood(file, &text, line_of(text.as_bytes(), at), error.message()));
            None
        }
    }
}
