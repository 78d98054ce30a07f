use idmap::{Extent, Extents};
use proptest::prelude::*;

use super::*;
use crate::config::User;

fn config(name: &str, user: (u32, u32)) -> Config {
    let text = json!({
        "id": "0123", "name": name, "image": "redis", "image_id": null, "created": 0, "remove": false,
        "rootfs": {"layers": []}, "args": [], "env": [], "cwd": "/", "user": User { uid: user.0, gid: user.1, groups: vec![] },
        "hostname": "h", "network": "none", "read_only": false, "privileged": false, "tty": false, "interactive": false,
        "stop_signal": 15, "map": crate::config::MapRequest::default(),
    });
    serde_json::from_value(text).unwrap()
}

fn map() -> IdMap {
    let extents = Extents::new([(0, 720_896, 101), (101, 996, 1), (102, 720_998, 922)].map(Extent::from)).unwrap();
    IdMap { uid: extents.clone(), gid: extents }
}

fn image() -> Image {
    Image {
        passwd:
            b"root:x:0:0::/:/bin/sh\ndaemon:x:1:1::/:/\nmail:x:8:12::/:/\nredis:x:101:102::/:/\nfar:x:5000:5::/:/\n"
                .to_vec(),
        group: b"root:x:0:\nredis:x:102:\nmail:x:12:\n".to_vec(),
        uid_files: [(0, 9), (8, 1), (101, 2), (500, 1), (5000, 1)].into(),
        gid_files: [(0, 9), (12, 1)].into(),
        ..Image::default()
    }
}

fn shown(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| format!("{} {} {}", record.kind, record.name, record.id)).collect()
}

#[test]
fn root_the_process_and_owners_of_files() {
    let host = Known { users: Accounts { ids: [996].into(), ..Accounts::default() }, ..Known::default() };
    let records = records(&config("web", (1000, 102)), &map(), &image(), &host);
    let expected = [
        "uid web-root 720896",
        "uid web-u1000 721896",
        "uid web-mail 720904",
        "uid web-u500 721396",
        "gid web-root 720896",
        "gid web-redis 720998",
        "gid web-mail 720908",
    ];
    assert_eq!(shown(&records), expected);
    let mail = &records[2].contents;
    assert_eq!(
        (&mail["userName"], &mail["gid"], &mail["disposition"]),
        (&json!("web-mail"), &json!(720_908), &json!("container"))
    );
    assert_eq!(mail["realName"], "mail in container web");
}

#[test]
fn names_of_the_host_are_left_alone() {
    let host =
        Known { users: Accounts { names: ["web-root".into()].into(), ..Accounts::default() }, ..Known::default() };
    let records = records(&config("web", (0, 0)), &map(), &image(), &host);
    assert!(!shown(&records).contains(&"uid web-root 720896".to_owned()));
}

#[test]
fn written_and_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let run = Dir::open(home.path()).unwrap().ensure_dir("run", 0o700).unwrap();
    let userdb = home.path().join("userdb");
    let records = records(&config("web", (101, 102)), &map(), &image(), &Known::default());
    let written = write(&userdb, &records, "0123", &run);
    assert_eq!(written.len(), 2 * records.len() + 1);
    assert!(written.iter().all(|path| path.symlink_metadata().is_ok()), "{written:?}");
    assert!(fs::read_to_string(userdb.join("720896.user")).unwrap().contains("web-root"));
    // Another container of this name has the same names in mind, and nothing of it is written.
    let other = Dir::open(home.path()).unwrap().ensure_dir("other", 0o700).unwrap();
    assert_eq!(write(&userdb, &records, "4567", &other).len(), 1);
    forget(&other);
    assert!(written.iter().all(|path| path.symlink_metadata().is_ok()), "they are the first one's");
    fs::remove_file(&written[0]).unwrap();
    forget(&run);
    assert_eq!(fs::read_dir(&userdb).unwrap().count(), 0, "a link without its file goes, too");
    forget(&run);
}

/// The run directory is gone with the container, and somehow the names are not.
#[test]
fn what_was_forgotten_is_in_nobodys_way() {
    let home = tempfile::tempdir().unwrap();
    let open = |name: &str| Dir::open(home.path()).unwrap().ensure_dir(name, 0o700).unwrap();
    let userdb = home.path().join("userdb");
    let records = records(&config("web", (101, 102)), &map(), &image(), &Known::default());
    let run = open("run");
    run.write("lock", b"", 0o600).unwrap();
    write(&userdb, &records, "0123", &run);
    assert_eq!(write(&userdb, &records, "4567", &open("other")).len(), 1, "its list is still there");
    fs::remove_dir_all(home.path().join("run")).unwrap();
    assert_eq!(write(&userdb, &records, "4567", &open("other")).len(), 2 * records.len() + 1);
    assert!(fs::read_to_string(userdb.join("720896.user")).unwrap().contains("4567"));
}

#[test]
fn names_fit() {
    assert_eq!(host_name("web", "redis"), "web-redis");
    assert_eq!(host_name("1web.a", "www data"), "c1web_a-www_data");
    let long = host_name("a-container-with-a-long-name", "systemd-timesync");
    assert_eq!(long.len(), 31);
    assert_ne!(long, host_name("a-container-with-a-long-name", "systemd-timesyncd"));
}

proptest! {
    #[test]
    fn any_name_is_a_name(container in ".*", account in ".*") {
        let name = host_name(&container, &account);
        prop_assert!(name.len() <= LONGEST && name.starts_with(|first: char| first.is_ascii_alphabetic()), "{}", name);
        prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }

    /// An image's lists of accounts are a stranger's.
    #[test]
    fn any_accounts(passwd in prop::collection::vec(any::<u8>(), 0..300)) {
        let image = Image { passwd: passwd.clone(), group: passwd, ..image() };
        for record in records(&config("web", (0, 0)), &map(), &image, &Known::default()) {
            prop_assert!(record.contents["disposition"] == "container" && record.name.len() <= LONGEST);
        }
    }
}
