//! Who we are for a registry: containers-auth.json(5), Docker's files, and the programs that keep credentials.
//!
//! `--authfile` or `$REGISTRY_AUTH_FILE` names the only file that counts. Otherwise files are asked in this order: the one that `login`
//! writes (`$XDG_RUNTIME_DIR/containers/auth.json`, root's `/run/containers/0/auth.json`), the user's `~/.config/containers/auth.json`, Docker's
//! `config.json` and `.dockercfg`. The first file that knows the registry counts, in it the most specific key: `host/folder/repository`
//! before `host/folder` before `host`. `credential-helpers` of registries.conf can put programs before or in place of the files.
//!
//! In a file, `credHelpers` comes before what the file itself knows. `credsStore` is asked only about registries that
//! have an (empty) entry, which Docker leaves there: so a store that is not installed here spoils no pull of a public image.

mod auth_file;
mod change;
mod helper;
mod key;

use std::path::{Path, PathBuf};

use diag::{Error, Origin, Result, codes};

use crate::registries::{Places, Registries};
use auth_file::{AuthFile, Found};
pub use change::Kept;
use helper::Helper;
pub use store::registry::Credential;

/// In `credential-helpers`: the files.
const FILES: &str = "containers-auth.json";

/// Everything that can tell who we are.
#[derive(Debug)]
pub struct Credentials {
    places: Places,
    /// The file that `login` writes.
    primary: PathBuf,
    files: Vec<AuthFile>,
    /// Helpers of registries.conf, with [`FILES`] among them; and the file that names them.
    helpers: Vec<String>,
    named_by: String,
}

impl Credentials {
    /// Reads the files; `authfile` is the only one then, and must exist. UR0811 for one that cannot be read or understood.
    pub fn read(places: &Places, authfile: Option<&Path>) -> Result<Credentials> {
        if let Some(path) = authfile
            && let Err(error) = std::fs::metadata(path)
        {
            return Err(Error::new(
                codes::UR0811,
                format!("the file with credentials `{}` cannot be read", path.display()),
            )
            .at(Origin::Path { path: path.to_owned() })
            .words(error)
            .help("name a file that is there, or make one with `unroot login --authfile`"));
        }
        Credentials::read_or_new(places, authfile)
    }

    /// As [`Credentials::read`], for `login`: a file that was named may be missing, and is made then.
    pub fn read_or_new(places: &Places, authfile: Option<&Path>) -> Result<Credentials> {
        let registries = Registries::read(places)?;
        let helpers = registries.credential_helpers();
        let only = authfile.or(places.auth_file.as_deref());
        let mut paths = vec![(only.unwrap_or(&places.run_auth).to_owned(), false)];
        if only.is_none() {
            paths.extend(places.user.iter().map(|dir| (dir.join("auth.json"), false)));
            paths.extend(places.docker_config.iter().map(|path| (path.clone(), false)));
            paths.extend(places.docker_old.iter().map(|path| (path.clone(), true)));
        }
        let files = paths.iter().map(|(path, old)| AuthFile::read(path, false, *old));
        Ok(Credentials {
            places: places.clone(),
            primary: paths[0].0.clone(),
            files: files.filter_map(Result::transpose).collect::<Result<_>>()?,
            helpers: helpers.map_or_else(|| vec![FILES.to_owned()], |helpers| helpers.value.clone()),
            named_by: match helpers.and_then(|helpers| helpers.at.as_ref()) {
                Some(Origin::Line { file, line, .. }) => format!("`{file}`, line {line}"),
                _ => String::new(),
            },
        })
    }

    /// Who we are for `name`: `host[:port]`, or with a repository behind it. Nothing means nobody. UR0905 if a helper fails, UR0811 for a
    /// credential that is not one.
    pub fn for_repository(&self, name: &str) -> Result<Option<Credential>> {
        for helper in &self.helpers {
            let found = if helper == FILES { self.in_files(name)? } else { self.of_conf(helper).get(host(name))? };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn in_files(&self, name: &str) -> Result<Option<Credential>> {
        for file in &self.files {
            let found = match file.find(name)? {
                Found::Nothing => None,
                Found::Here(credential, _) => Some(credential),
                Found::Helper(helper) => self.of_file(&helper, file).get(&server(name, &file.path))?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn of_conf<'a>(&'a self, name: &'a str) -> Helper<'a> {
        Helper { name, path: self.places.programs.as_ref(), named_by: self.named_by.clone() }
    }

    fn of_file<'a>(&'a self, name: &'a str, file: &AuthFile) -> Helper<'a> {
        Helper { name, path: self.places.programs.as_ref(), named_by: format!("`{}`", file.path.display()) }
    }
}

fn host(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

/// What a helper that a file names calls the host: Docker gives its own the address of its API.
fn server(name: &str, file: &Path) -> String {
    match host(name) {
        "docker.io" if file.file_name().is_some_and(|name| name == "config.json") => {
            "https://index.docker.io/v1/".to_owned()
        }
        host => host.to_owned(),
    }
}

#[cfg(test)]
mod tests;
