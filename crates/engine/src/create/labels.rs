//! Labels and annotations.

use std::collections::BTreeMap;

use diag::{Error, Result, codes};

use super::{Setting, file};
use crate::values;

/// What our own annotations begin with: the runtime believes them.
const OWN: &str = "org.unroot.";

/// The image's labels, then those of files, then those of the command line.
pub(super) fn labels(setting: &Setting) -> Result<BTreeMap<String, String>> {
    let life = &setting.request.life;
    let mut labels = setting.image.labels.clone();
    for path in values::commas(&life.label_file)? {
        for line in file::lines(&path)? {
            labels.extend([values::pair(&line, "a label")?]);
        }
    }
    for label in &life.label {
        labels.extend([values::pair(label, "a label")?]);
    }
    Ok(labels)
}

/// Those of containers.conf, then those of the command line.
pub(super) fn annotations(setting: &Setting) -> Result<BTreeMap<String, String>> {
    let given = values::commas(&setting.request.life.annotation)?;
    let mut annotations = BTreeMap::new();
    for annotation in setting.conf.containers.annotations.iter().chain(&given) {
        let (name, value) = values::pair(annotation, "an annotation")?;
        if !annotation.value.contains('=') {
            let what = format!("the annotation `{name}` has no value");
            return Err(annotation.blame(Error::new(codes::UR0806, what).help("write it as NAME=VALUE")));
        }
        if name.starts_with(OWN) {
            let what = format!("annotations that begin with `{OWN}` are unroot's own");
            return Err(annotation.blame(Error::new(codes::UR0806, what)));
        }
        annotations.insert(name, value);
    }
    Ok(annotations)
}
