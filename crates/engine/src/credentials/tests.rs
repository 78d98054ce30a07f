use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

use diag::render::{Style, text};
use tempfile::TempDir;

use super::*;

/// A directory with these files, as the places of a user. What lies in `bin` are programs.
fn tree(files: &[(&str, &str)]) -> (TempDir, Places) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let mode = if name.starts_with("bin/") { 0o755 } else { 0o600 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let at = |name: &str| dir.path().join(name);
    let places = Places {
        system: at("etc"),
        distribution: at("usr"),
        user: Some(at("config")),
        run_auth: at("run/containers/auth.json"),
        docker_config: Some(at("docker/config.json")),
        docker_old: Some(at("dockercfg")),
        programs: Some(format!("{}:/usr/bin:/bin", at("bin").display()).into()),
        ..Places::default()
    };
    (dir, places)
}

fn entry(user: &str) -> String {
    format!(r#"{{"auth":"{}"}}"#, auth_file::encode(user, "secret:word"))
}

fn user(credentials: &Credentials, name: &str) -> Option<String> {
    credentials.user_of(name).unwrap()
}

#[test]
fn the_most_specific_key_counts() {
    let auths = format!(
        r#"{{"auths":{{"a.com":{},"a.com/x":{},"a.com/x/y":{},"https://index.docker.io/v1/":{}}}}}"#,
        entry("host"),
        entry("folder"),
        entry("repository"),
        entry("hub")
    );
    let (_dir, places) = tree(&[("docker/config.json", &auths)]);
    let credentials = Credentials::read(&places, None).unwrap();
    for (name, found) in [
        ("a.com/x/y", Some("repository")),
        ("a.com/x/z", Some("folder")),
        ("a.com/xx", Some("host")),
        ("a.com", Some("host")),
        ("a.com:5000/x", None),
        ("docker.io/library/debian", Some("hub")),
        ("b.com/x", None),
    ] {
        assert_eq!(user(&credentials, name).as_deref(), found, "{name}");
    }
    let password = |found| match found {
        Some(Credential::Basic { password, .. }) => password,
        other => panic!("{other:?}"),
    };
    assert_eq!(password(credentials.for_repository("a.com").unwrap()), "secret:word");
    assert!(!format!("{credentials:?}").contains("secret"));
}

#[test]
fn files_are_asked_in_order() {
    let file = |user| format!(r#"{{"auths":{{"a.com":{}}}}}"#, entry(user));
    let old = format!(r#"{{"a.com/v1/":{}}}"#, entry("old"));
    let (dir, mut places) = tree(&[
        ("run/containers/auth.json", &file("run")),
        ("config/auth.json", &file("config")),
        ("docker/config.json", &file("docker")),
        ("dockercfg", &old),
        ("mine.json", &file("mine")),
        ("empty.json", ""),
    ]);
    let mine = dir.path().join("mine.json");
    assert_eq!(user(&Credentials::read(&places, Some(&mine)).unwrap(), "a.com").as_deref(), Some("mine"));
    for (file, found) in [
        ("run/containers/auth.json", "run"),
        ("config/auth.json", "config"),
        ("docker/config.json", "docker"),
        ("dockercfg", "old"),
    ] {
        assert_eq!(user(&Credentials::read(&places, None).unwrap(), "a.com").as_deref(), Some(found));
        fs::remove_file(dir.path().join(file)).unwrap();
    }
    assert_eq!(user(&Credentials::read(&places, None).unwrap(), "a.com"), None);
    places.auth_file = Some(dir.path().join("empty.json"));
    assert_eq!(user(&Credentials::read(&places, None).unwrap(), "a.com"), None);
    assert_eq!(user(&Credentials::read(&places, Some(&mine)).unwrap(), "a.com").as_deref(), Some("mine"));
    let missing = Credentials::read(&places, Some(Path::new("/nowhere/auth.json"))).unwrap_err();
    assert_eq!(missing.code(), codes::UR0811);
}

#[test]
fn tokens_and_plain_words() {
    let auths = r#"{"auths":{"t.com":{"auth":"dTo=","identitytoken":"abc"},"p.com":{"username":"u","password":"p"},"e.com":{}}}"#;
    let (_dir, places) = tree(&[("config/auth.json", auths)]);
    let credentials = Credentials::read(&places, None).unwrap();
    assert_eq!(credentials.for_repository("t.com").unwrap(), Some(Credential::Identity("abc".into())));
    assert_eq!(user(&credentials, "p.com/x").as_deref(), Some("u"));
    assert_eq!(credentials.for_repository("e.com").unwrap(), None);
}

/// Keeps what it is told in a file beside itself, as helpers do.
const HELPER: &str = r#"#!/bin/sh
store=$(dirname "$0")/store
read -r line
case $1 in
get) [ "$line" = "broken.com" ] && { echo '{"Username"'; exit 0; }
     [ "$line" = "locked.com" ] && { echo 'the store is locked'; exit 1; }
     [ "$line" = "token.com" ] && { echo '{"ServerURL":"token.com","Username":"<token>","Secret":"abc"}'; exit 0; }
     grep -q "\"$line\"" "$store" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; }
     cat "$store" ;;
store) echo "$line" > "$store" ;;
erase) rm "$store" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
esac
"#;

