//! Seccomp profiles as Podman and Docker keep them in files: more than config.json has, since a rule can depend on the container's
//! capabilities and on the machine. What depends is decided here; what is left is `linux.seccomp`.

use serde_json::{Map, Value, json};

/// Makes `linux.seccomp` out of a profile, for a container that can have these capabilities (`CAP_…`) on a machine of this
/// architecture (`amd64`). What is not understood is left as it is: whoever reads config.json refuses it.
pub fn resolve(profile: &Value, capabilities: &[&str], architecture: &str) -> Value {
    let Some(members) = profile.as_object() else { return profile.clone() };
    let mut resolved: Map<String, Value> = Map::new();
    for (name, value) in members {
        match name.as_str() {
            "archMap" => drop(resolved.insert("architectures".to_owned(), architectures(value, architecture))),
            "syscalls" => {
                let rules = value.as_array().into_iter().flatten();
                let fits = |rule: &&Value| holds(rule, capabilities, architecture);
                drop(resolved.insert(name.clone(), rules.filter(fits).map(bare).collect()));
            }
            // A name for the number that stands beside it.
            "defaultErrno" => {}
            _ => drop(resolved.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(resolved)
}

/// This machine's architecture, and those whose calls it has besides.
fn architectures(map: &Value, architecture: &str) -> Value {
    let own = match architecture {
        "amd64" => "SCMP_ARCH_X86_64",
        "arm64" => "SCMP_ARCH_AARCH64",
        "riscv64" => "SCMP_ARCH_RISCV64",
        "s390x" => "SCMP_ARCH_S390X",
        "ppc64le" => "SCMP_ARCH_PPC64LE",
        "386" => "SCMP_ARCH_X86",
        "arm" => "SCMP_ARCH_ARM",
        _ => return json!([]),
    };
    let entry = map.as_array().into_iter().flatten().find(|entry| entry["architecture"] == own);
    let others = entry.and_then(|entry| entry["subArchitectures"].as_array()).cloned().unwrap_or_default();
    [json!(own)].into_iter().chain(others).collect()
}

/// Whether a rule is for this container on this machine.
fn holds(rule: &Value, capabilities: &[&str], architecture: &str) -> bool {
    let list = |which: &str, what: &str| -> Vec<String> {
        let texts = rule[which][what].as_array().into_iter().flatten();
        texts.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let has = |name: &String| capabilities.contains(&name.as_str());
    let here = |name: &String| name == architecture;
    let (wanted, machines) = (list("includes", "caps"), list("includes", "arches"));
    wanted.iter().all(has)
        && (machines.is_empty() || machines.iter().any(here))
        && !list("excludes", "caps").iter().any(has)
        && !list("excludes", "arches").iter().any(here)
}

/// A rule as config.json has it.
fn bare(rule: &Value) -> Value {
    let mut rule = rule.clone();
    if let Some(members) = rule.as_object_mut() {
        for name in ["includes", "excludes", "comment", "errno"] {
            members.remove(name);
        }
        if let Some(name) = members.remove("name").filter(|_| !members.contains_key("names")) {
            members.insert("names".to_owned(), json!([name]));
        }
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_depend() {
        let profile = json!({
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
            "archMap": [
                { "architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"] },
                { "architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"] },
            ],
            "syscalls": [
                { "names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": "", "includes": {}, "excludes": {} },
                { "names": ["chroot"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_SYS_CHROOT"] } },
                { "name": "bpf", "action": "SCMP_ACT_ERRNO", "errno": "EPERM", "errnoRet": 1, "excludes": { "caps": ["CAP_BPF"] } },
                { "names": ["modify_ldt"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["amd64"] } },
            ],
        });
        let names = |capabilities: &[&str], machine| -> Vec<String> {
            let resolved = resolve(&profile, capabilities, machine);
            let rules = resolved["syscalls"].as_array().cloned().unwrap_or_default();
            rules.iter().map(|rule| rule["names"][0].as_str().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(names(&["CAP_SYS_CHROOT"], "amd64"), ["read", "chroot", "bpf", "modify_ldt"]);
        assert_eq!(names(&["CAP_BPF"], "arm64"), ["read"]);
        let resolved = resolve(&profile, &[], "arm64");
        assert_eq!(resolved["architectures"], json!(["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]));
        assert!(serde_json::from_value::<oci::spec::Seccomp>(resolved).is_ok());
    }

    #[test]
    fn what_is_no_profile_stays_as_it_is() {
        for value in [json!(7), json!([]), json!({ "syscalls": 3, "archMap": null }), json!({ "x": 1 })] {
            resolve(&value, &[], "amd64");
        }
    }
}
