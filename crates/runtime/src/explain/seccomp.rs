//! What a refused seccomp filter means.

use diag::{Error, codes};
use rustix::io::Errno;

use crate::seccomp::Filter;

pub(super) fn refused(filter: &Filter, errno: Errno) -> Error {
    let error = Error::new(codes::UR0420, "the seccomp filter cannot be loaded");
    match errno {
        Errno::ACCESS => error
            .fact("a filter takes `noNewPrivileges`, or CAP_SYS_ADMIN in the container's user namespace")
            .help("set `process.noNewPrivileges` to true, or give the container a user namespace"),
        Errno::BUSY => error
            .fact("a process has one seccomp agent, and this one inherits a filter that has one already")
            .help("take SCMP_ACT_NOTIFY out of the profile"),
        Errno::NOMEM => error.fact(format!(
            "together with the filters that this process is under already, its {} instructions are too many",
            filter.program.len()
        )),
        Errno::NOSYS => error.fact("this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)"),
        _ => error,
    }
}