#[test]
fn helpers_keep_and_tell() {
    let conf = r#"{"credHelpers":{"a.com":"test","broken.com":"test","locked.com":"test","token.com":"test","gone.com":"none","odd.com":"../x"}}"#;
    let (_dir, places) = tree(&[("run/containers/auth.json", conf), ("bin/docker-credential-test", HELPER)]);
    let credentials = Credentials::read(&places, None).unwrap();
    assert_eq!(credentials.for_repository("a.com/x").unwrap(), None);
    assert_eq!(credentials.keep("a.com", "anna", "se\"cret").unwrap(), Kept::Helper("test".into()));
    let kept = Credential::Basic { user: "anna".into(), password: "se\"cret".into() };
    assert_eq!(credentials.for_repository("a.com/x").unwrap(), Some(kept));
    assert_eq!(fs::read_to_string(&places.run_auth).unwrap(), conf);
    assert!(credentials.forget("a.com").unwrap());
    assert!(!credentials.forget("a.com").unwrap());
    assert_eq!(credentials.for_repository("token.com").unwrap(), Some(Credential::Identity("abc".into())));
    for (name, words) in [
        ("broken.com", "is not JSON"),
        ("locked.com", "the store is locked"),
        ("gone.com", "install `docker-credential-none`"),
        ("odd.com", "a name that no program can have"),
    ] {
        let error = credentials.for_repository(name).unwrap_err();
        let shown = text(error.report(), Style::PLAIN);
        assert!(error.code() == codes::UR0905 && shown.contains(words), "{shown}");
    }
}

#[test]
fn a_store_is_asked_about_what_it_was_given() {
    let conf = r#"{"auths":{"https://index.docker.io/v1/":{}},"credsStore":"test"}"#;
    let kept = r#"{"ServerURL":"https://index.docker.io/v1/","Username":"anna","Secret":"x"}"#;
    let (_dir, places) =
        tree(&[("docker/config.json", conf), ("bin/docker-credential-test", HELPER), ("bin/store", kept)]);
    let credentials = Credentials::read(&places, None).unwrap();
    assert_eq!(user(&credentials, "docker.io/library/debian").as_deref(), Some("anna"));
    assert_eq!(user(&credentials, "a.com"), None);
    let (_dir, places) = tree(&[("docker/config.json", conf)]);
    let credentials = Credentials::read(&places, None).unwrap();
    assert_eq!(user(&credentials, "a.com"), None);
    assert_eq!(credentials.for_repository("docker.io/x").unwrap_err().code(), codes::UR0905);
}

