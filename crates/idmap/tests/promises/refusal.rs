//! A refusal points into the user's own words, can be printed, and helps.

use std::{sync::Arc, time::SystemTime};

use diag::{Error, Origin, render};
use idmap::{MapOption, Refused};

/// `values` gives the values of an option.
pub fn is_a_refusal<'a>(refused: Refused, values: impl Fn(MapOption) -> Vec<&'a str>) {
    if let Some(place) = &refused.place {
        let values = values(place.option);
        let value = values.get(place.value).unwrap_or_else(|| panic!("{place:?} of {values:?}"));
        assert!(value.get(place.bytes.clone()).is_some(), "{place:?} of {value:?}");
    }
    let error = refused.into_error(|place| {
        let name = place.option.name();
        let argument = format!("{name}={}", values(place.option)[place.value]);
        let skip = name.len() + 1;
        let argv: Arc<[String]> = ["unroot".to_owned(), "run".to_owned(), argument, "image".to_owned()].into();
        Some(Origin::Arg { argv, index: 2, range: Some(place.bytes.start + skip..place.bytes.end + skip) })
    });
    can_be_printed(&error);
}

/// In every form, and each form has its code.
pub fn can_be_printed(error: &Error) {
    let report = error.report();
    let code = report.code.id();
    assert!(!report.help.is_empty(), "{error:?} helps nobody");
    // Drawing costs much more than all that is tried here, so either this style or that.
    let length = report.what.len();
    let style = render::Style { color: length.is_multiple_of(2), width: length };
    assert!(render::text(report, style).contains(code));
    assert!(render::json(report, SystemTime::UNIX_EPOCH).contains(code));
    assert!(render::log_text(report, SystemTime::UNIX_EPOCH).contains(code));
    assert!(!render::message(report).contains('\n'));
}
