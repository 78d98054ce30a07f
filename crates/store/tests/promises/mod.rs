//! What must hold whatever the bytes are: no panic, nothing touched outside of the store, nothing left in it. The fuzz targets in
//! `fuzz/` are made of these functions, and the tests call them with arbitrary bytes and with the hostile set.

#![allow(missing_docs, clippy::unwrap_used, unreachable_pub)]
// Each fuzz target is made of one of them.
#![allow(dead_code, unused_imports)]

mod canary;
mod manifest;
mod tar;

pub use canary::Yard;
pub use manifest::manifest;
pub use tar::{mended, tar};