#[test]
fn registries_conf_names_helpers_too() {
    let conf = "credential-helpers = [\"test\", \"containers-auth.json\"]\n";
    let auths = format!(r#"{{"auths":{{"b.com":{}}}}}"#, entry("bert"));
    let (_dir, places) =
        tree(&[("etc/registries.conf", conf), ("config/auth.json", &auths), ("bin/docker-credential-test", HELPER)]);
    let credentials = Credentials::read(&places, None).unwrap();
    assert_eq!(credentials.keep("a.com", "anna", "x").unwrap(), Kept::Helper("test".into()));
    assert_eq!(user(&credentials, "a.com/x").as_deref(), Some("anna"));
    assert_eq!(user(&credentials, "b.com/x").as_deref(), Some("bert"));
    assert!(credentials.forget("a.com").unwrap());
    assert_eq!(user(&credentials, "a.com/x"), None);
}

#[test]
fn what_is_kept_is_forgotten_and_nothing_else() {
    let (dir, places) = tree(&[("run/containers/auth.json", r#"{"other":[1],"auths":{"z.com":{"auth":"dTpw"}}}"#)]);
    let again = || Credentials::read(&places, None).unwrap();
    assert_eq!(again().keep("a.com", "anna", "geheim").unwrap(), Kept::File(places.run_auth.clone()));
    again().keep("a.com/x", "bert", "geheim").unwrap();
    assert_eq!(user(&again(), "a.com/x/y").as_deref(), Some("bert"));
    let mode = fs::metadata(&places.run_auth).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(fs::read_to_string(&places.run_auth).unwrap().contains("\"other\": [\n\t\t1"));
    assert!(again().forget("a.com/x").unwrap());
    assert_eq!(user(&again(), "a.com/x/y").as_deref(), Some("anna"));
    assert!(again().forget("a.com").unwrap() && !again().forget("a.com").unwrap());
    again().forget_all().unwrap();
    assert_eq!(user(&again(), "z.com"), None);
    // A link stays a link.
    let (link, target) = (dir.path().join("link.json"), dir.path().join("target.json"));
    fs::write(&target, "{}").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    Credentials::read(&places, Some(&link)).unwrap().keep("a.com", "anna", "x").unwrap();
    assert!(link.is_symlink() && fs::read_to_string(&target).unwrap().contains("a.com"));
    assert_eq!(fs::read_dir(dir.path().join("run/containers")).unwrap().count(), 1);
}

#[test]
fn secrets_are_not_shown_when_a_file_is_broken() {
    for bad in [
        "{\"auths\":\n{\"a.com\": \"c2VjcmV0\"}}",
        "{\"auths\":{\"a.com\":{\"auth\":\"c2VjcmV0\"}}",
        "{\"auths\":{\"a.com\":{\"auth\":\"c2VjcmV0\"}}} x",
        "[\"c2VjcmV0\"]",
    ] {
        let (_dir, places) = tree(&[("config/auth.json", bad)]);
        let error = Credentials::read(&places, None).unwrap_err();
        let shown = text(error.report(), Style::PLAIN);
        assert!(error.code() == codes::UR0811 && shown.contains("config/auth.json:"), "{shown}");
        assert!(!shown.contains("c2VjcmV0"), "{shown}");
    }
    let (_dir, places) = tree(&[("config/auth.json", r#"{"auths":{"a.com":{"auth":"c2VjcmV0"}}}"#)]);
    let error = Credentials::read(&places, None).unwrap().for_repository("a.com").unwrap_err();
    assert!(error.code() == codes::UR0811 && !format!("{error:?}").contains("c2VjcmV0"), "{error:?}");
}

#[test]
fn creds_of_the_command_line() {
    assert_eq!(Credential::from_words("a:b:c"), Credential::Basic { user: "a".into(), password: "b:c".into() });
    assert_eq!(Credential::from_words("a").user(), Some("a"));
}
