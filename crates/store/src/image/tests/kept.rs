//! The records' files.

use proptest::prelude::*;

use super::{super::record::Record, sample::*};
use crate::{Digest, testing::store};

#[test]
fn records_are_legible_files() {
    let (_home, store) = store();
    let image = put(&store, "one", "debian:trixie");
    let text = store.images().read_text("localhost%debian:trixie", 1000).unwrap();
    assert_eq!(text, format!(r#"{{"reference":"localhost/debian:trixie","manifest":"{}"}}"#, image.manifest));
}

#[test]
fn the_longest_reference_has_a_file() {
    let (_home, store) = store();
    let name = format!("h.io/{}:{}", "a".repeat(250), "t".repeat(128));
    let image = put(&store, "one", &name);
    assert_eq!(image.names[0].to_string(), name);
    assert_eq!(super::super::Images::of(&store).resolve(&name).unwrap(), image);
}

proptest! {
    #[test]
    fn no_two_references_share_a_file(a in "[a-b]{1,3}(/[ab]{1,99}){0,2}:[ab]{1,3}", b in "[ab](/[a-b]{1,99}){0,2}:[ab]{1,3}") {
        let file = |text: &str| Record { reference: Some(reference(text)), manifest: Digest::of("") }.file();
        prop_assert!(file(&a).len() < 255);
        prop_assert!(!file(&a).contains('/') && !file(&a).starts_with(['.', '@']));
        prop_assert_eq!(file(&a) == file(&b), reference(&a) == reference(&b));
    }
}
