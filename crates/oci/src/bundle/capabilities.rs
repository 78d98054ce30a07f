//! Capabilities that this version does not know.
//!
//! The document types refuse them; the specification wants a warning. They are looked for only when a config.json was refused.

use diag::{Error, Pointer, Report, Result, codes};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Source,
    spec::{Capability, Spec},
};

const SETS: [&str; 5] = ["bounding", "effective", "inheritable", "permitted", "ambient"];

/// Reads a config.json that was `refused` again, without the capabilities that are not known.
pub(super) fn read_without_unknown(source: &Source, refused: Error) -> Result<(Spec, Vec<Report>)> {
    let Ok(mut document) = serde_json::from_str::<Value>(&source.text) else { return Err(refused) };
    let mut findings = Vec::new();
    for set in SETS {
        let pointer = Pointer::root().child("process").child("capabilities").child(set);
        if let Some(Value::Array(names)) = document.pointer_mut(pointer.as_str()) {
            take_unknown(names, &pointer, source, &mut findings);
        }
    }
    if findings.is_empty() {
        return Err(refused);
    }
    // Pointers into the rest of the document stay right.
    let rest = Source::new(source.file.clone(), document.to_string());
    match rest.parse(codes::UR0402) {
        Ok(spec) => Ok((spec, findings)),
        Err(error) => Err(error.with_text(&source.text)),
    }
}

fn take_unknown(names: &mut Vec<Value>, pointer: &Pointer, source: &Source, findings: &mut Vec<Report>) {
    let mut index = 0;
    names.retain(|name| {
        let at = pointer.child(index);
        index += 1;
        // What is no text at all stays, to be refused.
        let Value::String(text) = name else { return true };
        let known = Capability::deserialize(name).is_ok();
        if !known {
            let what = format!("the capability `{text}` is not known and is left out");
            findings.push(Error::warning(codes::UR0508, what).at(source.at(at)).into_report());
        }
        known
    });
}
