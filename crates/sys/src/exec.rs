//! `execve(2)` with the environment given whole.

use std::{
    ffi::{CStr, CString},
    ptr,
};

use rustix::io::Errno;

use crate::errno::last_errno;

/// Replaces this process's program. Returns only if the kernel refuses.
pub fn execve(path: &CStr, argv: &[CString], envp: &[CString]) -> Errno {
    let argv: Vec<_> = argv.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect();
    let envp: Vec<_> = envp.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect();
    // SAFETY: `path` and each word end with a NUL, both arrays end with a null pointer, and all of it outlives the call.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    last_errno()
}
