//! `volume create`.

use std::collections::BTreeMap;

use diag::{Error, Result, codes};
use store::{DRIVER, VolumeRecord};

use super::attach::checked;
use crate::{Engine, create::now, request::Given};

/// What `volume create` is asked for.
#[derive(Clone, Debug, Default)]
pub struct NewVolume {
    /// The name; without one it is 64 hexadecimal digits.
    pub name: Option<Given<String>>,
    /// `--driver`.
    pub driver: Option<Given<String>>,
    /// `--label KEY[=VALUE]`.
    pub labels: Vec<Given<String>>,
    /// `--opt KEY=VALUE`.
    pub options: Vec<Given<String>>,
    /// `--ignore`: one that is there is as good.
    pub ignore: bool,
}

impl Engine<'_> {
    /// Makes a volume; its name. Errors: UR0841, UR0843, UR0804, UR0808.
    pub fn create_volume(&self, asked: &NewVolume) -> Result<String> {
        if let Some(driver) = asked.driver.as_ref().filter(|driver| driver.value != DRIVER && !driver.value.is_empty())
        {
            let what = format!("there is no volume driver `{}`", driver.value);
            return Err(driver.blame(Error::new(codes::UR0808, what).help("the only one is `local`")));
        }
        let name = asked.name.clone().unwrap_or_else(|| Given::unwritten(store::anonymous_volume_name()));
        let record = VolumeRecord {
            name: name.value.clone(),
            created: now(),
            labels: pairs(&asked.labels),
            options: options(&asked.options)?,
            ..VolumeRecord::default()
        };
        let record = checked(record).map_err(|error| match asked.options.first() {
            Some(first) => first.blame_if_bare(error),
            None => error,
        })?;
        let made = self.store.create_volume(&record).map_err(|error| name.blame(error))?;
        if made.is_none() && !asked.ignore {
            let what = format!("a volume with the name `{}` exists already", name.value);
            return Err(name.blame(
                Error::new(codes::UR0841, what)
                    .help_run("if that is as it should be", format!("unroot volume create --ignore {}", name.value)),
            ));
        }
        Ok(name.value)
    }

    /// Whether there is a volume of this name.
    pub fn has_volume(&self, name: &str) -> Result<bool> {
        match self.store.volume(name) {
            Err(error) if error.code() == codes::UR0840 => Ok(false),
            found => found.map(|_| true),
        }
    }
}

fn pairs(list: &[Given<String>]) -> BTreeMap<String, String> {
    let pair = |given: &Given<String>| {
        let (key, value) = given.value.split_once('=').unwrap_or((&given.value, ""));
        (key.to_owned(), value.to_owned())
    };
    list.iter().map(pair).collect()
}

fn options(list: &[Given<String>]) -> Result<BTreeMap<String, String>> {
    if let Some(given) = list.iter().find(|given| !given.value.contains('=')) {
        let what = format!("`{}` has no value", given.value);
        return Err(given.blame(Error::new(codes::UR0843, what).help("write `KEY=VALUE`")));
    }
    Ok(pairs(list))
}
