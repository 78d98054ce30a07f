//! What an image says about the containers that are made of it.

use std::collections::{BTreeMap, BTreeSet};

use diag::{Error, Pointer, Report, Result, codes};
use serde::{Deserialize, Serialize};

use super::{DOCUMENT_LIMIT, LAYER_LIMIT, Platform, wire};
use crate::{Digest, Source, Timestamp};

/// An image's configuration, as far as unroot uses it. The document itself is kept as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// `USER[:GROUP]`; empty means root. See [`crate::accounts::resolve`].
    pub user: String,
    /// `NAME=VALUE` each; what was not of this form has been left out.
    pub env: Vec<String>,
    /// The words that always come first on the command line.
    pub entrypoint: Vec<String>,
    /// The words that follow unless the user gives others.
    pub cmd: Vec<String>,
    /// The working directory; empty means `/`.
    pub workdir: String,
    /// The directories that become volumes.
    pub volumes: BTreeSet<String>,
    /// `PORT[/PROTOCOL]` each.
    pub exposed_ports: BTreeSet<String>,
    /// Free words.
    pub labels: BTreeMap<String, String>,
    /// The signal that asks the container to end, by name or number; empty means `SIGTERM`.
    pub stop_signal: String,
    /// When the image was made; `None` if it does not say, or not legibly.
    pub created: Option<Timestamp>,
    /// Who made it; may be empty.
    pub author: String,
    /// For which machine it is.
    pub platform: Platform,
    /// The digests of the layers' tar files before compression, the lowest first.
    pub diff_ids: Vec<Digest>,
    /// How each layer came about.
    pub history: Vec<History>,
}

/// One step of an image's making.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// When, as RFC 3339 has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The command.
    #[serde(default, deserialize_with = "wire::or_default", skip_serializing_if = "String::is_empty")]
    pub created_by: String,
    /// Free words.
    #[serde(default, deserialize_with = "wire::or_default", skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Whether this step made no layer.
    #[serde(default, deserialize_with = "wire::or_default", skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

impl ImageConfig {
    /// Reads a configuration, and says in warnings what it has left out. Error: UR0706.
    pub fn parse(source: &Source) -> Result<(ImageConfig, Vec<Report>)> {
        if source.text.len() > DOCUMENT_LIMIT {
            let what = format!("`{}` is longer than {DOCUMENT_LIMIT} bytes", source.file);
            return Err(Error::new(codes::UR0706, what));
        }
        let document: wire::Document = source.parse(codes::UR0706)?;
        check(&document, source)?;
        let mut findings = Vec::new();
        let wire::Document { created, author, architecture, os, variant, config, rootfs, history } = document;
        let created = created
            .as_deref()
            .and_then(|text| text.parse().inspect_err(|_| findings.push(illegible_time(text, source))).ok());
        let config = ImageConfig {
            user: config.user,
            env: keep_env(config.env, source, &mut findings),
            entrypoint: config.entrypoint,
            cmd: config.cmd,
            workdir: config.working_dir,
            volumes: config.volumes,
            exposed_ports: config.exposed_ports,
            labels: config.labels,
            stop_signal: config.stop_signal,
            created,
            author,
            platform: Platform { os, architecture, variant },
            diff_ids: rootfs.diff_ids,
            history,
        };
        Ok((config, findings))
    }

