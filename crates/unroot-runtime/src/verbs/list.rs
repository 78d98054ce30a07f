//! `list`.

use std::process::ExitCode;

use diag::Result;
use runtime::state::{State, Status};

use super::{
    containers,
    state::{created, public},
};
use crate::{arguments::Global, help::say};

/// `list`: a table with runc's columns, JSON, or ids.
pub fn list(global: &Global, format: &str, quiet: bool) -> Result<ExitCode> {
    let states = containers(global)?.all()?;
    if quiet {
        return say(&states.iter().flat_map(|state| [&state.id, "\n"]).collect::<String>());
    }
    if format == "json" {
        let all: Vec<_> = states.iter().map(public).collect();
        return say(&format!("{}\n", serde_json::to_string(&all).unwrap_or_default()));
    }
    let rows = std::iter::once(["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(str::to_owned))
        .chain(states.iter().map(row));
    say(&table(&rows.collect::<Vec<_>>()))
}

fn row(state: &State) -> [String; 6] {
    let status = state.now();
    let pid = if status == Status::Stopped { 0 } else { state.pid.unwrap_or(0) };
    let owner = if state.unroot.owner == 0 { "root".to_owned() } else { state.unroot.owner.to_string() };
    let created = diag::render::rfc3339(created(state));
    [state.id.clone(), pid.to_string(), status.name().to_owned(), state.bundle.display().to_string(), created, owner]
}

/// Columns as wide as their widest word and three blanks.
fn table(rows: &[[String; 6]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0) + 3;
    let widths: Vec<usize> = (0..6).map(width).collect();
    let line = |row: &[String; 6]| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.concat().trim_end())
    };
    rows.iter().map(line).collect()
}
