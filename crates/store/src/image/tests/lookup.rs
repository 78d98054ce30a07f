use super::{super::*, sample::*};
use crate::testing::store;

#[test]
fn names_ids_and_digests_lead_to_an_image() {
    let (_home, store) = store();
    let images = Images::of(&store);
    let image = put(&store, "one", "debian:trixie");
    let far = put(&store, "two", "quay.io/team/tool:latest");
    let hex = image.id.hex();
    for text in [
        "debian:trixie",
        "localhost/debian:trixie",
        &hex,
        &hex[..12],
        &image.id.to_string(),
        &image.manifest.to_string(),
        &format!("debian@{}", image.manifest),
        &format!("localhost/debian:any@{}", image.manifest),
    ] {
        assert_eq!(images.resolve(text).unwrap().id, image.id, "{text}");
    }
    for text in ["tool", "team/tool", "quay.io/team/tool", "tool:latest"] {
        assert_eq!(images.resolve(text).unwrap().id, far.id, "{text}");
    }
    for (text, code) in [
        ("debian", codes::UR0701),
        ("docker.io/debian:trixie", codes::UR0701),
        ("ool", codes::UR0701),
        ("Debian", codes::UR0702),
        ("", codes::UR0702),
        ("sha256:12", codes::UR0702),
        (&format!("tool@{}", image.manifest), codes::UR0701),
        (&"0".repeat(64), codes::UR0701),
    ] {
        assert_eq!(images.resolve(text).unwrap_err().code(), code, "{text}");
    }
}

#[test]
fn a_name_made_here_comes_before_dockers() {
    let (_home, store) = store();
    let images = Images::of(&store);
    let docker = put(&store, "one", "docker.io/library/debian:trixie");
    assert_eq!(images.resolve("debian:trixie").unwrap().id, docker.id);
    let local = put(&store, "two", "localhost/debian:trixie");
    assert_eq!(images.resolve("debian:trixie").unwrap().id, local.id);
    assert_eq!(images.resolve("docker.io/debian:trixie").unwrap().id, docker.id);
}

#[test]
fn what_fits_several_is_refused() {
    let (_home, store) = store();
    put(&store, "one", "quay.io/a/tool:1");
    put(&store, "two", "ghcr.io/b/tool:1");
    let error = Images::of(&store).resolve("tool:1").unwrap_err();
    assert_eq!(error.code(), codes::UR0713);
    assert_eq!(error.report().facts.len(), 2);
}

#[test]
fn a_beginning_of_several_ids_is_refused() {
    let (_home, store) = store();
    let image = put(&store, "one", "a");
    // Ids cannot be chosen, so the choice is tried on records made up.
    let twin = Image { id: Digest::from_raw([0xaa; 32]), names: Vec::new(), ..image.clone() };
    let mut raw = [0xaa; 32];
    raw[31] = 0;
    let other = Image { id: Digest::from_raw(raw), ..twin.clone() };
    let pick = |text| super::super::lookup::pick(text, vec![twin.clone(), other.clone()]);
    assert_eq!(pick("aaaaaa").unwrap_err().code(), codes::UR0713);
    assert_eq!(pick(&twin.id.hex()).unwrap().id, twin.id);
}

#[test]
fn near_misses_are_named() {
    let (_home, store) = store();
    let images = Images::of(&store);
    let help = |text: &str| images.resolve(text).unwrap_err().report().help[0].text.clone();
    assert_eq!(help("debian"), "bring one in");
    put(&store, "one", "localhost/debian:trixie");
    assert_eq!(help("debain:trixie"), "did you mean `debian:trixie`?");
    assert_eq!(help("debian:a-long-other-tag"), "there is `localhost/debian:trixie`");
    assert_eq!(help("something-else"), "see which images are here");
}
