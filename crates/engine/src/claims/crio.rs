//! CRI-O's `uid_mappings` and `gid_mappings`: one range for all pods. Source: crio.conf(5).

use idmap::Kind;

use super::{
    ClaimKind, Claims, HostFiles,
    files::{line_with, misunderstood},
    podman::toml,
    range,
};

/// The main file; then those of the directory, each of which overrides what was said before it.
const FILE: &str = "/etc/crio/crio.conf";
const DIR: &str = "/etc/crio/crio.conf.d";

pub(super) fn look(host: &HostFiles, claims: &mut Claims) {
    let further = host.names(DIR, "").into_iter().map(|name| format!("{DIR}/{name}"));
    let files: Vec<String> = [FILE.to_owned()].into_iter().chain(further).collect();
    let mut said: [Option<(String, String, usize, String)>; 2] = [None, None];
    for file in files {
        let Some((config, text)) = toml(host, &file, claims) else { continue };
        let Some(runtime) = config.get("crio").and_then(|crio| crio.get("runtime")) else { continue };
        for (slot, key) in said.iter_mut().zip(["uid_mappings", "gid_mappings"]) {
            if let Some(value) = runtime.get(key).and_then(::toml::Value::as_str) {
                *slot = Some((value.to_owned(), file.clone(), line_with(&text, key), text.clone()));
            }
        }
    }
    for (kind, said) in Kind::BOTH.into_iter().zip(said) {
        let Some((value, file, line, text)) = said else { continue };
        for triple in value.split(',').map(str::trim).filter(|triple| !triple.is_empty()) {
            if let Some(ids) = host_ids(triple) {
                claims.add(kind, ids, "CRI-O", ClaimKind::Tool, &format!("{file}:{line}"));
            } else {
                let why = format!("`{triple}` is not CONTAINER:HOST:COUNT");
                claims.warnings.push(misunderstood(&file, &text, line, &why));
            }
        }
    }
}

/// The host's ids of `CONTAINER:HOST:COUNT`.
fn host_ids(triple: &str) -> Option<std::ops::RangeInclusive<u32>> {
    let numbers: Vec<u64> = triple.split(':').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let [_, first, count] = numbers[..] else { return None };
    range(first, count)
}
