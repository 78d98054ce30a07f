//! The document, read strictly: nothing unknown, nothing twice, nothing empty.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use diag::{Pointer, Result};
use oci::Source;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;

use super::wrong;

/// policy.json.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    pub(super) default: Vec<Rule>,
    #[serde(default, deserialize_with = "once_each")]
    pub(super) transports: BTreeMap<String, Scopes>,
}

/// The rules of a transport, by scope.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Scopes(#[serde(deserialize_with = "once_each")] BTreeMap<String, Vec<Rule>>);

impl Scopes {
    pub(super) fn get(&self, scope: &str) -> Option<&Vec<Rule>> {
        self.0.get(scope)
    }
}

/// A requirement.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) kind: Kind,
}

/// Its kind.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Accept,
    Reject,
    /// A kind that demands signatures.
    Signed(String),
    /// A kind that is not known.
    Other(String),
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members: BTreeMap<String, Value> = once_each(deserializer)?;
        let Some(Value::String(kind)) = members.get("type") else { return Err(D::Error::missing_field("type")) };
        let alone = |rule| {
            if members.len() == 1 { Ok(rule) } else { Err(D::Error::custom(format!("`{kind}` has no other members"))) }
        };
        let kind = match kind.as_str() {
            "insecureAcceptAnything" => alone(Kind::Accept)?,
            "reject" => alone(Kind::Reject)?,
            "signedBy" | "sigstoreSigned" | "signedBaseLayer" => Kind::Signed(kind.clone()),
            other => Kind::Other(other.to_owned()),
        };
        Ok(Rule { kind })
    }
}

impl Contents {
    /// The same, if no list of rules is empty: that would accept everything.
    pub(super) fn checked(self, source: &Source) -> Result<Contents> {
        let root = Pointer::root();
        let of_transports = self.transports.iter().flat_map(|(transport, scopes)| {
            let pointer = root.child("transports").child(transport);
            scopes.0.iter().map(move |(scope, rules)| (pointer.child(scope), rules))
        });
        for (pointer, rules) in std::iter::once((root.child("default"), &self.default)).chain(of_transports) {
            if rules.is_empty() {
                return Err(wrong(source, pointer, "a list of rules is not empty; to accept everything, say so"));
            }
        }
        Ok(self)
    }
}

/// A table in which each name stands once.
fn once_each<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error> {
    struct Table<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Table<T> {
        type Value = BTreeMap<String, T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut table = BTreeMap::new();
            while let Some((name, value)) = map.next_entry::<String, T>()? {
                if table.contains_key(&name) {
                    return Err(A::Error::custom(format!("`{name}` is written twice")));
                }
                table.insert(name, value);
            }
            Ok(table)
        }
    }
    deserializer.deserialize_map(Table(PhantomData))
}
