//! `logs`: what containers have printed, and what they print.
//!
//! *Theory of operation.* A source reads one container's records: its log file and the one before it, or what journalctl shows of
//! it. The pieces of a line are put together again (`Joiner`). Without `--follow` the lines of several containers come in
//! the order of their times. With it, the sources are read on whenever something changes in their directories, until their
//! containers have ended.

mod file;
mod journal;
pub mod moment;
pub mod record;
pub mod watch;

use std::{collections::VecDeque, path::PathBuf, time::Duration};

use diag::{Error, Result, codes};
use runtime::job::logging::LogDriver;

use crate::{
    Engine,
    life::{self, Life},
    request::Given,
    target::Target,
};
use file::FileSource;
use journal::JournalSource;
use record::Record;
use watch::Watcher;

/// What is wanted of the logs.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogRequest {
    /// Whether to wait for what comes.
    pub follow: bool,
    /// Only so many lines at the end of what is there.
    pub tail: Option<usize>,
    /// Not before: nanoseconds since the epoch.
    pub since: Option<u64>,
    /// Not after.
    pub until: Option<u64>,
}

/// A line that a container has printed.
#[derive(Debug)]
pub struct Line<'a> {
    /// The container's id.
    pub id: &'a str,
    /// The container's name.
    pub name: &'a str,
    /// Which of the containers it is, counted from 0.
    pub nth: usize,
    /// What it printed; if not `whole`, the line was still open when the container ended.
    pub record: &'a Record,
}

/// Puts the pieces of lines together, each stream's apart.
#[derive(Debug, Default)]
struct Joiner {
    begun: [Option<Record>; 2],
}

impl Joiner {
    /// Takes the next piece; a line, if it is whole now. A line has the time of its last piece.
    fn join(&mut self, mut piece: Record) -> Option<Record> {
        let begun = &mut self.begun[usize::from(piece.stderr)];
        if let Some(before) = begun.take() {
            piece.text = [before.text, piece.text].concat();
        }
        if piece.whole {
            return Some(piece);
        }
        *begun = Some(piece);
        None
    }

    /// The lines that stay open.
    fn rest(&mut self) -> impl Iterator<Item = Record> {
        self.begun.iter_mut().filter_map(Option::take)
    }
}

/// Where records come from.
enum Records {
    File(FileSource),
    Journal(JournalSource),
}

/// One container's log.
struct Source {
    target: Target,
    records: Records,
    joiner: Joiner,
    ended: bool,
}

impl Source {
    /// The lines that have come since the last time.
    fn lines(&mut self) -> Vec<Record> {
        let pieces = match &mut self.records {
            Records::File(file) => file.read(),
            Records::Journal(journal) => journal.read(),
        };
        pieces.into_iter().filter_map(|piece| self.joiner.join(piece)).collect()
    }
}

impl Engine<'_> {
    /// Hands over the lines that are wanted until `tell` says that it has had enough. Errors: UR0802, UR0820 (there is no log).
    pub fn logs(
        &self,
        keys: &[Given<String>],
        request: &LogRequest,
        tell: &mut dyn FnMut(&Line) -> bool,
    ) -> Result<()> {
        let mut sources = keys.iter().map(|key| self.source(key, request)).collect::<Result<Vec<_>>>()?;
        let directories: Vec<PathBuf> = sources.iter().flat_map(Source::directories).collect();
        let watcher = Watcher::new(directories.iter().map(PathBuf::as_path));
        let mut goes_on = tell_past(&mut sources, request, tell);
        let is_past = request.until.is_some_and(|until| until <= runtime::chronicle::now());
        let follows = request.follow && !is_past;
        let watcher = if follows { Some(watcher?) } else { None };
        while let Some(watcher) = &watcher
            && goes_on
            && sources.iter().any(|source| !source.ended)
        {
            // First whether it lives, then what it has said: in this order nothing is missed.
            for source in &mut sources {
                source.ended = source.ended || !self.may_say_more(source);
            }
            goes_on = tell_new(&mut sources, request, tell);
            if goes_on && sources.iter().any(|source| !source.ended) {
                watcher.wait(request.until.map(left))?;
                goes_on = request.until.is_none_or(|until| until > runtime::chronicle::now());
            }
        }
        if goes_on {
            tell_rest(&mut sources, request, tell);
        }
        Ok(())
    }

    fn may_say_more(&self, source: &Source) -> bool {
        let id = source.target.config.id.as_str();
        self.store
            .container(id)
            .and_then(|container| life::of(&self.store, &container))
            .is_ok_and(|life| matches!(life, Life::Running(_) | Life::Restarting(_)))
    }

    fn source(&self, key: &Given<String>, request: &LogRequest) -> Result<Source> {
        let target = self.target(key)?;
        let logging = &target.config.supervision.logging;
        let records = match logging.driver {
            LogDriver::K8sFile | LogDriver::JsonFile => {
                let path = logging.path.clone().unwrap_or_else(|| target.container.dir().path().join("log"));
                Records::File(FileSource::new(path))
            }
            LogDriver::Journald => Records::Journal(JournalSource::start(&target.config.id, request.follow)?),
            LogDriver::None | LogDriver::Passthrough => {
                let name = logging.driver.name();
                let what = format!("the container `{}` has no log: its log driver is {name}", key.value);
                return Err(key.blame(Error::new(codes::UR0820, what)));
            }
        };
        Ok(Source { target, records, joiner: Joiner::default(), ended: false })
    }
}

