//! The man pages, from their source in docs/man.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Workspace,
    call::{Outcome, While},
    roff,
};

/// Writes `target/man/NAME.SECTION` for each `docs/man/NAME.SECTION.md`.
pub fn run(workspace: &Workspace) -> Outcome<()> {
    let written = workspace.target.join("man");
    fs::create_dir_all(&written).during(|| written.display().to_string())?;
    for source in sources(&workspace.root.join("docs/man"))? {
        let markdown = fs::read_to_string(&source).during(|| source.display().to_string())?;
        let page = roff::page(&markdown).during(|| source.display().to_string())?;
        let file = written.join(source.file_stem().unwrap_or_default());
        fs::write(&file, page).during(|| file.display().to_string())?;
        println!("{}", file.display());
    }
    Ok(())
}

fn sources(directory: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.during(|| directory.display().to_string())?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    Ok(paths)
}
