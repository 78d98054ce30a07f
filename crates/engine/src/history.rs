//! `history`: how an image came about, the newest step first.

use diag::Result;
use oci::{Timestamp, image::History};
use store::image::Images;

use crate::{Engine, request::Given};

/// One step of an image's making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The image's id for the last step; the others are images that are not here.
    pub id: Option<String>,
    /// When: seconds since the epoch, and as it is written.
    pub created: Option<(u64, String)>,
    /// The command.
    pub created_by: String,
    /// Bytes in the files of its layer; 0 for a step that has made none.
    pub size: u64,
    /// Free words.
    pub comment: String,
    /// The image's names, for the last step.
    pub tags: Vec<String>,
}

impl Engine<'_> {
    /// The steps, the newest first. A layer that the image says nothing about is a step without words. Errors: UR0701, UR0702, UR0713.
    pub fn history(&self, name: &Given<String>) -> Result<Vec<Step>> {
        let image = self.image(name)?;
        let sizes = Images::of(&self.store).layer_sizes(&image)?;
        let mut steps = steps(&image.config.history, &sizes);
        if let Some(last) = steps.first_mut() {
            last.id = Some(image.id.hex());
            last.tags = image.names.iter().map(ToString::to_string).collect();
        }
        Ok(steps)
    }
}

fn steps(history: &[History], sizes: &[u64]) -> Vec<Step> {
    let mut sizes = sizes.iter();
    let mut steps: Vec<Step> = history
        .iter()
        .map(|step| Step {
            id: None,
            created: step.created.as_deref().and_then(time),
            created_by: step.created_by.clone(),
            size: if step.empty_layer { 0 } else { sizes.next().copied().unwrap_or(0) },
            comment: step.comment.clone(),
            tags: Vec::new(),
        })
        .collect();
    let untold = |size: &u64| Step {
        id: None,
        created: None,
        created_by: String::new(),
        size: *size,
        comment: String::new(),
        tags: Vec::new(),
    };
    steps.extend(sizes.map(untold));
    steps.reverse();
    steps
}

fn time(text: &str) -> Option<(u64, String)> {
    let Timestamp(seconds) = text.parse().ok()?;
    Some((u64::try_from(seconds).unwrap_or(0), text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_and_steps_are_brought_together() {
        let step = |words: &str, empty: bool| History {
            created: Some("2026-01-01T00:00:00Z".into()),
            created_by: words.into(),
            empty_layer: empty,
            ..History::default()
        };
        let steps = steps(&[step("ADD", false), step("CMD", true), step("RUN", false)], &[5, 7, 9]);
        let shown: Vec<_> = steps.iter().map(|step| (step.created_by.as_str(), step.size)).collect();
        assert_eq!(shown, [("", 9), ("RUN", 7), ("CMD", 0), ("ADD", 5)]);
        assert_eq!(steps[1].created.as_ref().unwrap().0, 1_767_225_600);
        assert_eq!(super::steps(&[step("ADD", false)], &[])[0].size, 0);
    }
}
