//! `who`: whose an id of the host, a file or a process is.
//!
//! Ids are asked about as the host has them. The answer is a list of entries, each a container, a process of another engine, a
//! delegation, an account, a layer…; an empty one means that nobody has it.

mod binds;
mod id;
mod path;
mod process;

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use idmap::Kind;
use serde_json::{Map, Value as Json, json};

use crate::{
    Engine,
    accounts::{Accounts, Pair},
    map_of,
    namespaces::Identity,
    request::Given,
};

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An id of the host.
    Id(Kind, u32),
    /// A process.
    Process(i32),
    /// A file, or whatever else a path leads to.
    Path(PathBuf),
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `container`, `process`, `delegated`, `account`, `processes`, `image`, `volume`, `owner`, `mount`.
    pub what: &'static str,
    /// What is to be said about it.
    pub facts: Vec<Fact>,
}

/// Something about an [`Entry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about, in one word.
    pub label: &'static str,
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Json,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was asked about, as it was understood.
    pub subject: String,
    /// What was found; nothing if nobody has it.
    pub entries: Vec<Entry>,
    /// What else is to be said.
    pub notes: Vec<String>,
}

impl Subject {
    /// Reads `uid:N`, `gid:N`, `pid:N`, a number (a uid), a path, or the name of a user of the host.
    ///
    /// Errors: UR0806 for a number that is none, UR0813 for a word that is nothing of all this.
    pub fn parse(word: &Given<String>) -> Result<Subject> {
        let text = word.value.as_str();
        let number = |digits: &str| -> Result<u32> {
            let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|id| all && *id <= idmap::LAST_ID).ok_or_else(|| {
                word.blame(Error::new(
                    codes::UR0806,
                    format!("`{digits}` is not a number of at most {}", idmap::LAST_ID),
                ))
            })
        };
        match text.split_once(':') {
            Some(("uid", id)) => return number(id).map(|id| Subject::Id(Kind::Uid, id)),
            Some(("gid", id)) => return number(id).map(|id| Subject::Id(Kind::Gid, id)),
            Some(("pid", id)) => {
                return i32::try_from(number(id)?)
                    .map(Subject::Process)
                    .map_err(|_| word.blame(Error::new(codes::UR0812, format!("there is no process {id}"))));
            }
            _ => {}
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return number(text).map(|id| Subject::Id(Kind::Uid, id));
        }
        if text.contains('/') || Path::new(text).symlink_metadata().is_ok() {
            return Ok(Subject::Path(PathBuf::from(text)));
        }
        match oci::accounts::user_ids(text, &Accounts::host().passwd) {
            Some((uid, _)) => Ok(Subject::Id(Kind::Uid, uid)),
            None => Err(word
                .blame(Error::new(codes::UR0813, format!("`{text}` is neither a path nor a user of this host")))
                .help("write `uid:N`, `gid:N`, `pid:N`, a path, or the name of a user")),
        }
    }

    fn text(&self) -> String {
        match self {
            Subject::Id(kind, id) => format!("{kind} {id}"),
            Subject::Process(pid) => format!("process {pid}"),
            Subject::Path(path) => path.display().to_string().chars().map(harmless).collect(),
        }
    }
}

impl Engine<'_> {
    /// Finds out whose something is.
    ///
    /// Errors: those of [`Subject::parse`]; UR0812 for a process that is gone, UR0813 for a path that leads nowhere.
    pub fn who(&self, word: &Given<String>) -> Result<Answer> {
        let subject = Subject::parse(word)?;
        let mut notes = Vec::new();
        let entries = match &subject {
            Subject::Id(kind, id) => {
                notes.extend(if word.value.contains(':') { None } else { also_a_pid(&word.value) });
                self.who_has(*kind, *id)?
            }
            Subject::Process(pid) => self.whose_process(*pid).map_err(|error| word.blame(error))?,
            Subject::Path(path) => self.whose_file(path).map_err(|error| word.blame(error))?,
        };
        Ok(Answer { subject: subject.text(), entries, notes })
    }

    /// The containers that run, each with its user namespace.
    fn inhabited(&self) -> Result<Vec<(crate::holders::Holder, Option<Identity>)>> {
        let identity = |pid: Option<i32>| pid.and_then(crate::namespaces::identity_of);
        Ok(self
            .holders()?
            .into_iter()
            .map(|holder| (identity(holder.pid), holder))
            .map(|(space, it)| (it, space))
            .collect())
    }
}

fn also_a_pid(text: &str) -> Option<String> {
    let pid: i32 = text.parse().ok()?;
    let command = map_of::command_of(pid)?;
    Some(format!("{pid} is also the pid of {command}: ask for pid:{pid}"))
}

fn harmless(letter: char) -> char {
    if letter.is_control() { '?' } else { letter }
}

impl Entry {
    fn new(what: &'static str) -> Entry {
        Entry { what, facts: Vec::new() }
    }

    /// Adds a text that is the same for people and programs.
    fn text(self, label: &'static str, text: impl Into<String>) -> Entry {
        let text = text.into();
        self.fact(label, text.clone(), Json::from(text))
    }

    fn fact(mut self, label: &'static str, text: impl Into<String>, json: Json) -> Entry {
        let text = text.into().chars().map(harmless).collect();
        self.facts.push(Fact { label, text, json });
        self
    }

    /// Adds what an id is inside and on the host.
    fn pair(self, label: &'static str, pair: &Pair) -> Entry {
        let named = |named: &crate::accounts::Named| json!({ "id": named.id, "name": named.name });
        let text = format!("{} inside = {} on the host", pair.inside.text(), pair.host.text());
        self.fact(label, text, json!({ "inside": named(&pair.inside), "host": named(&pair.host) }))
    }

    /// The facts about a container that runs.
    fn container(holder: &crate::holders::Holder) -> Entry {
        let short = &holder.id[..holder.id.len().min(12)];
        let json = json!({ "id": holder.id, "name": holder.name });
        Entry::new("container")
            .fact("container", format!("{} ({short})", holder.name), json)
            .text("image", &holder.image)
    }
}

impl Answer {
    /// A few lines, the labels aligned.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.subject);
        if self.entries.is_empty() {
            text.push_str("  nobody has it\n");
        }
        let labels = self.entries.iter().flat_map(|entry| &entry.facts).map(|fact| fact.label.len());
        let width = labels.max().unwrap_or(0);
        for (index, entry) in self.entries.iter().enumerate() {
            // What is about one thing stands together.
            if index > 0 && (entry.facts.len() > 1 || self.entries[index - 1].facts.len() > 1) {
                text.push('\n');
            }
            for fact in &entry.facts {
                let _ = writeln!(text, "  {:<width$}  {}", fact.label, fact.text);
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "  ({note})");
        }
        text
    }

    /// The same for programs.
    pub fn to_json(&self) -> Json {
        let entry = |entry: &Entry| {
            let mut members = Map::new();
            members.insert("type".to_owned(), Json::from(entry.what));
            for fact in &entry.facts {
                members.insert(fact.label.to_owned(), fact.json.clone());
            }
            Json::Object(members)
        };
        let entries: Vec<Json> = self.entries.iter().map(entry).collect();
        json!({ "subject": self.subject, "found": self.is_found(), "entries": entries, "notes": self.notes })
    }

    /// Whether anybody has it.
    pub fn is_found(&self) -> bool {
        !self.entries.is_empty()
    }
}

#[cfg(test)]
#[path = "who/tests.rs"]
mod tests;
