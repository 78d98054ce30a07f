//! `update`: other limits for a container that is there.

use std::{io::Read, process::ExitCode};

use diag::{Error, Origin, Pointer, Result, codes};
use oci::{
    Source,
    spec::{BlockIo, Cpu, Memory, Pids, Resources},
};
use runtime::{
    cgroup,
    state::{State, Status},
};

use super::containers;
use crate::arguments::Global;

/// The longest text of resources that is read.
const LONGEST: u64 = 1 << 20;

/// What is asked for: a file of resources, or options by their names and values.
#[derive(Debug, Default)]
pub struct Wanted {
    /// `--resources`: a file, or `-`.
    pub file: Option<String>,
    /// The other options.
    pub options: Vec<(String, String)>,
}

/// The options that name a limit.
pub const OPTIONS: [&str; 15] = [
    "blkio-weight",
    "cpu-burst",
    "cpu-idle",
    "cpu-period",
    "cpu-quota",
    "cpu-rt-period",
    "cpu-rt-runtime",
    "cpu-share",
    "cpuset-cpus",
    "cpuset-mems",
    "kernel-memory-tcp",
    "memory",
    "memory-reservation",
    "memory-swap",
    "pids-limit",
];

/// `update`.
pub fn update(global: &Global, id: &str, wanted: &Wanted) -> Result<ExitCode> {
    let held = containers(global)?.hold(id)?;
    let state = State::read(&held.dir)?;
    if state.now() == Status::Stopped {
        return Err(Error::new(codes::UR0603, format!("the container `{id}` cannot be updated: it is stopped")));
    }
    let (resources, source) = match &wanted.file {
        Some(file) => read(file)?,
        None => (of_options(&wanted.options)?, None),
    };
    let text = serde_json::to_string_pretty(&resources).unwrap_or_default();
    let source = source.unwrap_or_else(|| Source::new("the limits of the command line", text));
    cgroup::update(&state.unroot.cgroup, &resources, &source, &Pointer::root())?;
    Ok(ExitCode::SUCCESS)
}

fn read(file: &str) -> Result<(Resources, Option<Source>)> {
    let failed = |error: std::io::Error| {
        Error::new(codes::UR0402, format!("the resources `{file}` cannot be read"))
            .words(error)
            .at(Origin::Path { path: file.into() })
    };
    let mut bytes = Vec::new();
    let (name, read) = if file == "-" {
        ("standard input", std::io::stdin().take(LONGEST).read_to_end(&mut bytes))
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        (file, opened.take(LONGEST).read_to_end(&mut bytes))
    };
    read.map_err(failed)?;
    let source = Source::from_bytes(name, bytes, codes::UR0402)?;
    Ok((source.parse(codes::UR0402)?, Some(source)))
}

fn of_options(options: &[(String, String)]) -> Result<Resources> {
    let (mut cpu, mut memory, mut io, mut pids) =
        (Cpu::default(), Memory::default(), BlockIo::default(), Pids::default());
    for (name, value) in options {
        let number = || whole(name, value);
        let unsigned = || {
            let number = whole(name, value)?;
            u64::try_from(number).map_err(|_| wrong(name, value, "is below zero"))
        };
        match name.as_str() {
            "blkio-weight" => {
                io.weight = Some(u16::try_from(number()?).map_err(|_| wrong(name, value, "is no weight"))?);
            }
            "cpu-burst" => cpu.burst = Some(unsigned()?),
            "cpu-idle" => cpu.idle = Some(number()?),
            "cpu-period" => cpu.period = Some(unsigned()?),
            "cpu-quota" => cpu.quota = Some(number()?),
            "cpu-rt-period" => cpu.realtime_period = Some(unsigned()?),
            "cpu-rt-runtime" => cpu.realtime_runtime = Some(number()?),
            "cpu-share" => cpu.shares = Some(unsigned()?),
            "cpuset-cpus" => cpu.cpus = Some(value.clone()),
            "cpuset-mems" => cpu.mems = Some(value.clone()),
            "kernel-memory-tcp" => memory.kernel_tcp = Some(size(name, value)?),
            "memory" => memory.limit = Some(size(name, value)?),
            "memory-reservation" => memory.reservation = Some(size(name, value)?),
            "memory-swap" => memory.swap = Some(size(name, value)?),
            "pids-limit" => pids.limit = Some(number()?),
            _ => return Err(wrong(name, value, "is an option that is not known")),
        }
    }
    Ok(Resources { cpu: Some(cpu), memory: Some(memory), block_io: Some(io), pids: Some(pids), ..Resources::default() })
}

fn whole(name: &str, value: &str) -> Result<i64> {
    value.trim().parse().map_err(|_| wrong(name, value, "is no whole number"))
}

/// A number of bytes: `-1`, `1048576`, `64m`, `1.5GiB`; units are powers of 1024, as runc reads them.
fn size(name: &str, value: &str) -> Result<i64> {
    let bad = || wrong(name, value, "is no size: write bytes, or a number and one of `k`, `m`, `g`, `t`");
    let text = value.trim().to_ascii_lowercase();
    let text = text.strip_suffix("ib").or_else(|| text.strip_suffix('b')).unwrap_or(&text);
    let (number, shift) = match text.char_indices().last() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => {
            let power = "kmgtp".find(unit).ok_or_else(bad)?;
            (&text[..at], 10 * (power + 1))
        }
        _ => (text, 0),
    };
    if let Ok(whole) = number.trim().parse::<i64>() {
        return if whole < 0 { Ok(-1) } else { whole.checked_mul(1 << shift).ok_or_else(bad) };
    }
    let number: f64 =
        number.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0).ok_or_else(bad)?;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a size with a fraction is rounded"
    )]
    Ok((number * (1_i64 << shift) as f64) as i64)
}

fn wrong(name: &str, value: &str, why: &str) -> Error {
    Error::new(codes::UR0610, format!("`--{name} {value}`: `{value}` {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let read = |text: &str| size("memory", text).ok();
        assert_eq!(
            [read("-1"), read("1048576"), read("64m"), read("1.5GiB")],
            [Some(-1), Some(1 << 20), Some(64 << 20), Some(3 << 29)]
        );
        assert_eq!([read(""), read("x"), read("1x"), read("99999999999p")], [None; 4]);
    }

    #[test]
    fn options_become_resources() {
        let options = OPTIONS.map(|name| (name.to_owned(), "100".to_owned()));
        let resources = of_options(&options).unwrap();
        assert_eq!(resources.memory.unwrap().limit, Some(100));
        assert_eq!(resources.cpu.unwrap().cpus.as_deref(), Some("100"));
        assert_eq!(of_options(&[("memory".to_owned(), "much".to_owned())]).unwrap_err().code(), codes::UR0610);
    }
}
