//! What unroot keeps on disk: content, layers, images, the directories of containers, and the leases of id ranges.
//! It names directories and mounts nothing.
//!
//! ```text
//! /var/lib/unroot                                   /run/unroot
//! ├── version        the number of this layout      ├── containers/<id>/   while a container is alive
//! ├── lock           flock: shared to use content,  └── ids/<slot>, ids/<id>, ids/lock   leases of ids, held by flock
//! │                  exclusive to collect garbage
//! ├── blobs/sha256/<hex>
//! ├── layers/<hex>/{fs/, meta.json}, and {data/, mapped/} for maps that no mount can do
//! ├── images/  volumes/  networks/
//! ├── containers/<id>/{config.json, upper/, work/, log, name}
//! ├── names/<name> → ../containers/<id>
//! └── tmp/           everything is born here and published by rename
//! ```
//!
//! What is outside `tmp/` is complete. Files carry the ids that a container sees, whatever range it runs in.
//! Because a container may leave setuid-root files in it, the store is `0700` and belongs to its user alone.

mod archive;
mod blob;
pub mod check;
mod compression;
mod container;
mod draft;
mod extract;
pub mod image;
mod layer;
mod layout;
mod lease;
mod mapped;
pub mod progress;
pub mod registry;
mod removal;
#[cfg(test)]
mod testing;
mod usage;
mod volume;

pub use blob::{BlobWriter, StagedBlob};
pub use container::{Container, ContainerId, NewContainer, RootDir, check_name};
pub use layer::{Durability, Layer, Limits, Meta, Owners, Ownership, StagedLayer, Unpack, Upper};
pub use layout::{Store, StoreLock};
pub use lease::{Held, HeldIds, IdsLock, Lease};
pub use mapped::{Keep, Mapped, Mapping, Way};
pub use oci::Digest;
pub use usage::{Space, Usage};
pub use volume::{DRIVER, Record as VolumeRecord, Volume, VolumesLock, anonymous_volume_name, check_volume_name};

/// Turns a failed call on the store's own files into a diagnostic: `what` did not work.
pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(sys::Failed) -> diag::Error {
    move |failed| failed.into_error(diag::codes::UR0707, what)
}
