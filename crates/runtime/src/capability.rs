//! The capabilities of capabilities(7): names, numbers, and the five sets of a process.

use std::fmt;

use diag::{Error, Pointer, codes};
use oci::{
    Source,
    spec::{Capabilities, Capability},
};

pub use oci::spec::capability::{name, number};

/// A set of capabilities: bit n is capability n, as capset(2) counts.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CapSet(pub u64);

impl CapSet {
    /// All capabilities that a kernel knows whose last one is `last` (`/proc/sys/kernel/cap_last_cap`).
    pub fn all(last: u8) -> CapSet {
        CapSet(u64::MAX >> (63 - last.min(63)))
    }

    /// The set as bits.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Whether a capability is in it; none beyond 63 is.
    pub fn has(self, number: u8) -> bool {
        number < 64 && self.0 >> number & 1 == 1
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: CapSet) -> CapSet {
        CapSet(self.0 & other.0)
    }

    /// What is in one or in both.
    #[must_use]
    pub fn with(self, other: CapSet) -> CapSet {
        CapSet(self.0 | other.0)
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub fn without(self, other: CapSet) -> CapSet {
        CapSet(self.0 & !other.0)
    }

    /// The numbers in it, from the lowest.
    pub fn numbers(self) -> impl Iterator<Item = u8> {
        (0..64).filter(move |&number| self.has(number))
    }
}

impl FromIterator<u8> for CapSet {
    fn from_iter<I: IntoIterator<Item = u8>>(numbers: I) -> CapSet {
        CapSet(numbers.into_iter().filter(|&number| number < 64).fold(0, |bits, number| bits | 1 << number))
    }
}

/// As people write them: `CAP_CHOWN, CAP_KILL`.
impl fmt::Display for CapSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.numbers().enumerate().try_for_each(|(i, number)| {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{}", name(number))
        })
    }
}

impl fmt::Debug for CapSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CapSet({self})")
    }
}

/// The five sets of a process (capabilities(7), "Thread capability sets").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapSets {
    /// What an execve may ever gain.
    pub bounding: CapSet,
    /// What the kernel looks at.
    pub effective: CapSet,
    /// What an execve of a file with inheritable capabilities keeps.
    pub inheritable: CapSet,
    /// What may be made effective.
    pub permitted: CapSet,
    /// What an ordinary execve keeps.
    pub ambient: CapSet,
}

impl CapSets {
    /// The sets that config.json asks for, fitted to what the kernel accepts. What had to be left out is told in warnings:
    /// * a capability beyond `last`, the last one that the kernel knows (as runc does);
    /// * an effective one that is not permitted, an ambient one that is not both permitted and inheritable: capset(2) and
    ///   prctl(2) would refuse the whole set with EPERM, although nobody meant more than what is possible.
    pub fn from_spec(spec: &Capabilities, last: u8, source: &Source) -> (CapSets, Vec<Error>) {
        let asked = CapSets {
            bounding: set(&spec.bounding),
            effective: set(&spec.effective),
            inheritable: set(&spec.inheritable),
            permitted: set(&spec.permitted),
            ambient: set(&spec.ambient),
        };
        asked.fit(last, source)
    }

    fn fit(self, last: u8, source: &Source) -> (CapSets, Vec<Error>) {
        let known = CapSet::all(last);
        let mut warnings = Vec::new();
        let mut keep = |name: &str, asked: CapSet, limit: CapSet, why: &str| {
            let left_out = asked.without(limit);
            if !left_out.is_empty() {
                let what = format!("{left_out} is left out of the {name} set: {why}");
                let at = source.at(Pointer::new("/process/capabilities").child(name));
                warnings.push(Error::warning(codes::UR0508, what).at(at));
            }
            asked.and(limit)
        };
        let unknown = "this kernel does not know it";
        let bounding = keep("bounding", self.bounding, known, unknown);
        let permitted = keep("permitted", self.permitted, known, unknown);
        let inheritable = keep("inheritable", self.inheritable, known, unknown);
        let effective = keep("effective", self.effective.and(known), permitted, "it is not in the permitted set");
        let ambient = permitted.and(inheritable);
        let ambient = keep("ambient", self.ambient.and(known), ambient, "it is not both permitted and inheritable");
        (CapSets { bounding, effective, inheritable, permitted, ambient }, warnings)
    }
}

fn set(capabilities: &[Capability]) -> CapSet {
    capabilities.iter().map(|capability| capability.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_counts_up_to_the_last() {
        assert_eq!(CapSet::all(0).bits(), 1);
        assert_eq!(CapSet::all(40).numbers().count(), 41);
        assert_eq!(CapSet::all(63).bits(), u64::MAX);
        assert_eq!(CapSet::all(200).bits(), u64::MAX);
    }

    #[test]
    fn sets_are_fitted_with_a_warning_each() {
        let spec: Capabilities = serde_json::from_str(
            r#"{"bounding":["CAP_CHOWN","CAP_BPF"],"permitted":["CAP_CHOWN"],"effective":["CAP_CHOWN","CAP_KILL"],"ambient":["CAP_CHOWN"]}"#,
        )
        .unwrap();
        let (sets, warnings) = CapSets::from_spec(&spec, 37, &Source::new("config.json", "{}"));
        let chown = CapSet(1);
        assert_eq!(sets, CapSets { bounding: chown, effective: chown, permitted: chown, ..CapSets::default() });
        let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "CAP_BPF is left out of the bounding set: this kernel does not know it",
                "CAP_KILL is left out of the effective set: it is not in the permitted set",
                "CAP_CHOWN is left out of the ambient set: it is not both permitted and inheritable",
            ]
        );
    }
}
