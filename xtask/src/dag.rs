//! The crates' order: who may import whom. Cargo forbids circles; this forbids everything else that the design does not have.

use crate::{
    Workspace,
    call::{Outcome, While},
    workspace::Package,
};

/// Each crate and what of ours it may import. The picture is in ARCHITECTURE.md.
const IMPORTS: &[(&str, &[&str])] = &[
    ("diag", &[]),
    ("sys", &["diag"]),
    ("idmap", &["diag"]),
    ("oci", &["diag", "sys"]),
    ("runtime", &["diag", "idmap", "oci", "sys"]),
    ("store", &["diag", "idmap", "oci", "sys"]),
    ("net", &["diag", "sys"]),
    ("engine", &["diag", "idmap", "net", "oci", "runtime", "store", "sys"]),
    ("unroot", &["diag", "engine", "sys"]),
    ("unroot-runtime", &["diag", "oci", "runtime", "sys"]),
    ("xtask", &[]),
];

/// Every crate imports only what it may, and forbids `unsafe` unless it is `sys`.
pub fn check(workspace: &Workspace) -> Outcome<()> {
    let mut faults = Vec::new();
    for package in &workspace.packages {
        let manifest = std::fs::read_to_string(&package.manifest).during(|| package.manifest.display().to_string())?;
        faults.extend(judge(package, &manifest));
    }
    if faults.is_empty() {
        println!("{} crates import only what they may", workspace.packages.len());
        return Ok(());
    }
    Err(faults.join("\n       ").into())
}

fn judge(package: &Package, manifest: &str) -> Vec<String> {
    let name = &package.name;
    let Some((_, allowed)) = IMPORTS.iter().find(|(known, _)| known == name) else {
        return vec![format!("`{name}` has no place in the order of crates; give it one in xtask/src/dag.rs")];
    };
    let ours = package.imports.iter().filter(|import| IMPORTS.iter().any(|(known, _)| known == import));
    let strays = ours.filter(|import| !allowed.contains(&import.as_str()));
    let mut faults: Vec<_> = strays.map(|import| format!("`{name}` must not import `{import}`")).collect();
    if name != "sys" && !manifest.contains("[lints]\nworkspace = true") {
        faults.push(format!("`{name}` does not take the workspace's lints, which forbid `unsafe`"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINTS: &str = "[lints]\nworkspace = true\n";

    fn package(name: &str, imports: &[&str]) -> Package {
        let imports = imports.iter().map(|&import| import.to_owned()).collect();
        Package { name: name.to_owned(), manifest: "Cargo.toml".into(), imports }
    }

    #[test]
    fn what_the_design_has_passes() {
        assert!(judge(&package("store", &["sys", "tar", "oci"]), LINTS).is_empty());
    }

    #[test]
    fn a_way_across_is_named() {
        assert_eq!(judge(&package("store", &["runtime"]), LINTS), ["`store` must not import `runtime`"]);
    }

    #[test]
    fn a_new_crate_needs_a_place() {
        assert!(judge(&package("attic", &[]), LINTS)[0].contains("`attic` has no place"));
    }

    #[test]
    fn only_sys_sets_its_own_lints() {
        assert!(judge(&package("sys", &["diag"]), "").is_empty());
        assert!(judge(&package("oci", &["diag"]), "")[0].contains("`unsafe`"));
    }
}