    /// As an OCI document, the same bytes every time.
    pub fn to_json(&self) -> String {
        let document = wire::Document {
            created: self.created.map(|time| time.to_string()),
            author: self.author.clone(),
            architecture: self.platform.architecture.clone(),
            os: self.platform.os.clone(),
            variant: self.platform.variant.clone(),
            config: wire::Process {
                user: self.user.clone(),
                exposed_ports: self.exposed_ports.clone(),
                env: self.env.clone(),
                entrypoint: self.entrypoint.clone(),
                cmd: self.cmd.clone(),
                volumes: self.volumes.clone(),
                working_dir: self.workdir.clone(),
                labels: self.labels.clone(),
                stop_signal: self.stop_signal.clone(),
            },
            rootfs: wire::RootFs { kind: "layers".into(), diff_ids: self.diff_ids.clone() },
            history: self.history.clone(),
        };
        // Strings and numbers: nothing here can fail.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// The value of a variable of its environment; the last one counts.
    pub fn env_value(&self, name: &str) -> Option<&str> {
        self.env
            .iter()
            .rev()
            .find_map(|entry| entry.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
    }
}

/// Refuses what no container could be started with.
fn check(document: &wire::Document, source: &Source) -> Result<()> {
    let root = Pointer::root();
    let refuse = |pointer: Pointer, what: String| Err(Error::new(codes::UR0706, what).at(source.at(pointer)));
    if document.rootfs.kind != "layers" {
        let what = format!("`rootfs.type` is `{}` and must be `layers`", document.rootfs.kind);
        return refuse(root.child("rootfs").child("type"), what);
    }
    if document.rootfs.diff_ids.len() > LAYER_LIMIT {
        let count = document.rootfs.diff_ids.len();
        return refuse(root.child("rootfs").child("diff_ids"), format!("{count} layers, more than {LAYER_LIMIT}"));
    }
    let config = &document.config;
    let single = [("User", &config.user), ("WorkingDir", &config.working_dir), ("StopSignal", &config.stop_signal)];
    let lists = [("Entrypoint", &config.entrypoint), ("Cmd", &config.cmd)];
    let lists = lists.iter().flat_map(|(name, words)| words.iter().map(move |word| (*name, word)));
    let volumes = config.volumes.iter().map(|path| ("Volumes", path));
    let nul = single.into_iter().chain(lists).chain(volumes).find(|(_, text)| text.contains('\0'));
    match nul {
        Some((name, _)) => {
            refuse(root.child("config").child(name), format!("`config.{name}` has a NUL character in it"))
        }
        None => Ok(()),
    }
}

fn keep_env(env: Vec<String>, source: &Source, findings: &mut Vec<Report>) -> Vec<String> {
    let mut kept = Vec::with_capacity(env.len());
    for (index, entry) in env.into_iter().enumerate() {
        let why = match entry.split_once('=') {
            None => "it has no `=`",
            Some(("", _)) => "it has no name",
            Some(_) if entry.contains('\0') => "it has a NUL character in it",
            Some(_) => {
                kept.push(entry);
                continue;
            }
        };
        let pointer = Pointer::root().child("config").child("Env").child(index);
        let what = format!("a variable of the image's environment is left out: {why}");
        findings.push(Error::warning(codes::UR0706, what).at(source.at(pointer)).into_report());
    }
    kept
}

fn illegible_time(text: &str, source: &Source) -> Report {
    let what = format!("the image says that it was created at `{text}`, which is no time");
    Error::warning(codes::UR0706, what).at(source.at(Pointer::root().child("created"))).into_report()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<(ImageConfig, Vec<Report>)> {
        ImageConfig::parse(&Source::new("config", text))
    }

    #[test]
    fn reads_what_docker_writes() {
        let digest = Digest::of("layer");
        let text = format!(
            r#"{{"architecture":"amd64","os":"linux","created":"2026-09-04T10:20:30.5Z","docker_version":"27",
            "config":{{"Hostname":"x","User":"redis:redis","ExposedPorts":{{"6379/tcp":{{}}}},"Env":["PATH=/bin","A=b=c"],
            "Cmd":["redis-server"],"Entrypoint":["docker-entrypoint.sh"],"Volumes":{{"/data":{{}},"/b":null}},"WorkingDir":"/data",
            "Labels":null,"OnBuild":null,"StopSignal":"SIGINT","Healthcheck":{{"Test":["NONE"]}}}},
            "rootfs":{{"type":"layers","diff_ids":["{digest}"]}},
            "history":[{{"created":"2026-01-01T00:00:00Z","created_by":"/bin/sh","empty_layer":true}},{{"comment":"c"}}]}}"#
        );
        let (config, findings) = parse(&text).unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!((config.user.as_str(), config.workdir.as_str()), ("redis:redis", "/data"));
        assert_eq!((config.env_value("A"), config.env_value("PATH")), (Some("b=c"), Some("/bin")));
        assert_eq!(config.volumes.iter().collect::<Vec<_>>(), ["/b", "/data"]);
        assert_eq!((config.diff_ids.as_slice(), config.history.len()), (&[digest][..], 2));
        assert_eq!(config.created, Some(Timestamp(1_788_517_230)));
        assert_eq!(parse(&config.to_json()).unwrap().0, config);
    }

    #[test]
    fn a_bare_configuration_is_enough() {
        let (config, _) =
            parse(r#"{"architecture":"amd64","os":"linux","config":null,"rootfs":{"type":"layers","diff_ids":null}}"#)
                .unwrap();
        assert_eq!(config.platform.to_string(), "linux/amd64");
    }

    #[test]
    fn bad_variables_are_left_out_with_a_warning() {
        let text = r#"{"architecture":"a","os":"l","created":"noon","config":{"Env":["A","=b","C=d","E=\u0000"]},
            "rootfs":{"type":"layers","diff_ids":[]}}"#;
        let (config, findings) = parse(text).unwrap();
        assert_eq!(config.env, ["C=d"]);
        assert_eq!(findings.len(), 4);
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        let with = |config: &str, rootfs: &str| {
            format!(r#"{{"architecture":"a","os":"l","config":{{{config}}},"rootfs":{{{rootfs}}}}}"#)
        };
        let layers = r#""type":"layers","diff_ids":[]"#;
        parse(&with("", layers)).unwrap();
        for text in [
            with(r#""Cmd":["a\u0000b"]"#, layers),
            with(r#""Cmd":"sh""#, layers),
            with(r#""User":0"#, layers),
            with("", r#""type":"tree","diff_ids":[]"#),
            with("", r#""type":"layers","diff_ids":["sha256:abc"]"#),
            r#"{"architecture":"a","os":"l"}"#.into(),
            "null".into(),
        ] {
            assert_eq!(parse(&text).unwrap_err().code(), codes::UR0706, "{text}");
        }
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0usize..200, byte in 32u8..127) {
            let mut config = ImageConfig { env: vec!["A=b".into()], created: Some(Timestamp(0)), ..ImageConfig::default() };
            config.volumes.insert("/v".into());
            let mut text = config.to_json().into_bytes();
            let at = at % text.len();
            text[at] = byte;
            let _ = parse(&String::from_utf8(text).unwrap());
        }
    }
}
