//! Medians of several runs, and their ratios to the first row's.

use super::measure::Cost;

/// Prints one row a contestant; the first is ours.
pub fn print(title: &str, rows: &[(&str, Vec<Cost>)]) {
    println!("\n{title}");
    println!(
        "{:<14} {:>8} {:>8} {:>9}   ours is … of it: {:>5} {:>5} {:>7}",
        "", "wall s", "cpu s", "peak MB", "wall", "cpu", "memory"
    );
    let Some((_, ours)) = rows.first() else { return };
    let ours = median(ours);
    for (name, costs) in rows {
        let cost = median(costs);
        let megabytes = |bytes: f64| bytes / 1e6;
        println!(
            "{name:<14} {:>8.2} {:>8.2} {:>9.0}                   {:>5.2} {:>5.2} {:>7.2}",
            cost[0],
            cost[1],
            megabytes(cost[2]),
            ours[0] / cost[0],
            ours[1] / cost[1],
            ours[2] / cost[2]
        );
    }
}

/// Wall, processor and memory, each the middle one of its own.
fn median(costs: &[Cost]) -> [f64; 3] {
    let parts: [fn(&Cost) -> f64; 3] = [|cost| cost.wall, |cost| cost.cpu, |cost| bytes(cost.memory)];
    parts.map(|part| {
        let mut values: Vec<f64> = costs.iter().map(part).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    })
}

#[allow(clippy::cast_precision_loss, reason = "no memory has 2^53 bytes")]
fn bytes(count: u64) -> f64 {
    count as f64
}
