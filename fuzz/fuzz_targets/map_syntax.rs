//! Bytes as options of a command line: `--uidmap`, `--gidmap`, `--userns` and their companions. What must hold is in `crates/idmap/tests/promises`.
#![no_main]

#[path = "../../crates/idmap/tests/promises/mod.rs"]
mod promises;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| promises::map_syntax(bytes));
