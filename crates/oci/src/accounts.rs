//! Users and groups as an image knows them: the texts of its /etc/passwd and /etc/group.
//!
//! The texts are a stranger's: lines that cannot be read are passed over, as the C library does.
//! Source: passwd(5), group(5); how `USER[:GROUP]` is understood follows Podman.

use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf};

use diag::{Error, Result, codes};

use crate::nearest;

/// The ids that a process of a container begins with: ids as the container sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its user id.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
    /// The further groups that list the user, sorted, without `gid`.
    pub groups: Vec<u32>,
    /// The user's name, if the image knows one.
    pub name: Option<String>,
    /// The user's home directory: what becomes `HOME`. `/` for a user whom the image does not know.
    pub home: PathBuf,
}

/// Finds who is meant by `USER[:GROUP]`, where each is a name or a number. An empty text means uid 0.
///
/// A name must be known. A number need not: its group is then 0 and its home is `/`. Further groups are taken from
/// /etc/group only if no group is named. Error: UR0507.
pub fn resolve(spec: &str, passwd: &[u8], group: &[u8]) -> Result<Account> {
    let (user, wanted_group) = match spec.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (spec, None),
    };
    let mut account = find_user(user, passwd)?;
    match wanted_group {
        Some(wanted) if !wanted.is_empty() => account.gid = find_group(wanted, group)?,
        _ => account.groups = further_groups(&account, group),
    }
    Ok(account)
}

/// The gid that is meant by a group's name or number. A name must be known, a number need not. Error: UR0507.
pub fn resolve_group(wanted: &str, group: &[u8]) -> Result<u32> {
    find_group(wanted, group)
}

/// The name of a user id, for messages: the first entry counts.
pub fn user_name(uid: u32, passwd: &[u8]) -> Option<String> {
    users(passwd).find(|user| user.uid == uid).map(|user| lossy(user.name))
}

/// The name of a group id, for messages: the first entry counts.
pub fn group_name(gid: u32, group: &[u8]) -> Option<String> {
    groups(group).find(|group| group.gid == gid).map(|group| lossy(group.name))
}

/// A user's uid and primary gid: the first entry of this name counts.
pub fn user_ids(name: &str, passwd: &[u8]) -> Option<(u32, u32)> {
    users(passwd).find(|user| user.name == name.as_bytes()).map(|user| (user.uid, user.gid))
}

/// The primary gid of a uid: the first entry counts.
pub fn primary_group(uid: u32, passwd: &[u8]) -> Option<u32> {
    users(passwd).find(|user| user.uid == uid).map(|user| user.gid)
}

/// A group's gid: the first entry of this name counts.
pub fn group_id(name: &str, group: &[u8]) -> Option<u32> {
    groups(group).find(|group| group.name == name.as_bytes()).map(|group| group.gid)
}

/// The user whose name differs least from this one, if it differs little.
pub fn near_user(name: &str, passwd: &[u8]) -> Option<String> {
    let known: Vec<String> = users(passwd).map(|user| lossy(user.name)).collect();
    nearest(name, known.iter().map(String::as_str)).map(str::to_owned)
}

/// The group whose name differs least from this one, if it differs little.
pub fn near_group(name: &str, group: &[u8]) -> Option<String> {
    let known: Vec<String> = groups(group).map(|group| lossy(group.name)).collect();
    nearest(name, known.iter().map(String::as_str)).map(str::to_owned)
}

/// All ids that the two files name: users' uids with their gids, and groups' gids.
pub fn known_ids(passwd: &[u8], group: &[u8]) -> (Vec<u32>, Vec<u32>) {
    let uids = users(passwd).map(|user| user.uid).collect();
    let gids = users(passwd).map(|user| user.gid).chain(groups(group).map(|group| group.gid)).collect();
    (uids, gids)
}

/// A line of /etc/passwd.
struct User<'a> {
    name: &'a [u8],
    uid: u32,
    gid: u32,
    home: &'a [u8],
}

/// A line of /etc/group.
struct Group<'a> {
    name: &'a [u8],
    gid: u32,
    members: &'a [u8],
}

fn users(passwd: &[u8]) -> impl Iterator<Item = User<'_>> {
    lines(passwd).filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let (uid, gid) = (id(fields.nth(1)?)?, id(fields.next()?)?);
        Some(User { name, uid, gid, home: fields.nth(1).unwrap_or_default() })
    })
}

fn groups(group: &[u8]) -> impl Iterator<Item = Group<'_>> {
    lines(group).filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let gid = id(fields.nth(1)?)?;
        Some(Group { name, gid, members: fields.next().unwrap_or_default() })
    })
}

/// Lines that are neither comments nor references to other sources of accounts (`+`, `-`).
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !matches!(line.first(), Some(b'#' | b'+' | b'-')))
}

/// An id in decimal digits and nothing else. The last one, 4294967295, means "no id" to the kernel.
fn id(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|id| *id != u32::MAX)
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn find_user(wanted: &str, passwd: &[u8]) -> Result<Account> {
    let number = if wanted.is_empty() { Some(0) } else { id(wanted.as_bytes()) };
    let known = users(passwd).find(|user| user.name == wanted.as_bytes() || Some(user.uid) == number);
    match (known, number) {
        (Some(user), _) => Ok(Account {
            uid: user.uid,
            gid: user.gid,
            groups: Vec::new(),
            name: Some(lossy(user.name)),
            home: if user.home.is_empty() { "/".into() } else { OsString::from_vec(user.home.to_vec()).into() },
        }),
        (None, Some(uid)) => Ok(Account { uid, gid: 0, groups: Vec::new(), name: None, home: "/".into() }),
        (None, None) => Err(unknown("user", "/etc/passwd", wanted, users(passwd).map(|user| lossy(user.name)))),
    }
}

