//! Where things are: asked of cargo, so that `CARGO_TARGET_DIR` and its kin are honoured.

use std::path::PathBuf;

use serde_json::Value;

use crate::call::{self, Outcome, While};

/// The triple of `.cargo/config.toml`: what is tested is what is shipped.
const TARGET: &str = "x86_64-unknown-linux-musl";

/// This workspace, as `cargo metadata` describes it.
pub struct Workspace {
    /// The directory of the root Cargo.toml.
    pub root: PathBuf,
    /// Where cargo builds.
    pub target: PathBuf,
    /// The members, in cargo's order.
    pub packages: Vec<Package>,
}

/// A member of the workspace.
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its Cargo.toml.
    pub manifest: PathBuf,
    /// The names of all it depends on in shipped code: development dependencies are left out.
    pub imports: Vec<String>,
}

impl Workspace {
    /// Asks cargo about the tree that this program is run for. That is not always the one that it was built in, if two trees
    /// share a target directory: `cargo run` says which, at run time.
    pub fn find() -> Outcome<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let package = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("this is to be started as `cargo xtask`")?;
        let mut command = std::process::Command::new(cargo);
        command.args(["metadata", "--format-version=1", "--no-deps"]).current_dir(package);
        Self::parse(&call::output(&mut command)?)
    }

    fn parse(text: &str) -> Outcome<Self> {
        let metadata: Value = serde_json::from_str(text).during(|| "cargo metadata".to_owned())?;
        Ok(Self {
            root: path(&metadata, "workspace_root")?,
            target: path(&metadata, "target_directory")?,
            packages: list(&metadata["packages"]).iter().map(Package::parse).collect::<Outcome<_>>()?,
        })
    }

    /// Where release builds lie, `unroot` and `unroot-runtime` beside each other.
    pub fn release(&self) -> PathBuf {
        self.target.join(TARGET).join("release")
    }
}

impl Package {
    fn parse(package: &Value) -> Outcome<Self> {
        let shipped = list(&package["dependencies"]).iter().filter(|dependency| dependency["kind"] != "dev");
        Ok(Self {
            name: text(package, "name")?.to_owned(),
            manifest: path(package, "manifest_path")?,
            imports: shipped.map(|dependency| text(dependency, "name").map(str::to_owned)).collect::<Outcome<_>>()?,
        })
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> Outcome<&'a str> {
    value[key].as_str().ok_or_else(|| format!("cargo metadata says nothing of `{key}`").into())
}

fn path(value: &Value, key: &str) -> Outcome<PathBuf> {
    text(value, key).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_dependencies_are_no_imports() {
        let metadata = r#"{"workspace_root": "/w", "target_directory": "/t", "packages": [{"name": "store",
            "manifest_path": "/w/store/Cargo.toml", "dependencies": [
                {"name": "sys", "kind": null}, {"name": "runtime", "kind": "dev"}, {"name": "cc", "kind": "build"}]}]}"#;
        let workspace = Workspace::parse(metadata).unwrap();
        assert_eq!(workspace.packages[0].imports, ["sys", "cc"]);
        assert_eq!(workspace.release(), PathBuf::from("/t/x86_64-unknown-linux-musl/release"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let fault = Workspace::parse(r#"{"workspace_root": "/w"}"#).err().unwrap();
        assert_eq!(fault.to_string(), "cargo metadata says nothing of `target_directory`");
    }
}
