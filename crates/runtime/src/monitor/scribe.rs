//! What a monitor writes down: how lives end, the container's health, what has happened.

use std::rc::Rc;

use diag::{Error, Result, codes};
use sys::Dir;

use super::health;
use crate::{
    chronicle::{self, Event},
    job::{Exit, Job, Subject},
};

/// How a container ended, in its bundle.
pub(super) const EXIT: &str = "exit.json";

/// The places where it writes.
pub(super) struct Scribe {
    id: String,
    subject: Subject,
    bundle: Rc<Dir>,
    /// Where events are written down, if they are.
    chronicle: Option<Dir>,
}

impl Scribe {
    /// For this job, in its bundle.
    pub(super) fn new(job: &Job, bundle: Rc<Dir>) -> Scribe {
        let place = Some(&job.subject.chronicle).filter(|place| !place.as_os_str().is_empty());
        let chronicle = place.and_then(|place| Dir::open(place).ok());
        Scribe { id: job.id.clone(), subject: job.subject.clone(), bundle, chronicle }
    }

    /// Records how a life ended.
    pub(super) fn record(&self, exit: Exit) -> Result<()> {
        let failed = "how the container ended cannot be recorded";
        let text = serde_json::to_vec(&exit).map_err(|error| Error::warning(codes::UR0606, failed).words(error))?;
        self.bundle.write(EXIT, &text, 0o600).map_err(|error| error.into_error(codes::UR0606, failed))
    }

    /// Records the container's health. That it cannot be is noticed where it is looked at.
    pub(super) fn record_health(&self, report: &health::Report) {
        if let Ok(text) = serde_json::to_vec(report) {
            let _ = self.bundle.write(health::FILE, &text, 0o600);
        }
    }

    /// Writes down what has happened to the container.
    pub(super) fn note(&self, status: &str, exit: Option<u8>) {
        self.write(Event { status: status.to_owned(), exit, ..Event::default() });
    }

    /// Writes down a check of its health.
    pub(super) fn note_health(&self, health: &str) {
        let health = Some(health.to_owned());
        self.write(Event { status: "health_status".to_owned(), health, ..Event::default() });
    }

    fn write(&self, event: Event) {
        let Some(dir) = &self.chronicle else { return };
        let event = Event {
            kind: "container".to_owned(),
            id: self.id.clone(),
            name: self.subject.name.clone(),
            image: self.subject.image.clone(),
            attributes: self.subject.attributes.clone(),
            ..event
        };
        chronicle::write(dir, event);
    }
}
