//! The protocol against a registry that misbehaves in every way that it is told to.

use std::{
    io::Read as _,
    sync::{Mutex, atomic::AtomicBool},
    time::{Duration, Instant},
};

use diag::codes;
use oci::Digest;

use super::{
    Access, Credential, Endpoint, Listener, Registry,
    fake::{Asked, Fake, Fault},
};

const MEDIA: &str = "application/vnd.oci.image.manifest.v1+json";

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Listener for Notes {
    fn arrived(&self, _: u64) {}

    fn interrupted(&self, why: &str) {
        self.0.lock().unwrap().push(why.to_owned());
    }
}

fn open(fake: &Fake) -> Registry {
    Registry::open(fake.endpoint("a/b"), &Access::Pull).unwrap()
}

fn download(registry: &Registry, digest: &Digest, size: u64) -> (Result<Vec<u8>, diag::Error>, Vec<String>) {
    let (notes, cancelled) = (Notes::default(), AtomicBool::new(false));
    let mut bytes = Vec::new();
    let mut reader = registry.blob(digest, size, &notes, &cancelled);
    let outcome = match reader.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(reader.take_fault().unwrap()),
    };
    (outcome, notes.0.into_inner().unwrap())
}

fn blob_of(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

fn is_blob(asked: &Asked) -> bool {
    asked.method == "GET" && asked.path.contains("/blobs/")
}

#[test]
fn a_blob_that_breaks_off_goes_on_where_it_broke() {
    let fake = Fake::start();
    let blob = blob_of(100_000);
    let digest = fake.put_blob("a/b", &blob);
    fake.behave(|asked| (is_blob(asked) && asked.before < 4).then_some(Fault::CutAfter(20_000)));
    let (bytes, notes) = download(&open(&fake), &digest, 100_000);
    assert!(bytes.unwrap() == blob);
    // Each piece is progress, so more breaks than retries are fine.
    assert_eq!(notes.len(), 4);
    let ranges: Vec<_> =
        fake.asked("GET", "/blobs/").iter().filter_map(|asked| asked.headers.get("range").cloned()).collect();
    assert_eq!(ranges, ["bytes=20000-", "bytes=40000-", "bytes=60000-", "bytes=80000-"]);
}

#[test]
fn a_registry_without_ranges_sends_everything_again() {
    let fake = Fake::start();
    let blob = blob_of(50_000);
    let digest = fake.put_blob("a/b", &blob);
    fake.behave(|asked| {
        is_blob(asked).then_some(if asked.before == 0 { Fault::CutAfter(20_000) } else { Fault::Whole })
    });
    let (bytes, _) = download(&open(&fake), &digest, 50_000);
    assert!(bytes.unwrap() == blob);
}

#[test]
fn a_blob_that_never_comes_is_given_up() {
    let fake = Fake::start();
    let digest = fake.put_blob("a/b", &blob_of(1000));
    fake.behave(|asked| is_blob(asked).then_some(Fault::CutAfter(0)));
    let (outcome, notes) = download(&open(&fake), &digest, 1000);
    let error = outcome.unwrap_err();
    assert_eq!((error.code(), notes.len()), (codes::UR0921, 2));
    assert_eq!(fake.asked("GET", "/blobs/").len(), 3);
}

#[test]
fn a_blob_of_another_length_is_refused() {
    let fake = Fake::start();
    let digest = fake.put_blob("a/b", &blob_of(1000));
    for promised in [999, 1001] {
        assert_eq!(download(&open(&fake), &digest, promised).0.unwrap_err().code(), codes::UR0703, "{promised}");
    }
}

#[test]
fn what_passes_is_tried_again_and_what_stays_is_told() {
    let busy = |_: &Asked| Fault::Answer(503, vec![("Retry-After", "0".into())], b"later".to_vec());
    for (failures, code) in [(2, None), (3, Some(codes::UR0924))] {
        let fake = Fake::start();
        fake.put_manifest("a/b", "1", MEDIA, b"{}");
        fake.behave(move |asked| (asked.path.contains("/manifests/") && asked.before < failures).then(|| busy(asked)));
        let outcome = open(&fake).manifest("1");
        assert_eq!(outcome.map(drop).map_err(|error| error.code()).err(), code, "{failures}");
        assert_eq!(fake.asked("GET", "/manifests/1").len(), 3);
    }
}

#[test]
fn a_registry_that_asks_for_time_gets_it() {
    let fake = Fake::start();
    fake.put_manifest("a/b", "1", MEDIA, b"{}");
    fake.behave(|asked| {
        let slow_down = || Fault::Answer(429, vec![("Retry-After", "1".into())], Vec::new());
        (asked.path.contains("/manifests/") && asked.before == 0).then(slow_down)
    });
    let registry = open(&fake);
    let begun = Instant::now();
    assert_eq!(registry.manifest("1").unwrap().bytes, b"{}");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn refusals_have_their_codes_and_the_registrys_words() {
    let fake = Fake::start();
    fake.behave(|asked| {
        let refuse = |status| {
            Some(Fault::Answer(status, vec![], br#"{"errors":[{"code":"DENIED","message":"go away"}]}"#.to_vec()))
        };
        match asked.path.rsplit('/').next() {
            Some("forbidden") => refuse(403),
            Some("teapot") => refuse(418),
            Some("hangup") => Some(Fault::Hangup),
            _ => None,
        }
    });
    let registry = open(&fake);
    let cases =
        [("forbidden", codes::UR0922), ("teapot", codes::UR0924), ("none", codes::UR0923), ("hangup", codes::UR0921)];
    for (tag, code) in cases {
        let error = registry.manifest(tag).unwrap_err();
        assert_eq!(error.code(), code, "{tag}");
        if tag == "forbidden" {
            assert!(error.report().facts.iter().any(|fact| fact.contains("go away (DENIED)")), "{error:?}");
        }
    }
}

#[test]
fn tokens_are_asked_for_once_and_shown() {
    for credential in
        [Credential::Basic { user: "me".into(), password: "pw".into() }, Credential::Identity("identity-1".into())]
    {
        let fake = Fake::start();
        fake.put_manifest("a/b", "1", MEDIA, b"{}");
        fake.want_tokens_for("me:pw");
        let endpoint = Endpoint { credential: Some(credential), ..fake.endpoint("a/b") };
        let registry = Registry::open(endpoint, &Access::Pull).unwrap();
        registry.manifest("1").unwrap();
        registry.manifest("1").unwrap();
        let asked = [fake.asked("GET", "/token"), fake.asked("POST", "/token")].concat();
        assert_eq!(asked.len(), 1);
        let said = format!("{}{}", asked[0].path, String::from_utf8_lossy(&asked[0].body));
        assert!(said.contains("scope=repository%3Aa%2Fb%3Apull") && said.contains("service=fake"), "{said}");
    }
}

#[test]
fn wrong_credentials_and_none_are_told_apart_from_absence() {
    let fake = Fake::start();
    fake.want_tokens_for("me:pw");
    let wrong = Credential::Basic { user: "me".into(), password: "no".into() };
    for credential in [Some(wrong), None] {
        let endpoint = Endpoint { credential, ..fake.endpoint("a/b") };
        let registry = Registry::open(endpoint, &Access::Pull).unwrap();
        assert_eq!(registry.manifest("1").unwrap_err().code(), codes::UR0922);
    }
}

#[test]
fn redirects_are_followed_without_secrets() {
    let (fake, other) = (Fake::start(), Fake::start());
    let blob = blob_of(5000);
    let digest = other.put_blob("a/b", &blob);
    let location = format!("http://{}/v2/a/b/blobs/{digest}", other.endpoint("").host);
    fake.want_tokens_for("me:pw");
    fake.behave(move |asked| is_blob(asked).then(|| Fault::Answer(307, vec![("Location", location.clone())], vec![])));
    let credential = Some(Credential::Basic { user: "me".into(), password: "pw".into() });
    let registry = Registry::open(Endpoint { credential, ..fake.endpoint("a/b") }, &Access::Pull).unwrap();
    registry.manifest("none").unwrap_err();
    assert!(download(&registry, &digest, 5000).0.unwrap() == blob);
    assert!(fake.asked("GET", "/blobs/").iter().any(|asked| asked.headers.contains_key("authorization")));
    assert!(other.asked("GET", "/blobs/").iter().all(|asked| !asked.headers.contains_key("authorization")));
}

#[test]
fn a_manifest_under_a_digest_has_it() {
    let fake = Fake::start();
    let digest = fake.put_manifest("a/b", "1", MEDIA, b"{}");
    let registry = open(&fake);
    assert_eq!(registry.manifest(&digest.to_string()).unwrap().bytes, b"{}");
    assert_eq!(registry.digest_of("1").unwrap(), Some(digest));
    assert_eq!(registry.digest_of("2").unwrap(), None);
    fake.behave(|asked| asked.path.contains("sha256").then(|| Fault::Answer(200, vec![], b"{ }".to_vec())));
    assert_eq!(registry.manifest(&digest.to_string()).unwrap_err().code(), codes::UR0703);
}

#[test]
fn tags_are_listed_page_by_page() {
    let fake = Fake::start();
    for tag in ["3", "1", "2"] {
        fake.put_manifest("a/b", tag, MEDIA, b"{}");
    }
    assert_eq!(open(&fake).tags(100).unwrap(), ["1", "2", "3"]);
}

#[test]
fn a_slow_registry_is_waited_for() {
    let fake = Fake::start();
    fake.put_manifest("a/b", "1", MEDIA, b"{}");
    fake.behave(|_| Some(Fault::Wait(Duration::from_millis(300))));
    assert!(open(&fake).manifest("1").is_ok());
}

#[test]
fn nobody_there_is_said_so() {
    let endpoint = Endpoint { host: "127.0.0.1:1".into(), ..Fake::start().endpoint("a/b") };
    let error = Registry::open(endpoint.clone(), &Access::Pull).err().unwrap();
    assert_eq!(error.code(), codes::UR0921);
    // Plain HTTP is not spoken unless that is allowed.
    let plain = Endpoint { insecure: false, ..Fake::start().endpoint("a/b") };
    assert_eq!(Registry::open(plain, &Access::Pull).err().unwrap().code(), codes::UR0921);
}

#[test]
fn blobs_are_sent_and_taken_over() {
    let fake = Fake::start();
    let registry = Registry::open(fake.endpoint("a/b"), &Access::Push { from: vec!["c/d".into()] }).unwrap();
    let blob = blob_of(300_000);
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &blob).unwrap();
    let digest = Digest::of(&blob);
    assert!(!registry.has_blob(&digest).unwrap());
    // The first try breaks off, the second goes through.
    fake.behave(|asked| (asked.method == "PUT" && asked.before == 0).then_some(Fault::Answer(500, vec![], vec![])));
    registry.upload(&digest, &file, blob.len() as u64, &|_| ()).unwrap();
    assert!(registry.has_blob(&digest).unwrap());
    assert!(fake.blob("a/b", &digest).unwrap() == blob);
    let other = fake.put_blob("c/d", b"other");
    assert!(registry.mount(&other, "c/d").unwrap());
    assert!(!registry.mount(&Digest::of("nothing"), "c/d").unwrap());
    assert!(registry.has_blob(&other).unwrap());
    let error = registry.upload_bytes(&Digest::of("x"), b"y").unwrap_err();
    assert_eq!(error.code(), codes::UR0924);
    registry.put_manifest("1", MEDIA, b"{}").unwrap();
    assert_eq!(fake.manifest("a/b", "1").unwrap(), b"{}");
}
