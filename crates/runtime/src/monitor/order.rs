//! What the engine handed over: the job and its descriptors.

use std::os::fd::{OwnedFd, RawFd};

use diag::{Error, Result, codes};
use rustix::{fs::SeekFrom, io::Errno};
use sys::Dir;

use crate::{attach::Link, job::Job};

/// The longest job that is read.
const JOB_LIMIT: usize = 4 << 20;

/// A job with everything that it names opened.
pub(super) struct Order {
    pub(super) job: Job,
    pub(super) bundle: Dir,
    pub(super) run_dir: Dir,
    /// The first client.
    pub(super) client: Link,
    /// Held for as long as the container lives: its lock and its leases.
    pub(super) hold: Vec<OwnedFd>,
    /// What the container gets for its standard streams as it is.
    pub(super) passthrough: Option<[OwnedFd; 3]>,
}

impl Order {
    /// Reads a job and takes over the descriptors that it names; each once, whatever it says.
    pub(super) fn receive(fd: OwnedFd) -> Result<Order> {
        let text = read(fd).map_err(|errno| refused("cannot be read").os("read(job)", errno.raw_os_error()))?;
        let job: Job = serde_json::from_slice(&text).map_err(|error| refused("cannot be understood").words(error))?;
        let mut numbers: Vec<RawFd> = job.hold.clone();
        numbers.push(job.client);
        numbers.extend(job.passthrough.iter().flatten());
        numbers.sort_unstable();
        if let Some([twice, _]) = numbers.array_windows().find(|[one, next]| one == next) {
            return Err(refused("names a descriptor twice").fact(format!("descriptor {twice}")));
        }
        let take = |number: RawFd| {
            sys::descriptors::inherited(number).map_err(|errno| {
                refused("names a descriptor that is not open").os(format!("fcntl({number})"), errno.raw_os_error())
            })
        };
        let client = Link::from_fd(take(job.client)?);
        let hold = job.hold.iter().copied().map(take).collect::<Result<_>>()?;
        let passthrough = match job.passthrough {
            Some([stdin, stdout, stderr]) => Some([take(stdin)?, take(stdout)?, take(stderr)?]),
            None => None,
        };
        let open = |path| {
            Dir::open(path)
                .map_err(|failed| failed.into_error(codes::UR0606, "a directory of the container cannot be opened"))
        };
        Ok(Order { bundle: open(&job.bundle)?, run_dir: open(&job.run_dir)?, client, hold, passthrough, job })
    }
}

fn read(fd: OwnedFd) -> Result<Vec<u8>, Errno> {
    // A memfd stands where its writer left it; a pipe cannot be wound back and need not be.
    match rustix::fs::seek(&fd, SeekFrom::Start(0)) {
        Ok(_) | Err(Errno::SPIPE) => sys::dir::read_all(fd, JOB_LIMIT),
        Err(errno) => Err(errno),
    }
}

fn refused(how: &str) -> Error {
    Error::new(codes::UR0699, format!("the job of the monitor {how}"))
}

#[cfg(test)]
mod tests {
    use std::os::fd::IntoRawFd;

    use rustix::fs::{MemfdFlags, memfd_create};

    use super::*;

    fn memfd(text: &str) -> OwnedFd {
        let fd = memfd_create("job", MemfdFlags::CLOEXEC).unwrap();
        sys::dir::write_all(&fd, text.as_bytes()).unwrap();
        fd
    }

    fn inherited() -> RawFd {
        std::io::pipe().map(|(reader, _)| OwnedFd::from(reader)).unwrap().into_raw_fd()
    }

    fn job(dir: &str, client: RawFd, hold: &[RawFd]) -> String {
        serde_json::json!({
            "id": "x", "bundle": dir, "run_dir": dir, "root": {"bundle": {"idmap": true}},
            "stdin": true, "terminal": false, "client": client, "hold": hold,
        })
        .to_string()
    }

    #[test]
    fn a_job_is_taken_over_with_its_descriptors() {
        let dir = tempfile::tempdir().unwrap();
        let order = Order::receive(memfd(&job(dir.path().to_str().unwrap(), inherited(), &[inherited()]))).unwrap();
        assert_eq!((order.hold.len(), order.bundle.path()), (1, dir.path()));
    }

    #[test]
    fn a_bad_job_is_refused() {
        let refused = |text: &str| Order::receive(memfd(text)).err().unwrap().to_string();
        assert!(refused("").contains("cannot be understood"));
        assert!(refused("{").contains("cannot be understood"));
        assert!(refused(&" ".repeat(JOB_LIMIT + 1)).contains("cannot be read"));
        assert!(refused(&job("/", 1_000_000, &[])).contains("not open"));
        assert!(refused(&job("/", -1, &[])).contains("not open"));
        assert!(refused(&job("/", 0, &[])).contains("not open"));
        assert!(refused(&job("/", 1_000_000, &[1_000_000])).contains("twice"));
        assert!(refused(&job("/does/not/exist", inherited(), &[])).contains("directory of the container"));
    }
}
