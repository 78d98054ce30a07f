//! The way back from a place in config.json, which the engine wrote, to the word of the command line that the place came from.

use std::path::{Path, PathBuf};

use diag::{Error, Origin, Pointer};

use crate::{
    exec::ExecRequest,
    mounts::Mount,
    request::{Given, RunRequest},
    values,
};

/// Which member of config.json comes from which word.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    places: Vec<(String, Origin)>,
    /// Destinations of mounts.
    mounts: Vec<(PathBuf, Origin)>,
}

impl Origins {
    /// For a container that this command line makes. `args` and `env` are the document's.
    pub fn of(request: &RunRequest, args: &[String], env: &[String]) -> Origins {
        let mut origins = Origins::default();
        origins.arguments(request, args);
        origins.variables(request, env);
        let maps = |list: &[Given<String>], name: &Option<Given<String>>| {
            let all = list.first().or(name.as_ref()).or(request.identity.userns.as_ref());
            all.or(request.identity.map.first()).or(request.identity.me_as.as_ref()).cloned()
        };
        origins.add("/linux/uidMappings", maps(&request.identity.uidmap, &request.identity.subuidname).as_ref());
        origins.add("/linux/gidMappings", maps(&request.identity.gidmap, &request.identity.subgidname).as_ref());
        origins.add("/process/user", request.identity.user.as_ref());
        origins.add("/process/cwd", request.process.workdir.as_ref());
        origins.add("/hostname", request.network.hostname.as_ref());
        origins.add("/root", Some(&request.image));
        origins.resources(request);
        origins
    }

    fn resources(&mut self, request: &RunRequest) {
        let asked = &request.resources;
        self.add("/process/rlimits", asked.ulimit.first());
        self.add("/process/oomScoreAdj", asked.oom_score_adj.as_ref());
        // A list with a quote that does not end is refused elsewhere.
        for given in values::commas(&asked.sysctl).unwrap_or_default() {
            let name = given.value.split('=').next().unwrap_or_default();
            self.add(Pointer::new("/linux/sysctl").child(name).as_str(), Some(&given));
        }
    }

    /// For a further process of a container; `env` is all of its environment.
    pub fn of_exec(request: &ExecRequest, env: &[String]) -> Origins {
        let mut origins = Origins::default();
        for (index, word) in request.command.iter().enumerate() {
            origins.add(&format!("/process/args/{index}"), Some(word));
        }
        for (index, entry) in env.iter().enumerate() {
            let given = request.env.iter().rev().find(|given| given.value == *entry);
            origins.add(&format!("/process/env/{index}"), given);
        }
        origins.add("/process/user", request.user.as_ref());
        origins.add("/process/cwd", request.workdir.as_ref());
        origins
    }

    /// The last words of the command line are the last arguments; what is before them is the entry point's.
    fn arguments(&mut self, request: &RunRequest, args: &[String]) {
        let first = args.len().saturating_sub(request.command.len());
        for (index, _) in args.iter().enumerate() {
            let word = match index.checked_sub(first) {
                Some(nth) => request.command.get(nth),
                None => request.process.entrypoint.as_ref(),
            };
            self.add(&format!("/process/args/{index}"), word.or(Some(&request.image)));
        }
        self.add(
            "/process/args",
            request.command.first().or(request.process.entrypoint.as_ref()).or(Some(&request.image)),
        );
    }

    fn variables(&mut self, request: &RunRequest, env: &[String]) {
        for (index, entry) in env.iter().enumerate() {
            let given = request.process.env.iter().rev().find(|given| given.value == *entry);
            self.add(&format!("/process/env/{index}"), given);
        }
    }

    /// The same, knowing where the mounts come from.
    #[must_use]
    pub fn with_mounts(mut self, mounts: &[Mount]) -> Origins {
        let place = |mount: &Mount| Some((mount.destination.clone(), mount.at.clone()?));
        self.mounts = mounts.iter().filter_map(place).collect();
        self
    }

    /// The word that an entry of `mounts` comes from: found by its destination, since there are others between them.
    fn of_mount(&self, pointer: &str, text: &str) -> Option<Origin> {
        let index: usize = pointer.strip_prefix("/mounts/")?.split('/').next()?.parse().ok()?;
        let document: serde_json::Value = serde_json::from_str(text).ok()?;
        let destination = Path::new(document["mounts"][index]["destination"].as_str()?);
        self.mounts.iter().find(|(own, _)| own == destination).map(|(_, at)| at.clone())
    }

    fn add(&mut self, pointer: &str, given: Option<&Given<String>>) {
        if let Some(at) = given.and_then(|given| given.at.clone()) {
            self.places.push((pointer.to_owned(), at));
        }
    }

    /// Moves an error that points into config.json to the command line. One that comes from a default keeps its place as
    /// a fact: the user never wrote that file.
    pub fn attach(&self, error: Error) -> Error {
        let Some(Origin::Config { pointer, text, .. }) = &error.report().at else { return error };
        if let Some(at) = self.of_mount(pointer.as_str(), text) {
            return error.moved_to(at);
        }
        let holds =
            |own: &str| pointer.as_str().strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let nearest = self.places.iter().filter(|(own, _)| holds(own)).max_by_key(|(own, _)| own.len());
        if let Some((_, at)) = nearest {
            return error.moved_to(at.clone());
        }
        let place = pointer.to_string();
        let mut report = error.into_report();
        report.at = None;
        report.facts.push(format!("it is `{place}` of the config.json that unroot made"));
        report.into()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use diag::codes;

    use super::*;
    use crate::request::Process;

    fn given(index: usize, value: &str) -> Given<String> {
        let argv: Arc<[String]> = Arc::new([]);
        Given { value: value.to_owned(), at: Some(Origin::Arg { argv, index, range: None }) }
    }

    fn failing(pointer: &str) -> Error {
        let pointer = Pointer::new(pointer);
        Error::new(codes::UR0502, "x").at(Origin::Config { file: "config.json".into(), pointer, text: "".into() })
    }

    fn place(error: &Error) -> Option<usize> {
        match error.report().at {
            Some(Origin::Arg { index, .. }) => Some(index),
            _ => None,
        }
    }

    #[test]
    fn places_lead_back_to_words() {
        let request = RunRequest {
            image: given(3, "debian"),
            command: vec![given(4, "-c"), given(5, "true")],
            process: Process { env: vec![given(2, "A=1")], ..Process::default() },
            ..RunRequest::default()
        };
        let args = ["/bin/sh", "-c", "true"].map(str::to_owned);
        let origins = Origins::of(&request, &args, &["PATH=/bin".to_owned(), "A=1".to_owned()]);
        assert_eq!(place(&origins.attach(failing("/process/args/0"))), Some(3));
        assert_eq!(place(&origins.attach(failing("/process/args/2"))), Some(5));
        assert_eq!(place(&origins.attach(failing("/process/env/1"))), Some(2));
        assert_eq!(place(&origins.attach(failing("/root/path"))), Some(3));
        let other = origins.attach(failing("/mounts/3/options/1"));
        assert!(other.report().at.is_none());
        assert_eq!(other.report().facts, ["it is `mounts[3].options[1]` of the config.json that unroot made"]);
    }
}
