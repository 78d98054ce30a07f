//! `run --explain-map`: the map that a start would get, where its parts come from, and how other programs would be told to make it.
//! Nothing is made; a lease that was taken to find the map is given back when this is over.

use std::fmt::Write as _;

use diag::{Origin, Result};
use idmap::{
    Caller, IdMap, Kind, MapOption, Place, Source, draw,
    equivalents::{self, Root},
    sources,
};
use store::ContainerId;

use crate::{
    Engine, client,
    config::MapRequest,
    map::{
        Host,
        asked::{Asked, Known},
        coverage::Image,
    },
    request::{Given, RunRequest},
    run::given_at,
};

/// How wide the pictures are where no terminal says it.
const WIDTH: usize = 100;

/// All that there is to tell about one map.
struct Explanation<'a> {
    request: &'a RunRequest,
    map_request: &'a MapRequest,
    asked: &'a Asked,
    host: &'a Host,
    image: &'a Image,
    /// In the terms of the caller: an ordinary user's own namespace.
    own: &'a IdMap,
    /// In host ids.
    outside: IdMap,
}

impl Engine<'_> {
    /// The explanation as text. Warnings go where a run's would.
    ///
    /// Errors: those of a run, as far as they are about the image, the user and the map.
    pub fn explain_map(&self, request: &RunRequest) -> Result<String> {
        let id = ContainerId::random();
        if !request.rootfs {
            self.ready_hello(&request.image.value).map_err(|error| request.image.blame(error))?;
        }
        let mut request = self.with_default_map(request)?;
        if request.command.is_empty() {
            // What runs has no part in the map, and an image need not say it.
            request.command.push(Given::unwritten("true".to_owned()));
        }
        let _content = self.store.share()?;
        let draft = self.draft(&request, &id)?;
        let decided = self.decide(&draft.config, &draft.image, |place| given_at(&request.identity, place))?;
        decided.warnings.iter().for_each(|warning| self.warn(warning));
        let host = Host::look(self.entered)?;
        let asked = Asked::read(&draft.config.map, &host, &draft.image)
            .map_err(|refused| refused.into_error(|place| given_at(&request.identity, place)))?;
        let outside = match &host.caller {
            Caller::Root { .. } => decided.map.clone(),
            Caller::User { .. } => IdMap::try_from_fn(|kind| {
                decided.map.get(kind).compose(decided.current.get(kind)).map_err(|fault| fault.into_error(kind))
            })?,
        };
        let explanation = Explanation {
            request: &request,
            map_request: &draft.config.map,
            asked: &asked,
            host: &host,
            image: &draft.image,
            own: &decided.map,
            outside,
        };
        Ok(explanation.text())
    }
}

impl Explanation<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        for kind in Kind::BOTH {
            self.picture(kind, &mut text);
        }
        self.elsewhere(&mut text);
        text
    }

    fn picture(&self, kind: Kind, text: &mut String) {
        let width = client::columns().map_or(WIDTH, usize::from);
        let (map, known) = (self.outside.get(kind), Known { image: self.image, host: self.host });
        let _ = writeln!(text, "{kind} map");
        indent(text, &draw(kind, map, &known, width.saturating_sub(2)));
        let _ = writeln!(text, "\n{kind}s come from");
        let from = sources(kind, map, &self.asked.request, &self.asked.wishes, &self.host.caller);
        let lines: Vec<_> = from.iter().map(|(source, ids)| (ids.brief(4), self.words(kind, source))).collect();
        let left = lines.iter().map(|(ids, _)| ids.len()).max().unwrap_or(0);
        for (ids, words) in lines {
            let _ = writeln!(text, "  {ids:<left$}  {words}");
        }
        text.push('\n');
    }

    fn words(&self, kind: Kind, source: &Source) -> String {
        let file = kind.subid_file();
        match source {
            Source::Written(place) => self.written(place),
            Source::Caller => "you".to_owned(),
            Source::Delegated => format!("your ids in {file}"),
            Source::Named(name) => format!("the ids of {name} in {file}"),
            Source::Chosen => "a range that nobody else on this host has; another start may get another one".to_owned(),
            Source::Host => "the host's ids, as they are".to_owned(),
            Source::Joined => "the namespace that is joined".to_owned(),
        }
    }

    /// What stands there, with the option or the file that it belongs to.
    fn written(&self, place: &Place) -> String {
        let asked = self.map_request;
        let value = match place.option {
            MapOption::Userns => asked.userns.as_ref(),
            MapOption::Uidmap => asked.uidmap.get(place.value),
            MapOption::Gidmap => asked.gidmap.get(place.value),
            MapOption::Subuidname => asked.subuidname.as_ref(),
            MapOption::Subgidname => asked.subgidname.as_ref(),
            MapOption::Map => asked.map.get(place.value),
            MapOption::MeAs => asked.me_as.as_ref(),
        };
        let part = value.and_then(|value| value.get(place.bytes.clone())).unwrap_or_default();
        match given_at(&self.request.identity, place) {
            Some(Origin::Env { name, .. }) => format!("{name}: {part}"),
            Some(Origin::Line { file, line, .. }) => format!("{file}:{line}: {part}"),
            _ => format!("{} {part}", place.option.name()),
        }
    }

    fn elsewhere(&self, text: &mut String) {
        let rootless = matches!(self.host.caller, Caller::User { .. });
        let image = self.image.name.as_str();
        let root = if self.request.rootfs { Root::Directory(image) } else { Root::Image(image) };
        let podman = equivalents::podman(self.own, &self.host.caller, root);
        let counted =
            "its numbers count your own ids: 0 is you, then come those of /etc/subuid and /etc/subgid by rising number";
        let notes = (rootless && podman.contains("--uidmap")).then(|| counted.to_owned());
        section(text, "Podman", &podman, notes.as_slice());
        let (command, note) = equivalents::ctr(&self.outside, root);
        section(text, "ctr (containerd), as root", &command, note.as_slice());
        section(text, "config.json of an OCI bundle", &equivalents::oci(&self.outside), &[]);
        if !self.request.rootfs {
            // A pod runs images only.
            let (pod, notes) = equivalents::pod(&self.outside, image);
            section(text, "Kubernetes", &pod, &notes);
        }
    }
}

fn section(text: &mut String, title: &str, body: &str, notes: &[String]) {
    if text.ends_with("\n\n") {
        let _ = writeln!(text, "{title}");
    } else {
        let _ = writeln!(text, "\n{title}");
    }
    indent(text, body);
    for note in notes {
        indent(text, note);
    }
}

fn indent(text: &mut String, body: &str) {
    for line in body.lines() {
        let _ = writeln!(text, "  {line}");
    }
}
