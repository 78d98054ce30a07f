//! A report for programs and for log files, in the two forms of runc's `--log`.
//!
//! containerd, Podman and Docker read `level` and `msg` of the JSON form and show their user nothing but `msg`; Podman and
//! Docker also choose their exit status by phrases in it ("permission denied", "no such file or directory", "executable
//! file not found"). So `msg` has everything, on one line. The other members are unroot's own.

use std::{fmt::Write as _, time::SystemTime};

use serde::Serialize;

use super::{Style, excerpt, place, rfc3339, visible};
use crate::{Cause, Class, Help, Origin, Report, Severity, errno, shell};

/// Renders a report as one line of JSON, ended, with nothing in it that a terminal would act on.
pub fn json(report: &Report, time: SystemTime) -> String {
    let record = Record {
        level: level(report),
        msg: message(report),
        time: rfc3339::format(time),
        code: report.code.id(),
        what: &report.what,
        label: &report.label,
        at: report.at.as_ref().map(At::of),
        cause: report.cause.as_ref().map(CauseRecord::of),
        facts: &report.facts,
        help: &report.help,
    };
    // Strings, numbers and lists of them: nothing here can fail to be written as JSON.
    let line = serde_json::to_string(&record).unwrap_or_default();
    let mut out = String::with_capacity(line.len() + 1);
    for c in line.chars() {
        if visible::is_hostile(c) { escape(&mut out, c) } else { out.push(c) }
    }
    out.push('\n');
    out
}

/// Renders a report as one line of runc's text log, ended: `time="…" level=error msg="…"`.
pub fn log_text(report: &Report, time: SystemTime) -> String {
    let message = message(report).replace('\\', "\\\\").replace('"', "\\\"");
    format!("time=\"{}\" level={} msg=\"{message}\" code={}\n", rfc3339::format(time), level(report), report.code)
}

/// A report on one line: the sentence, its place, the cause, the first help, and the code.
pub fn message(report: &Report) -> String {
    let mut out = visible::line(&report.what).into_owned();
    if let Some(at) = &report.at {
        let _ = write!(out, " ({})", At::of(at).brief());
    }
    if !report.label.is_empty() {
        let _ = write!(out, ": {}", visible::line(&report.label));
    }
    if let Some(cause) = &report.cause {
        let _ = write!(out, ": {}", visible::line(cause.to_string().trim_end()));
    }
    if report.code.class() == Class::NotFound && !out.to_lowercase().contains("no such file or directory") {
        out.push_str(": executable file not found in the container");
    }
    if let Some(help) = report.help.first() {
        let _ = write!(out, "; help: {}", visible::line(&help.text));
        if let Some(command) = &help.command {
            let _ = write!(out, ": {}", visible::line(command));
        }
    }
    let _ = write!(out, " [{}]", report.code);
    out
}

fn level(report: &Report) -> &'static str {
    match report.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// JSON's own escape, as UTF-16 has the character.
fn escape(out: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

#[derive(Serialize)]
struct Record<'a> {
    level: &'static str,
    msg: String,
    time: String,
    code: &'static str,
    what: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<At<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<CauseRecord<'a>>,
    facts: &'a [String],
    help: &'a [Help],
}

/// An origin, its span resolved.
#[derive(Serialize)]
#[serde(untagged)]
enum At<'a> {
    Config {
        file: &'a str,
        pointer: &'a str,
        #[serde(flatten)]
        position: Option<Position>,
        #[serde(skip)]
        named: String,
    },
    Arg {
        arg: usize,
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        range: Option<[usize; 2]>,
    },
    Line {
        file: &'a str,
        line: usize,
        text: &'a str,
    },
    Env {
        env: &'a str,
        value: &'a str,
    },
    Path {
        path: String,
    },
}

/// Both from 1; columns count characters.
#[derive(Clone, Copy, Serialize)]
struct Position {
    line: usize,
    column: usize,
}

impl<'a> At<'a> {
    fn of(origin: &'a Origin) -> Self {
        match origin {
            Origin::Config { file, pointer, text } => {
                let position = (!text.is_empty()).then(|| {
                    let shown = excerpt::of_place(text, &place::find(text, pointer), Style::PLAIN.columns());
                    Position { line: shown.line, column: shown.column }
                });
                At::Config { file, pointer: pointer.as_str(), position, named: pointer.to_string() }
            }
            Origin::Arg { argv, index, range } => At::Arg {
                arg: *index,
                text: argv.get(*index).map_or("", String::as_str),
                range: range.as_ref().map(|range| [range.start, range.end]),
            },
            Origin::Line { file, line, text } => At::Line { file, line: *line, text },
            Origin::Env { name, value } => At::Env { env: name, value },
            Origin::Path { path } => At::Path { path: path.to_string_lossy().into_owned() },
        }
    }

    fn brief(&self) -> String {
        let brief = match self {
            At::Config { file, position, named, .. } => {
                let gap = if named.is_empty() { "" } else { ": " };
                match position {
                    Some(Position { line, column }) => format!("{file}:{line}:{column}{gap}{named}"),
                    None => format!("{file}{gap}{named}"),
                }
            }
            At::Arg { text, .. } => shell::word(text),
            At::Line { file, line, .. } => format!("{file}:{line}"),
            At::Env { env, value } => format!("{env}={}", shell::word(value)),
            At::Path { path } => path.clone(),
        };
        visible::line(&brief).into_owned()
    }
}

#[derive(Serialize)]
struct CauseRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    text: &'a str,
}

impl<'a> CauseRecord<'a> {
    fn of(cause: &'a Cause) -> Self {
        match cause {
            Cause::Os { call, errno } => CauseRecord {
                call: Some(call),
                errno: Some(*errno),
                name: errno::name(*errno),
                text: errno::words(*errno),
            },
            Cause::Words(words) => CauseRecord { call: None, errno: None, name: None, text: words },
        }
    }
}
