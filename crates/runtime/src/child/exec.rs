//! The command: how it is found, executed, and what is wrong if it cannot be.
//!
//! The kernel says ENOENT for a command that is missing and for one whose interpreter is missing, ENOEXEC for another architecture
//! and for a text file, EACCES for five different reasons. Only a process in the container, with its ids, can tell them apart; so the
//! child looks, and reports a [`Finding`].

use std::{
    ffi::{CString, OsStr},
    os::{
        fd::OwnedFd,
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, accessat, open, stat},
    io::Errno,
};
use serde::{Deserialize, Serialize};

use super::{Done, Fault};

/// Where commands are looked for if the environment has no PATH.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The command of a container.
#[derive(Clone, Debug)]
pub struct Command {
    /// Its words; the first one names the program.
    pub args: Vec<CString>,
    /// Its environment, `NAME=value`.
    pub env: Vec<CString>,
    /// The program's path, once it was found.
    pub path: Option<CString>,
}

/// Why a command cannot be executed. `path` is the file's path in the container.
#[allow(missing_docs, reason = "the fields are what their names say")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// There is no such file; or none in any directory of this PATH.
    Missing { searched: Option<String> },
    /// It is a directory.
    Directory { path: PathBuf },
    /// The process's user may not execute it.
    NotExecutable { path: PathBuf, mode: u32, uid: u32, gid: u32 },
    /// It, or a directory above it, cannot be reached by the process's user.
    Unreachable { path: PathBuf },
    /// Its file system is mounted noexec.
    NoExec { path: PathBuf },
    /// It is a program that needs a dynamic loader that is not there.
    LoaderMissing { path: PathBuf, loader: PathBuf },
    /// It is a script whose interpreter is not there.
    InterpreterMissing { path: PathBuf, interpreter: PathBuf },
    /// It is a program for another machine: the ELF numbers of its machine and its class.
    OtherMachine { path: PathBuf, machine: u16, bits: u8 },
    /// It is neither a program nor a script.
    NoProgram { path: PathBuf, empty: bool },
    /// None of these.
    Unknown { path: PathBuf },
}

impl Command {
    /// Finds the program's path.
    pub(super) fn find(&mut self) -> Done {
        let Some(name) = self.args.first() else { return Err(Fault::new("execve()", Errno::NOENT)) };
        if name.as_bytes().contains(&b'/') {
            let path = name.clone();
            return self.settle(path);
        }
        let search = self.search_path();
        let mut refused = None;
        for dir in search.split(|byte| *byte == b':').filter(|dir| !dir.is_empty()) {
            let candidate = Path::new(OsStr::from_bytes(dir)).join(OsStr::from_bytes(name.as_bytes()));
            match check(&candidate) {
                Ok(()) => {
                    self.path = CString::new(candidate.into_os_string().into_vec()).ok();
                    return Ok(());
                }
                Err((Errno::NOENT | Errno::NOTDIR, _)) => {}
                Err(other) => refused = refused.or(Some(other)),
            }
        }
        let searched = Some(String::from_utf8_lossy(&search).into_owned());
        let (errno, finding) = refused.unwrap_or((Errno::NOENT, Finding::Missing { searched }));
        Err(fault(name, errno, &finding))
    }

    fn settle(&mut self, path: CString) -> Done {
        match check(Path::new(OsStr::from_bytes(path.as_bytes()))) {
            Ok(()) => {
                self.path = Some(path);
                Ok(())
            }
            Err((errno, finding)) => Err(fault(&path, errno, &finding)),
        }
    }

    fn search_path(&self) -> Vec<u8> {
        let path = self.env.iter().rev().find_map(|variable| variable.as_bytes().strip_prefix(b"PATH="));
        path.unwrap_or(DEFAULT_PATH.as_bytes()).to_vec()
    }

    /// Executes the program. Returns only if that fails.
    pub(super) fn execute(&self) -> Done {
        let Some(path) = &self.path else { return Err(Fault::new("execve()", Errno::NOENT)) };
        let errno = sys::execve(path, &self.args, &self.env);
        Err(fault(path, errno, &examine(Path::new(OsStr::from_bytes(path.as_bytes())), errno)))
    }
}

/// What comes right before: descriptors from this number on do not go along, and signals are as a program expects them.
pub(super) fn ready(close_from: u32) -> Done {
    sys::descriptors::close_at_exec_from(close_from)
        .map_err(|errno| Fault::new(format!("close_range({close_from})"), errno))?;
    sys::signals::reset().map_err(|errno| Fault::new("sigprocmask()", errno))
}

