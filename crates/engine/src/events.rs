//! `events`: what has happened, and what happens. [`runtime::chronicle`] is where it is written down.

use std::{fs, io::Read, path::Path};

use diag::{Error, Result, codes};
use runtime::chronicle;
pub use runtime::chronicle::Event;
use sys::Dir;

use crate::{Engine, config::Config, logs::watch::Watcher, request::Given};

/// Which events are wanted: `--filter`. Several with one key are alternatives.
#[derive(Clone, Debug)]
pub struct EventFilter {
    key: String,
    value: String,
}

/// Podman's keys.
const KEYS: [&str; 8] = ["container", "event", "image", "label", "network", "pod", "type", "volume"];

impl EventFilter {
    /// Reads `KEY=VALUE`; UR0806.
    pub fn parse(given: &Given<String>) -> Result<EventFilter> {
        let refused = |what: String| given.blame(Error::new(codes::UR0806, what));
        let Some((key, value)) = given.value.split_once('=') else {
            return Err(refused(format!("`{}` is not a filter of the form KEY=VALUE", given.value)));
        };
        let key = key.to_ascii_lowercase();
        if !KEYS.contains(&key.as_str()) {
            return Err(
                refused(format!("there is no filter `{key}`")).help(format!("the filters are {}", KEYS.join(", ")))
            );
        }
        Ok(EventFilter { key, value: value.to_owned() })
    }

    fn fits(&self, event: &Event) -> bool {
        let value = self.value.as_str();
        let is = |kind: &str| event.kind == kind && (event.id.starts_with(value) || event.name == value);
        match self.key.as_str() {
            "event" => event.status == value,
            "type" => event.kind == value,
            "image" => is("image") || event.image == value,
            "label" => {
                let (name, wanted) = value.split_once('=').map_or((value, None), |(name, value)| (name, Some(value)));
                event.attributes.get(name).is_some_and(|found| wanted.is_none_or(|wanted| found == wanted))
            }
            kind => is(kind),
        }
    }
}

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub struct EventRequest {
    /// All of these keys must fit.
    pub filters: Vec<EventFilter>,
    /// Not before: nanoseconds since the epoch.
    pub since: Option<u64>,
    /// Not after.
    pub until: Option<u64>,
    /// Whether to wait for what comes.
    pub follow: bool,
}

impl EventRequest {
    fn wants(&self, event: &Event) -> bool {
        self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at <= until)
            && self.filters.iter().all(|filter| {
                self.filters.iter().filter(|other| other.key == filter.key).any(|other| other.fits(event))
            })
    }
}

impl Engine<'_> {
    /// Hands over the events that are wanted, the oldest first, until `tell` says that it has had enough.
    pub fn events(&self, request: &EventRequest, tell: &mut dyn FnMut(&Event) -> bool) -> Result<()> {
        let root = &self.scope.run_root;
        // Before anything is read, so that nothing is missed in between.
        let watcher = if request.follow { Some(Watcher::new([root.as_path()])?) } else { None };
        let is_past = request.until.is_some_and(|until| until <= chronicle::now());
        // Who follows and does not ask for the past does not get it.
        let begin =
            if watcher.is_some() && request.since.is_none() && !is_past { Some(chronicle::now()) } else { None };
        let mut reader = Reader::default();
        loop {
            for event in reader.read(root) {
                if begin.is_none_or(|begin| event.at >= begin) && request.wants(&event) && !tell(&event) {
                    return Ok(());
                }
            }
            let Some(watcher) = watcher.as_ref().filter(|_| !is_past) else { return Ok(()) };
            let left = request.until.map(|until| until.saturating_sub(chronicle::now()));
            if left == Some(0) {
                return Ok(());
            }
            watcher.wait(left.map(std::time::Duration::from_nanos))?;
        }
    }

    /// Writes down what was done to a container.
    pub(crate) fn note(&self, config: &Config, status: &str) {
        self.chronicle(Event {
            kind: "container".to_owned(),
            status: status.to_owned(),
            id: config.id.clone(),
            name: config.name.clone(),
            image: config.image.clone(),
            attributes: self.subject(config).attributes,
            ..Event::default()
        });
    }

    /// Writes down what was done to an image.
    pub(crate) fn note_image(&self, status: &str, id: &str, name: &str) {
        self.chronicle(Event {
            kind: "image".to_owned(),
            status: status.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            ..Event::default()
        });
    }

    /// Writes an event down. That it cannot be is no failure.
    pub(crate) fn chronicle(&self, event: Event) {
        if let Ok(dir) = Dir::open(&self.scope.run_root) {
            chronicle::write(&dir, event);
        }
    }
}

/// Reads on where it stopped, also when a new chronicle was begun meanwhile.
#[derive(Default)]
struct Reader {
    file: Option<fs::File>,
    inode: u64,
    /// The beginning of a line.
    rest: Vec<u8>,
}

impl Reader {
    fn read(&mut self, root: &Path) -> Vec<Event> {
        use std::os::unix::fs::MetadataExt;
        let mut bytes = std::mem::take(&mut self.rest);
        if let Some(file) = &mut self.file {
            let _ = file.read_to_end(&mut bytes);
        } else {
            let _ = fs::File::open(root.join(chronicle::EARLIER)).and_then(|mut file| file.read_to_end(&mut bytes));
        }
        let inode = fs::metadata(root.join(chronicle::FILE)).map_or(0, |found| found.ino());
        if inode != self.inode
            && let Ok(mut file) = fs::File::open(root.join(chronicle::FILE))
        {
            let _ = file.read_to_end(&mut bytes);
            (self.file, self.inode) = (Some(file), inode);
        }
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        self.rest = bytes.split_off(whole);
        chronicle::parse(&String::from_utf8_lossy(&bytes)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(texts: &[&str]) -> EventRequest {
        let filters = texts.iter().map(|text| EventFilter::parse(&Given::unwritten((*text).to_owned())).unwrap());
        EventRequest { filters: filters.collect(), ..EventRequest::default() }
    }

    #[test]
    fn one_key_is_or_and_several_are_and() {
        let event = Event {
            kind: "container".into(),
            status: "start".into(),
            id: "abcdef".into(),
            name: "web".into(),
            image: "nginx".into(),
            attributes: [("tier".to_owned(), "front".to_owned())].into(),
            ..Event::default()
        };
        for (texts, fits) in [
            (&["event=start"][..], true),
            (&["event=died", "event=start", "container=web"], true),
            (&["container=abc", "type=container"], true),
            (&["image=nginx", "label=tier", "label=tier=back"], true),
            (&["label=tier=back"], false),
            (&["event=start", "container=db"], false),
            (&["volume=web"], false),
        ] {
            assert_eq!(filters(texts).wants(&event), fits, "{texts:?}");
        }
        assert_eq!(EventFilter::parse(&Given::unwritten("colour=red".into())).unwrap_err().code(), codes::UR0806);
    }

    #[test]
    fn a_chronicle_that_begins_anew_is_read_on() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open(place.path()).unwrap();
        let event = |status: &str| Event { kind: "image".into(), status: status.into(), ..Event::default() };
        let mut reader = Reader::default();
        chronicle::write(&dir, event("pull"));
        assert_eq!(reader.read(place.path()).len(), 1);
        chronicle::write(&dir, event("tag"));
        dir.rename(chronicle::FILE, &dir, chronicle::EARLIER, true).unwrap();
        chronicle::write(&dir, event("remove"));
        let seen: Vec<String> = reader.read(place.path()).into_iter().map(|event| event.status).collect();
        assert_eq!(seen, ["tag", "remove"]);
        assert!(reader.read(place.path()).is_empty());
    }
}
