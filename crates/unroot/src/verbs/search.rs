//! `unroot search`.

use std::path::PathBuf;

use clap::Args;
use diag::{Error, Result, codes};
use engine::{
    login::{Logins, Reach},
    registries::Places,
    request::Given,
    search::Found,
};
use serde_json::{Map, Value as Json, json};

use super::Verb;
use crate::{
    call::Call,
    console,
    format::{self, Listing},
};

pub static VERB: Verb =
    Verb { name: "search", about: "Search registries for images", args: Options::augment_args, run };

/// So many are shown of each registry, as in Podman.
const LIMIT: usize = 25;
/// A description is cut to so many letters, as in Podman.
const DESCRIPTION: usize = 44;

// `unroot search [OPTIONS] TERM`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot search redis
  unroot search --filter is-official --limit 3 docker.io/debian
  unroot search --list-tags registry.example.com/web")]
struct Options {
    /// Read credentials from this file only
    #[arg(long, value_name = "PATH")]
    authfile: Option<PathBuf>,
    /// Take certificates for the registry (*.crt, *.cert, *.key) from this directory
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    /// Show stars and what is official or automated, as Docker does
    #[arg(long)]
    compatible: bool,
    /// Show only what fits: `stars=NUMBER`, `is-official[=BOOL]`, `is-automated[=BOOL]`
    #[arg(short, long, value_name = "FILTER", value_delimiter = ',')]
    filter: Vec<String>,
    /// Print as json, as table, or through a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Show at most so many of each registry (25; of tags all)
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// List the tags of a repository
    #[arg(long, conflicts_with = "filter")]
    list_tags: bool,
    /// Show descriptions in full
    #[arg(long)]
    no_trunc: bool,
    /// Verify certificates and refuse plain HTTP, or with `false` neither; registries.conf decides otherwise
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// A part of a name, or a registry with or without one: `redis`, `docker.io/redis`, `registry.example.com/`
    #[arg(value_name = "TERM")]
    term: String,
}

const COLUMNS: &[(&str, &str)] = &[("Name", "NAME"), ("Description", "DESCRIPTION")];
const COMPATIBLE: &[(&str, &str)] = &[
    ("Name", "NAME"),
    ("Description", "DESCRIPTION"),
    ("Stars", "STARS"),
    ("Official", "OFFICIAL"),
    ("Automated", "AUTOMATED"),
];
const TAGS: &[(&str, &str)] = &[("Name", "NAME"), ("Tag", "TAG")];

/// What `--filter` wants.
#[derive(Debug, PartialEq, Eq)]
enum Filter {
    Stars(u64),
    Official(bool),
    Automated(bool),
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let filters = call.words.each("filter", options.filter.clone());
    let filters: Vec<Filter> = filters.iter().map(filter).collect::<Result<_>>()?;
    let reach = Reach { tls_verify: options.tls_verify, cert_dir: options.cert_dir, authfile: options.authfile };
    let logins = Logins::open(Places::of_caller(), reach, false)?;
    let term = call.words.operands_from(0, vec![options.term]).remove(0);
    let listing = if options.list_tags {
        let (name, tags) = logins.tags(&term, options.limit.filter(|limit| *limit > 0).unwrap_or(usize::MAX))?;
        tag_rows(&name, &tags)
    } else {
        let findings = logins.search(&term, options.limit.filter(|limit| *limit > 0).unwrap_or(LIMIT))?;
        findings.failures.iter().for_each(|failure| call.console.report(failure.report()));
        let found: Vec<_> =
            findings.found.into_iter().filter(|found| filters.iter().all(|one| one.fits(found))).collect();
        let columns = if options.compatible { COMPATIBLE } else { COLUMNS };
        repository_rows(&found, columns, !options.no_trunc)
    };
    let format = options.format.map(|format| call.words.one("format", format));
    console::page(&format::show(&listing, format.as_ref())?);
    Ok(0)
}

fn filter(given: &Given<String>) -> Result<Filter> {
    let (name, value) = given.value.split_once('=').unwrap_or((&given.value, "true"));
    let filter = match name {
        "stars" => value.parse().ok().map(Filter::Stars),
        "is-official" => value.parse().ok().map(Filter::Official),
        "is-automated" => value.parse().ok().map(Filter::Automated),
        _ => None,
    };
    filter.ok_or_else(|| {
        let error = Error::new(codes::UR0806, format!("`{}` is not a filter of searches", given.value));
        given.blame(error).help("write `stars=NUMBER`, `is-official=true` or `is-automated=true`")
    })
}

impl Filter {
    fn fits(&self, found: &Found) -> bool {
        match self {
            Filter::Stars(stars) => found.hit.star_count >= *stars,
            Filter::Official(official) => found.hit.is_official == *official,
            Filter::Automated(automated) => found.hit.is_automated == *automated,
        }
    }
}

fn tag_rows(name: &str, tags: &[String]) -> Listing {
    let row = |tag: &String| [("Name", json!(name)), ("Tag", json!(tag))].map(named).into_iter().collect();
    Listing { columns: TAGS, rows: tags.iter().map(row).collect(), json: json!([{ "Name": name, "Tags": tags }]) }
}

fn repository_rows(found: &[Found], columns: &'static [(&'static str, &'static str)], short: bool) -> Listing {
    let rows: Vec<Map<String, Json>> = found.iter().map(|found| row(found, short)).collect();
    let json = rows.iter().cloned().map(Json::Object).collect();
    Listing { columns, rows, json }
}

fn row(found: &Found, short: bool) -> Map<String, Json> {
    // Registries take descriptions from anybody: no control characters of theirs reach the terminal.
    let text: String =
        found.hit.description.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let text = text.trim();
    let description = if short && text.chars().count() > DESCRIPTION {
        text.chars().take(DESCRIPTION).chain("...".chars()).collect()
    } else {
        text.to_owned()
    };
    let mark = |is: bool| json!(if is { "[OK]" } else { "" });
    [
        ("Index", json!(found.registry)),
        ("Name", json!(found.name)),
        ("Description", json!(description)),
        ("Stars", json!(found.hit.star_count)),
        ("Official", mark(found.hit.is_official)),
        ("Automated", mark(found.hit.is_automated)),
    ]
    .map(named)
    .into_iter()
    .collect()
}

fn named((name, value): (&str, Json)) -> (String, Json) {
    (name.to_owned(), value)
}

#[cfg(test)]
mod tests {
    use engine::search::Hit;

    use super::*;

    #[test]
    fn filters_are_podmans() {
        let read = |text: &str| filter(&Given::unwritten(text.to_owned()));
        assert_eq!(read("stars=3").unwrap(), Filter::Stars(3));
        assert_eq!(read("is-official").unwrap(), Filter::Official(true));
        assert_eq!(read("is-automated=false").unwrap(), Filter::Automated(false));
        for bad in ["", "stars", "stars=many", "is-official=perhaps", "name=x"] {
            assert_eq!(read(bad).unwrap_err().code(), codes::UR0806, "{bad}");
        }
    }

    #[test]
    fn descriptions_are_cut_and_tamed() {
        let mut found = Found { registry: "a.com".into(), name: "a.com/x".into(), hit: Hit::default() };
        found.hit.description = format!("\u{1b}[31m{}\n", "x".repeat(100));
        let cut = row(&found, true)["Description"].as_str().unwrap().to_owned();
        assert!(cut.ends_with("x...") && cut.chars().count() == 47 && !cut.contains('\u{1b}'), "{cut:?}");
        assert!(row(&found, false)["Description"].as_str().unwrap().ends_with("xx"));
    }
}
