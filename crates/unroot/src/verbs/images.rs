//! `unroot images`.

use clap::{Args, ValueEnum};
use diag::Result;
use engine::images::{Facts, Filter, ImagesRequest, Order, Row};
use serde_json::{Map, Value as Json, json};

use super::Verb;
use crate::{
    call::Call,
    console,
    format::{self, Headings, Listing},
    times,
};

pub static VERB: Verb = Verb { name: "images", about: "List images", args: Options::augment_args, run };

// `unroot images [OPTIONS] [IMAGE]`.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that the user gave or not")]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot images --digests debian
  unroot images --filter dangling=true -q
  unroot images --sort size --format 'table {{.Repository}}:{{.Tag}} {{.Size}}'")]
struct Options {
    /// Show all images: none is hidden without it either
    #[arg(short, long)]
    all: bool,
    /// Show the digests of manifests
    #[arg(long)]
    digests: bool,
    /// Show only what fits KEY=VALUE: before, containers, dangling, digest, id, label, reference, since, until; may be repeated
    #[arg(short, long, value_name = "FILTER", value_delimiter = ',')]
    filter: Vec<String>,
    /// Print as json, as table, or through a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Show all names of each image
    #[arg(long)]
    history: bool,
    /// Shorten no id
    #[arg(long)]
    no_trunc: bool,
    /// Show no headings
    #[arg(short, long)]
    noheading: bool,
    /// Show ids only
    #[arg(short, long)]
    quiet: bool,
    /// Sort by created (the newest first), id, repository, size or tag
    #[arg(long, value_name = "KEY", value_enum, default_value = "created", hide_possible_values = true)]
    #[arg(hide_default_value = true)]
    sort: Sort,
    /// Show the images of this name, pattern or id only
    #[arg(value_name = "IMAGE")]
    image: Option<String>,
}

/// `--sort`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    Created,
    Id,
    Repository,
    Size,
    Tag,
}

type Columns = &'static [(&'static str, &'static str)];

const PLAIN: Columns =
    &[("Repository", "REPOSITORY"), ("Tag", "TAG"), ("ID", "IMAGE ID"), ("CreatedSince", "CREATED"), ("Size", "SIZE")];
const WITH_DIGEST: Columns = &[
    ("Repository", "REPOSITORY"),
    ("Tag", "TAG"),
    ("Digest", "DIGEST"),
    ("ID", "IMAGE ID"),
    ("CreatedSince", "CREATED"),
    ("Size", "SIZE"),
];
const WITH_HISTORY: Columns = &[
    ("Repository", "REPOSITORY"),
    ("Tag", "TAG"),
    ("ID", "IMAGE ID"),
    ("CreatedSince", "CREATED"),
    ("Size", "SIZE"),
    ("History", "HISTORY"),
];
const WITH_BOTH: Columns = &[
    ("Repository", "REPOSITORY"),
    ("Tag", "TAG"),
    ("Digest", "DIGEST"),
    ("ID", "IMAGE ID"),
    ("CreatedSince", "CREATED"),
    ("Size", "SIZE"),
    ("History", "HISTORY"),
];

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let filters = call.words.each("filter", options.filter.clone());
    let request = ImagesRequest {
        name: call.words.operands_from(0, options.image.clone().into_iter().collect()).pop(),
        filters: filters.iter().map(Filter::parse).collect::<Result<_>>()?,
        order: match options.sort {
            Sort::Created => Order::Created,
            Sort::Id => Order::Id,
            Sort::Repository => Order::Repository,
            Sort::Size => Order::Size,
            Sort::Tag => Order::Tag,
        },
    };
    let rows = call.viewer()?.images(&request)?;
    let mut seen = std::collections::HashSet::new();
    let each_once: Vec<&Row> = rows.iter().filter(|row| seen.insert(row.image.id.as_str())).collect();
    if options.quiet && options.format.is_none() {
        for row in &each_once {
            console::line(shown_id(&row.image, options.no_trunc));
        }
        return Ok(0);
    }
    let listing = Listing {
        columns: match (options.digests, options.history) {
            (false, false) => PLAIN,
            (true, false) => WITH_DIGEST,
            (false, true) => WITH_HISTORY,
            (true, true) => WITH_BOTH,
        },
        rows: rows.iter().map(|row| fields(row, options.no_trunc)).collect(),
        json: each_once.iter().map(|row| as_json(&row.image)).collect(),
    };
    let headings = if options.noheading { Headings::Hidden } else { Headings::Shown };
    let format = options.format.map(|format| call.words.one("format", format));
    console::page(&format::show_with(&listing, format.as_ref(), headings)?);
    Ok(0)
}

/// Twelve digits, or with `--no-trunc` all of it, with the word that Podman puts before it then.
fn shown_id(image: &Facts, whole: bool) -> &str {
    if whole { &image.id } else { short(&image.id) }
}

pub(super) fn short(id: &str) -> &str {
    let hex = id.rsplit(':').next().unwrap_or(id);
    hex.get(..12).unwrap_or(hex)
}

fn fields(row: &Row, whole: bool) -> Map<String, Json> {
    let none = || "<none>".to_owned();
    let image = &row.image;
    let names: Vec<String> = image.names.iter().map(ToString::to_string).collect();
    let at = times::utc(image.created);
    let pairs = [
        ("Repository", json!(row.repository.clone().unwrap_or_else(none))),
        ("Tag", json!(row.tag.clone().unwrap_or_else(none))),
        ("ID", json!(shown_id(image, whole))),
        ("Digest", json!(image.digest)),
        ("CreatedSince", json!(since(image))),
        ("Created", json!(since(image))),
        ("CreatedAt", json!(at)),
        ("CreatedTime", json!(at)),
        ("Size", json!(times::size(image.size))),
        ("VirtualSize", json!(image.size)),
        ("SharedSize", json!(0)),
        ("History", json!(names.join(", "))),
        ("Names", json!(names)),
        ("RepoTags", json!(names)),
        ("RepoDigests", json!(image.repo_digests)),
        ("Labels", json!(image.labels)),
        ("Containers", json!(image.containers)),
        ("Dangling", json!(image.names.is_empty())),
        ("ReadOnly", json!(false)),
        ("IsReadOnly", json!(false)),
        ("ParentId", json!("")),
        ("Os", json!(image.os)),
        ("Arch", json!(image.architecture)),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// An image need not say when it was made; the built-in one is of no time at all, so that it is always the same.
pub(super) fn since(image: &Facts) -> String {
    match image.created {
        0 if image.built_in => "Built in".to_owned(),
        0 => "Unknown".to_owned(),
        time => times::ago(time),
    }
}

fn as_json(image: &Facts) -> Json {
    let names: Vec<String> = image.names.iter().map(ToString::to_string).collect();
    let labels = if image.labels.is_empty() { Json::Null } else { json!(image.labels) };
    json!({
        "Id": image.id.rsplit(':').next(),
        "ParentId": "",
        "RepoTags": names,
        "RepoDigests": image.repo_digests,
        "Names": names,
        "History": names,
        "Digest": image.digest,
        "Created": image.created,
        "CreatedAt": times::rfc3339(image.created),
        "Size": image.size,
        "SharedSize": 0,
        "VirtualSize": image.size,
        "Labels": labels,
        "Containers": image.containers,
        "Dangling": image.names.is_empty(),
        "Os": image.os,
        "Arch": image.architecture,
    })
}
