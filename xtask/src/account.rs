//! The ordinary user as whom root runs the rootless tests.

use std::{fs, path::Path, process::Command};

use crate::call::{self, Outcome, While};

const NAME: &str = "unroot-test";

/// Ids that the user is lent in /etc/subuid and /etc/subgid: what Debian gives everyone.
const LENT: u64 = 65_536;

/// An account of this machine.
pub struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// The account `unroot-test`; made, and lent its ids, where that was not done before.
    pub fn prepare() -> Outcome<Self> {
        if find(&passwd()?).is_none() {
            call::run(Command::new("useradd").args(["--create-home", "--shell=/bin/sh", NAME]))?;
        }
        lend("/etc/subuid", "--add-subuids")?;
        lend("/etc/subgid", "--add-subgids")?;
        find(&passwd()?).ok_or_else(|| format!("useradd has made no user `{NAME}`").into())
    }

    /// `program`, to be run as this user with a clean environment: in `home`, which is not the account's own, so that nothing
    /// stays there, and with `runtime` as its `XDG_RUNTIME_DIR`.
    pub fn command(&self, program: &Path, home: &Path, runtime: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={}", self.uid)).arg(format!("--regid={}", self.gid));
        command.args(["--init-groups", "--inh-caps=-all", "--"]).arg(program).current_dir(home);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        command.env("HOME", home).env("USER", &self.name).env("LOGNAME", &self.name);
        command.env("XDG_RUNTIME_DIR", runtime);
        command
    }

    /// Makes the user the owner of a directory that only it may enter.
    pub fn give(&self, directory: &Path) -> Outcome<()> {
        std::os::unix::fs::chown(directory, Some(self.uid), Some(self.gid))
            .and_then(|()| fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o700)))
            .during(|| directory.display().to_string())
    }
}

fn passwd() -> Outcome<String> {
    fs::read_to_string("/etc/passwd").during(|| "/etc/passwd".to_owned())
}

fn find(passwd: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        let &[NAME, _, uid, gid, ..] = fields.as_slice() else { return None };
        Some(Account { name: NAME.to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()? })
    })
}

fn lend(file: &str, option: &str) -> Outcome<()> {
    let text = fs::read_to_string(file).unwrap_or_default();
    if text.lines().any(|line| line.split(':').next() == Some(NAME)) {
        return Ok(());
    }
    let first = free(&text);
    call::run(Command::new("usermod").arg(option).arg(format!("{first}-{}", first + LENT - 1)).arg(NAME))
}

/// The first id behind every range of the file, but not below Debian's `SUB_UID_MIN`.
fn free(text: &str) -> u64 {
    let end = |line: &str| {
        let (range, count) = line.rsplit_once(':')?;
        let (_, first) = range.rsplit_once(':')?;
        first.parse::<u64>().ok()?.checked_add(count.trim().parse().ok()?)
    };
    text.lines().filter_map(end).max().unwrap_or(0).max(100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_range_lies_behind_the_others() {
        assert_eq!(free(""), 100_000);
        assert_eq!(free("alice:100000:65536\nbob:300000:10\n# odd\n1000:165536:65536\n"), 300_010);
    }

    #[test]
    fn the_account_is_found_by_its_whole_name() {
        let passwd = "unroot-test2:x:7:8::/no:/bin/sh\nunroot-test:x:1001:1002::/home/unroot-test:/bin/sh\n";
        let account = find(passwd).unwrap();
        assert_eq!((account.uid, account.gid), (1001, 1002));
        assert!(find("root:x:0:0:root:/root:/bin/bash\n").is_none());
    }
}
