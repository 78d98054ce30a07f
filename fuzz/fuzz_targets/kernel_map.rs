//! Bytes as `/proc/PID/uid_map`. What must hold is in `crates/idmap/tests/promises`.
#![no_main]

#[path = "../../crates/idmap/tests/promises/mod.rs"]
mod promises;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| promises::kernel_map(bytes));
