//! A root filesystem of one static busybox, as a tar archive that any user can make.

use std::{env, fs, path::PathBuf};

use tar::{Builder, EntryType, Header};

/// What busybox is called by.
const APPLETS: &str =
    "sh id echo cat stat sleep true touch chown ls pwd hostname env stty wc kill mkdir rm grep ip chmod";

/// A statically linked busybox.
pub fn busybox() -> Option<Vec<u8>> {
    let given = env::var_os("UNROOT_TEST_BUSYBOX").map(PathBuf::from);
    let usual = ["/bin/busybox", "/usr/bin/busybox"].map(PathBuf::from);
    given.into_iter().chain(usual).find_map(|path| fs::read(path).ok())
}

/// Busybox with its links, account files with the user `redis` (101:102), a directory of theirs, and a file for root alone.
pub fn archive(busybox: &[u8]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    let mut add = |kind, path: &str, mode, (uid, gid), contents: &[u8]| {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(uid);
        header.set_gid(gid);
        header.set_size(contents.len() as u64);
        tar.append_data(&mut header, path, contents).expect("an entry");
    };
    for path in ["bin", "etc", "root"] {
        add(EntryType::Directory, path, 0o755, (0, 0), b"");
    }
    add(EntryType::Directory, "tmp", 0o1777, (0, 0), b"");
    add(EntryType::Directory, "data", 0o755, (101, 102), b"");
    add(EntryType::Regular, "bin/busybox", 0o755, (0, 0), busybox);
    let passwd = b"root:x:0:0::/root:/bin/sh\nredis:x:101:102::/data:/bin/sh\n";
    add(EntryType::Regular, "etc/passwd", 0o644, (0, 0), passwd);
    add(EntryType::Regular, "etc/group", 0o644, (0, 0), b"root:x:0:\nredis:x:102:\nlogs:x:40:redis\n");
    add(EntryType::Regular, "etc/shadow", 0o600, (0, 0), b"root:*:1::::::\n");
    for applet in APPLETS.split(' ') {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        tar.append_link(&mut header, format!("bin/{applet}"), "busybox").expect("a link");
    }
    tar.into_inner().expect("an archive")
}
