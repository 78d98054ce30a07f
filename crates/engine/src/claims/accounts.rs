//! `/etc/passwd` and `/etc/group`.

use idmap::Kind;

use super::{ClaimKind, Claims, HostFiles};

pub(super) fn look(host: &HostFiles, claims: &mut Claims) {
    for (kind, path) in [(Kind::Uid, "/etc/passwd"), (Kind::Gid, "/etc/group")] {
        let Some(bytes) = host.read(path, claims) else { continue };
        for (i, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if let Some((name, id)) = account(line) {
                claims.add(kind, id..=id, &name, ClaimKind::Account, &format!("{path}:{}", i + 1));
            }
        }
    }
}

/// The name and the id: in both files the first and the third field. `+` and `-` refer to other sources.
fn account(line: &[u8]) -> Option<(String, u32)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.trim_ascii().split(':');
    let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with(['#', '+', '-']))?;
    let id = fields.nth(1).filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    (id != u32::MAX).then(|| (name.to_owned(), id))
}
