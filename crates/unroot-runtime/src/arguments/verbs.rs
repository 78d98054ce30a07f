//! Each verb's options and words.

use std::time::Duration;

use diag::{Error, Result, codes};

use super::{
    Create, Exec, Verb,
    reader::{Reader, Word, help_wanted, missing_id, wrong},
};
use crate::verbs::update::{OPTIONS, Wanted};

impl Reader {
    /// Reads what follows the verb `name`.
    pub(super) fn verb(&mut self, name: &str) -> Result<Verb> {
        match name {
            "create" => Ok(Verb::Create(self.create(name)?)),
            "run" => Ok(Verb::Run(self.create(name)?)),
            "exec" => self.exec(),
            "start" => Ok(Verb::Start(self.only_id(name)?)),
            "state" => Ok(Verb::State(self.only_id(name)?)),
            "kill" => self.kill(),
            "delete" => self.delete(),
            "list" => self.list(),
            "spec" => self.spec(),
            "pause" => Ok(Verb::Pause(self.only_id(name)?)),
            "resume" => Ok(Verb::Resume(self.only_id(name)?)),
            "update" => self.update(),
            "events" => self.events(),
            "ps" => self.ps(),
            "features" => self.no_words(name).map(|()| Verb::Features),
            "monitor" => self.monitor(),
            "help" => Ok(Verb::Help(self.words(name, |_, _| Ok(false))?.into_iter().next())),
            "checkpoint" | "restore" => {
                Err(Error::new(codes::UR0610, format!("the verb `{name}` is runc's and not supported by this version"))
                    .at(self.here(name)))
            }
            _ => Err(Error::new(codes::UR0610, format!("`{name}` is no verb of this runtime"))
                .at(self.here(name))
                .help_run("see what there is", "unroot-runtime --help")),
        }
    }

