//! `unroot-runtime` as a process, on real bundles: each test makes a bundle, changes what it is about, and runs it.
//!
//! A test gets its [`bundle::Bundle`] from [`bundle::privileged`] or [`rootless::rootless`], which skip it where it cannot run and
//! see to it that nothing is left behind: no state, no process, no control group, no mount.
#![allow(clippy::unwrap_used, reason = "a test that finds something else than it expects must fail")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says why")]

mod bundle;
mod call;
mod remains;
mod root_filesystem;

mod command_line;
mod command_mistakes;
mod console;
mod contradictions;
mod control_groups;
mod exec;
mod hooks;
mod host_limits;
mod killed;
mod life;
mod limits;
mod map_mistakes;
mod mount_mistakes;
mod mounts;
mod namespaces;
mod net_devices;
mod process;
mod root;
mod root_mistakes;
mod rootless;
mod seccomp;
mod stress;
mod texts;
mod treatment;
