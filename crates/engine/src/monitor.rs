//! Starts a container's monitor: `unroot-runtime monitor`, with the job in a sealed memory file and the first client's socket.

use std::{
    env,
    fs::File,
    io::{Seek, SeekFrom, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::PermissionsExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use diag::{Error, Result, codes};
use runtime::{
    attach::Link,
    job::{Job, logging::LogDriver},
};
use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create},
    io::{Errno, fcntl_dupfd_cloexec},
    stdio,
};
use sys::descriptors::keep_at_exec;

/// The program's name.
const PROGRAM: &str = "unroot-runtime";

/// A monitor that was started.
pub struct Started {
    /// The first client's end of the socket; it is taken out once.
    pub link: Option<Link>,
    child: Child,
    /// What it writes to its standard error, which only a monitor that has no socket yet or any more does.
    words: File,
}

/// Starts the monitor. It inherits the `holdings` and holds them for as long as it lives. The job's `client` and `hold` are
/// filled in here.
pub fn start(mut job: Job, holdings: &[OwnedFd]) -> Result<Started> {
    let program = find()?;
    let (ours, monitors) = Link::pair().map_err(|errno| kernel("socketpair", errno))?;
    job.client = monitors.as_fd().as_raw_fd();
    job.hold = holdings.iter().map(AsRawFd::as_raw_fd).collect();
    let streams = if job.supervision.logging.driver == LogDriver::Passthrough { own_streams()? } else { Vec::new() };
    job.passthrough = <[i32; 3]>::try_from(streams.iter().map(AsRawFd::as_raw_fd).collect::<Vec<_>>()).ok();
    let sealed = sealed(&job)?;
    for fd in holdings.iter().chain(&streams).map(AsFd::as_fd).chain([monitors.as_fd(), sealed.as_fd()]) {
        keep_at_exec(fd).map_err(|errno| kernel("fcntl", errno))?;
    }
    let words = memory("words")?;
    let stderr = words.try_clone().map_err(|error| not_started(&program, error))?;
    let child = Command::new(&program)
        .args(["monitor", "--job", &sealed.as_raw_fd().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .current_dir("/")
        .spawn()
        .map_err(|error| not_started(&program, error))?;
    Ok(Started { link: Some(ours), child, words })
}

impl Started {
    /// The monitor's pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Adds to an error what the monitor said on its standard error, if it said anything.
    pub fn last_words(&mut self, error: Error) -> Error {
        // It is gone or about to go: its socket is closed.
        let _ = self.child.wait();
        let said = self.words.seek(SeekFrom::Start(0)).and_then(|_| std::io::read_to_string(&self.words));
        match said {
            Ok(said) if !said.trim().is_empty() => error.fact(format!("it said: {}", said.trim())),
            _ => error,
        }
    }

    /// Waits for the end of a monitor that has said its last word, so that it leaves no zombie.
    pub fn reap(&mut self) {
        let _ = self.child.wait();
    }
}

/// Beside this program first, then where a shell would look.
pub fn find() -> Result<PathBuf> {
    let beside = env::current_exe().ok().and_then(|own| Some(own.parent()?.join(PROGRAM)));
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = ["/usr/libexec/unroot", "/usr/local/libexec/unroot", "/usr/lib/unroot"].map(PathBuf::from);
    let others = env::split_paths(&path).chain(installed).map(|dir| dir.join(PROGRAM));
    beside.clone().into_iter().chain(others).find(|path| is_program(path)).ok_or_else(|| {
        let place = beside.as_deref().and_then(Path::parent).unwrap_or(Path::new("/usr/bin"));
        Error::new(codes::UR0807, format!("the program `{PROGRAM}` cannot be found"))
            .fact(format!("it was looked for in `{}` and in PATH", place.display()))
            .help(format!("it is built and installed together with unroot: put both into `{}`", place.display()))
    })
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// This process's standard streams, for a container that gets them as they are.
fn own_streams() -> Result<Vec<OwnedFd>> {
    let streams = [stdio::stdin(), stdio::stdout(), stdio::stderr()];
    let another = |fd| fcntl_dupfd_cloexec(fd, 3).map_err(|errno| kernel("fcntl(F_DUPFD_CLOEXEC)", errno));
    streams.into_iter().map(another).collect()
}

/// The job in a memory file that nobody can change any more.
fn sealed(job: &Job) -> Result<File> {
    let text = serde_json::to_vec(job)
        .map_err(|error| Error::new(codes::UR0699, "the monitor's job cannot be written").words(error))?;
    let mut file = memory("job")?;
    file.write_all(&text)
        .and_then(|()| file.rewind())
        .map_err(|error| Error::new(codes::UR0699, "the monitor's job cannot be written").words(error))?;
    let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    fcntl_add_seals(&file, seals).map_err(|errno| kernel("fcntl(F_ADD_SEALS)", errno))?;
    Ok(file)
}

fn memory(name: &str) -> Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    memfd_create(name, flags).map(File::from).map_err(|errno| kernel("memfd_create", errno))
}

fn kernel(call: &str, errno: Errno) -> Error {
    Error::new(codes::UR0699, "the container's monitor cannot be prepared").os(call, errno.raw_os_error())
}

fn not_started(program: &Path, error: std::io::Error) -> Error {
    Error::new(codes::UR0807, format!("the monitor `{}` cannot be executed", program.display())).words(error)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use runtime::job::{Root, Subject, Supervision};

    use super::*;

    #[test]
    fn the_job_is_sealed() {
        let job = Job {
            id: "x".into(),
            bundle: "/b".into(),
            run_dir: "/r".into(),
            root: Root::Bundle { idmap: true },
            stdin: false,
            terminal: false,
            client: 3,
            hold: vec![],
            remove_at_end: Vec::new(),
            exit_command: vec![],
            supervision: Supervision::default(),
            passthrough: None,
            subject: Subject::default(),
            notify_socket: None,
        };
        let mut file = sealed(&job).unwrap();
        assert!(file.write_all(b"x").is_err());
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&text).unwrap().root, job.root);
    }
}
