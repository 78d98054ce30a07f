//! The promises of `promises/`, for arbitrary bytes and for bytes that are nearly right.

#![allow(missing_docs)]

mod podman_table;
mod promises;

use proptest::prelude::*;

/// Options as people nearly write them.
fn nearly() -> impl Strategy<Value = String> {
    let option = "(--(uidmap|gidmap|userns|subuidname|subgidname|map|me-as)=)?";
    let value =
        "[+ug]{0,2}[0-9]{0,6}[:=]@?[0-9]{0,6}(:[0-9]{0,6})?|auto:size=[0-9]{1,5}|alice|redis=@redis|101:ops|\\PC{0,6}";
    let word = (option, prop::collection::vec(value, 1..3)).prop_map(|(option, values)| option + &values.join(","));
    prop::collection::vec(word, 0..5).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        promises::map_syntax(&bytes);
        promises::userns(&bytes);
        promises::subid(&bytes);
        promises::kernel_map(&bytes);
    }

    #[test]
    fn options(text in nearly()) {
        promises::map_syntax(text.as_bytes());
    }

    #[test]
    fn modes(text in "(auto|keep-id|host|ns|container|nomap|private)(:((size|uid|gid|uidmapping|gidmapping)=[@0-9:]{0,12},?){0,3})?") {
        promises::userns(text.as_bytes());
    }

    #[test]
    fn files(text in "((alice|bob|[0-9]{1,4}):[0-9]{1,10}:[0-9]{1,10}\n|\\PC{0,9}\n){0,8}") {
        promises::subid(text.as_bytes());
    }

    #[test]
    fn maps(text in ".([0-9]{1,3} [0-9]{1,3} [1-9][0-9]?\n){0,4}\n([0-9]{1,3} [0-9]{1,3} [1-9][0-9]{0,2}\n){0,4}") {
        promises::kernel_map(text.as_bytes());
    }
}

#[test]
fn all_lines_of_the_tables() {
    for case in podman_table::maps().iter().chain(&podman_table::refusals()) {
        promises::map_syntax(case.options.as_bytes());
    }
}
