//! An OCI bundle: a directory with a config.json.

mod capabilities;

use std::path::{Path, PathBuf};

use diag::{Error, Origin, Pointer, Report, Result, codes};
use sys::{
    Dir, Failed,
    rustix::{
        fs::{self, Mode, OFlags},
        io::Errno,
    },
};

use crate::{Source, spec::Spec, way};

/// The longest config.json that is read: 4 MiB. (What engines write has some 10 KiB, a long seccomp profile included.)
pub const CONFIG_LIMIT: usize = 4 << 20;

/// A bundle whose config.json has been read.
///
/// Source: OCI runtime specification, bundle.md and config.md.
#[derive(Debug)]
pub struct Bundle {
    /// The open directory.
    pub dir: Dir,
    /// Its absolute path, symbolic links as they were given.
    pub path: PathBuf,
    /// What config.json says. Members that the specification does not know are ignored, as it demands.
    pub spec: Spec,
    /// The text of config.json.
    pub source: Source,
    /// Warnings about what was left out of `spec`.
    pub findings: Vec<Report>,
}

impl Bundle {
    /// Opens a bundle by the path of its directory and reads its config.json.
    ///
    /// Errors: UR0401 (naming the missing component), UR0402 (pointing into the text), UR0408 (a directory on the way
    /// cannot be searched).
    pub fn open(path: &Path) -> Result<Bundle> {
        let path = std::path::absolute(path).map_err(|error| {
            Error::new(codes::UR0401, format!("the path of the bundle `{}` is not usable", path.display())).words(error)
        })?;
        let dir = Dir::open(&path).map_err(|failed| unreachable_bundle(&path, &failed))?;
        let config = path.join("config.json");
        let bytes =
            read_config(&dir).map_err(|(call, errno)| unreadable(&config, Failed::new(call, &config, errno)))?;
        let source = Source::from_bytes(config.display().to_string(), bytes, codes::UR0402)?;
        let (spec, findings) = read_spec(&source)?;
        Ok(Bundle { dir, path, spec, source, findings })
    }

    /// The place of a member of config.json.
    pub fn at(&self, pointer: Pointer) -> Origin {
        self.source.at(pointer)
    }
}

/// Symbolic links are followed, as the other runtimes do: a bundle is its caller's own.
fn read_config(dir: &Dir) -> Result<Vec<u8>, (&'static str, Errno)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let fd = fs::openat(dir, "config.json", flags, Mode::empty()).map_err(|errno| ("openat", errno))?;
    sys::dir::read_all(fd, CONFIG_LIMIT).map_err(|errno| ("read", errno))
}

/// Reads the text of a config.json; its `ociVersion` must be 1.x. Capabilities that are not known are left out with a
/// warning (UR0508) each, as the specification wants it: a newer engine may name newer ones.
pub fn read_spec(source: &Source) -> Result<(Spec, Vec<Report>)> {
    let (spec, findings) = match source.parse::<Spec>(codes::UR0402) {
        Ok(spec) => (spec, Vec::new()),
        Err(error) => capabilities::read_without_unknown(source, error)?,
    };
    check_version(&spec.version, source)?;
    Ok((spec, findings))
}

fn check_version(version: &str, source: &Source) -> Result<()> {
    let mut parts = version.splitn(3, '.');
    let minor_is_number =
        |part: Option<&str>| part.is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if parts.next() == Some("1") && minor_is_number(parts.next()) {
        return Ok(());
    }
    let (what, pointer) = match version {
        "" => ("`ociVersion` is missing".to_owned(), Pointer::root()),
        other => (format!("`ociVersion` is `{other}`"), Pointer::root().child("ociVersion")),
    };
    Err(Error::new(codes::UR0402, what).at(source.at(pointer)).help("this runtime reads versions 1.x: write `1.2.0`"))
}

fn unreachable_bundle(path: &Path, failed: &Failed) -> Error {
    let what = format!("the bundle `{}`", path.display());
    let call = format!("{}({})", failed.call, failed.path.display());
    match failed.errno {
        Errno::NOTDIR if path.is_file() => {
            Error::new(codes::UR0401, format!("{what} is a file, and a bundle is a directory"))
                .at(Origin::Path { path: path.to_owned() })
                .help("give the directory that holds config.json")
        }
        Errno::NOENT | Errno::ACCESS | Errno::NOTDIR => way::find(path).into_error(codes::UR0401, &what),
        _ => Error::new(codes::UR0401, format!("{what} cannot be opened")),
    }
    .os(call, failed.errno.raw_os_error())
}

