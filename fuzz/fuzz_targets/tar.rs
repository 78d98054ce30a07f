//! Bytes as a layer's archive. What must hold is in `crates/store/tests/promises`.
#![no_main]

#[path = "../../crates/store/src/testing/archive.rs"]
mod archive;
#[path = "../../crates/store/tests/promises/mod.rs"]
mod promises;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| promises::tar(bytes));
