use std::fs;

use diag::{
    Code,
    render::{Style, text},
};

use super::*;

fn read(text: &str) -> Result<Policy> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("policy.json"), text).unwrap();
    Policy::read(&Places { system: dir.path().to_owned(), ..Places::default() }, None)
}

fn verdict(policy: &Policy, name: &str) -> Option<Code> {
    policy.allows(&name.parse().unwrap()).err().map(|error| error.code())
}

const STRICT: &str = r#"{
  "default": [{"type": "reject"}],
  "transports": {
    "docker": {
      "docker.io/openshift": [{"type": "insecureAcceptAnything"}],
      "docker.io/library/busybox": [{"type": "insecureAcceptAnything"}],
      "docker.io/library/busybox:bad": [{"type": "reject"}],
      "*.project.example.com": [{"type": "insecureAcceptAnything"}],
      "signed.com": [{"type": "insecureAcceptAnything"}, {"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}],
      "signed.com/sigstore": [{"type": "sigstoreSigned", "keyPath": "/k"}],
      "new.com": [{"type": "blessedBy"}]
    },
    "dir": {"": [{"type": "insecureAcceptAnything"}]},
    "oci": {"/srv/images": [{"type": "insecureAcceptAnything"}]}
  }
}"#;

#[test]
fn the_most_specific_scope_decides() {
    let policy = read(STRICT).unwrap();
    for (name, code) in [
        ("debian", Some(codes::UR0906)),
        ("busybox", None),
        ("busybox:1", None),
        ("busybox:bad", Some(codes::UR0906)),
        ("docker.io/openshift/hello", None),
        ("docker.io/openshiftx/hello", Some(codes::UR0906)),
        ("a.project.example.com/x", None),
        ("a.b.project.example.com:5000/x", None),
        ("project.example.com/x", Some(codes::UR0906)),
        ("signed.com/x", Some(codes::UR0907)),
        ("signed.com/sigstore/x", Some(codes::UR0907)),
        ("new.com/x", Some(codes::UR0907)),
    ] {
        assert_eq!(verdict(&policy, name), code, "{name}");
    }
    let by_digest = format!("docker.io/library/busybox@sha256:{}", "a".repeat(64));
    assert_eq!(verdict(&policy, &by_digest), None);
    assert!(policy.allows_file("dir", Path::new("/any")).is_ok());
    assert!(policy.allows_file("oci", Path::new("/srv/images/web")).is_ok());
    assert_eq!(policy.allows_file("oci", Path::new("/srv/other")).unwrap_err().code(), codes::UR0906);
    assert_eq!(policy.allows_file("docker-archive", Path::new("/srv/images/x")).unwrap_err().code(), codes::UR0906);
}

#[test]
fn the_rule_is_shown() {
    let error = read(STRICT).unwrap().allows(&"signed.com/x:1".parse().unwrap()).unwrap_err();
    let shown = text(error.report(), Style::PLAIN);
    assert!(shown.contains("policy.json:9:") && shown.contains("skopeo copy docker://signed.com/x:1"), "{shown}");
    let error = read(STRICT).unwrap().allows(&"b.com/x:1".parse().unwrap()).unwrap_err();
    let shown = text(error.report(), Style::PLAIN);
    assert!(shown.contains("policy.json:2:") && shown.contains("`docker`, `b.com/x`"), "{shown}");
}

#[test]
fn which_file_counts() {
    let dir = tempfile::tempdir().unwrap();
    let places = Places { system: dir.path().join("etc"), user: Some(dir.path().join("home")), ..Places::default() };
    assert_eq!(verdict(&Policy::read(&places, None).unwrap(), "debian"), None);
    for (name, kind) in [("etc", "reject"), ("home", "insecureAcceptAnything")] {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("policy.json"), format!(r#"{{"default":[{{"type":"{kind}"}}]}}"#))
            .unwrap();
        let expected = (name == "etc").then_some(codes::UR0906);
        assert_eq!(verdict(&Policy::read(&places, None).unwrap(), "debian"), expected);
    }
    let named = dir.path().join("etc/policy.json");
    assert_eq!(verdict(&Policy::read(&places, Some(&named)).unwrap(), "debian"), Some(codes::UR0906));
    assert_eq!(Policy::read(&places, Some(Path::new("/none.json"))).unwrap_err().code(), codes::UR0811);
}

#[test]
fn it_is_read_strictly() {
    for bad in [
        "",
        "{}",
        "[]",
        r#"{"default":[]}"#,
        r#"{"default":[{}]}"#,
        r#"{"default":[{"type":"reject"}],"transport":{}}"#,
        r#"{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}"#,
        r#"{"default":[{"type":"reject","type":"insecureAcceptAnything"}]}"#,
        r#"{"default":[{"type":"reject","keyPath":"/x"}]}"#,
        r#"{"default":[{"type":"reject"}],"transports":{"docker":{"a.com":[]}}}"#,
        r#"{"default":[{"type":"reject"}],"transports":{"docker":{"a.com":[{"type":"reject"}],"a.com":[{"type":"reject"}]}}}"#,
    ] {
        let error = read(bad).unwrap_err();
        assert_eq!(error.code(), codes::UR0811, "{bad}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = read(&text);
    }
}