fn fault(path: &CString, errno: Errno, finding: &Finding) -> Fault {
    let text = serde_json::to_string(finding).unwrap_or_default();
    Fault::new(format!("execve({})", path.to_string_lossy()), errno).with_text(text)
}

/// Whether the process's user may execute a file, by the kernel's own word.
fn check(path: &Path) -> Result<(), (Errno, Finding)> {
    let found = match stat(path) {
        // Nothing is there to be looked at.
        Err(errno @ (Errno::NOENT | Errno::NOTDIR)) => return Err((errno, Finding::Missing { searched: None })),
        found => found.map_err(|errno| (errno, examine(path, errno)))?,
    };
    if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
        return Err((Errno::ACCESS, Finding::Directory { path: path.to_owned() }));
    }
    accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).map_err(|errno| (errno, examine(path, errno)))
}

fn examine(path: &Path, errno: Errno) -> Finding {
    let owned = path.to_owned();
    let Ok(found) = stat(path) else {
        return match errno {
            Errno::NOENT | Errno::NOTDIR => Finding::Missing { searched: None },
            Errno::ACCESS => Finding::Unreachable { path: owned },
            _ => Finding::Unknown { path: owned },
        };
    };
    if errno == Errno::ACCESS {
        let forbidden = accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).is_err();
        let noexec =
            rustix::fs::statvfs(path).is_ok_and(|fs| fs.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC));
        return match (noexec, forbidden) {
            (true, _) => Finding::NoExec { path: owned },
            (false, true) => Finding::NotExecutable {
                path: owned,
                mode: found.st_mode & 0o7777,
                uid: found.st_uid,
                gid: found.st_gid,
            },
            (false, false) => Finding::Unreachable { path: owned },
        };
    }
    let Ok(file) = open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) else {
        return Finding::Unknown { path: owned };
    };
    examine_contents(owned, &head(&file), errno)
}

/// The first bytes of a file: program headers and the `#!` line lie there.
fn head(file: &OwnedFd) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    let n = rustix::io::read(file, &mut bytes).unwrap_or(0);
    bytes.truncate(n);
    bytes
}

fn examine_contents(path: PathBuf, bytes: &[u8], errno: Errno) -> Finding {
    if let Some(elf) = crate::elf::Header::parse(bytes) {
        if !elf.runs_here() {
            return Finding::OtherMachine { path, machine: elf.machine, bits: elf.bits };
        }
        return match elf.loader(bytes) {
            Some(loader) if stat(&loader).is_err() => Finding::LoaderMissing { path, loader },
            _ => Finding::Unknown { path },
        };
    }
    if let Some(interpreter) = script_interpreter(bytes) {
        if stat(&interpreter).is_err() {
            return Finding::InterpreterMissing { path, interpreter };
        }
        return Finding::Unknown { path };
    }
    match errno {
        Errno::NOEXEC => Finding::NoProgram { path, empty: bytes.is_empty() },
        _ => Finding::Unknown { path },
    }
}

/// The interpreter that a `#!` line names.
fn script_interpreter(bytes: &[u8]) -> Option<PathBuf> {
    let line = bytes.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    // A carriage return belongs to the name, as the kernel takes it; it is what scripts from Windows fail of.
    let name = line.split(|byte| *byte == b' ' || *byte == b'\t').find(|word| !word.is_empty())?;
    Some(PathBuf::from(OsStr::from_bytes(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_of_scripts() {
        let interpreter = |text: &str| script_interpreter(text.as_bytes());
        assert_eq!(interpreter("#!/bin/sh\necho"), Some("/bin/sh".into()));
        assert_eq!(interpreter("#! /usr/bin/env python3\n"), Some("/usr/bin/env".into()));
        assert_eq!(interpreter("#!/bin/sh\r\n"), Some("/bin/sh\r".into()));
        assert_eq!(interpreter("#!\n"), None);
        assert_eq!(interpreter("echo"), None);
    }

    #[test]
    fn contents_tell_the_cause() {
        let of = |bytes: &[u8], errno| examine_contents("/x".into(), bytes, errno);
        assert!(matches!(of(b"#!/no/such\n", Errno::NOENT), Finding::InterpreterMissing { .. }));
        assert!(matches!(of(b"hello", Errno::NOEXEC), Finding::NoProgram { empty: false, .. }));
        assert!(matches!(of(b"", Errno::NOEXEC), Finding::NoProgram { empty: true, .. }));
        let mut arm = vec![0; 64];
        arm[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0");
        let here_is_arm = cfg!(target_arch = "aarch64");
        assert_eq!(matches!(of(&arm, Errno::NOEXEC), Finding::OtherMachine { .. }), !here_is_arm);
    }
}
