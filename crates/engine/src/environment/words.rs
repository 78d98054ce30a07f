//! Variables in a text, as in a Dockerfile: `$NAME`, `${NAME}`, `${NAME:-else}`, `${NAME:+if}`, quotes and backslashes.

/// The text with its variables replaced; one that is not known is empty. `None` if a quote or a brace does not end.
pub fn expand(text: &str, look_up: impl Fn(&str) -> Option<String>) -> Option<String> {
    let look_up: &dyn Fn(&str) -> Option<String> = &look_up;
    let mut rest = text;
    let mut out = String::new();
    let mut quoted = false;
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        match next {
            '\'' if !quoted => {
                let (plain, after) = rest.split_once('\'')?;
                out.push_str(plain);
                rest = after;
            }
            '"' => quoted = !quoted,
            '\\' => {
                let Some(plain) = rest.chars().next() else { continue };
                if quoted && !matches!(plain, '"' | '\\' | '$') {
                    out.push('\\');
                }
                out.push(plain);
                rest = &rest[plain.len_utf8()..];
            }
            '$' => rest = variable(rest, look_up, &mut out)?,
            plain => out.push(plain),
        }
    }
    (!quoted).then_some(out)
}

/// Replaces the variable that begins here; what follows it.
fn variable<'a>(text: &'a str, look_up: &dyn Fn(&str) -> Option<String>, out: &mut String) -> Option<&'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let Some(inner) = text.strip_prefix('{') else {
        let (name, rest) = text.split_at(text.find(|c| !is_name(c)).unwrap_or(text.len()));
        out.push_str(&if name.is_empty() { "$".to_owned() } else { look_up(name).unwrap_or_default() });
        return Some(rest);
    };
    let (inner, rest) = inner.split_at(closing(inner)?);
    let (name, how) = inner.split_at(inner.find(|c| !is_name(c)).unwrap_or(inner.len()));
    let value = look_up(name).filter(|value| !value.is_empty());
    let value = match how.get(..2) {
        Some(":-") if value.is_none() => expand(&how[2..], look_up)?,
        Some(":+") if value.is_some() => expand(&how[2..], look_up)?,
        Some(":+") => String::new(),
        Some(":-") => value.unwrap_or_default(),
        _ if how.is_empty() => value.unwrap_or_default(),
        _ => return None,
    };
    out.push_str(&value);
    Some(&rest[1..])
}

/// Where the brace is that ends a variable.
fn closing(inner: &str) -> Option<usize> {
    let mut depth = 0;
    inner.char_indices().find_map(|(at, c)| match c {
        '{' => {
            depth += 1;
            None
        }
        '}' if depth == 0 => Some(at),
        '}' => {
            depth -= 1;
            None
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expanded(text: &str) -> Option<String> {
        expand(text, |name| match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn as_in_a_dockerfile() {
        for (text, said) in [
            ("$A:${A}x$NO.", "a:ax."),
            ("${NO:-b}${EMPTY:-${A}c}${A:-d}", "baca"),
            ("${A:+yes}${NO:+no}", "yes"),
            (r#"'$A' "$A b" \$A "\x\"""#, r#"$A a b $A \x""#),
            ("5$ $", "5$ $"),
        ] {
            assert_eq!(expanded(text).as_deref(), Some(said), "{text}");
        }
        for text in ["'", "\"", "${A", "${A:?x}", "${A:-${B}"] {
            assert_eq!(expanded(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[$A{}:+\\-'\"\\\\é ]{0,20}") {
            let _ = expanded(&text);
        }
    }
}
