//! A small OCI bundle for measurements: a busybox, and the runtime's own default configuration with a user namespace added.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, lchown, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::call::{self, Outcome, While};

/// The container's root on the host, and how many ids follow it.
const BASE: u32 = 100_000;
const COUNT: u32 = 65_536;

/// A bundle below a temporary directory.
pub struct Bundle {
    directory: TempDir,
}

impl Bundle {
    /// `spec` of the runtime and a root filesystem that fits the map. Needs root.
    pub fn make(runtime: &Path, busybox: &Path) -> Outcome<Self> {
        // Everybody may search it: other runtimes walk to the root filesystem as the mapped root.
        let searchable = PermissionsExt::from_mode(0o755);
        let directory = tempfile::Builder::new().prefix("unroot-compare.").permissions(searchable).tempdir();
        let bundle = Self { directory: directory.during(|| "a directory for the bundle".to_owned())? };
        bundle.fill_root(busybox).during(|| bundle.path().display().to_string())?;
        call::run(Command::new(runtime).arg("spec").current_dir(bundle.path()))?;
        let file = bundle.path().join("config.json");
        let text = fs::read_to_string(&file).during(|| file.display().to_string())?;
        let config = adapted(serde_json::from_str(&text).during(|| file.display().to_string())?)?;
        fs::write(&file, config.to_string()).during(|| file.display().to_string())?;
        Ok(bundle)
    }

    /// The bundle's directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    fn fill_root(&self, busybox: &Path) -> std::io::Result<()> {
        let root = self.path().join("rootfs");
        let directories = ["", "bin", "dev", "etc", "proc", "sys", "tmp"].map(|name| root.join(name));
        let program = root.join("bin/busybox");
        for directory in &directories {
            fs::create_dir(directory)?;
        }
        fs::copy(busybox, &program)?;
        let links = ["true", "sh"].map(|name| root.join("bin").join(name));
        for link in &links {
            symlink("busybox", link)?;
        }
        let all = directories.into_iter().chain(links).chain([program]).collect::<Vec<PathBuf>>();
        all.iter().try_for_each(|path| lchown(path, Some(BASE), Some(BASE)))
    }
}

/// The configuration with `/bin/true` in a user namespace, without a terminal or limits of control groups.
fn adapted(mut config: Value) -> Outcome<Value> {
    // Nothing in it is newer, and crun before 1.9 knows no other.
    config["ociVersion"] = json!("1.0.2");
    config["process"]["terminal"] = json!(false);
    config["process"]["args"] = json!(["/bin/true"]);
    config["root"]["path"] = json!("rootfs");
    // The files are shifted here: other runtimes do not know the annotation for those that are not.
    config.as_object_mut().and_then(|config| config.remove("annotations"));
    let linux = config["linux"].as_object_mut().ok_or("`spec` wrote no `linux`")?;
    linux.remove("resources");
    let map = json!([{"containerID": 0, "hostID": BASE, "size": COUNT}]);
    linux.insert("uidMappings".to_owned(), map.clone());
    linux.insert("gidMappings".to_owned(), map);
    let namespaces = linux.get_mut("namespaces").and_then(Value::as_array_mut);
    let namespaces = namespaces.ok_or("`spec` wrote no `linux.namespaces`")?;
    namespaces.retain(|namespace| namespace["type"] != "user");
    namespaces.push(json!({"type": "user"}));
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_namespace_is_added_once() {
        let config = json!({"annotations": {"org.unroot.root.idmap": "true"}, "linux": {"namespaces": [{"type": "pid"}, {"type": "user"}], "resources": {}}});
        let adapted = adapted(config).unwrap();
        assert_eq!(adapted["linux"]["namespaces"], json!([{"type": "pid"}, {"type": "user"}]));
        assert_eq!(adapted["linux"]["uidMappings"][0]["hostID"], BASE);
        assert!(adapted["linux"].get("resources").is_none() && adapted.get("annotations").is_none());
    }

    #[test]
    fn a_strange_configuration_is_told() {
        assert!(adapted(json!({})).is_err());
    }
}
