//! (being written)

pub mod capability;
pub mod hooks;
pub mod rlimit;
pub mod signal;
