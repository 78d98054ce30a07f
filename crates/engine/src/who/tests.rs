use super::{path::place, *};

fn subject(text: &str) -> Result<Subject> {
    Subject::parse(&Given::unwritten(text.to_owned()))
}

#[test]
fn what_is_asked_about() {
    for (text, expected) in [
        ("720997", Subject::Id(Kind::Uid, 720_997)),
        ("uid:0", Subject::Id(Kind::Uid, 0)),
        ("gid:4294967294", Subject::Id(Kind::Gid, 4_294_967_294)),
        ("pid:12", Subject::Process(12)),
        ("root", Subject::Id(Kind::Uid, 0)),
        ("/no/such", Subject::Path("/no/such".into())),
        ("./12", Subject::Path("./12".into())),
    ] {
        assert_eq!(subject(text).unwrap(), expected, "{text}");
    }
    for (text, code) in [
        ("uid:", codes::UR0806),
        ("uid:-1", codes::UR0806),
        ("4294967295", codes::UR0806),
        ("99999999999999999999", codes::UR0806),
        ("pid:4000000000", codes::UR0812),
        ("no-such-user-or-file", codes::UR0813),
        ("", codes::UR0813),
    ] {
        assert_eq!(subject(text).unwrap_err().code(), code, "{text}");
    }
}

#[test]
fn rooms_of_the_store() {
    for (below, expected) in [
        ("containers/ab/upper/etc/x", path::Place::Upper("ab".into(), "/etc/x".into())),
        ("containers/ab/upper", path::Place::Upper("ab".into(), "/".into())),
        ("layers/cd/fs/bin/sh", path::Place::Layer("cd".into(), "/bin/sh".into())),
        ("volumes/data/_data/x", path::Place::Volume("data".into(), "/x".into())),
        ("volumes/data/x", path::Place::Volume("data".into(), "/x".into())),
        ("containers/ab/config.json", path::Place::Store("containers/ab/config.json".into())),
        ("", path::Place::Store("".into())),
    ] {
        assert_eq!(place(Path::new(below)), expected, "{below}");
    }
}

#[test]
fn an_answer_in_lines() {
    let pair = Pair {
        inside: crate::accounts::Named { id: 101, name: Some("redis".into()) },
        host: crate::accounts::Named { id: 720_997, name: None },
    };
    let container = Entry::new("container").text("container", "web (0123456789ab)").text("image", "redis:7");
    let answer = Answer {
        subject: "uid 720997".into(),
        entries: vec![
            container.pair("uid", &pair),
            Entry::new("processes").text("processes", "1: redis-server\u{1b} (4242)"),
            Entry::new("account").text("user", "redis"),
        ],
        notes: vec!["720997 is also a pid".into()],
    };
    insta::assert_snapshot!(answer.to_text());
    assert_eq!(answer.to_json()["entries"][0]["uid"]["inside"]["name"], "redis");
    let nobody = Answer { entries: vec![], notes: vec![], ..answer };
    assert_eq!(nobody.to_text(), "uid 720997\n  nobody has it\n");
    assert!(!nobody.is_found());
}
