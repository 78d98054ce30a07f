//! Real containers, run from outside as a person would. Each test has a store of its own.
//!
//! Tests named `privileged_*` need root, those named `rootless_*` an ordinary user; `xtask` tells in its header what they
//! are given. A test that cannot run here says `skipped:` and why.

mod basics;
mod debian;
mod exec;
mod home;
mod image_verbs;
mod images;
mod implied;
mod killed;
mod ladder;
mod maps;
mod options;
mod outside;
mod plan;
mod ranges;
mod remains;
mod rootfs;
mod rootless;
mod run_options;
mod show;
mod streams;
mod supervision;
mod system;
mod terminal;
mod volumes;
