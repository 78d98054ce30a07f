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
    Tree::of(busybox).end()
}

/// An archive to which a test adds what it is about.
pub struct Tree {
    tar: Builder<Vec<u8>>,
}

impl Tree {
    /// With nothing.
    pub fn empty() -> Tree {
        Tree { tar: Builder::new(Vec::new()) }
    }

    /// With what every test needs.
    pub fn of(busybox: &[u8]) -> Tree {
        let mut tree = Tree::empty();
        for path in ["bin", "etc", "root"] {
            tree.add(EntryType::Directory, path, 0o755, (0, 0), b"");
        }
        tree.add(EntryType::Directory, "tmp", 0o1777, (0, 0), b"");
        tree.add(EntryType::Directory, "data", 0o755, (101, 102), b"");
        tree.add(EntryType::Regular, "bin/busybox", 0o755, (0, 0), busybox);
        let passwd = b"root:x:0:0::/root:/bin/sh\nredis:x:101:102::/data:/bin/sh\n";
        tree.add(EntryType::Regular, "etc/passwd", 0o644, (0, 0), passwd);
        tree.add(EntryType::Regular, "etc/group", 0o644, (0, 0), b"root:x:0:\nredis:x:102:\nlogs:x:40:redis\n");
        tree.add(EntryType::Regular, "etc/shadow", 0o600, (0, 0), b"root:*:1::::::\n");
        for applet in APPLETS.split(' ') {
            tree.link(&format!("bin/{applet}"), "busybox");
        }
        tree
    }

    /// An empty file with this owner and group, and these records in an extended header.
    pub fn file(&mut self, path: &str, owner: u32, records: &[(&str, &[u8])]) {
        if !records.is_empty() {
            self.tar.append_pax_extensions(records.iter().copied()).expect("an extended header");
        }
        self.add(EntryType::Regular, path, 0o660, (owner.into(), owner.into()), b"");
    }

    /// A directory with this owner and group.
    pub fn dir(&mut self, path: &str, owner: u32) {
        self.add(EntryType::Directory, path, 0o755, (owner.into(), owner.into()), b"");
    }

    /// A symbolic link.
    pub fn link(&mut self, path: &str, target: &str) {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_mode(0o777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        self.tar.append_link(&mut header, path, target).expect("a link");
    }

    fn add(&mut self, kind: EntryType, path: &str, mode: u32, (uid, gid): (u64, u64), contents: &[u8]) {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(uid);
        header.set_gid(gid);
        header.set_size(contents.len() as u64);
        self.tar.append_data(&mut header, path, contents).expect("an entry");
    }

    /// The whole archive.
    pub fn end(self) -> Vec<u8> {
        self.tar.into_inner().expect("an archive")
    }
}
