//! The bytes of one file in another: shared by the file system where it can do that, copied in the kernel otherwise.

use std::os::fd::{AsFd, OwnedFd};

use sys::{
    dir::write_all,
    rustix::{
        fs::{SeekFrom, Stat, copy_file_range, ftruncate, ioctl_ficlone, seek},
        io::{Errno, read},
    },
};

use super::walk::{Done, call};

/// The most that one call is asked to copy.
const AT_ONCE: usize = 1 << 30;

/// Gives an empty file what another has, holes included.
pub(crate) fn copy(from: &OwnedFd, to: &OwnedFd, stat: &Stat) -> Done {
    if ioctl_ficlone(to, from).is_ok() {
        return Ok(());
    }
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let mut at = 0;
    while at < size {
        let begin = match seek(from, SeekFrom::Data(at)) {
            // Nothing but a hole is left.
            Err(Errno::NXIO) => break,
            begin => begin.map_err(call("lseek"))?,
        };
        let end = seek(from, SeekFrom::Hole(begin)).map_err(call("lseek"))?.min(size);
        at = stretch(from, to, begin, end)?;
        if at < end {
            break;
        }
    }
    ftruncate(to, size).map_err(call("ftruncate"))
}

/// Copies one stretch; where it ended.
fn stretch(from: &OwnedFd, to: &OwnedFd, start: u64, end: u64) -> Done<u64> {
    let (mut source, mut target) = (start, start);
    while source < end {
        let length = usize::try_from(end - source).unwrap_or(AT_ONCE).min(AT_ONCE);
        match copy_file_range(from, Some(&mut source), to, Some(&mut target), length) {
            // The file has become shorter, which a layer's does not.
            Ok(0) => return Ok(source),
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => {
                return by_hand(from, to, source, end);
            }
            Err(errno) => return Err(call("copy_file_range")(errno)),
        }
    }
    Ok(source)
}

/// Where the kernel copies nothing by itself.
fn by_hand(from: impl AsFd, to: impl AsFd, start: u64, end: u64) -> Done<u64> {
    let (from, to) = (from.as_fd(), to.as_fd());
    for fd in [from, to] {
        seek(fd, SeekFrom::Start(start)).map_err(call("lseek"))?;
    }
    let mut buffer = vec![0; 128 << 10];
    let mut at = start;
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(buffer.len()).min(buffer.len());
        match read(from, &mut buffer[..length]) {
            Ok(0) => break,
            Ok(read) => {
                write_all(to, &buffer[..read]).map_err(call("write"))?;
                at += read as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(call("read")(errno)),
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{Read as _, Seek as _, Write as _},
        os::unix::fs::MetadataExt as _,
    };

    use sys::rustix::fs::fstat;

    use super::*;

    #[test]
    fn holes_stay_holes() {
        let mut from = tempfile::tempfile().unwrap();
        from.write_all(b"begin").unwrap();
        from.seek(std::io::SeekFrom::Start(8 << 20)).unwrap();
        from.write_all(b"middle").unwrap();
        from.set_len(16 << 20).unwrap();
        let stat = fstat(&from).unwrap();
        for by_hand_only in [false, true] {
            let (source, target) =
                (OwnedFd::from(from.try_clone().unwrap()), OwnedFd::from(tempfile::tempfile().unwrap()));
            if by_hand_only {
                assert_eq!(by_hand(&source, &target, 0, 16 << 20).unwrap(), 16 << 20);
            } else {
                copy(&source, &target, &stat).unwrap();
            }
            let mut made = File::from(target);
            assert_eq!(made.metadata().unwrap().len(), 16 << 20);
            if !by_hand_only {
                assert!(made.metadata().unwrap().blocks() < 1 << 10, "a hole was filled");
            }
            let mut text = Vec::new();
            made.seek(std::io::SeekFrom::Start(0)).unwrap();
            made.read_to_end(&mut text).unwrap();
            assert!(text.starts_with(b"begin\0") && text[8 << 20..].starts_with(b"middle\0"));
        }
    }
}
