//! A JSON pointer's place in the text of the document. The text is parsed again for it, on errors only.

use std::ops::Range;

use jsonc_parser::{
    ParseOptions,
    ast::{Array, Object, ObjectProp, ObjectPropName, Value},
    common::Ranged,
    parse_to_ast,
};

use crate::Pointer;

/// Where a pointer leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Bytes of the value, or of what cannot be parsed.
    pub(crate) span: Range<usize>,
    /// Bytes of the member's name with its quotes, if the value is a member of an object.
    pub(crate) name: Option<Range<usize>>,
    /// The first segment that the document does not have; the place is then that of its nearest parent.
    pub(crate) missing: Option<String>,
}

/// Finds a pointer's place. In a text that is no JSON that is the place where it stops being JSON.
pub(crate) fn find(text: &str, pointer: &Pointer) -> Place {
    match parse_to_ast(text, &jsonc_parser::CollectOptions::default(), &strict()) {
        Ok(parsed) => parsed.value.map(|root| walk(&root, pointer)).unwrap_or_default(),
        Err(error) => Place { span: error.range().start..error.range().end, ..Place::default() },
    }
}

/// The line and the column of a byte, both from 1; columns count characters.
pub(crate) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..floor(text, at)];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

/// The nearest character boundary at or before a byte.
pub(crate) fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

fn walk(root: &Value<'_>, pointer: &Pointer) -> Place {
    let mut place = Place { span: span(root), ..Place::default() };
    let mut value = root;
    for segment in pointer.segments() {
        let step = match value {
            Value::Object(object) => member(object, &segment).map(|found| (&found.value, Some(name_span(found)))),
            Value::Array(array) => element(array, &segment).map(|found| (found, None)),
            _ => None,
        };
        let Some((next, name)) = step else {
            place.missing = Some(segment);
            break;
        };
        place = Place { span: span(next), name, missing: None };
        value = next;
    }
    place
}

/// The last of several members of one name counts, as it does for serde.
fn member<'a, 'b>(object: &'b Object<'a>, name: &str) -> Option<&'b ObjectProp<'a>> {
    object.properties.iter().rev().find(|property| property.name.as_str() == name)
}

fn element<'a, 'b>(array: &'b Array<'a>, index: &str) -> Option<&'b Value<'a>> {
    index.parse::<usize>().ok().and_then(|index| array.elements.get(index))
}

fn span(value: &Value<'_>) -> Range<usize> {
    let range = value.range();
    range.start..range.end
}

fn name_span(property: &ObjectProp<'_>) -> Range<usize> {
    let range = match &property.name {
        ObjectPropName::String(name) => name.range,
        ObjectPropName::Word(name) => name.range,
    };
    range.start..range.end
}

/// JSON (RFC 8259) and nothing more.
fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\"a\": [10, {\"b/c\": \"ö\"}],\n \"d\": {}}";

    fn shown(pointer: &str) -> (&'static str, Option<String>) {
        let place = find(TEXT, &Pointer::new(pointer));
        (&TEXT[place.span], place.missing)
    }

    #[test]
    fn places() {
        assert_eq!(shown("/a/0"), ("10", None));
        assert_eq!(shown("/a/1/b~1c"), ("\"ö\"", None));
        assert_eq!(shown("/d/x/y"), ("{}", Some("x".into())));
        assert_eq!(shown("/a/7"), ("[10, {\"b/c\": \"ö\"}]", Some("7".into())));
        assert_eq!(shown("/a/0/z"), ("10", Some("z".into())));
        assert_eq!(shown(""), (TEXT, None));
        assert_eq!(find(TEXT, &Pointer::new("/d")).name, Some(28..31));
    }

    #[test]
    fn broken_text() {
        assert_eq!(find("{\"a\" 1}", &Pointer::root()).span.start, 5);
        assert_eq!(find("", &Pointer::new("/a")), Place::default());
    }

    #[test]
    fn lines_and_columns() {
        assert_eq!(line_and_column(TEXT, 0), (1, 1));
        assert_eq!(line_and_column(TEXT, 28), (2, 2));
        assert_eq!(line_and_column("ö€x", 5), (1, 3));
        assert_eq!(line_and_column("x", 99), (1, 2));
    }
}