fn unreadable(config: &Path, failed: Failed) -> Error {
    let shown = config.display();
    let origin = Origin::Path { path: config.to_owned() };
    match failed.errno {
        Errno::NOENT => failed
            .into_error(codes::UR0401, format!("the bundle has no config.json: `{shown}` does not exist"))
            .help_run("write one to start from", "unroot-runtime spec"),
        Errno::FBIG => failed.into_error(codes::UR0402, format!("`{shown}` is longer than {CONFIG_LIMIT} bytes")),
        Errno::ISDIR => failed.into_error(codes::UR0401, format!("`{shown}` is a directory")),
        _ => failed.into_error(codes::UR0401, format!("`{shown}` cannot be read")),
    }
    .at(origin)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn bundle(config: &str) -> (tempfile::TempDir, Result<Bundle>) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.json"), config).unwrap();
        let opened = Bundle::open(dir.path());
        (dir, opened)
    }

    fn pointer_of(error: Error) -> String {
        match error.into_report().at {
            Some(Origin::Config { pointer, .. }) => pointer.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn opens_and_keeps_the_text() {
        let text = r#"{"ociVersion":"1.2.0","root":{"path":"rootfs"},"not.in.the.spec":[1]}"#;
        let (dir, bundle) = bundle(text);
        let bundle = bundle.unwrap();
        assert_eq!(bundle.path, dir.path());
        assert_eq!(&*bundle.source.text, text);
        assert_eq!(bundle.spec.root.as_ref().unwrap().path, Path::new("rootfs"));
    }

    #[test]
    fn a_missing_config_and_a_missing_bundle_are_two_things() {
        let dir = tempfile::tempdir().unwrap();
        let error = Bundle::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("no config.json"), "{error}");
        let error = Bundle::open(&dir.path().join("x/y")).unwrap_err();
        assert_eq!(error.code(), codes::UR0401);
        assert!(error.to_string().contains(&format!("`{}` does not exist", dir.path().join("x").display())), "{error}");
    }

    #[test]
    fn versions_other_than_1_are_refused() {
        for good in ["1.0.0", "1.0.2-dev", "1.2.1+dev", "1.3"] {
            bundle(&format!(r#"{{"ociVersion":"{good}"}}"#)).1.unwrap();
        }
        for bad in ["2.0.0", "0.9.0", "1", "1.", "1.x", "11.0.0", "one"] {
            let error = bundle(&format!(r#"{{"ociVersion":"{bad}"}}"#)).1.unwrap_err();
            assert_eq!((error.code(), pointer_of(error)), (codes::UR0402, "ociVersion".to_owned()), "{bad}");
        }
        assert_eq!(pointer_of(bundle("{}").1.unwrap_err()), "");
    }

    #[test]
    fn faults_are_pointed_at() {
        let cases = [
            (
                r#"{"ociVersion":"1.0.0","linux":{"namespaces":[{"type":"pid"},{"type":"usr"}]}}"#,
                "linux.namespaces[1].type",
            ),
            (r#"{"ociVersion":"1.0.0","process":{"user":{"uid":-1},"cwd":"/"}}"#, "process.user.uid"),
            (r#"{"ociVersion":"1.0.0","process":{"user":{"uid":4294967296},"cwd":"/"}}"#, "process.user.uid"),
            (r#"{"ociVersion":"1.0.0","mounts":[{"destination":"/a","options":["ro",7]}]}"#, "mounts[0].options[1]"),
            (r#"{"ociVersion":"1.0.0","root":"rootfs"}"#, "root"),
            (r#"{"ociVersion":"1.0.0","root":{"path":"a","path":"b"}}"#, "root.path"),
            (r#"{"ociVersion":"1.0.0","mounts":[{"type":"proc"}]}"#, "mounts[0]"),
        ];
        for (text, pointer) in cases {
            let error = bundle(text).1.unwrap_err();
            assert_eq!(error.code(), codes::UR0402);
            assert_eq!(pointer_of(error), pointer, "{text}");
        }
    }

    #[test]
    fn capabilities_of_the_future_are_left_out_with_a_warning() {
        let with = |names: &str, hostname: &str| {
            format!(
                r#"{{"ociVersion":"1.0.0","hostname":{hostname},"process":{{"user":{{"uid":0,"gid":0}},"cwd":"/",
                "capabilities":{{"bounding":[{names}],"ambient":["CAP_KILL"]}}}}}}"#
            )
        };
        let bundle = bundle(&with(r#""CAP_KILL","CAP_OF_THE_FUTURE","CAP_CHOWN""#, "\"h\"")).1.unwrap();
        let capabilities = bundle.spec.process.as_ref().unwrap().capabilities.as_ref().unwrap();
        assert_eq!(capabilities.bounding.len(), 2);
        assert_eq!(bundle.findings.len(), 1);
        let Some(Origin::Config { pointer, .. }) = &bundle.findings[0].at else { panic!() };
        assert_eq!(pointer.as_str(), "/process/capabilities/bounding/1");
        // What else is wrong is still an error, and is pointed at.
        let error = self::bundle(&with(r#""CAP_X""#, "7")).1.unwrap_err();
        assert_eq!(pointer_of(error), "hostname");
        let error = self::bundle(&with("7", "\"h\"")).1.unwrap_err();
        assert_eq!(error.code(), codes::UR0402);
    }

    #[test]
    fn a_file_is_no_bundle() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Bundle::open(file.path()).unwrap_err();
        assert!(error.to_string().contains("is a file"), "{error}");
    }

    #[test]
    fn a_huge_config_is_refused() {
        let error = bundle(&" ".repeat(CONFIG_LIMIT + 1)).1.unwrap_err();
        assert_eq!(error.code(), codes::UR0402);
    }
}
