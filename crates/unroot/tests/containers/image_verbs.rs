//! Names of images, what is told about them, and how they are removed.

use serde_json::Value;

use crate::home::Home;

fn import(home: &Home, name: &str, change: &str) -> String {
    let archive = home.path("box.tar");
    home.says(&["import", "-q", "--change", change, archive.to_str().expect("text"), name]).trim().to_owned()
}

#[test]
fn privileged_names_are_given_and_taken() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["tag", "box", "web", "registry.example/team/web:1"]);
    assert_eq!(home.says(&["images", "-q"]).lines().count(), 1);
    assert_eq!(
        home.says(&["images", "--format", "{{.Repository}}:{{.Tag}}", "team/web"]),
        "registry.example/team/web:1\n"
    );
    let (status, said) = home.fails(&["tag", "box", "WEB"]);
    assert!(status == 125 && said.contains("UR0702"), "{said}");
    let (status, said) = home.fails(&["untag", "box", "other"]);
    assert!(status == 125 && said.contains("UR0701") && said.contains("localhost/web:latest"), "{said}");
    home.says(&["untag", "box", "web:latest"]);
    home.says(&["image", "exists", "team/web:1"]);
    assert_eq!(home.fails(&["image", "exists", "web:latest"]).0, 1);
    let id = home.says(&["images", "-q", "--no-trunc", "box"]);
    home.says(&["untag", "box"]);
    assert_eq!(
        home.says(&["images", "--noheading", "--format", "table {{.Repository}} {{.Tag}}"]),
        "<none>      <none>\n"
    );
    assert_eq!(home.says(&["images", "-q", "--no-trunc", "--filter", "dangling=true"]), id);
    assert_eq!(home.says(&["run", "--rm", &id.trim()[7..17], "echo", "here"]), "here\n");
    home.says(&["rmi", id.trim()]);
    home.assert_empty();
}

#[test]
fn privileged_images_are_told_about() {
    let Some(home) = Home::privileged() else { return };
    let id = import(&home, "web:1", "LABEL tier=front");
    let json = |words: &[&str]| serde_json::from_str::<Value>(&home.says(words)).expect("JSON");
    let image = &json(&["inspect", "web:1"])[0];
    assert_eq!(format!("sha256:{}", image["Id"].as_str().expect("an id")), id);
    assert_eq!(image["RepoTags"], serde_json::json!(["localhost/web:1"]));
    assert_eq!((&image["Labels"]["tier"], &image["Config"]["Labels"]["tier"]), (&"front".into(), &"front".into()));
    assert_eq!(
        home.says(&["image", "inspect", "-f", "{{.Os}} {{index .Config.Labels \"tier\"}}", &id]),
        "linux front\n"
    );
    assert_eq!(home.says(&["inspect", "--type=image", "-f", "{{.Digest}}", "web:1"]).trim().len(), 71);
    let digest = home.says(&["images", "--digests", "--format", "{{.Digest}}", "web"]);
    let by_digest = format!("localhost/web@{}", digest.trim());
    assert_eq!(json(&["image", "inspect", &by_digest])[0]["Id"], image["Id"]);
    let (status, said) = home.fails(&["inspect", "nothing"]);
    assert!(status == 125 && said.contains("UR0813"), "{said}");
    let history = home.says(&["history", "web:1"]);
    assert!(history.starts_with("ID            CREATED") && history.contains("imported from"), "{history}");
    assert_eq!(home.says(&["history", "-q", "--no-trunc", "web:1"]).trim(), &id[7..]);
    assert_eq!(home.says(&["images", "--format", "{{.Tag}}", "--filter", "label=tier=front"]), "1\n");
    assert_eq!(home.says(&["images", "--format", "{{.Tag}}", "-f", "reference=w*"]), "1\n");
    assert_eq!(home.says(&["images", "-q", "--filter", "label=tier=back"]), "");
    assert_eq!(home.fails(&["images", "--filter", "colour=red"]).0, 125);
    home.assert_empty();
}

#[test]
fn privileged_containers_are_told_about() {
    let Some(home) = Home::privileged() else { return };
    let id = home.says(&["run", "-d", "--name", "c", "box", "sleep", "60"]);
    let all = home.says(&[
        "inspect",
        "-f",
        "{{.Id}} {{.State.Status}} {{.Config.Hostname}} {{.Path}} {{join .Args \" \"}}",
        "c",
    ]);
    assert_eq!(all, format!("{} running {} sleep 60\n", id.trim(), &id[..12]));
    home.says(&["rm", "-f", "c"]);
    assert_eq!(home.fails(&["container", "inspect", "box"]).0, 125);
    home.assert_empty();
}

#[test]
fn privileged_images_go_as_podman_has_it() {
    let Some(home) = Home::privileged() else { return };
    import(&home, "web:1", "LABEL a=b");
    home.says(&["tag", "web:1", "web:2"]);
    assert_eq!(home.says(&["rmi", "web:2"]), "Untagged: localhost/web:2\n");
    assert_eq!(home.fails(&["rmi", "nothing"]).0, 1);
    assert_eq!(home.says(&["rmi", "-i", "nothing"]), "");
    home.says(&["run", "--name", "c", "box", "true"]);
    let (status, said) = home.fails(&["rmi", "-a"]);
    assert!(status == 2 && said.contains("UR0710"), "{status} {said}");
    assert_eq!(home.says(&["images", "--format", "{{.Repository}} {{.Containers}}"]), "localhost/box 1\n");
    home.says(&["rmi", "-a", "-f"]);
    assert_eq!((home.says(&["images", "-q"]), home.says(&["ps", "-aq"])), (String::new(), String::new()));
    assert_eq!(home.entries("root/blobs/sha256"), Vec::<String>::new());
    home.assert_empty();
}
