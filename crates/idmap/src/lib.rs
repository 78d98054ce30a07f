//! User and group ids, and the maps of user namespaces.
//!
//! A map is a table with two columns: the ids that a container sees ([`Inside`]) and the ids of the
//! namespace around it ([`Outside`]; on a plain host, the host's). It consists of at most 340 [`Extent`]s and
//! must be written to the kernel as less than 4096 bytes of text; [`Extents`] holds only maps that the kernel accepts.
//!
//! Nothing here opens a file or asks the kernel: `/etc/subuid` ([`SubidFile`]) and `/proc/PID/uid_map`
//! ([`Extents::from_kernel`]) are given as bytes.

mod algebra;
mod extent;
mod extents;
mod fault;
mod id;
mod idset;
mod kernel;
mod number;
mod subid;

pub use algebra::Straddle;
pub use extent::Extent;
pub use extents::{Extents, IdMap, MAX_BYTES, MAX_EXTENTS};
pub use fault::{Column, Fault, Pair};
pub use id::{Inside, Kind, LAST_ID, NOBODY, Outside};
pub use idset::{BadIdSet, IdSet};
pub use kernel::BadKernelText;
pub use number::grouped;
pub use subid::{BadLine, Delegation, SubidFile, Why, consecutive, intermediate};
