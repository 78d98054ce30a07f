//! What config.json asks of a container's resources, and what of it this version can do.

use diag::{Error, Pointer, Result, codes};
use oci::{
    Source,
    spec::{self, DeviceKind, Resources},
};
use serde_json::Value;

/// Refuses (UR0411) every resource but `devices`; members that ask for nothing, as engines like to write them (an empty
/// object, a limit of 0 or -1, `false`), are no request.
pub fn check(resources: Option<&Resources>, source: &Source) -> Result<()> {
    let Some(resources) = resources else { return Ok(()) };
    let document = serde_json::to_value(resources)
        .map_err(|error| Error::new(codes::UR0402, "`linux.resources` cannot be understood").words(error))?;
    for (name, value) in document.as_object().into_iter().flatten() {
        let here = Pointer::new("/linux/resources").child(name);
        if name == "devices" {
            continue;
        }
        if let Some(at) = request(value, name, &here) {
            return Err(Error::new(codes::UR0411, format!("this version cannot set the limit `{at}`"))
                .at(source.at(at))
                .help("leave it out; limits come with a later version"));
        }
    }
    device_rules(&resources.devices, source).map(|_| ())
}

/// The first member that asks for something.
fn request(value: &Value, name: &str, at: &Pointer) -> Option<Pointer> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) if text.is_empty() => None,
        // 0 is a choice for swappiness, and for nothing else: there it means "not set", as in runc.
        Value::Number(number) if name != "swappiness" && matches!(number.as_i64(), Some(0 | -1)) => None,
        Value::Array(items) => items.iter().enumerate().find_map(|(i, item)| request(item, name, &at.child(i))),
        Value::Object(members) => members.iter().find_map(|(name, member)| request(member, name, &at.child(name))),
        Value::Bool(true) | Value::String(_) | Value::Number(_) => Some(at.clone()),
    }
}

/// One line for a file of the v1 devices controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeviceRule {
    /// Whether it goes to `devices.allow`, otherwise to `devices.deny`.
    pub(super) allow: bool,
    /// `c 1:3 rwm`
    pub(super) line: String,
    /// Its place in config.json; `None` for those that every container gets.
    pub(super) index: Option<usize>,
}

/// What every container may use, whatever its list says: nodes may be made, and the specification's default devices
/// and terminals be used. (Without the user namespace's consent nothing of it is possible all the same.)
const DEFAULTS: [&str; 10] = [
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 1:8 rwm",
    "c 1:9 rwm",
    "c 5:0 rwm",
    "c 5:2 rwm",
    "c 136:* rwm",
];

/// The rules in their order, the defaults last; none for an empty list. Errors: UR0402.
pub(super) fn device_rules(list: &[spec::DeviceRule], source: &Source) -> Result<Vec<DeviceRule>> {
    let mut rules = Vec::new();
    for (index, device) in list.iter().enumerate() {
        let lines = device_lines(device).map_err(|(member, what)| {
            let at = Pointer::new("/linux/resources/devices").child(index).child(member);
            Error::new(codes::UR0402, what).at(source.at(at))
        })?;
        let rule = |line| DeviceRule { allow: device.allow, line, index: Some(index) };
        rules.extend(lines.into_iter().map(rule));
    }
    if !list.is_empty() {
        rules.extend(DEFAULTS.map(|line| DeviceRule { allow: true, line: line.to_owned(), index: None }));
    }
    Ok(rules)
}

fn device_lines(device: &spec::DeviceRule) -> Result<Vec<String>, (&'static str, String)> {
    let access = device.access.as_deref().unwrap_or("rwm");
    if access.is_empty() || access.bytes().any(|byte| !b"rwm".contains(&byte)) {
        return Err(("access", format!("`{access}` is not made of `r`, `w` and `m`")));
    }
    let number = |number: Option<i64>| match number {
        // -1 is how engines write "any".
        None | Some(..0) => "*".to_owned(),
        Some(number) => number.to_string(),
    };
    let (major, minor) = (number(device.major), number(device.minor));
    let line = |kind: char| format!("{kind} {major}:{minor} {access}");
    let any = major == "*" && minor == "*" && b"rwm".iter().all(|right| access.as_bytes().contains(right));
    Ok(match device.kind.unwrap_or(DeviceKind::All) {
        // The kernel takes `a` for everything, whatever else the line says.
        DeviceKind::All if any => vec!["a".to_owned()],
        DeviceKind::All => vec![line('b'), line('c')],
        DeviceKind::Block => vec![line('b')],
        DeviceKind::Character | DeviceKind::Unbuffered => vec![line('c')],
        DeviceKind::Fifo => return Err(("type", "a pipe is not a device that a control group knows".to_owned())),
    })
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

    #[test]
    fn nothing_is_asked_for() {
        check(None, &source()).unwrap();
        for text in [
            "{}",
            r#"{"devices":[{"allow":false,"access":"rwm"}],"memory":{},"cpu":{"shares":0},"pids":{"limit":0}}"#,
            r#"{"memory":{"limit":-1,"disableOOMKiller":false},"blockIO":{"weight":0,"weightDevice":[]},"pids":{"limit":-1}}"#,
            r#"{"cpu":{"cpus":"","mems":"","idle":0},"unified":{},"hugepageLimits":[],"network":{}}"#,
        ] {
            checked(text).unwrap();
        }
    }

    #[test]
    fn a_limit_is_pointed_at() {
        for (text, pointer) in [
            (r#"{"memory":{"limit":1000}}"#, "/linux/resources/memory/limit"),
            (r#"{"memory":{"swappiness":0}}"#, "/linux/resources/memory/swappiness"),
            (r#"{"cpu":{"cpus":"0-1"}}"#, "/linux/resources/cpu/cpus"),
            (r#"{"pids":{"limit":2048}}"#, "/linux/resources/pids/limit"),
            (r#"{"unified":{"memory.high":"1"}}"#, "/linux/resources/unified/memory.high"),
            (r#"{"hugepageLimits":[{"pageSize":"2MB","limit":0}]}"#, "/linux/resources/hugepageLimits/0/pageSize"),
        ] {
            let error = checked(text).unwrap_err();
            assert_eq!(error.code(), codes::UR0411);
            let Some(diag::Origin::Config { pointer: found, .. }) = &error.report().at else { panic!("{error}") };
            assert_eq!(found.as_str(), pointer);
        }
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
