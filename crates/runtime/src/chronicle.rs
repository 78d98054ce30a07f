//! The chronicle: what has happened to containers, images and volumes since the machine was started. `unroot events` reads it.
//!
//! # On disk
//! `events` in the run root: one JSON object ([`Event`]) a line, appended in one write each, by engines and monitors alike.
//! When it is longer than [`LIMIT`] it becomes `events.1`, in place of the one before, and a new one is begun; so at most
//! twice that much is kept. Whoever still has the old file open appends to it, which is harmless: both are read.
//!
//! Writing something down is never a reason to fail: what cannot be written is lost.

use std::collections::BTreeMap;

use oci::Timestamp;
use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, fstat},
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};
use sys::Dir;

/// The chronicle's name in the run root.
pub const FILE: &str = "events";
/// What came before it.
pub const EARLIER: &str = "events.1";
/// The length from which on a new one is begun, in bytes.
pub const LIMIT: u64 = 1 << 20;

/// One thing that has happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When: nanoseconds since the epoch; 0 is filled in by [`write()`].
    pub at: u64,
    /// To what: `container`, `image`, `volume`, `network`, `pod` or `system`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What, in Podman's words: `create`, `start`, `died`, …
    pub status: String,
    /// The id; may be empty.
    #[serde(default)]
    pub id: String,
    /// The name; may be empty.
    #[serde(default)]
    pub name: String,
    /// A container's image.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// How a container, or a command in it, has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
    /// A container's health: `healthy`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// Labels and the like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// Writes an event down, in the run root.
pub fn write(run_root: &Dir, mut event: Event) {
    if event.at == 0 {
        event.at = now();
    }
    let Ok(mut line) = serde_json::to_vec(&event) else { return };
    line.push(b'\n');
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
    let Ok(file) = run_root.open_at(FILE, flags, Mode::RUSR | Mode::WUSR) else { return };
    let _ = sys::dir::write_all(&file, &line);
    let Ok(stat) = fstat(&file) else { return };
    // Of two who see it is too long, one renames; the other sees that the name is another file's already.
    let is_long = u64::try_from(stat.st_size).is_ok_and(|length| length > LIMIT);
    if is_long
        && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        && run_root.stat(FILE).is_ok_and(|named| named.st_ino == stat.st_ino)
    {
        let _ = run_root.rename(FILE, run_root, EARLIER, true);
    }
}

/// Nanoseconds since the epoch.
pub fn now() -> u64 {
    let now = clock_gettime(ClockId::Realtime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(now.tv_nsec).unwrap_or_default())
}

/// A time in nanoseconds since the epoch as RFC 3339 has it: `2026-11-21T20:00:00.000012345Z`.
pub fn time(at: u64) -> String {
    let seconds = i64::try_from(at / 1_000_000_000).unwrap_or_default();
    format!("{}.{:09}Z", Timestamp(seconds).to_string().trim_end_matches('Z'), at % 1_000_000_000)
}

/// The events of a text; lines that are none are passed over.
pub fn parse(text: &str) -> impl Iterator<Item = Event> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(status: &str) -> Event {
        Event { kind: "container".into(), status: status.into(), id: "ab".into(), ..Event::default() }
    }

    #[test]
    fn what_is_written_is_read() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open(place.path()).unwrap();
        write(&dir, event("create"));
        write(&dir, Event { exit: Some(3), at: 7, ..event("died") });
        let text = dir.read_text(FILE, 1 << 20).unwrap();
        let read: Vec<Event> = parse(&format!("{text}nonsense\n")).collect();
        assert_eq!(read.len(), 2);
        assert!(read[0].at > 0);
        assert_eq!(read[1], Event { exit: Some(3), at: 7, ..event("died") });
    }

    #[test]
    fn it_is_bounded() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open(place.path()).unwrap();
        let long = Event { name: "x".repeat(100_000), ..event("create") };
        for _ in 0..40 {
            write(&dir, long.clone());
        }
        for file in [FILE, EARLIER] {
            assert!(u64::try_from(dir.stat(file).unwrap().st_size).unwrap() < LIMIT + 200_000, "{file}");
        }
    }
}
