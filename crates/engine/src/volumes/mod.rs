//! The verbs of volumes.

mod attach;
mod chown;
mod create;
mod filter;
mod listing;
mod remove;
mod transfer;
mod why;

pub(crate) use attach::{bound_to, checked, mount_own, unmount_own};
pub use create::NewVolume;
pub use filter::Filter;
pub use listing::Row;
pub use remove::Removed;
pub use why::Why;
