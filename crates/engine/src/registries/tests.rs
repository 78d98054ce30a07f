use std::fs;

use diag::{
    codes,
    render::{Style, text},
};
use tempfile::TempDir;

use super::*;

/// A directory with these files, as the places of a user.
fn tree(files: &[(&str, &str)]) -> (TempDir, Places) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let places = Places {
        distribution: dir.path().join("usr"),
        system: dir.path().join("etc"),
        user: Some(dir.path().join("home")),
        learned: Some(dir.path().join("cache/short-name-aliases.conf")),
        ..Places::default()
    };
    (dir, places)
}

fn of(text: &str) -> Registries {
    let (_dir, places) = tree(&[("etc/registries.conf", text)]);
    Registries::read(&places).unwrap()
}

fn names(candidates: &[Candidate]) -> Vec<String> {
    candidates.iter().map(|candidate| candidate.reference.to_string()).collect()
}

fn endpoints(registries: &Registries, name: &str) -> Vec<String> {
    let show =
        |endpoint: &Endpoint| format!("{}{}", if endpoint.insecure { "insecure " } else { "" }, endpoint.reference);
    registries.resolve(name).unwrap()[0].endpoints.iter().map(show).collect()
}

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[test]
fn without_files_it_is_as_with_docker() {
    let (_dir, places) = tree(&[]);
    let registries = Registries::read(&places).unwrap();
    for (name, full) in [
        ("debian", "docker.io/library/debian:latest"),
        ("a/b:1", "docker.io/a/b:1"),
        ("example.com/x", "example.com/x:latest"),
        ("docker.io/debian", "docker.io/library/debian:latest"),
        ("localhost/web", "localhost/web:latest"),
    ] {
        let found = registries.resolve(name).unwrap();
        assert_eq!(names(&found), [full]);
        assert_eq!(found[0].endpoints, [Endpoint { reference: full.parse().unwrap(), insecure: false, mirror: false }]);
    }
    assert_eq!(registries.resolve("UPPER CASE").unwrap_err().code(), codes::UR0702);
}

