//! `system check`: whether all is as it should be, and `--repair`.

use std::time::Duration;

use diag::{Error, Result, codes};
use store::check::{Examination, Mended};

use super::filter::duration;
use crate::{Engine, request::Given};

/// How the store is looked at.
#[derive(Clone, Debug, Default)]
pub struct CheckRequest {
    /// Leave out what reads contents.
    pub quick: bool,
    /// Mend what can be mended.
    pub repair: bool,
    /// Remove what cannot be mended.
    pub force: bool,
    /// `--max`: what nothing leads to counts as left over from this age on.
    pub max: Option<Given<String>>,
}

/// What has become of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was tried.
    Found,
    /// It is as it should be again; what was done.
    Mended(String),
    /// It is as it was; why.
    Left(String),
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Records of images.
    pub images: usize,
    /// Layers.
    pub layers: usize,
    /// Blobs.
    pub blobs: usize,
    /// Containers.
    pub containers: usize,
    /// How many findings there were.
    pub found: usize,
    /// How many of them a command would still stumble over.
    pub defects: usize,
}

impl Engine<'_> {
    /// Looks at the whole store, and tells `told` of each finding and of what has become of it.
    pub fn check(&self, request: &CheckRequest, mut told: impl FnMut(&Error, &Outcome)) -> Result<Checked> {
        let asked = Examination {
            quick: request.quick,
            how: self.intake()?,
            age: request.max.as_ref().map_or(Ok(Duration::ZERO), age)?,
            containers: self.standings()?,
        };
        let examined = self.store.examine(&asked)?;
        let mut checked = Checked {
            images: examined.images,
            layers: examined.layers,
            blobs: examined.blobs,
            containers: examined.containers,
            found: examined.findings.len(),
            defects: examined.defects(),
        };
        for finding in &examined.findings {
            let outcome = if request.repair || request.force {
                match self.store.mend(finding, &asked, request.force)? {
                    Mended::Done(what) => Outcome::Mended(what),
                    Mended::Left(why) => Outcome::Left(why),
                }
            } else {
                Outcome::Found
            };
            if finding.is_defect() && matches!(outcome, Outcome::Mended(_)) {
                checked.defects -= 1;
            }
            told(&finding.error, &outcome);
        }
        for left in self.orphan_leases()? {
            checked.found += 1;
            told(&left, &Outcome::Found);
        }
        Ok(checked)
    }

    /// Leases of ids whose container does not run: some process has outlived it.
    fn orphan_leases(&self) -> Result<Vec<Error>> {
        let live: Vec<String> =
            self.known()?.iter().filter(|known| known.is_live()).map(|known| known.id.to_string()).collect();
        let slots = self.store.leases()?.into_iter().map(|held| (format!("slot {}", held.slot), held.holder));
        let sets = self.store.lock_ids()?.held()?.into_iter().map(|held| ("a set of ids".to_owned(), held.holder));
        let orphans = slots.chain(sets).filter(|(_, holder)| !holder.is_empty() && !live.contains(holder));
        let told = |(what, holder): (String, String)| {
            let short = holder.get(..12).unwrap_or(&holder).to_owned();
            Error::warning(codes::UR0725, format!("{what} is leased to container {short}, which does not run"))
                .fact("a process that it has left behind still has the lease; it ends with that process")
                .help_run("see who has it", format!("fuser -v {}/ids/*", self.scope.run_root.display()))
        };
        Ok(orphans.map(told).collect())
    }
}

fn age(given: &Given<String>) -> Result<Duration> {
    duration(&given.value).map(Duration::from_secs).ok_or_else(|| {
        given.blame(
            Error::new(codes::UR0806, format!("`{}` is not a duration", given.value)).help("write it as 24h or 1h30m"),
        )
    })
}
