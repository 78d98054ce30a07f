//! The parent of a command in the background.
//!
//! A clone of this process, with a session of its own and nothing of the caller's open. It makes the command its child, tells the caller that it
//! runs, or why it does not, and stays until it ends, to write down how.

use std::os::fd::OwnedFd;

use diag::{Error, Report, Result, codes};
use runtime::exec::Entered;
use rustix::{
    fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{Signal, chdir, setsid},
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
};
use sys::{
    Alone,
    clone::{How, clone3},
    dir::{read_all, write_all},
};

use super::{attended::status_of, record::Record};

/// The longest report that is read.
const LONGEST_REPORT: usize = 64 * 1024;

/// What must not end a keeper before its command ends: what is typed at the caller's terminal, and its hang-up.
const OUTLIVED: [Signal; 5] = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::PIPE];

/// Has a command kept; returns when it runs.
pub(super) fn keep(alone: &Alone, make: impl FnOnce(&Alone) -> Result<Entered>, record: Record) -> Result<()> {
    let failed = |call: &'static str| {
        move |errno: Errno| {
            Error::new(codes::UR0699, "the command's keeper cannot be started").os(call, errno.raw_os_error())
        }
    };
    let (said, answer) = pipe_with(PipeFlags::CLOEXEC).map_err(failed("pipe2()"))?;
    // `answer` goes into the clone, and its copy here is closed with it: the end of the pipe is the keeper's word.
    let keeper = clone3(alone, How::default(), move |alone| u8::from(live(&alone, make, record, answer).is_err()));
    keeper.map_err(failed("clone3()"))?;
    let text = read_all(&said, LONGEST_REPORT).map_err(failed("read(pipe)"))?;
    match serde_json::from_slice::<Option<Report>>(&text) {
        Ok(None) => Ok(()),
        Ok(Some(report)) => Err(Error::from(report)),
        Err(error) => Err(Error::new(codes::UR0699, "the command's keeper died").words(error)),
    }
}

/// Has a terminal kept whose user has left: without a master, its command would be hung up.
pub(super) fn keep_terminal(alone: &Alone, master: OwnedFd) -> Result<()> {
    let keeper = clone3(alone, How::default(), move |_| {
        let _ = detach();
        swallow(&master);
        0
    });
    keeper.map(drop).map_err(|errno| {
        Error::new(codes::UR0699, "the keeper of the terminal cannot be started").os("clone3()", errno.raw_os_error())
    })
}

fn live(
    alone: &Alone,
    make: impl FnOnce(&Alone) -> Result<Entered>,
    session: Record,
    answer: OwnedFd,
) -> rustix::io::Result<()> {
    detach()?;
    let begun = make(alone).and_then(|mut entered| {
        // Nobody reads it, but a command whose terminal hangs up would end.
        let master = entered.terminal.take();
        let kept = session.runs(entered.pid());
        entered.execute().map(|child| (child, master, kept))
    });
    let (child, master, kept) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            let text = serde_json::to_vec(&Some(error.into_report())).unwrap_or_default();
            return write_all(&answer, &text);
        }
    };
    write_all(&answer, b"null")?;
    drop(answer);
    if let Some(master) = master {
        swallow(&master);
    }
    if let Ok(status) = status_of(&child) {
        kept.ended(status);
    }
    Ok(())
}

/// Reads what a terminal says, until its last user is gone.
fn swallow(master: &OwnedFd) {
    let blocking = fcntl_getfl(master).and_then(|flags| fcntl_setfl(master, flags - OFlags::NONBLOCK));
    let mut buffer = [0; 4096];
    while blocking.is_ok() && matches!(rustix::io::read(master, &mut buffer), Ok(1..) | Err(Errno::INTR)) {}
}

/// The signals are outlived and not ignored: what is ignored stays ignored in the command.
fn detach() -> rustix::io::Result<()> {
    setsid()?;
    chdir("/")?;
    sys::signals::outlive(&OUTLIVED)?;
    let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)
}
