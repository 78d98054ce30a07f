//! The kernel, safely. All of unroot's `unsafe` lives here.
//!
//! What rustix has is used as it is, everywhere; what it lacks is wrapped here, one small file a facility.

mod alone;
pub mod bpf;
pub mod carrier;
pub mod caught;
pub mod clone;
pub mod descriptors;
pub mod dir;
mod errno;
mod exec;
mod exit;
mod filesystem_ids;
pub mod interruption;
pub mod links;
pub mod loopback;
pub mod mount;
mod namespace;
pub mod scheduling;
pub mod seccomp;
pub mod signals;
mod statmount;

pub use alone::Alone;
pub use dir::{Dir, Failed};
pub use exec::execve;
pub use filesystem_ids::FilesystemIds;
pub use namespace::{namespace_kind, namespace_owner, owning_namespace, parent_namespace};
pub use rustix;
pub use statmount::{Maps, Mount, mount_id, mount_namespace_id, statmount};
