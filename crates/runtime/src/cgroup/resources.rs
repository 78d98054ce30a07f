//! The device rules of `linux.resources`, for both versions of control groups.

use diag::{Error, Pointer, Result, codes};
use oci::{
    Source,
    spec::{self, DeviceKind, Resources},
};

use super::devices::{EVERY_ACCESS, Rule};

/// Refuses (UR0402) device rules that are none. Limits are looked at when they are written.
pub fn check(resources: Option<&Resources>, source: &Source) -> Result<()> {
    resources.map_or(Ok(()), |resources| device_rules(&resources.devices, source).map(|_| ()))
}

/// One line for a file of the v1 devices controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeviceRule {
    /// Whether it goes to `devices.allow`, otherwise to `devices.deny`.
    pub(super) allow: bool,
    /// `c 1:3 rwm`
    pub(super) line: String,
    /// The same for version 2.
    pub(super) rule: Rule,
    /// Its place in config.json; `None` for those that every container gets.
    pub(super) index: Option<usize>,
}

/// What every container may use, whatever its list says: nodes may be made, and the specification's default devices
/// and terminals be used. (Without the user namespace's consent nothing of it is possible all the same.)
const DEFAULTS: [(DeviceKind, Option<i32>, Option<i32>, i32); 10] = [
    (DeviceKind::Character, None, None, MAKE),
    (DeviceKind::Block, None, None, MAKE),
    (DeviceKind::Character, Some(1), Some(3), EVERY_ACCESS),
    (DeviceKind::Character, Some(1), Some(5), EVERY_ACCESS),
    (DeviceKind::Character, Some(1), Some(7), EVERY_ACCESS),
    (DeviceKind::Character, Some(1), Some(8), EVERY_ACCESS),
    (DeviceKind::Character, Some(1), Some(9), EVERY_ACCESS),
    (DeviceKind::Character, Some(5), Some(0), EVERY_ACCESS),
    (DeviceKind::Character, Some(5), Some(2), EVERY_ACCESS),
    (DeviceKind::Character, Some(136), None, EVERY_ACCESS),
];

/// The bits of an access.
const MAKE: i32 = 1;
const READ: i32 = 2;
const WRITE: i32 = 4;

/// The rules in their order, the defaults last; none for an empty list. Errors: UR0402.
pub(super) fn device_rules(list: &[spec::DeviceRule], source: &Source) -> Result<Vec<DeviceRule>> {
    let mut rules = Vec::new();
    for (index, device) in list.iter().enumerate() {
        let read = read_rules(device).map_err(|(member, what)| {
            let at = Pointer::new("/linux/resources/devices").child(index).child(member);
            Error::new(codes::UR0402, what).at(source.at(at))
        })?;
        rules.extend(read.into_iter().map(|rule| DeviceRule {
            allow: device.allow,
            line: line(&rule),
            rule,
            index: Some(index),
        }));
    }
    if !list.is_empty() {
        rules.extend(DEFAULTS.map(|(kind, major, minor, access)| {
            let rule = Rule { allow: true, kind, major, minor, access };
            DeviceRule { allow: true, line: line(&rule), rule, index: None }
        }));
    }
    Ok(rules)
}

/// A rule; two where version 1 has no line for both kinds at once.
fn read_rules(device: &spec::DeviceRule) -> Result<Vec<Rule>, (&'static str, String)> {
    let access = device.access.as_deref().filter(|access| !access.is_empty()).unwrap_or("rwm");
    let mut bits = 0;
    for letter in access.chars() {
        bits |= match letter {
            'm' => MAKE,
            'r' => READ,
            'w' => WRITE,
            _ => return Err(("access", format!("`{access}` is not made of `r`, `w` and `m`"))),
        };
    }
    let number = |number: Option<i64>, member| match number {
        // -1 is how engines write "any".
        None | Some(..0) => Ok(None),
        Some(number) => match i32::try_from(number) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err((member, format!("{number} is larger than any device number"))),
        },
    };
    let (major, minor) = (number(device.major, "major")?, number(device.minor, "minor")?);
    let rule = |kind| Rule { allow: device.allow, kind, major, minor, access: bits };
    Ok(match device.kind.unwrap_or(DeviceKind::All) {
        // The kernel takes `a` for everything, whatever else the line says.
        DeviceKind::All if major.is_none() && minor.is_none() && bits == EVERY_ACCESS => vec![rule(DeviceKind::All)],
        DeviceKind::All => vec![rule(DeviceKind::Block), rule(DeviceKind::Character)],
        DeviceKind::Block => vec![rule(DeviceKind::Block)],
        DeviceKind::Character | DeviceKind::Unbuffered => vec![rule(DeviceKind::Character)],
        DeviceKind::Fifo => return Err(("type", "a pipe is not a device that a control group knows".to_owned())),
    })
}

/// A rule as version 1 writes it.
fn line(rule: &Rule) -> String {
    let kind = match rule.kind {
        DeviceKind::Block => 'b',
        DeviceKind::All | DeviceKind::Fifo => return "a".to_owned(),
        DeviceKind::Character | DeviceKind::Unbuffered => 'c',
    };
    let number = |number: Option<i32>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
    let letters: String = [(READ, 'r'), (WRITE, 'w'), (MAKE, 'm')]
        .into_iter()
        .filter(|(bit, _)| rule.access & bit != 0)
        .map(|(_, l)| l)
        .collect();
    format!("{kind} {}:{} {letters}", number(rule.major), number(rule.minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source::new("config.json", "{}")
    }

    fn checked(json: &str) -> Result<()> {
        let resources: Resources = serde_json::from_str(json).unwrap();
        check(Some(&resources), &source())
    }

    fn lines(json: &str) -> Vec<String> {
        let list: Vec<spec::DeviceRule> = serde_json::from_str(json).unwrap();
        let rules = device_rules(&list, &source()).unwrap();
        let of_list = rules.iter().filter(|rule| rule.index.is_some());
        of_list.map(|rule| format!("{} {}", if rule.allow { "allow" } else { "deny" }, rule.line)).collect()
    }

    #[test]
    fn device_lists_become_lines() {
        assert!(device_rules(&[], &source()).unwrap().is_empty());
        assert_eq!(
            lines(
                r#"[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":10,"minor":229,"access":"rw"},
                    {"allow":true,"type":"b","major":8,"minor":-1},{"allow":true,"type":"a","access":"m"},
                    {"allow":true,"type":"u","major":1,"minor":3,"access":"r"}]"#
            ),
            ["deny a", "allow c 10:229 rw", "allow b 8:* rwm", "allow b *:* m", "allow c *:* m", "allow c 1:3 r"]
        );
    }

    #[test]
    fn bad_devices_are_pointed_at() {
        for (text, member) in [(r#"{"allow":true,"access":"rx"}"#, "access"), (r#"{"allow":true,"type":"p"}"#, "type")]
        {
            let error = checked(&format!(r#"{{"devices":[{text}]}}"#)).unwrap_err();
            assert_eq!(error.code(), codes::UR0402);
            let Some(diag::Origin::Config { pointer, .. }) = &error.report().at else { panic!("{error}") };
            assert_eq!(pointer.as_str(), format!("/linux/resources/devices/0/{member}"));
        }
    }
}
