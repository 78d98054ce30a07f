//! `unroot system df`.

use clap::Args;
use diag::{Error, Result, codes};
use engine::system::{ContainerLine, DiskUsage, ImageLine, Sum};
use serde_json::{Map, Value as Json, json};

use super::Verb;
use crate::{
    call::Call,
    console,
    format::{self, Listing},
    times::{ago, human},
};

pub static VERB: Verb =
    Verb { name: "df", about: "Show what the store takes on the disk", args: Options::augment_args, run };

// `unroot system df [OPTIONS]`.
#[derive(Debug, Args)]
struct Options {
    /// Print as json, as table, or through a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Show each image, container and volume
    #[arg(short, long)]
    verbose: bool,
}

const COLUMNS: &[(&str, &str)] =
    &[("Type", "TYPE"), ("Total", "TOTAL"), ("Active", "ACTIVE"), ("Size", "SIZE"), ("Reclaimable", "RECLAIMABLE")];
const IMAGES: &[(&str, &str)] = &[
    ("Repository", "REPOSITORY"),
    ("Tag", "TAG"),
    ("ImageID", "IMAGE ID"),
    ("Created", "CREATED"),
    ("Size", "SIZE"),
    ("SharedSize", "SHARED SIZE"),
    ("UniqueSize", "UNIQUE SIZE"),
    ("Containers", "CONTAINERS"),
];
const CONTAINERS: &[(&str, &str)] = &[
    ("ContainerID", "CONTAINER ID"),
    ("Image", "IMAGE"),
    ("Command", "COMMAND"),
    ("LocalVolumes", "LOCAL VOLUMES"),
    ("Size", "SIZE"),
    ("Created", "CREATED"),
    ("Status", "STATUS"),
    ("Names", "NAMES"),
];
const VOLUMES: &[(&str, &str)] = &[("VolumeName", "VOLUME NAME"), ("Links", "LINKS"), ("Size", "SIZE")];

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    if options.verbose && options.format.is_some() {
        let what = "--verbose and --format cannot be used together";
        return Err(Error::new(codes::UR0806, what).help("leave one of them out"));
    }
    let usage = call.engine()?.disk_usage()?;
    if options.verbose {
        return verbose(&usage);
    }
    let sums = [("Images", usage.image_sum), ("Containers", usage.container_sum), ("Local Volumes", usage.volume_sum)];
    let rows = sums.iter().map(|(kind, sum)| summary(kind, sum)).collect();
    let json = sums.iter().map(|(kind, sum)| as_json(kind, sum)).collect();
    let listing = Listing { columns: COLUMNS, rows, json };
    let format = options.format.map(|format| call.words.one("format", format));
    console::page(&format::show(&listing, format.as_ref())?);
    Ok(0)
}

fn verbose(usage: &DiskUsage) -> Result<u8> {
    let table = |columns, rows| format::show(&Listing { columns, rows, json: Json::Null }, None);
    let images = table(IMAGES, usage.images.iter().map(image).collect())?;
    let containers = table(CONTAINERS, usage.containers.iter().map(container).collect())?;
    let volume = |line: &engine::system::VolumeLine| {
        object([("VolumeName", json!(line.name)), ("Links", json!(line.links)), ("Size", json!(human(line.size)))])
    };
    let volumes = table(VOLUMES, usage.volumes.iter().map(volume).collect())?;
    console::page(&format!(
        "Images space usage:\n\n{images}\nContainers space usage:\n\n{containers}\nLocal Volumes space usage:\n\n{volumes}"
    ));
    Ok(0)
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Map<String, Json> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// `12.3MB (40%)`.
fn reclaimable(sum: &Sum) -> String {
    let percent = (sum.reclaimable.saturating_mul(100) + sum.size / 2).checked_div(sum.size).unwrap_or(0);
    format!("{} ({percent}%)", human(sum.reclaimable))
}

fn summary(kind: &str, sum: &Sum) -> Map<String, Json> {
    object([
        ("Type", json!(kind)),
        ("Total", json!(sum.total)),
        ("Active", json!(sum.active)),
        ("Size", json!(human(sum.size))),
        ("Reclaimable", json!(reclaimable(sum))),
    ])
}

fn as_json(kind: &str, sum: &Sum) -> Json {
    json!({
        "Type": kind,
        "Total": sum.total,
        "Active": sum.active,
        "RawSize": sum.size,
        "RawReclaimable": sum.reclaimable,
        "TotalCount": sum.total,
        "Size": human(sum.size),
        "Reclaimable": reclaimable(sum),
    })
}

fn short(id: &str) -> &str {
    let hex = id.rsplit(':').next().unwrap_or(id);
    hex.get(..12).unwrap_or(hex)
}

fn image(line: &ImageLine) -> Map<String, Json> {
    let none = || "<none>".to_owned();
    object([
        ("Repository", json!(line.row.repository.clone().unwrap_or_else(none))),
        ("Tag", json!(line.row.tag.clone().unwrap_or_else(none))),
        ("ImageID", json!(short(&line.row.image.id))),
        ("Created", json!(super::images::since(&line.row.image))),
        ("Size", json!(human(line.size))),
        ("SharedSize", json!(human(line.shared))),
        ("UniqueSize", json!(human(line.size.saturating_sub(line.shared)))),
        ("Containers", json!(line.containers)),
    ])
}

fn container(line: &ContainerLine) -> Map<String, Json> {
    object([
        ("ContainerID", json!(short(&line.row.id))),
        ("Image", json!(line.row.image)),
        ("Command", json!(line.row.command.join(" "))),
        ("LocalVolumes", json!(line.volumes)),
        ("Size", json!(human(line.size))),
        ("Created", json!(ago(line.row.created))),
        ("Status", json!(line.row.state.word())),
        ("Names", json!(line.row.name)),
    ])
}
