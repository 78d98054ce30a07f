//! What options' values have in common: lists with commas, sizes, numbers, names with values.

use std::{ops::Range, str::FromStr};

use diag::{Error, Result, codes};

use crate::request::Given;

/// The values of an option that takes several with commas between, each with its place. As in CSV, a value with a comma in it can be
/// put into quotes; an empty text is no value. UR0806 for a quote that does not end.
pub fn commas(list: &[Given<String>]) -> Result<Vec<Given<String>>> {
    let mut values = Vec::new();
    for given in list {
        let parts = fields(&given.value).ok_or_else(|| {
            given.blame(Error::new(codes::UR0806, format!("a quote in `{}` does not end", given.value)))
        })?;
        values.extend(parts.into_iter().map(|bytes| {
            let mut part = given.part(bytes);
            part.value = part.value.replace("\"\"", "\"");
            part
        }));
    }
    Ok(values)
}

/// The bytes of each field, without the quotes around it.
fn fields(text: &str) -> Option<Vec<Range<usize>>> {
    let mut found = Vec::new();
    let mut start = 0;
    if text.is_empty() {
        return Some(found);
    }
    loop {
        let rest = &text[start..];
        let end = match rest.strip_prefix('"') {
            None => start + rest.find(',').unwrap_or(rest.len()),
            Some(inner) => {
                let length = closing(inner)?;
                found.push(start + 1..start + 1 + length);
                start + length + 2
            }
        };
        if !rest.starts_with('"') {
            found.push(start..end);
        }
        match text[end..].chars().next() {
            None => return Some(found),
            Some(',') => start = end + 1,
            Some(_) => return None,
        }
    }
}

/// Where the quote is that ends a field: one that is not doubled.
fn closing(inner: &str) -> Option<usize> {
    let bytes = inner.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'"', Some(b'"')) => at += 2,
            (b'"', _) => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// `NAME=VALUE`; without `=` the value is empty. UR0806 without a name.
pub fn pair(given: &Given<String>, what: &str) -> Result<(String, String)> {
    let (name, value) = given.value.split_once('=').unwrap_or((&given.value, ""));
    if name.is_empty() {
        return Err(given.blame(Error::new(codes::UR0806, format!("{what} needs a name before the `=`"))));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// A number; UR0806 says what it should be.
pub fn number<T: FromStr>(given: &Given<String>, what: &str) -> Result<T> {
    given
        .value
        .trim()
        .parse()
        .map_err(|_| given.blame(Error::new(codes::UR0806, format!("`{}` is not {what}", given.value))))
}

/// A size in bytes as Podman reads it, in steps of 1024: `512`, `64k`, `1.5g`, `10MiB`. UR0806.
pub fn size(given: &Given<String>) -> Result<i64> {
    bytes(&given.value).ok_or_else(|| {
        given.blame(
            Error::new(codes::UR0806, format!("`{}` is not a size", given.value))
                .help("write a number and, if it is not of bytes, one of the units k, m, g, t: `512m`"),
        )
    })
}

/// See [`size`].
pub(crate) fn bytes(text: &str) -> Option<i64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let shift = match unit.trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        "p" | "pb" | "pib" => 50,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && part.is_empty()) || part.contains('.') {
        return None;
    }
    let unit = 1_u128 << shift;
    let whole: u128 = if whole.is_empty() { 0 } else { u128::from(whole.parse::<u64>().ok()?) };
    // What lies below a byte does not count.
    let part = part.get(..part.len().min(15))?;
    let part = if part.is_empty() {
        0
    } else {
        u128::from(part.parse::<u64>().ok()?) * unit / 10_u128.pow(u32::try_from(part.len()).ok()?)
    };
    i64::try_from(whole.checked_mul(unit)?.checked_add(part)?).ok()
}

#[cfg(test)]
mod tests {
    use diag::Origin;
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Option<Vec<String>> {
        let list = commas(&[Given::unwritten(text.to_owned())]).ok()?;
        Some(list.into_iter().map(|given| given.value).collect())
    }

    #[test]
    fn lists_have_commas_and_quotes() {
        assert_eq!(split("").unwrap(), [""; 0]);
        assert_eq!(split("a,b,,c").unwrap(), ["a", "b", "", "c"]);
        assert_eq!(split(r#""a,b",c,"d ""e""""#).unwrap(), ["a,b", "c", r#"d "e""#]);
        for open in [r#""a"#, r#""a"b"#, r#"x,""#] {
            assert_eq!(split(open), None, "{open}");
        }
    }

    #[test]
    fn each_value_has_its_place() {
        let argv = ["unroot".to_owned(), "--x=ab,cd".to_owned()].into();
        let given = Given { value: "ab,cd".to_owned(), at: Some(Origin::Arg { argv, index: 1, range: Some(4..9) }) };
        let list = commas(&[given]).unwrap();
        assert!(matches!(&list[1].at, Some(Origin::Arg { range: Some(range), .. }) if *range == (7..9)));
    }

    #[test]
    fn sizes_are_of_1024() {
        for (text, size) in
            [("0", 0), ("512", 512), ("64k", 65_536), ("1.5g", 1_610_612_736), ("10 MiB", 10_485_760), (".5K", 512)]
        {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for text in ["", "k", "-1", "1x", "1.2.3", "99999999p", "9223372036854775808", "."] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".{0,30}") {
            let _ = split(&text);
            let _ = bytes(&text);
        }

        #[test]
        fn what_has_no_quote_splits_at_commas(parts in prop::collection::vec("[a-z=;: ]{1,5}", 1..5)) {
            prop_assert_eq!(split(&parts.join(",")).unwrap(), parts);
        }
    }
}