impl Source {
    /// Where something changes when it has more to say, or ends.
    fn directories(&self) -> Vec<PathBuf> {
        let mut list = vec![self.target.container.dir().path().to_owned()];
        if let Records::File(file) = &self.records {
            list.extend(file.directory());
        }
        list
    }
}

fn left(until: u64) -> Duration {
    Duration::from_nanos(until.saturating_sub(runtime::chronicle::now()))
}

fn wanted(record: &Record, request: &LogRequest) -> bool {
    request.since.is_none_or(|since| record.at >= since) && request.until.is_none_or(|until| record.at <= until)
}

/// What is there already, in the order of time.
fn tell_past(sources: &mut [Source], request: &LogRequest, tell: &mut dyn FnMut(&Line) -> bool) -> bool {
    let mut queues: Vec<VecDeque<Record>> = Vec::new();
    for source in sources.iter_mut() {
        let mut queue = VecDeque::new();
        for record in source.lines().into_iter().filter(|record| wanted(record, request)) {
            queue.push_back(record);
            if request.tail.is_some_and(|most| queue.len() > most) {
                queue.pop_front();
            }
        }
        queues.push(queue);
    }
    let next = |queues: &[VecDeque<Record>]| {
        let first = |(nth, queue): (usize, &VecDeque<Record>)| queue.front().map(|record| (record.at, nth));
        queues.iter().enumerate().filter_map(first).min().map(|(_, nth)| nth)
    };
    while let Some(nth) = next(&queues) {
        let Some(record) = queues[nth].pop_front() else { break };
        if !tell_one(&sources[nth], nth, &record, tell) {
            return false;
        }
    }
    true
}

fn tell_new(sources: &mut [Source], request: &LogRequest, tell: &mut dyn FnMut(&Line) -> bool) -> bool {
    for (nth, source) in sources.iter_mut().enumerate() {
        for record in source.lines().into_iter().filter(|record| wanted(record, request)) {
            if !tell_one(source, nth, &record, tell) {
                return false;
            }
        }
    }
    true
}

/// The lines that nobody has ended.
fn tell_rest(sources: &mut [Source], request: &LogRequest, tell: &mut dyn FnMut(&Line) -> bool) {
    for (nth, source) in sources.iter_mut().enumerate() {
        let rest: Vec<Record> = source.joiner.rest().filter(|record| wanted(record, request)).collect();
        if request.tail == Some(0) || !rest.iter().all(|record| tell_one(source, nth, record, tell)) {
            return;
        }
    }
}

fn tell_one(source: &Source, nth: usize, record: &Record, tell: &mut dyn FnMut(&Line) -> bool) -> bool {
    let config = &source.target.config;
    tell(&Line { id: &config.id, name: &config.name, nth, record })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines_of_their_streams() {
        let piece = |stderr, whole, text: &str| Record { at: 1, stderr, whole, text: text.into() };
        let mut joiner = Joiner::default();
        assert_eq!(joiner.join(piece(false, false, "a")), None);
        assert_eq!(joiner.join(piece(true, true, "x")), Some(piece(true, true, "x")));
        assert_eq!(joiner.join(piece(false, true, "b")), Some(piece(false, true, "ab")));
        assert_eq!(joiner.join(piece(false, false, "c")), None);
        assert_eq!(joiner.rest().collect::<Vec<_>>(), [piece(false, false, "c")]);
    }
}
