use proptest::prelude::*;

use super::*;

fn full(text: &str) -> String {
    Reference::parse(text).map_or_else(|fault| format!("{fault:?}"), |reference| reference.to_string())
}

#[test]
fn short_names_get_dockers_host() {
    for (text, expected) in [
        ("debian", "docker.io/library/debian"),
        ("debian:trixie", "docker.io/library/debian:trixie"),
        ("a/b", "docker.io/a/b"),
        ("docker.io/debian", "docker.io/library/debian"),
        ("index.docker.io/debian", "docker.io/library/debian"),
        ("localhost/web", "localhost/web"),
        ("localhost:5000", "docker.io/library/localhost:5000"),
        ("localhost:5000/web:1", "localhost:5000/web:1"),
        ("[::1]:5000/web", "[::1]:5000/web"),
        ("quay.io/a/b__c/d--e.f:V_1.2-x", "quay.io/a/b__c/d--e.f:V_1.2-x"),
    ] {
        assert_eq!(full(text), expected, "{text}");
    }
}

#[test]
fn names_made_here_get_localhost() {
    assert_eq!(Reference::parse_local("debian:trixie").unwrap().to_string(), "localhost/debian:trixie");
    assert_eq!(Reference::parse_local("quay.io/x").unwrap().to_string(), "quay.io/x");
    let names = Reference::candidates("debian").unwrap();
    assert_eq!(names.iter().map(Reference::name).collect::<Vec<_>>(), ["localhost/debian", "docker.io/library/debian"]);
    assert_eq!(Reference::candidates("quay.io/x").unwrap().len(), 1);
}

#[test]
fn parts_are_told_apart() {
    let digest = Digest::of("x");
    let reference = Reference::parse(&format!("h.io:1/a/b:t@{digest}")).unwrap();
    assert_eq!((reference.host(), reference.path()), ("h.io:1", "a/b"));
    assert_eq!((reference.tag(), reference.digest()), (Some("t"), Some(digest)));
    assert_eq!(Reference::parse("a").unwrap().tagged().tag(), Some("latest"));
    assert_eq!(Reference::parse(&format!("a@{digest}")).unwrap().tagged().tag(), None);
}

#[test]
fn faults_point_at_the_part() {
    for (text, part) in [
        ("Debian", "Debian"),
        ("a/Debian:x", "Debian"),
        ("a:b c", "b c"),
        ("a:-b", "-b"),
        ("a@sha256:12", "sha256:12"),
        ("a..b/c", "a..b"),
        ("x/a___b", "a___b"),
        ("x/-a", "-a"),
        ("h.io:99999/a", "h.io:99999"),
        ("-h.io/a", "-h.io"),
        ("x/\u{e9}", "\u{e9}"),
        ("../etc/passwd", ".."),
        ("[zz]/a", "[zz]"),
    ] {
        let fault = Reference::parse(text).unwrap_err();
        assert_eq!(&text[fault.range.clone()], part, "{fault:?}");
        assert_eq!(Error::from(fault).code(), codes::UR0702);
    }
    for text in ["", ":", "/", "a/", "/a", "a//b", "@", "a:", &"a".repeat(64), &"b/".repeat(150), " a", "a\0"] {
        assert!(Reference::parse(text).is_err(), "{text}");
    }
    assert!(Reference::parse(&format!("a:{}", "t".repeat(129))).is_err());
}

#[test]
fn a_fault_in_an_argument_keeps_its_bytes() {
    let argv: Arc<[String]> = ["unroot".into(), "--image=a:?".into()].into();
    let error = Reference::parse("a:?").unwrap_err().in_arg(argv, 1, 8);
    let Some(Origin::Arg { range, .. }) = error.into_report().at else { panic!() };
    assert_eq!(range, Some(10..11));
}

proptest! {
    #[test]
    fn never_panics_and_reads_what_it_writes(text in "[a-cA-B0-9./:@_\\[\\]\u{e9} -]{0,40}") {
        match Reference::parse(&text) {
            Ok(reference) => {
                let again = Reference::parse(&reference.to_string());
                prop_assert_eq!(again.as_ref(), Ok(&reference));
                prop_assert_eq!(Reference::parse_local(&reference.to_string()), Ok(reference));
            }
            Err(fault) => {
                prop_assert!(text.get(fault.range.clone()).is_some());
                let _ = Error::from(fault);
            }
        }
    }

    #[test]
    fn good_names_are_read(
        host in prop::option::of("[a-z]{1,5}\\.(io|org)(:[1-9][0-9]{0,3})?"),
        path in prop::collection::vec("[a-z0-9]{1,4}((\\.|_|__|-{1,3})[a-z0-9]{1,3})?", 1..4),
        tag in prop::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}"),
    ) {
        let name = host.iter().chain(&path).map(String::as_str).collect::<Vec<_>>().join("/");
        let text = tag.iter().fold(name, |name, tag| format!("{name}:{tag}"));
        let reference = Reference::parse(&text).unwrap();
        prop_assert_eq!(reference.tag(), tag.as_deref());
        prop_assert!(reference.to_string().ends_with(&text));
    }
}
