//! An OCI bundle becomes a container: a plan, a process, a state.
//!
//! The way of a container: [`launch::create`] takes a request, [`plan::decide`] answers every question, [`parent`] clones the
//! container's first process, [`child`] performs the plan's steps in it, [`state`] is what is known afterwards.
//! Each of these begins with its theory of operation.

pub mod attach;
pub mod capability;
pub mod cgroup;
pub mod child;
pub mod chronicle;
pub mod containers;
mod elf;
pub mod exec;
pub mod explain;
pub mod hooks;
pub mod host;
pub mod job;
mod joining;
pub mod launch;
pub mod monitor;
mod newidmap;
pub mod overlay;
pub mod own_namespace;
pub mod parent;
pub mod plan;
pub mod rlimit;
pub mod seccomp;
pub mod signal;
pub mod state;
pub mod step;
pub mod wire;
