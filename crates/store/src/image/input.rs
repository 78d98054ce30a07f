//! Opens what the user has named.

use std::{fs::File, path::Path};

use diag::{Error, Origin, Result, codes};
use oci::way;
use sys::{
    Dir,
    rustix::{
        fs::{self, FileType, Mode, OFlags},
        io::Errno,
    },
};

/// What a path has led to.
pub(super) enum Opened {
    Dir(Dir),
    File(File),
}

/// Opens a file or a directory by the user's path, following links. Errors: UR0704, UR0408.
pub(super) fn open(path: &Path) -> Result<Opened> {
    let refuse = |errno: Errno| {
        let what = format!("`{}`", path.display());
        let error = match (errno, std::path::absolute(path)) {
            (Errno::NOENT | Errno::ACCESS | Errno::NOTDIR, Ok(path)) => {
                way::find(&path).into_error(codes::UR0704, &what)
            }
            _ => Error::new(codes::UR0704, format!("{what} cannot be opened")),
        };
        error.at(Origin::Path { path: path.to_owned() }).os(format!("open({})", path.display()), errno.raw_os_error())
    };
    let fd = fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty()).map_err(refuse)?;
    let kind = FileType::from_raw_mode(fs::fstat(&fd).map_err(refuse)?.st_mode);
    Ok(if kind == FileType::Directory { Opened::Dir(Dir::from_fd(fd, path)) } else { Opened::File(fd.into()) })
}
