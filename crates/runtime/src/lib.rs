//! (being written)

pub mod capability;
pub mod cgroup;
pub mod hooks;
pub mod rlimit;
pub mod signal;
