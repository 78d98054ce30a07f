//! Containers' directories and names.

use diag::{Error, Result, codes};

use super::{Cure, Look, Standing};
use crate::{ContainerId, Usage, container::VOLATILE, io};

impl Look<'_> {
    /// Each container: its records, and its writable layer. (Its layers are looked at with all others.)
    pub(super) fn containers(&mut self) -> Result<()> {
        for standing in &self.asked.containers {
            let Some(why) = self.fault(standing) else { continue };
            let written = self.written(standing)?;
            if !standing.live && self.was_to_go(standing) {
                let error = Error::warning(codes::UR0725, format!("the container `{}` is left over", standing.name))
                    .fact(why)
                    .fact("it was to be removed after its run (`--rm`), which a crash of the machine has ended")
                    .help_run("remove it", "unroot system check --repair");
                self.find(error, Cure::Container(standing.id.clone(), false));
                continue;
            }
            let error =
                Error::new(codes::UR0723, format!("the container `{}` cannot be used", standing.name)).fact(why);
            let error = if written {
                error.fact(format!("what it has written is in `{}/upper`", self.path(&standing.id))).help_run(
                    "save that if it matters, then remove the container",
                    "unroot system check --repair --force",
                )
            } else {
                error.fact("it has written nothing").help_run("remove it", "unroot system check --repair")
            };
            self.find(error, Cure::Container(standing.id.clone(), written));
        }
        Ok(())
    }

    fn path(&self, id: &ContainerId) -> String {
        self.store.containers.path().join(id.as_str()).display().to_string()
    }

    fn was_to_go(&self, standing: &Standing) -> bool {
        self.store.containers.dir(standing.id.as_str()).is_ok_and(|dir| dir.has(VOLATILE))
    }

    fn fault(&self, standing: &Standing) -> Option<String> {
        let dir = self.store.containers.dir(standing.id.as_str()).ok()?;
        let lacks = |name: &str| dir.dir(name).is_err();
        match &standing.fault {
            Some(why) => Some(why.clone()),
            None if standing.writable && lacks("upper") => Some("its directory `upper` is missing".to_owned()),
            None if standing.writable && lacks("work") => Some("its directory `work` is missing".to_owned()),
            None => None,
        }
    }

    /// Whether there is anything in its writable layer.
    fn written(&self, standing: &Standing) -> Result<bool> {
        let upper = self.store.containers.dir(standing.id.as_str()).and_then(|dir| dir.dir("upper"));
        let Ok(upper) = upper else { return Ok(false) };
        Ok(Usage::of(&upper)?.files > 1)
    }

    /// Links in `names/`, and what is in `containers/` and is no container.
    pub(super) fn names(&mut self) -> Result<()> {
        for name in self.store.names.names().map_err(io("the names cannot be listed"))? {
            let shown = name.display().to_string();
            let target = self.store.names.read_link(&name).ok();
            let id = target.as_deref().and_then(|target| ContainerId::parse(target.file_name()?.to_str()?));
            if id.is_some_and(|id| self.store.containers.has(id.as_str())) {
                continue;
            }
            let error = Error::warning(codes::UR0724, format!("the name `{shown}` leads to no container"))
                .fact("it is free: the next container may have it")
                .help_run("remove the link", "unroot system check --repair");
            self.find(error, Cure::Name(shown));
        }
        Ok(())
    }
}