#[test]
fn the_longest_prefix_takes_it() {
    let registries = of(r#"
        [[registry]]
        location = "example.com"
        insecure = true
        [[registry]]
        prefix = "example.com/foo"
        location = "internal.net:5000/bar/"
        [[registry.mirror]]
        location = "mirror-0.local/mirror-for-foo"
        [[registry.mirror]]
        location = "mirror-1.local/mirrors/foo"
        insecure = true
        [[registry]]
        prefix = "*.example.org"
        [[registry.mirror]]
        location = "mirror.example.net"
        [[registry]]
        prefix = "*.b.example.org"
        location = "b.net"
    "#);
    assert_eq!(endpoints(&registries, "example.com/other:1"), ["insecure example.com/other:1"]);
    assert_eq!(
        endpoints(&registries, "example.com/foo/image"),
        [
            "mirror-0.local/mirror-for-foo/image:latest",
            "insecure mirror-1.local/mirrors/foo/image:latest",
            "internal.net:5000/bar/image:latest"
        ]
    );
    assert_eq!(endpoints(&registries, "example.com/foobar:1"), ["insecure example.com/foobar:1"]);
    assert_eq!(endpoints(&registries, "example.com:5000/foo:1"), ["example.com:5000/foo:1"]);
    assert_eq!(endpoints(&registries, "a.example.org/x:1"), ["mirror.example.net/x:1", "a.example.org/x:1"]);
    assert_eq!(endpoints(&registries, "a.b.example.org/x:1"), ["b.net/x:1"]);
    let pushed = registries.endpoint_to_push(&"example.com/foo/image:1".parse().unwrap()).unwrap();
    assert_eq!((pushed.location(), pushed.insecure), ("example.com/foo/image", false));
    assert!(registries.is_insecure("example.com") && !registries.is_insecure("example.com:5000"));
}

#[test]
fn mirrors_serve_what_they_are_for() {
    let registries = of(r#"
        [[registry]]
        location = "a.com"
        mirror-by-digest-only = true
        [[registry.mirror]]
        location = "m.com"
        [[registry]]
        location = "b.com"
        [[registry.mirror]]
        location = "all.com"
        pull-from-mirror = "all"
        [[registry.mirror]]
        location = "digest.com"
        pull-from-mirror = "digest-only"
        [[registry.mirror]]
        location = "tag.com"
        pull-from-mirror = "tag-only"
    "#);
    assert_eq!(endpoints(&registries, "a.com/x:1"), ["a.com/x:1"]);
    let by_digest = |host: &str| format!("{host}/x@{DIGEST}");
    assert_eq!(endpoints(&registries, &by_digest("a.com")), ["m.com", "a.com"].map(by_digest));
    assert_eq!(endpoints(&registries, "b.com/x:1"), ["all.com/x:1", "tag.com/x:1", "b.com/x:1"]);
    assert_eq!(endpoints(&registries, &by_digest("b.com")), ["all.com", "digest.com", "b.com"].map(by_digest));
}

#[test]
fn blocked_is_blocked_and_names_the_line() {
    let registries = of("unqualified-search-registries = [\"docker.io\", \"b.com\"]\n[[registry]]\n\
        location = \"docker.io\"\nblocked = true\n[[registry]]\nlocation = \"docker.io/library/debian\"\n");
    let error = registries.resolve("docker.io/library/nginx").unwrap_err();
    let shown = text(error.report(), Style::PLAIN);
    assert!(error.code() == codes::UR0903 && shown.contains("etc/registries.conf:4"), "{shown}");
    let push = registries.endpoint_to_push(&"docker.io/x/y".parse().unwrap());
    assert_eq!(push.unwrap_err().code(), codes::UR0903);
    assert_eq!(names(&registries.resolve("docker.io/debian").unwrap()), ["docker.io/library/debian:latest"]);
    assert_eq!(names(&registries.resolve("nginx").unwrap()), ["b.com/nginx:latest"]);
}

#[test]
fn later_files_replace_what_earlier_ones_say() {
    let table = |insecure| format!("[[registry]]\nlocation = \"a.com\"\ninsecure = {insecure}\n");
    let search = |host| format!("unqualified-search-registries = [\"{host}\"]\n");
    let (dir, places) = tree(&[
        ("usr/registries.conf", &search("usr.com")),
        ("usr/registries.conf.d/00-a.conf", "[aliases]\n\"a\" = \"usr.com/a\"\n\"b\" = \"usr.com/b\""),
        ("etc/registries.conf.d/20-b.conf", &(search("b.com") + &table(true))),
        ("etc/registries.conf.d/10-a.conf", &(search("a.com") + &table(false) + "[aliases]\na = \"\"")),
        ("etc/registries.conf.d/README", "not toml"),
        ("home/registries.conf.d/1.conf", "[aliases]\n\"b\" = \"home.com/b\"\n"),
        ("only.conf", &search("only.com")),
    ]);
    let registries = Registries::read(&places).unwrap();
    assert_eq!(names(&registries.resolve("x").unwrap()), ["b.com/x:latest"]);
    assert_eq!(names(&registries.resolve("a:1").unwrap()), ["b.com/a:1"]);
    let b = registries.resolve(&format!("b@{DIGEST}")).unwrap();
    assert_eq!(names(&b), [format!("home.com/b@{DIGEST}")]);
    assert!(b[0].because.as_ref().unwrap().ends_with("home/registries.conf.d/1.conf"), "{:?}", b[0].because);
    assert!(registries.is_insecure("a.com"));
    let only = Places { registries: Some(dir.path().join("only.conf")), ..places.clone() };
    assert_eq!(names(&Registries::read(&only).unwrap().resolve("x").unwrap()), ["b.com/x:latest"]);
    // The user's own main file turns the system's drop-ins off.
    fs::write(dir.path().join("home/registries.conf"), search("home.com")).unwrap();
    let registries = Registries::read(&places).unwrap();
    assert_eq!(names(&registries.resolve("x").unwrap()), ["home.com/x:latest"]);
    assert!(!registries.is_insecure("a.com"));
    let missing = Places { registries: Some(dir.path().join("none.conf")), ..places };
    assert_eq!(Registries::read(&missing).unwrap_err().code(), codes::UR0811);
}

struct Second;

impl Ask for Second {
    fn choose(&self, short: &str, among: &[Reference]) -> Result<Option<usize>> {
        assert_eq!((short, among.len()), ("web", 2));
        Ok(Some(1))
    }
}

#[test]
fn short_names_with_several_registries() {
    let search = "unqualified-search-registries = [\"a.com\", \"b.com:5000\"]\n";
    let both = ["a.com/web:2", "b.com:5000/web:2"];
    for mode in ["", "short-name-mode = \"\"", "short-name-mode = \"permissive\"", "short-name-mode = \"disabled\""] {
        assert_eq!(names(&of(&format!("{search}{mode}\n")).resolve("web:2").unwrap()), both, "{mode}");
    }
    let enforcing = format!("{search}short-name-mode = \"enforcing\"\n");
    let error = of(&enforcing).resolve("web:2").unwrap_err();
    let shown = text(error.report(), Style::PLAIN);
    assert_eq!(error.code(), codes::UR0901);
    assert!(shown.contains("registries.conf:2") && both.iter().all(|name| shown.contains(name)), "{shown}");
    let none = of("unqualified-search-registries = []").resolve("web").unwrap_err();
    assert_eq!(none.code(), codes::UR0902);
    assert_eq!(of(&enforcing.replace("\"a.com\", ", "")).resolve("web:2").unwrap().len(), 1);
}

#[test]
fn an_answer_is_remembered() {
    let conf = "unqualified-search-registries = [\"a.com\", \"b.com:5000\"]\nshort-name-mode = \"enforcing\"\n";
    let (_dir, places) = tree(&[("etc/registries.conf", conf), ("cache/x", "")]);
    let registries = Registries::read(&places).unwrap();
    let found = registries.resolve_asking("web:2", &Second).unwrap();
    assert_eq!(names(&found), ["b.com:5000/web:2"]);
    registries.remember(&found[0]).unwrap();
    registries.remember(&registries.resolve("a.com/other").unwrap()[0]).unwrap();
    let learned = fs::read_to_string(places.learned.as_ref().unwrap()).unwrap();
    assert_eq!(learned, "[aliases]\n  \"web\" = \"b.com:5000/web\"\n");
    let again = Registries::read(&places).unwrap();
    assert_eq!(names(&again.resolve("web").unwrap()), ["b.com:5000/web:latest"]);
}

#[test]
fn bad_files_are_named_with_the_line() {
    for (bad, code, at) in [
        ("unqualified-search-registries = [\n\"https://a.com\"]", codes::UR0811, 2),
        ("unqualified-search-registries = [\"a\"]", codes::UR0811, 1),
        ("\nshort-name-mode = \"strict\"", codes::UR0811, 2),
        ("[[registry]]\ninsecure = \"yes\"", codes::UR0811, 2),
        ("[[registry]]\ninsecure = true", codes::UR0811, 1),
        ("[[registry]]\nprefix = \"a.com\"", codes::UR0811, 2),
        ("[[registry]]\nlocation = \"*.a.com\"", codes::UR0811, 2),
        (
            "[[registry]]\nlocation = \"a.com\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"m.com\"\n\
          pull-from-mirror = \"all\"",
            codes::UR0811,
            6,
        ),
        ("[aliases]\n\"a.com/x\" = \"b.com/x\"", codes::UR0811, 2),
        ("[[registry]]\nlocation = \"a.com\"\nblockd = true", codes::UR0811, 3),
        ("[aliases]\n\"x:1\" = \"b.com/x\"", codes::UR0811, 2),
        ("[aliases]\n\"x\" = \"b.com/x:1\"", codes::UR0811, 2),
        ("[aliases]\n\"x\" = \"y\"", codes::UR0811, 2),
        ("[aliases]\n\"x\" = \"b.com/x\"\n\"x\" = \"c.com/x\"", codes::UR0811, 3),
        ("\n[registries.search]\nregistries = ['a.com']", codes::UR0904, 2),
    ] {
        let (_dir, places) = tree(&[("etc/registries.conf", bad)]);
        let error = Registries::read(&places).unwrap_err();
        let shown = text(error.report(), Style::PLAIN);
        assert!(error.code() == code && shown.contains(&format!("etc/registries.conf:{at}\n")), "{bad}\n{shown}");
    }
}

#[test]
fn a_location_that_makes_no_name_is_an_error_at_its_table() {
    let long = "x/".repeat(120);
    let registries = of(&format!("[[registry]]\nprefix = \"a.com\"\nlocation = \"b.com/{long}\"\n"));
    let error = registries.resolve("a.com/image-with-a-long-name").unwrap_err();
    assert_eq!(error.code(), codes::UR0811);
}

proptest::proptest! {
    #[test]
    fn no_file_and_no_name_panics(text in ".{0,200}", name in "[a-z.:/@*]{0,40}") {
        let _ = file::parse("x".as_ref(), &text);
        let _ = of("[[registry]]\nprefix = \"*.a\"\n[[registry]]\nlocation = \"b.c\"").resolve(&name);
    }
}
