//! The kernel, safely. All of unroot's `unsafe` lives here.
//!
//! What rustix has is used as it is, everywhere; what it lacks is wrapped here, one small file a facility.

pub mod dir;

pub use dir::{Dir, Failed};
pub use rustix;
