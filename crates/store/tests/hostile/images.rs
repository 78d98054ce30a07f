//! Images whose documents lie.

use std::io::Cursor;

use diag::{Code, codes::*};
use oci::Digest;
use store::{
    Durability,
    image::{Images, Input, Intake},
};

use crate::{archive::Archive, promises::Yard};

/// An archive of an image, and the code that it is refused with.
pub struct Case {
    name: &'static str,
    archive: Vec<u8>,
    code: Code,
}

impl Case {
    pub fn hold(&self) {
        let yard = Yard::new();
        let how =
            Intake { ownership: Yard::how().ownership, durability: Durability::Volatile, limits: Yard::how().limits };
        let stream = Box::new(Cursor::new(self.archive.clone()));
        match Images::of(&yard.store).load(Input::Stream(stream, "stdin"), &how) {
            Ok(_) => panic!("{} was accepted", self.name),
            Err(error) => assert_eq!(error.code(), self.code, "{}: {error:?}", self.name),
        }
        yard.assert_untouched();
    }
}

/// The documents of an image. `@` in one of them stands for what describes the next.
struct Image {
    index: String,
    manifest: String,
    config: String,
    layer: Vec<u8>,
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Image {
    fn new() -> Image {
        Image {
            index: format!(r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{MANIFEST}",@}}]}}"#),
            manifest: r#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",@},
                "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",@L}]}"#
                .into(),
            config: r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["@D"]}}"#.into(),
            layer: Archive::new().file("x", "y").end(),
        }
    }

    fn archive(&self) -> Vec<u8> {
        let described = |bytes: &[u8]| format!(r#""digest":"{}","size":{}"#, Digest::of(bytes), bytes.len());
        let config = self.config.replace("@D", &Digest::of(&self.layer).to_string());
        let manifest = self.manifest.replace("@L", &described(&self.layer)).replace('@', &described(config.as_bytes()));
        let index = self.index.replace('@', &described(manifest.as_bytes()));
        let blob = |archive: Archive, bytes: &[u8]| {
            archive.member(&format!("blobs/sha256/{}", Digest::of(bytes).hex()), bytes)
        };
        let archive = Archive::new().member("index.json", index.as_bytes());
        blob(blob(blob(archive, manifest.as_bytes()), config.as_bytes()), &self.layer).end()
    }
}

pub fn cases() -> Vec<Case> {
    [manifests(), configs(), layers(), indexes()].into_iter().flatten().collect()
}

fn changed(name: &'static str, code: Code, change: impl FnOnce(&mut Image)) -> Case {
    let mut image = Image::new();
    change(&mut image);
    Case { name, archive: image.archive(), code }
}

/// With a word replaced in one of the documents.
fn replaced(name: &'static str, code: Code, part: fn(&mut Image) -> &mut String, old: &str, new: &str) -> Case {
    changed(name, code, |image| {
        let text = part(image);
        assert!(text.contains(old), "{name}");
        *text = text.replace(old, new);
    })
}

fn manifest(image: &mut Image) -> &mut String {
    &mut image.manifest
}

fn config(image: &mut Image) -> &mut String {
    &mut image.config
}

fn index(image: &mut Image) -> &mut String {
    &mut image.index
}

