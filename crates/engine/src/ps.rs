//! `ps`: the containers and how they are.

use std::fs;

use diag::{Error, Result, codes};
use runtime::job::{Exit, restart::RestartPolicy};

use crate::{
    Engine,
    config::Config,
    healthcheck,
    life::{self, Life},
    request::Given,
    wait::Condition,
};

/// One container.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its whole id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its image's name.
    pub image: String,
    /// Its image's id; may be empty.
    pub image_id: String,
    /// Its command.
    pub command: Vec<String>,
    /// When it was made: seconds since the epoch.
    pub created: u64,
    /// When it was started last.
    pub started: Option<u64>,
    /// `--rm`.
    pub remove: bool,
    /// How it is.
    pub state: State,
    /// The uid map of its init while it runs: `CONTAINER:HOST:COUNT`, with commas between; else empty.
    pub uid_map: String,
    /// Its restart policy.
    pub restart: RestartPolicy,
    /// How often its monitor has started it again.
    pub restarts: u32,
    /// How it ended last, if that is recorded.
    pub exit: Option<Exit>,
    /// `starting`, `healthy` or `unhealthy`; empty without a health check.
    pub health: String,
}

impl Row {
    /// Whether a wish of `wait` is fulfilled.
    pub(crate) fn meets(&self, condition: Condition) -> bool {
        match condition {
            Condition::Created => self.state == State::Created,
            Condition::Running => matches!(self.state, State::Running { .. }),
            Condition::Paused => matches!(self.state, State::Paused { .. }),
            Condition::Stopped => matches!(self.state, State::Exited { .. } | State::Lost),
            Condition::Healthy => self.health == "healthy",
            Condition::Unhealthy => self.health == "unhealthy",
            Condition::Removing => false,
        }
    }

    /// Whether it is there: it runs, is frozen, or comes back in a moment.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Running { .. } | State::Paused { .. } | State::Restarting { .. })
    }

    /// Whether it is to be started when the machine is (`should-start-on-boot`).
    fn starts_on_boot(&self) -> bool {
        match self.restart {
            RestartPolicy::Always => true,
            RestartPolicy::UnlessStopped => !self.exit.is_some_and(|exit| exit.by_person),
            RestartPolicy::No | RestartPolicy::OnFailure { .. } => false,
        }
    }
}

/// How a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was never started.
    Created,
    /// It runs.
    Running {
        /// Its init's pid on the host; 0 while it is being started.
        pid: i32,
    },
    /// It runs, frozen.
    Paused {
        /// Its init's pid on the host.
        pid: i32,
    },
    /// It has ended, and its monitor starts it again in a moment.
    Restarting {
        /// Its last exit status.
        code: u8,
    },
    /// It has ended.
    Exited {
        /// Its exit status.
        code: u8,
        /// When: seconds since the epoch.
        at: u64,
    },
    /// It has ended, and nobody knows how.
    Lost,
}

impl State {
    /// Podman's word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Created => "created",
            State::Running { .. } => "running",
            State::Paused { .. } => "paused",
            State::Restarting { .. } => "restarting",
            State::Exited { .. } | State::Lost => "exited",
        }
    }
}

/// Which containers are wanted: `--filter`.
#[derive(Clone, Debug)]
pub enum Filter {
    /// The beginning of an id.
    Id(String),
    /// A part of a name.
    Name(String),
    /// A state.
    Status(String),
    /// An exit status.
    Exited(u8),
    /// An image's name or the beginning of its id.
    Ancestor(String),
    /// A restart policy's name.
    RestartPolicy(String),
    /// `should-start-on-boot`.
    StartsOnBoot(bool),
    /// A state of health.
    Health(String),
}

/// Podman's filters that there are no data for yet.
const LATER: [&str; 10] =
    ["before", "command", "isolated", "label", "network", "pod", "publish", "since", "until", "volume"];

impl Filter {
    /// Reads `KEY=VALUE`.
    pub fn parse(given: &Given<String>) -> Result<Filter> {
        let text = given.value.as_str();
        let refused = |what: String| given.blame(Error::new(codes::UR0806, what));
        let Some((key, value)) = text.split_once('=') else {
            return Err(refused(format!("`{text}` is not a filter of the form KEY=VALUE")));
        };
        match key {
            "id" => Ok(Filter::Id(value.to_owned())),
            "name" => Ok(Filter::Name(value.to_owned())),
            "ancestor" => Ok(Filter::Ancestor(value.to_owned())),
            "status" if ["created", "running", "paused", "restarting", "exited", "stopped"].contains(&value) => {
                Ok(Filter::Status(value.to_owned()))
            }
            "status" => Err(refused(format!("there is no state `{value}`"))
                .help("the states are created, running, paused, restarting and exited")),
            "exited" => {
                value.parse().map(Filter::Exited).map_err(|_| refused(format!("`{value}` is not an exit status")))
            }
            "restart-policy" => Ok(Filter::RestartPolicy(value.to_owned())),
            "health" if ["starting", "healthy", "unhealthy", "none"].contains(&value) => {
                Ok(Filter::Health(value.to_owned()))
            }
            "health" => Err(refused(format!("there is no state of health `{value}`"))
                .help("the states are starting, healthy, unhealthy and none")),
            "should-start-on-boot" => value
                .parse()
                .map(Filter::StartsOnBoot)
                .map_err(|_| refused(format!("`{value}` is neither `true` nor `false`"))),
            key if LATER.contains(&key) => Err(given
                .blame(Error::new(codes::UR0808, format!("Podman's filter `{key}` is not supported by this version")))),
            key => Err(refused(format!("there is no filter `{key}`")).help(
                "the filters are id, name, status, exited, ancestor, health, restart-policy and should-start-on-boot",
            )),
        }
    }

