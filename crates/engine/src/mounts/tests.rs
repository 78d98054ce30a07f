use super::{keys::Asked, *};
use crate::request::Given;
use diag::codes;

fn given(text: &str) -> Given<String> {
    Given::unwritten(text.to_owned())
}

fn volume(text: &str) -> diag::Result<Mount> {
    option::volume(&given(text))
}

fn words(mount: &Mount) -> String {
    mount.options.words.join(",")
}

fn one(text: &str) -> diag::Result<Mount> {
    let mut all = keys::mount(&given(text))?;
    assert_eq!(all.len(), 1, "{text}");
    match all.remove(0) {
        Asked::Mount(mount) | Asked::Image { mount, .. } => Ok(mount),
    }
}

#[test]
fn volumes_and_directories() {
    let named = volume("data:/var/lib//data/").unwrap();
    assert_eq!((named.destination.to_str(), named.kind()), (Some("/var/lib/data"), "volume"));
    assert_eq!(words(&named), "nosuid,nodev,rbind,rprivate");
    let bind = volume("/srv/./a:/a:ro,z").unwrap();
    assert_eq!(bind.source, Source::Bind("/srv/a".into()));
    assert_eq!((words(&bind).as_str(), bind.is_writable()), ("ro,rbind,rprivate", false));
    assert!(matches!(volume("./x:/x").unwrap().source, Source::Bind(path) if path.is_absolute()));
    assert!(volume("/anon").unwrap().volume().is_some_and(|volume| volume.anonymous && volume.name.is_empty()));
    assert_eq!(volume("/a\\:b:/c").unwrap().source, Source::Bind("/a:b".into()));
    let all = volume("v:/v:rw,noexec,dev,suid,nocopy,U,rshared,bind").unwrap();
    assert_eq!(words(&all), "rw,noexec,dev,suid,bind,rshared");
    assert_eq!((all.options.no_copy, all.options.chown), (true, Chown::Yes));
}

#[test]
fn maps_of_mounts() {
    for (text, expected) in [
        ("idmap", Map::Idmap(None)),
        ("idmap=uids=0-1-2;gids=0-1-2", Map::Idmap(Some("uids=0-1-2;gids=0-1-2".into()))),
        ("map=none", Map::None),
        ("map=owner", Map::Owner),
        ("map=auto", Map::Auto),
        ("map=redis=@redis,map=u5=@6:7,ro", Map::Wishes(vec!["redis=@redis".into(), "u5=@6:7".into()])),
    ] {
        assert_eq!(volume(&format!("/a:/b:{text}")).unwrap().options.map, expected, "{text}");
    }
}

#[test]
fn what_is_refused() {
    for (text, code) in [
        ("", codes::UR0843),
        ("a", codes::UR0843),
        ("a:b", codes::UR0843),
        (":/x", codes::UR0843),
        ("a:/", codes::UR0843),
        ("a:/..", codes::UR0843),
        ("a b:/x", codes::UR0804),
        ("a:/b:ro,rw", codes::UR0843),
        ("a:/b:private,rshared", codes::UR0843),
        ("a:/b:nonsense", codes::UR0843),
        ("/a:/b:nocopy", codes::UR0843),
        ("/a:/b:upperdir=/x,workdir=/y", codes::UR0843),
        ("/a:/b:O,upperdir=/x", codes::UR0843),
        ("/a:/b:map=x", codes::UR0843),
        ("/a:/b:map=u5=6x", codes::UR0102),
        ("/a:/b:map=none,idmap", codes::UR0843),
        ("/a:/b:U=maybe", codes::UR0843),
        ("/a:/b:ro=1", codes::UR0843),
    ] {
        assert_eq!(volume(text).unwrap_err().code(), code, "{text}");
    }
    for (text, code) in [
        ("", codes::UR0843),
        ("type=nonsense,dst=/x", codes::UR0843),
        ("type=artifact,dst=/x", codes::UR0808),
        ("type=bind,dst=/x", codes::UR0843),
        ("type=bind,src=/x", codes::UR0843),
        ("type=bind,src=/x,dst=y", codes::UR0843),
        ("type=tmpfs,dst=/x,src=/y,nonsense=1", codes::UR0843),
        ("type=volume,src=v,dst=/x,subpath=../y", codes::UR0843),
        ("type=volume,src=v,dst=/x,volume-driver=nfs", codes::UR0808),
        ("type=bind,src=/x,dst=/y,bind-propagation=no", codes::UR0843),
        ("type=bind,src=/x,dst=/y,tmpcopyup", codes::UR0843),
        ("type=glob,src=/no-such-directory/*,dst=/x", codes::UR0315),
    ] {
        assert_eq!(keys::mount(&given(text)).err().map(|error| error.code()), Some(code), "{text}");
    }
}

#[test]
fn mounts_by_keys() {
    let bind = one("type=bind,src=/srv,dst=/a,ro,bind-propagation=rslave,bind-nonrecursive").unwrap();
    assert_eq!((bind.source.clone(), words(&bind)), (Source::Bind("/srv".into()), "ro,bind,rslave".into()));
    let tmpfs = one("type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=700,notmpcopyup").unwrap();
    assert_eq!(words(&tmpfs), "size=1m,mode=700,nosuid,nodev,rprivate");
    assert_eq!(words(&one("type=tmpfs,dst=/t").unwrap()), "nosuid,nodev,tmpcopyup,rprivate");
    let volume = one("src=data,target=/d,volume-label=a=b,volume-opt=o=uid=5,subpath=x/y,readonly=true").unwrap();
    let source = volume.volume().unwrap();
    assert_eq!((source.name.as_str(), source.labels["a"].as_str()), ("data", "b"));
    assert_eq!((source.options["o"].as_str(), source.subpath.clone()), ("uid=5", Some("x/y".into())));
    assert!(!volume.is_writable());
    let devpts = one("type=devpts,dst=/dev/pts,uid=5,gid=6,mode=620").unwrap();
    assert_eq!((devpts.kind(), words(&devpts).contains("gid=6")), ("devpts", true));
    assert!(!one("type=image,src=alpine,dst=/i").unwrap().is_writable());
    assert!(one("type=image,src=alpine,dst=/i,rw=true").unwrap().is_writable());
    assert_eq!(one("type=bind,\"src=/a,b\",dst=/c").unwrap().source, Source::Bind("/a,b".into()));
    assert_eq!(one("type=ramfs,dst=/r").unwrap().kind(), "ramfs");
}

#[test]
fn tmpfs_by_option() {
    let tmpfs = option::tmpfs(&given("/tmp:size=64m,mode=1777,noexec")).unwrap();
    assert_eq!(words(&tmpfs), "size=64m,mode=1777,noexec,nosuid,nodev,tmpcopyup,rprivate");
    assert_eq!(option::tmpfs(&given("tmp")).unwrap_err().code(), codes::UR0843);
    assert_eq!(option::tmpfs(&given("/tmp:copy")).unwrap_err().code(), codes::UR0843);
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(text in "[a-zUOZ:/.,=\"\\\\@0-9 -]{0,40}", any: String) {
            for text in [text.as_str(), any.as_str()] {
                let _ = volume(text);
                let _ = keys::mount(&given(&format!("type=bind,{text}")));
                let _ = keys::mount(&given(text));
                let _ = option::tmpfs(&given(text));
            }
        }
    }
}