fn manifests() -> Vec<Case> {
    let layer = r#"{"mediaType":"application/vnd.oci.image.layer.v1.tar",@L}"#;
    vec![
        replaced("a manifest that is no JSON", UR0706, manifest, "{", "<"),
        replaced("a manifest of version 1", UR0714, manifest, r#""schemaVersion":2"#, r#""schemaVersion":1"#),
        replaced("a manifest without a version", UR0706, manifest, r#""schemaVersion":2,"#, ""),
        replaced("a manifest that is an index too", UR0706, manifest, r#""config""#, r#""manifests":[],"config""#),
        replaced(
            "a manifest that calls itself an index",
            UR0706,
            manifest,
            r#""config""#,
            &format!(r#""mediaType":"{INDEX}","config""#),
        ),
        replaced(
            "a manifest of Docker's name in an OCI index",
            UR0706,
            manifest,
            r#""config""#,
            r#""mediaType":"application/vnd.docker.distribution.manifest.v2+json","config""#,
        ),
        replaced("an artifact", UR0714, manifest, "image.config.v1", "empty.v1"),
        replaced("a layer that is no archive", UR0714, manifest, "image.layer.v1.tar", "something.else"),
        replaced("more layers than diff ids", UR0706, manifest, layer, &format!("{layer},{layer}")),
        replaced("no layers, and a diff id", UR0706, manifest, layer, ""),
        replaced("ten thousand layers", UR0706, manifest, layer, &vec![layer; 10_000].join(",")),
        replaced(
            "a size that is negative",
            UR0706,
            manifest,
            "@L",
            r#""digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":-1"#,
        ),
        replaced("a digest that climbs", UR0706, manifest, "@L", r#""digest":"sha256:../../../etc/passwd","size":1"#),
        replaced(
            "a digest of another kind",
            UR0706,
            manifest,
            "@L",
            r#""digest":"md5:d41d8cd98f00b204e9800998ecf8427e","size":1"#,
        ),
        replaced(
            "a layer that is not there",
            UR0704,
            manifest,
            "@L",
            r#""digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0"#,
        ),
        changed("a layer with a wrong size", UR0703, |image| {
            image.manifest =
                image.manifest.replace("@L", &format!(r#""digest":"{}","size":7"#, Digest::of(&image.layer)));
        }),
        replaced(
            "a manifest of more than 4 MiB",
            UR0706,
            manifest,
            "{",
            &format!("{{{}", " ".repeat(5 << 20)).replacen("{{", "{", 1),
        ),
        replaced("a NUL in a manifest", UR0706, manifest, "{", "{\0"),
        changed("a manifest of 100000 brackets", UR0706, |image| image.manifest = "[".repeat(100_000)),
    ]
}

fn configs() -> Vec<Case> {
    vec![
        replaced("a configuration that is no JSON", UR0706, config, "{", "x"),
        replaced("a configuration that is a list", UR0706, config, r#""rootfs""#, r#""config":[1],"rootfs""#),
        replaced(
            "a configuration without layers",
            UR0706,
            config,
            r#","rootfs":{"type":"layers","diff_ids":["@D"]}"#,
            "",
        ),
        replaced("a diff id that is no digest", UR0706, config, "@D", "latest"),
        replaced(
            "a diff id of something else",
            UR0703,
            config,
            "@D",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        replaced("more diff ids than layers", UR0706, config, r#""@D""#, r#""@D","@D""#),
        replaced("another system", UR0712, config, "linux", "windows"),
        replaced("a NUL in a configuration", UR0706, config, "amd64", "amd\0"),
        changed("an empty configuration", UR0706, |image| image.config.clear()),
        changed("a configuration of 100000 brackets", UR0706, |image| image.config = r#"{"a":"#.repeat(100_000)),
    ]
}

fn layers() -> Vec<Case> {
    vec![
        changed("a layer that climbs", UR0705, |image| image.layer = Archive::new().file("../evil", "x").end()),
        changed("a layer that is cut off", UR0704, |image| image.layer.truncate(300)),
        changed("a layer that is no archive at all", UR0704, |image| image.layer = b"x".repeat(2000)),
        changed("a layer of xz", UR0714, |image| image.layer = b"\xfd7zXZ\0\0\0".to_vec()),
        changed("a layer that is good, then one that climbs", UR0705, |image| {
            let evil = Archive::new().file("a", "x").hard_link("b", "../../etc/passwd").end();
            image.layer = evil;
        }),
    ]
}

fn indexes() -> Vec<Case> {
    let entry = format!(r#"{{"mediaType":"{MANIFEST}",@}}"#);
    vec![
        replaced("an index of nothing", UR0704, index, &entry, ""),
        replaced("an index that says a manifest is an index", UR0706, index, MANIFEST, INDEX),
        replaced(
            "an index that says a manifest is Docker's list",
            UR0706,
            index,
            MANIFEST,
            "application/vnd.docker.distribution.manifest.list.v2+json",
        ),
        replaced("an index of other things only", UR0704, index, MANIFEST, "application/x-tar"),
        replaced(
            "a manifest of 5 MiB is promised",
            UR0706,
            index,
            "@",
            r#""digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":5242881"#,
        ),
        replaced(
            "a manifest that is not there",
            UR0704,
            index,
            "@",
            r#""digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0"#,
        ),
        replaced(
            "for other machines only",
            UR0712,
            index,
            &entry,
            &[
                entry.replace('@', r#"@,"platform":{"os":"windows","architecture":"amd64"}"#),
                entry.replace('@', r#"@,"platform":{"os":"plan9","architecture":"amd64"}"#),
            ]
            .join(","),
        ),
        changed("an index that is a manifest", UR0706, |image| image.index.clone_from(&image.manifest)),
        changed("an index of 100000 brackets", UR0706, |image| image.index = r#"{"manifests":["#.repeat(50_000)),
        changed("indexes within each other without end", UR0706, |image| {
            image.manifest = format!(
                r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{INDEX}","digest":"sha256:{}","size":2}}]}}"#,
                Digest::of("{}").hex()
            );
            image.config = "{}".into();
            image.index = image.index.replace(MANIFEST, INDEX);
        }),
        changed("the same image a thousand times, and one that lies", UR0704, |image| {
            let entry = format!(r#"{{"mediaType":"{MANIFEST}",@}}"#);
            let bad = format!(r#"{{"mediaType":"{MANIFEST}","digest":"{}","size":3}}"#, Digest::of("bad"));
            image.index = image.index.replace(&entry, &format!("{},{bad}", vec![entry.clone(); 1000].join(",")));
        }),
    ]
}
