//! Which containers a verb is about: the names that were written, or `--all`, `--latest`, `--cidfile`, `--filter`.

use std::fs;

use diag::{Error, Result, codes};

use crate::{
    Engine,
    ps::{Filter, Row},
    request::Given,
};

/// What was written.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Names and ids.
    pub names: Vec<Given<String>>,
    /// `--all`.
    pub all: bool,
    /// `--latest`.
    pub latest: bool,
    /// `--cidfile`.
    pub cidfiles: Vec<Given<String>>,
    /// `--filter`.
    pub filters: Vec<Filter>,
    /// `--ignore`: what is missing is no failure.
    pub ignore: bool,
}

impl Selection {
    /// Whether the containers are not named one by one.
    fn is_general(&self) -> bool {
        self.all || self.latest || !self.filters.is_empty()
    }
}

impl Engine<'_> {
    /// The containers that are meant, as they were called; those found by `--all` and its like by their ids, and of them only
    /// those that `fit`. Errors: UR0806 (nothing, or contradictions), UR0802, UR0632.
    pub fn select(&self, selection: &Selection, fit: impl Fn(&Row) -> bool) -> Result<Vec<Given<String>>> {
        let refused = |what: &'static str| Err(Error::new(codes::UR0806, what));
        let general = selection.is_general();
        match selection.names.first() {
            Some(name) if general => {
                let error = Error::new(
                    codes::UR0806,
                    "--all, --latest and --filter choose containers, so none can be named besides",
                );
                return Err(name.blame(error));
            }
            None if !general && selection.cidfiles.is_empty() => return refused("which container? Name at least one"),
            _ => {}
        }
        if selection.all && selection.latest {
            return refused("--all and --latest contradict each other");
        }
        let mut chosen = selection.names.clone();
        for file in &selection.cidfiles {
            chosen.extend(read_cidfile(file, selection.ignore)?);
        }
        if general {
            let mut rows = self.containers(true, &selection.filters)?;
            if selection.latest {
                rows.truncate(1);
                if rows.is_empty() {
                    return Err(Error::new(codes::UR0802, "there is no container"));
                }
            }
            let by_id = rows.into_iter().filter(|row| selection.latest || fit(row)).map(|row| Given::unwritten(row.id));
            chosen.extend(by_id);
        }
        Ok(chosen)
    }
}

fn read_cidfile(file: &Given<String>, ignore: bool) -> Result<Option<Given<String>>> {
    match fs::read_to_string(&file.value) {
        Ok(text) => {
            Ok(Some(Given { value: text.lines().next().unwrap_or_default().trim().to_owned(), at: file.at.clone() }))
        }
        Err(error) if ignore && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let what = format!("the file `{}` cannot be read", file.value);
            Err(file.blame(Error::new(codes::UR0632, what).words(error)))
        }
    }
}
