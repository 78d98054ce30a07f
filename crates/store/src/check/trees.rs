//! What is made of layers for other maps: links to their contents, and trees with other owners.

use diag::{Error, Result, codes};
use oci::Digest;
use sys::{Dir, rustix::fs::FileType};

use super::{Cure, Look, content::is_missing};
use crate::{io, mapped};

impl Look<'_> {
    /// The trees of one layer, and its links.
    pub(super) fn trees(&mut self, digest: &Digest) -> Result<()> {
        let what = "the trees of a layer cannot be listed";
        let home = self.store.layers.dir(digest.hex()).map_err(io(what))?;
        let place = format!("layers/{}", digest.hex());
        if let Some(why) = broken_links(&home)? {
            let error =
                Error::new(codes::UR0721, format!("the links to the contents of layer {digest} are not complete"))
                    .fact(why)
                    .fact("containers with a map of their own would lack files")
                    .help_run(
                        "remove them: the next container that needs them makes them again",
                        "unroot system check --repair",
                    );
            self.find(error, Cure::Tree(format!("{place}/{}", mapped::LINKS)));
        }
        let trees = match home.dir(mapped::NAME) {
            Err(failed) if is_missing(&failed) => return Ok(()),
            trees => trees.map_err(io(what))?,
        };
        for name in trees.names().map_err(io(what))? {
            let whole = trees.dir(&name).is_ok_and(|tree| tree.dir("fs").is_ok());
            if !whole {
                let path = format!("{place}/{}/{}", mapped::NAME, name.display());
                let error = Error::warning(codes::UR0725, format!("`{path}` is no tree of files"))
                    .help_run("remove it", "unroot system check --repair");
                self.find(error, Cure::Tree(path));
            }
        }
        Ok(())
    }
}

/// Why the links to a layer's contents cannot be used. Each must be another name of a file of the layer, or a copy where an inode had
/// no room for a further name.
fn broken_links(home: &Dir) -> Result<Option<String>> {
    let what = "the links to the contents of a layer cannot be looked at";
    let links = match home.dir(mapped::LINKS) {
        Err(failed) if is_missing(&failed) => return Ok(None),
        links => links.map_err(io(what))?,
    };
    if !links.has(mapped::ATTRIBUTES) {
        return Ok(Some(format!("`{}` is missing", mapped::ATTRIBUTES)));
    }
    let names = links.names().map_err(io(what))?.len() - 1;
    let files = regular_names(&home.dir("fs").map_err(io(what))?)?;
    Ok((names != files).then(|| format!("there are {names} of them, and the layer has {files} names of files")))
}

fn regular_names(files: &Dir) -> Result<usize> {
    struct Names(usize);
    use crate::mapped::walk::{Done, Entry, Visitor, walk};
    impl Visitor for Names {
        fn enter(&mut self, _: Entry<'_>) -> Done {
            Ok(())
        }
        fn node(&mut self, entry: Entry<'_>) -> Done {
            self.0 += usize::from(FileType::from_raw_mode(entry.stat.st_mode) == FileType::RegularFile);
            Ok(())
        }
        fn leave(&mut self, _: std::os::fd::BorrowedFd<'_>, _: &sys::rustix::fs::Stat) -> Done {
            Ok(())
        }
    }
    let mut names = Names(0);
    walk(files, &mut names).map_err(io("the files of a layer cannot be listed"))?;
    Ok(names.0)
}
