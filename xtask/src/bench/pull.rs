//! Pulling: an image of 1 GB in 20 layers and one of 100,000 small files, each as gzip and as zstd, from a registry on loopback.

use super::{
    Bench,
    contestant::{self, Contestant},
    image::{LARGE, MANY},
    measure::Cost,
    registry::Registry,
    table,
};
use crate::call::{Outcome, While};

/// Makes the images, has everybody pull them in turn, prints.
pub fn run(bench: &Bench) -> Outcome<()> {
    let home = bench.directory.join("pull");
    std::fs::create_dir_all(&home).during(|| home.display().to_string())?;
    let registry = Registry::start(&home)?;
    let contestants = contestant::all(&home, &bench.binaries.path("unroot"));
    for shape in [LARGE, MANY] {
        let layout = shape.layout(&home)?;
        for compression in ["gzip", "zstd"] {
            let image = registry.push(&layout, shape.name, compression)?;
            let title = format!("pull of `{}`, {compression}, median of {}", shape.name, bench.rounds);
            let rows = take_turns(&contestants, &image, bench.rounds)?;
            table::print(&title, &rows);
        }
    }
    Ok(())
}

fn take_turns<'a>(contestants: &'a [Contestant], image: &str, rounds: usize) -> Outcome<Vec<(&'a str, Vec<Cost>)>> {
    let mut rows: Vec<(&str, Vec<Cost>)> = contestants.iter().map(|contestant| (contestant.name, Vec::new())).collect();
    for _ in 0..rounds {
        for (contestant, (_, costs)) in contestants.iter().zip(&mut rows) {
            costs.push(contestant.pull(image)?);
            contestant.clear()?;
        }
    }
    Ok(rows)
}