    /// Whether it asks for containers that do not run, too.
    pub fn is_about_state(&self) -> bool {
        matches!(self, Filter::Status(_) | Filter::Exited(_))
    }

    fn fits(&self, row: &Row) -> bool {
        match self {
            Filter::Id(start) => row.id.starts_with(start.as_str()),
            Filter::Name(part) => row.name.contains(part.as_str()),
            Filter::Status(word) if word == "stopped" => row.state.word() == "exited",
            Filter::Status(word) => row.state.word() == word,
            Filter::RestartPolicy(name) => row.restart.name() == name,
            Filter::StartsOnBoot(wanted) => row.starts_on_boot() == *wanted,
            Filter::Health(wanted) => row.health == *wanted || (wanted == "none" && row.health.is_empty()),
            Filter::Exited(wanted) => matches!(row.state, State::Exited { code, .. } if code == *wanted),
            Filter::Ancestor(image) => {
                let ends = |name: &str| name == image || name.ends_with(&format!("/{image}"));
                let bare = row.image.rsplit_once(':').map_or(row.image.as_str(), |(name, _)| name);
                ends(&row.image) || ends(bare) || (image.len() >= 12 && row.image_id.starts_with(image.as_str()))
            }
        }
    }
}

/// A container passes if each key has a value that fits.
fn passes(row: &Row, filters: &[Filter]) -> bool {
    let same_key = |a: &Filter, b: &Filter| std::mem::discriminant(a) == std::mem::discriminant(b);
    filters.iter().all(|filter| filters.iter().filter(|other| same_key(filter, other)).any(|other| other.fits(row)))
}

impl Engine<'_> {
    /// The containers that run, or all of them; the newest first.
    pub fn containers(&self, all: bool, filters: &[Filter]) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for id in self.store.containers()? {
            match self.row(id.as_str()) {
                Ok(row) => rows.push(row),
                // Removed while this looked.
                Err(error) if error.code() == codes::UR0802 => {}
                Err(error) => self.warn(&warning(error)),
            }
        }
        rows.retain(|row| (all || row.is_up()) && passes(row, filters));
        rows.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
        Ok(rows)
    }

    pub(crate) fn row(&self, id: &str) -> Result<Row> {
        let container = self.store.container(id)?;
        let config = Config::read(id, &container.config()?)?;
        let state = match life::of(&self.store, &container)? {
            Life::Created => State::Created,
            Life::Running(init) => State::Running { pid: init.map_or(0, |init| init.pid) },
            Life::Restarting(exit) => State::Restarting { code: exit.map_or(0, |exit| exit.code) },
            Life::Exited(exit) => State::Exited { code: exit.code, at: exit.at },
            Life::Lost => State::Lost,
        };
        let uid_map = if let State::Running { pid } = state { map_of(pid) } else { String::new() };
        Ok(Row {
            id: config.id,
            name: config.name,
            image: config.image,
            image_id: config.image_id.unwrap_or_default(),
            command: config.args,
            created: config.created,
            started: life::started(&container),
            remove: config.remove,
            state,
            uid_map,
            restart: config.supervision.restart,
            restarts: life::restarts(&container),
            exit: life::read_exit(&container),
            health: health(&container, config.supervision.health.is_some()),
        })
    }
}

/// What is known of its health, if it has a check.
fn health(container: &store::Container, is_checked: bool) -> String {
    let known = || healthcheck::read(container).map_or_else(|| "starting".to_owned(), |report| report.status);
    if is_checked { known() } else { String::new() }
}

/// The map of a running init, as it is seen from here.
fn map_of(pid: i32) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/uid_map")).unwrap_or_default();
    let extents: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(":")).collect();
    extents.join(",")
}

/// One container that cannot be read is no reason to hide the others.
fn warning(error: Error) -> Error {
    let mut report = error.into_report();
    report.severity = diag::Severity::Warning;
    report.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, state: State) -> Row {
        Row {
            id: "abcdef".repeat(10),
            name: name.into(),
            image: "docker.io/library/debian:trixie".into(),
            image_id: "0123456789abcdef".into(),
            command: vec![],
            created: 0,
            started: None,
            remove: false,
            state,
            uid_map: String::new(),
            restart: RestartPolicy::No,
            restarts: 0,
            exit: None,
            health: String::new(),
        }
    }

    fn filters(texts: &[&str]) -> Result<Vec<Filter>> {
        texts.iter().map(|text| Filter::parse(&Given::unwritten((*text).to_owned()))).collect()
    }

    #[test]
    fn one_key_is_or_and_several_are_and() {
        let web = row("web", State::Exited { code: 3, at: 0 });
        for (texts, expected) in [
            (&["name=we"][..], true),
            (&["name=x", "name=web"], true),
            (&["name=web", "exited=0"], false),
            (&["status=exited", "exited=3", "ancestor=debian"], true),
            (&["status=running"], false),
            (&["ancestor=debian:trixie", "id=abc"], true),
            (&["ancestor=bian"], false),
            (&["ancestor=0123456789ab"], true),
        ] {
            assert_eq!(passes(&web, &filters(texts).unwrap()), expected, "{texts:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (text, code) in [
            ("name", codes::UR0806),
            ("status=asleep", codes::UR0806),
            ("exited=x", codes::UR0806),
            ("colour=red", codes::UR0806),
            ("label=a", codes::UR0808),
        ] {
            assert_eq!(filters(&[text]).unwrap_err().code(), code, "{text}");
        }
    }
}