fn find_group(wanted: &str, group: &[u8]) -> Result<u32> {
    let number = id(wanted.as_bytes());
    let known = groups(group).find(|group| group.name == wanted.as_bytes() || Some(group.gid) == number);
    known
        .map(|group| group.gid)
        .or(number)
        .ok_or_else(|| unknown("group", "/etc/group", wanted, groups(group).map(|group| lossy(group.name))))
}

fn further_groups(account: &Account, group: &[u8]) -> Vec<u32> {
    let Some(name) = &account.name else { return Vec::new() };
    let lists = |group: &Group| group.members.split(|byte| *byte == b',').any(|member| member == name.as_bytes());
    let mut further: Vec<u32> =
        groups(group).filter(|group| group.gid != account.gid && lists(group)).map(|group| group.gid).collect();
    further.sort_unstable();
    further.dedup();
    further
}

fn unknown(what: &str, file: &str, wanted: &str, known: impl Iterator<Item = String>) -> Error {
    let known: Vec<String> = known.collect();
    if wanted.bytes().next().is_some_and(|first| first.is_ascii_digit() || first == b'-' || first == b'+') {
        return Error::new(codes::UR0507, format!("`{wanted}` is neither a {what} of the image nor a {what} id"))
            .help("an id is a decimal number from 0 to 4294967294");
    }
    let error = Error::new(codes::UR0507, format!("the image has no {what} `{wanted}`"))
        .fact(format!("its {file} names {} {what}s", known.len()));
    match nearest(wanted, known.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("give the {what}'s number, which need not be in {file}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/bash\n# note\nbroken\nbad:x:-1:0::/:\n+nis\n\
        redis:x:101:102:,,,:/var/lib/redis:/bin/false\n1000:x:7:8::/odd:\nbare:x:9:9\n";
    const GROUP: &[u8] = b"root:x:0:\naudio:x:29:redis,root\nredis:x:102:redis\nvideo:x:44:bob,redis\ndup:x:29:redis\n";

    fn who(spec: &str) -> (u32, u32, Vec<u32>, PathBuf) {
        let account = resolve(spec, PASSWD, GROUP).unwrap();
        (account.uid, account.gid, account.groups, account.home)
    }

    #[test]
    fn names_numbers_and_groups() {
        assert_eq!(who(""), (0, 0, vec![29], "/root".into()));
        assert_eq!(who("redis"), (101, 102, vec![29, 44], "/var/lib/redis".into()));
        assert_eq!(who("101"), (101, 102, vec![29, 44], "/var/lib/redis".into()));
        assert_eq!(who("redis:video"), (101, 44, vec![], "/var/lib/redis".into()));
        assert_eq!(who("redis:7777"), (101, 7777, vec![], "/var/lib/redis".into()));
        assert_eq!(who("4242"), (4242, 0, vec![], "/".into()));
        assert_eq!(who("4242:4243"), (4242, 4243, vec![], "/".into()));
        assert_eq!(who("1000"), (7, 8, vec![], "/odd".into()));
        assert_eq!(who("bare"), (9, 9, vec![], "/".into()));
        assert_eq!(who(":audio"), (0, 29, vec![], "/root".into()));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for bad in
            ["-1", "4294967295", "4294967296", "0x0", "1 ", "+1", "nobody", "1000:foo", "0:-1", "0:0:0", "broken"]
        {
            assert_eq!(resolve(bad, PASSWD, GROUP).unwrap_err().code(), codes::UR0507, "{bad}");
        }
        let error = resolve("rediss", PASSWD, GROUP).unwrap_err();
        assert_eq!(error.report().help[0].text, "did you mean `redis`?");
    }

    #[test]
    fn works_without_the_files() {
        assert_eq!(resolve("0", b"", b"").unwrap().home, PathBuf::from("/"));
        assert!(resolve("root", b"", b"").is_err());
    }

    #[test]
    fn ids_and_their_names() {
        assert_eq!(user_name(101, PASSWD).as_deref(), Some("redis"));
        assert_eq!(group_name(44, GROUP).as_deref(), Some("video"));
        assert_eq!((user_ids("redis", PASSWD), user_ids("1000", PASSWD)), (Some((101, 102)), Some((7, 8))));
        assert_eq!((primary_group(101, PASSWD), primary_group(4, PASSWD)), (Some(102), None));
        assert_eq!((group_id("video", GROUP), group_id("redis,root", GROUP)), (Some(44), None));
        assert_eq!(near_user("rediss", PASSWD).as_deref(), Some("redis"));
        assert_eq!((near_group("vidio", GROUP).as_deref(), near_group("x", b"")), (Some("video"), None));
        assert_eq!(known_ids(PASSWD, b"a:x:5:").0, [0, 101, 7, 9]);
        assert_eq!(known_ids(PASSWD, b"a:x:5:").1, [0, 102, 8, 9, 5]);
    }

    proptest! {
        #[test]
        fn never_panics(spec in "\\PC{0,12}", passwd in prop::collection::vec(any::<u8>(), 0..80), group: Vec<u8>) {
            let _ = resolve(&spec, &passwd, &group);
        }

        #[test]
        fn lines_of_accounts_never_panic(spec in "[a-c0-9:]{0,6}", passwd in "([a-c0-9:,#+\n-]{0,20}\n){0,5}") {
            let _ = resolve(&spec, passwd.as_bytes(), passwd.as_bytes());
            known_ids(passwd.as_bytes(), passwd.as_bytes());
        }
    }
}