    fn create(&mut self, verb: &str) -> Result<Create> {
        let mut create = Create::default();
        let run = verb == "run";
        let words = self.words(verb, |reader, name| {
            match name {
                "bundle" | "b" => create.bundle = reader.path()?,
                "console-socket" => create.console_socket = Some(reader.path()?),
                "pid-file" => create.pid_file = Some(reader.path()?),
                "preserve-fds" => create.preserve_fds = reader.number()?,
                "no-pivot" => create.no_pivot = true,
                "idmap-root" => create.idmap_root = true,
                "detach" | "d" if run => create.detach = true,
                "keep" if run => create.keep = true,
                "no-new-keyring" => return Err(reader.unsupported(name)),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        create.id = self.one(verb, words)?;
        Ok(create)
    }

    fn exec(&mut self) -> Result<Verb> {
        let mut exec = Exec::default();
        exec.id = loop {
            match self.next()? {
                None => return Err(missing_id("exec")),
                Some(Word::Plain(id)) => break id,
                Some(Word::Option(name)) => self.exec_option(&name, &mut exec)?,
            }
        };
        // From here on the words are the command's, whatever they look like.
        exec.command = self.rest()?;
        match (&exec.process, exec.command.first()) {
            (None, None) => Err(wrong("`exec` needs a command, or `--process` with a file that describes one")),
            (Some(_), Some(extra)) => Err(self.extra(extra)),
            _ => Ok(Verb::Exec(Box::new(exec))),
        }
    }

    fn exec_option(&mut self, name: &str, exec: &mut Exec) -> Result<()> {
        match name {
            "process" | "p" => exec.process = Some(self.path()?),
            "console-socket" => exec.console_socket = Some(self.path()?),
            "pid-file" => exec.pid_file = Some(self.path()?),
            "cwd" => exec.cwd = Some(self.path()?),
            "env" | "e" => exec.env.push(self.value()?),
            "user" | "u" => exec.user = Some(self.value()?),
            "additional-gids" | "g" => exec.additional_gids.push(self.number()?),
            "cap" | "c" => exec.cap.push(self.value()?),
            "apparmor" => exec.apparmor = Some(self.value()?),
            "process-label" => exec.process_label = Some(self.value()?),
            "cgroup" => exec.cgroup.push(self.value()?),
            "preserve-fds" => exec.preserve_fds = self.number()?,
            "tty" | "t" => exec.tty = true,
            "detach" | "d" => exec.detach = true,
            "no-new-privs" => exec.no_new_privs = true,
            "ignore-paused" => exec.ignore_paused = true,
            "help" | "h" => return Err(help_wanted("exec")),
            _ => return Err(self.unknown(name, Some("exec"))),
        }
        Ok(())
    }

    fn kill(&mut self) -> Result<Verb> {
        let mut all = false;
        let words = self.words("kill", |_, name| {
            all |= name == "all" || name == "a";
            Ok(name == "all" || name == "a")
        })?;
        let mut words = words.into_iter();
        let Some(id) = words.next() else { return Err(missing_id("kill")) };
        let signal = words.next().unwrap_or_else(|| "SIGTERM".to_owned());
        match words.next() {
            None => Ok(Verb::Kill { id, signal, all }),
            Some(extra) => Err(self.extra(&extra)),
        }
    }

    fn delete(&mut self) -> Result<Verb> {
        let mut force = false;
        let words = self.words("delete", |_, name| {
            force |= name == "force" || name == "f";
            Ok(name == "force" || name == "f")
        })?;
        Ok(Verb::Delete { id: self.one("delete", words)?, force })
    }

    fn list(&mut self) -> Result<Verb> {
        let (mut format, mut quiet) = ("table".to_owned(), false);
        let words = self.words("list", |reader, name| {
            match name {
                "format" | "f" => format = reader.value()?,
                "quiet" | "q" => quiet = true,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        match words.first() {
            Some(extra) => Err(self.extra(extra)),
            None if format == "table" || format == "json" => Ok(Verb::List { format, quiet }),
            None => Err(wrong(format!("`{format}` is no format of a list: there are `table` and `json`"))),
        }
    }

    fn update(&mut self) -> Result<Verb> {
        let mut wanted = Wanted::default();
        let words = self.words("update", |reader, name| {
            match name {
                "resources" | "r" => wanted.file = Some(reader.value()?),
                // runc takes the last one and does nothing with it, since kernels lack such a limit.
                "l3-cache-schema" | "mem-bw-schema" | "kernel-memory" => return Err(reader.unsupported(name)),
                _ if OPTIONS.contains(&name) => {
                    let value = reader.value()?;
                    wanted.options.push((name.to_owned(), value));
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Verb::Update { id: self.one("update", words)?, wanted })
    }

    fn events(&mut self) -> Result<Verb> {
        let (mut once, mut interval) = (false, Duration::from_secs(5));
        let words = self.words("events", |reader, name| {
            match name {
                "stats" => once = true,
                "interval" => {
                    let value = reader.value()?;
                    interval = duration(&value).ok_or_else(|| {
                        wrong(format!("`{value}` is no length of time: write `5s`, `500ms` or `1m30s`"))
                    })?;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Verb::Events { id: self.one("events", words)?, once, interval })
    }

    fn ps(&mut self) -> Result<Verb> {
        let mut format = "table".to_owned();
        let id = loop {
            match self.next()? {
                None => return Err(missing_id("ps")),
                Some(Word::Plain(id)) => break id,
                Some(Word::Option(name)) => match name.as_str() {
                    "format" | "f" => format = self.value()?,
                    "help" | "h" => return Err(help_wanted("ps")),
                    _ => return Err(self.unknown(&name, Some("ps"))),
                },
            }
        };
        let words = self.rest()?;
        if format == "table" || format == "json" {
            return Ok(Verb::Ps { id, format, words });
        }
        Err(wrong(format!("`{format}` is no format of processes: there are `table` and `json`")))
    }

    fn spec(&mut self) -> Result<Verb> {
        let (mut bundle, mut rootless) = (None, false);
        let words = self.words("spec", |reader, name| {
            match name {
                "bundle" | "b" => bundle = Some(reader.path()?),
                "rootless" => rootless = true,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        words.first().map_or(Ok(Verb::Spec { bundle, rootless }), |extra| Err(self.extra(extra)))
    }

    fn monitor(&mut self) -> Result<Verb> {
        let mut job = None;
        self.words("monitor", |reader, name| {
            if name == "job" {
                job = Some(reader.number()?);
            }
            Ok(name == "job")
        })?;
        let job: u32 = job.ok_or_else(|| wrong("`monitor` needs `--job`".to_owned()))?;
        Ok(Verb::Monitor { job: i32::try_from(job).unwrap_or(-1) })
    }
}

/// A length of time as Go writes it, above zero: `1h2m3.5s`, `200ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit = rest[number..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| at + number);
        let scale = match &rest[number..unit] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += rest[..number].parse::<f64>().ok()? * scale;
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| *duration >= Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        assert_eq!(duration("5s"), Some(Duration::from_secs(5)));
        assert_eq!(duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!([duration(""), duration("5"), duration("0s"), duration("s"), duration("5x")], [None; 5]);
    }
}
