//! A root filesystem of one program, busybox, under many names.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, lchown, symlink},
    path::Path,
};

const DIRECTORIES: [&str; 8] = ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "var"];

const NAMES: [&str; 34] = [
    "awk", "cat", "chmod", "chown", "date", "df", "echo", "env", "false", "find", "grep", "head", "hostname", "id",
    "kill", "ln", "ls", "mkdir", "mkfifo", "mknod", "mount", "od", "pwd", "readlink", "rm", "sed", "sh", "sleep",
    "stat", "touch", "true", "tty", "umount", "wc",
];

/// Makes one; its files belong to whoever calls.
pub fn make(root: &Path, busybox: &Path) {
    fs::create_dir(root).unwrap();
    for name in DIRECTORIES {
        fs::create_dir(root.join(name)).unwrap();
    }
    fs::set_permissions(root.join("tmp"), PermissionsExt::from_mode(0o1777)).unwrap();
    fs::copy(busybox, root.join("bin/busybox")).unwrap();
    for name in NAMES {
        symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    file(root, "etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o644);
    file(root, "etc/group", "root:x:0:\n", 0o644);
}

/// Writes a file; it belongs to whom the root directory belongs.
pub fn file(root: &Path, path: &str, contents: impl AsRef<[u8]>, mode: u32) {
    use std::os::unix::fs::MetadataExt;
    let place = root.join(path);
    fs::write(&place, contents).unwrap();
    let owner = fs::metadata(root).unwrap();
    lchown(&place, Some(owner.uid()), Some(owner.gid())).unwrap();
    fs::set_permissions(&place, PermissionsExt::from_mode(mode)).unwrap();
}

/// Gives everything to one owner, as `chown -R` does.
pub fn give(path: &Path, owner: u32) {
    lchown(path, Some(owner), Some(owner)).unwrap();
    if fs::symlink_metadata(path).unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), owner);
        }
    }
}
