use proptest::prelude::*;

use super::{super::media_type, *};

fn parse(text: &str, media_type: Option<&str>) -> Result<Document> {
    Document::parse(&Source::new("manifest", text), media_type)
}

fn manifest() -> Manifest {
    Manifest {
        config: Descriptor::of(media_type::CONFIG, b"{}"),
        layers: vec![Descriptor::of(media_type::LAYER_GZIP, b"layer")],
    }
}

fn index_of(entries: &[(&str, &str, &str)]) -> Index {
    let entry = |(os, architecture, variant): &(&str, &str, &str)| Descriptor {
        platform: (!os.is_empty()).then(|| Platform {
            os: (*os).into(),
            architecture: (*architecture).into(),
            variant: (*variant).into(),
        }),
        ..Descriptor::of(media_type::MANIFEST, format!("{os}{architecture}{variant}").as_bytes())
    };
    Index { manifests: entries.iter().map(entry).collect() }
}

#[test]
fn reads_what_it_writes() {
    let text = manifest().to_json();
    assert_eq!(parse(&text, Some(media_type::MANIFEST)).unwrap(), Document::Manifest(manifest()));
    let index = index_of(&[("linux", "arm", "v7")]);
    assert_eq!(parse(&index.to_json(), None).unwrap(), Document::Index(index));
}

#[test]
fn dockers_manifest_is_read() {
    let digest = Digest::of("");
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",
        "config":{{"mediaType":"application/vnd.docker.container.image.v1+json","size":7,"digest":"{digest}"}},
        "layers":[{{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":9,"digest":"{digest}"}}]}}"#
    );
    let Document::Manifest(manifest) = parse(&text, None).unwrap() else { panic!() };
    assert_eq!((manifest.config.size, manifest.layers[0].size), (7, 9));
}

#[test]
fn confusion_is_refused() {
    let good = manifest().to_json();
    let both = good.replacen('{', "{\"manifests\":[],", 1);
    for (text, media_type, code) in [
        (both.as_str(), None, codes::UR0706),
        (&good, Some(media_type::INDEX), codes::UR0706),
        (&good.replace("image.manifest.v1", "image.index.v1"), None, codes::UR0706),
        (&good, Some("application/vnd.docker.distribution.manifest.v2+json"), codes::UR0706),
        (&good.replace("\"schemaVersion\":2", "\"schemaVersion\":1"), None, codes::UR0714),
        (&good.replace("\"schemaVersion\":2", "\"schemaVersion\":3"), None, codes::UR0706),
        (&good.replace(media_type::CONFIG, "application/vnd.cncf.helm.config.v1+json"), None, codes::UR0714),
        (&good.replace("tar+gzip", "tar+gzip+encrypted"), None, codes::UR0714),
        (&good.replace("\"layers\"", "\"Layers\""), None, codes::UR0706),
        (&good.replace("sha256:", "sha256:X"), None, codes::UR0706),
        (&good.replace("\"size\":2", "\"size\":-2"), None, codes::UR0706),
        (&good.replace("\"size\":2", "\"size\":99999999"), None, codes::UR0706),
        (r#"{"schemaVersion":2}"#, None, codes::UR0706),
        (r#"{"schemaVersion":1,"fsLayers":[{"blobSum":"x"}],"history":[]}"#, None, codes::UR0714),
        ("[]", None, codes::UR0706),
        ("", None, codes::UR0706),
        (&" ".repeat(DOCUMENT_LIMIT + 1), None, codes::UR0706),
    ] {
        assert_eq!(parse(text, media_type).unwrap_err().code(), code, "{}", &text[..text.len().min(300)]);
    }
}

#[test]
fn too_many_layers_are_refused() {
    let mut manifest = manifest();
    manifest.layers = vec![manifest.layers[0].clone(); LAYER_LIMIT + 1];
    assert_eq!(parse(&manifest.to_json(), None).unwrap_err().code(), codes::UR0706);
}

#[test]
fn the_platforms_entry_is_found() {
    let here = Platform { os: "linux".into(), architecture: "amd64".into(), variant: String::new() };
    let index = index_of(&[("linux", "arm64", "v8"), ("linux", "amd64", "v2"), ("linux", "amd64", ""), ("", "", "")]);
    assert_eq!(index.best_for(&here), Some(&index.manifests[2]));
    assert_eq!(index_of(&[("linux", "arm64", "")]).best_for(&here), None);
    assert!(index_of(&[("", "", "")]).best_for(&here).is_some());
    assert_eq!(index_of(&[("unknown", "unknown", "")]).best_for(&here), None);
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,60}") {
        let _ = parse(&text, None);
    }

    #[test]
    fn damage_never_panics(at in 0usize..600, byte in 32u8..127, drop in 0usize..3) {
        let mut text = manifest().to_json().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        text.drain(at..(at + drop).min(text.len()));
        let _ = parse(&String::from_utf8(text).unwrap(), Some(media_type::MANIFEST));
    }
}
