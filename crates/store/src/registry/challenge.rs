//! `WWW-Authenticate`: what a registry wants to see before it answers.
//!
//! Source: RFC 9110, 11.6.1; Docker's token authentication specification.

/// The longest header that is looked at.
const LIMIT: usize = 8192;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password.
    Basic,
    /// A token of this maker.
    Bearer {
        /// The address of the token's maker.
        realm: String,
        /// For which service, if it says so.
        service: Option<String>,
        /// For what, if it says so.
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads the values of all headers. A token is preferred, since it is what the registry made for this.
    pub(super) fn read<'h>(headers: impl IntoIterator<Item = &'h str>) -> Option<Challenge> {
        let all: Vec<Challenge> = headers.into_iter().flat_map(challenges).collect();
        let bearer = all.iter().find(|one| matches!(one, Challenge::Bearer { .. }));
        bearer.or_else(|| all.first()).cloned()
    }
}

/// All challenges of one header that are understood.
fn challenges(header: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut rest = header.get(..header.len().min(LIMIT)).unwrap_or_default().trim_start();
    while !rest.is_empty() {
        let (scheme, after) = word(rest);
        let (parameters, after) = parameters(after);
        let get =
            |name: &str| parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone());
        if scheme.eq_ignore_ascii_case("basic") {
            found.push(Challenge::Basic);
        } else if let (true, Some(realm)) = (scheme.eq_ignore_ascii_case("bearer"), get("realm")) {
            found.push(Challenge::Bearer { realm, service: get("service"), scope: get("scope") });
        }
        if after.len() == rest.len() {
            break;
        }
        rest = after;
    }
    found
}

/// `name=value` pairs up to the next scheme, and what follows.
fn parameters(text: &str) -> (Vec<(String, String)>, &str) {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', ',']);
    loop {
        let (name, after) = word(rest);
        let Some(value) = after.trim_start().strip_prefix('=') else { return (pairs, rest) };
        if name.is_empty() {
            return (pairs, "");
        }
        let (value, after) = value_of(value.trim_start());
        pairs.push((name.to_owned(), value));
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
}

/// A token of the grammar, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let end = text.find([' ', '\t', ',', '=', '"']).unwrap_or(text.len());
    text.split_at(end)
}

/// A value, bare or in quotes, and what follows it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (bare, rest) = word(text);
        return (bare.to_owned(), rest);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
            _ => value.push(letter),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_registries_say_is_understood() {
        let hub =
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#;
        assert_eq!(
            Challenge::read([hub]),
            Some(Challenge::Bearer {
                realm: "https://auth.example/token".into(),
                service: Some("registry.example".into()),
                scope: Some("repository:a/b:pull,push".into()),
            })
        );
        assert_eq!(Challenge::read(["Basic realm=\"x, y\""]), Some(Challenge::Basic));
        assert_eq!(Challenge::read(["basic"]), Some(Challenge::Basic));
        let both = r#"Basic realm="a", Bearer realm="b\"c""#;
        let bearer = Challenge::Bearer { realm: "b\"c".into(), service: None, scope: None };
        assert_eq!(Challenge::read([both]), Some(bearer.clone()));
        assert_eq!(Challenge::read(["Negotiate", both]), Some(bearer));
        assert_eq!(Challenge::read(["Negotiate", "Bearer service=x"]), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", odd in "[Bb=\", \\\\a-z]{0,40}") {
            let _ = Challenge::read([text.as_str(), odd.as_str()]);
        }
    }
}
