//! A small disk that gets full: while images come in, and while a container writes.

use std::{fs, path::PathBuf, process::Command};

use super::{Registry, can, has_runtime, made};

/// A file system of its own as the place of a store; it goes with the value.
struct Disk {
    path: PathBuf,
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, so that nothing is left whatever has failed.
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}

impl Disk {
    /// ext4 on a loop device, or, where there are none, a tmpfs of that size; `None` if neither can be mounted.
    fn of(registry: &Registry, store: &str, megabytes: u32, ext4: bool) -> Option<Disk> {
        let path = registry.dir.path().join(store);
        fs::create_dir(&path).unwrap();
        let image = registry.dir.path().join(format!("{store}.img"));
        let size = format!("{megabytes}M");
        let fine = |program: &str, words: &[&str]| {
            let (fine, said) = match Command::new(program).args(words).output() {
                Ok(output) => (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()),
                Err(error) => (false, error.to_string()),
            };
            if !fine {
                println!("skipped: {program}: {}", said.trim());
            }
            fine
        };
        let (image, place) = (image.to_str().unwrap(), path.to_str().unwrap());
        let mounted = if ext4 {
            fine("truncate", &["-s", &size, image])
                && fine("mkfs.ext4", &["-q", "-F", "-m", "0", "-E", "lazy_itable_init=0", image])
                && fine("mount", &["-o", "loop", image, place])
        } else {
            fine("mount", &["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "store", place])
        };
        let disk = Disk { path };
        if !mounted {
            return None;
        }
        let _ = fs::remove_dir(disk.path.join("lost+found"));
        fs::set_permissions(&disk.path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        Some(disk)
    }

    /// Free bytes.
    fn free(&self) -> u64 {
        rustix::fs::syncfs(fs::File::open(&self.path).unwrap()).unwrap();
        let stat = rustix::fs::statvfs(&self.path).unwrap();
        stat.f_bavail * stat.f_frsize
    }
}

/// Directories grow and do not shrink.
const SLACK: u64 = 128 * 1024;

fn fill_and_try(ext4: bool) {
    let registry = Registry::start();
    let store = if ext4 { "ext4" } else { "tmpfs" };
    let Some(disk) = Disk::of(&registry, store, 24, ext4) else { return };
    let Some(busybox) = made::busybox() else {
        return println!("skipped: no busybox");
    };
    let small = registry.at("a/small:1");
    let base = made::archive(&[("bin/busybox", &busybox)]);
    let layout = made::image(registry.dir.path(), &small, &[&base]);
    registry.fine(store, &["load", "-i", layout.to_str().unwrap()]);
    let free = disk.free();
    let gives_back = |what: &str| {
        let now = disk.free();
        assert!(now + SLACK > free, "{what}: {now} bytes are free, and {free} were");
        for place in ["tmp", "containers"] {
            assert_eq!(made::count(&disk.path.join(place)), 0, "{what}: {place}");
        }
    };
    for words in comings(&registry) {
        let (fine, _, said) = registry.unroot(store, &words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(!fine && said.contains("error[UR0711]") && said.contains("help: "), "{words:?}: {said}");
        assert!(said.contains("are free in"), "{said}");
        gives_back(&words[0]);
    }
    if has_runtime() {
        write_to_the_end(&registry, store, &small);
        gives_back("run");
        assert!(
            registry.fine(store, &["run", "--rm", "--network", "none", &small, "/bin/busybox", "id"]).contains("uid=0")
        );
    }
    let said = registry.fine(store, &["system", "check"]);
    assert!(said.ends_with(": nothing\n"), "{said}");
    registry.fine(store, &["rmi", "-f", &small]);
}

/// What brings in more than there is room for.
fn comings(registry: &Registry) -> Vec<Vec<String>> {
    let name = registry.at("a/large:1");
    let layers: Vec<Vec<u8>> =
        ["x", "y"].map(|name| made::archive(&[(name, &made::noise(name, 15 << 20))])).into_iter().collect();
    let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    let layout = made::image(registry.dir.path(), &name, &layers).display().to_string();
    registry.fine("one", &["load", "-i", &layout]);
    registry.fine("one", &["push", "-q", "--tls-verify=false", &name]);
    registry.fine("one", &["rmi", "-f", &name]);
    let tar = registry.dir.path().join("large.tar");
    fs::write(&tar, [layers[0], layers[1]].concat()).unwrap();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    vec![
        words(&["pull", "-q", "--tls-verify=false", &name]),
        words(&["load", "-i", &layout]),
        words(&["import", tar.to_str().unwrap(), "large"]),
    ]
}

fn write_to_the_end(registry: &Registry, store: &str, image: &str) {
    let write = ["/bin/busybox", "dd", "if=/dev/zero", "of=/full", "bs=64k"];
    let run =
        |options: &[&str]| registry.unroot(store, &[&["run", "--network", "none"], options, &[image], &write].concat());
    let (fine, _, said) = run(&["--rm"]);
    // With the container its files have gone: there is nothing to be told any more.
    assert!(!fine && said.contains("No space left on device"), "{said}");
    let (fine, _, said) = run(&["--name", "full"]);
    assert!(!fine && said.contains("warning[UR0711]"), "{said}");
    // There is no room left: what can be done is to look, to remove, and to be told.
    assert!(registry.fine(store, &["ps", "-a"]).contains("full"));
    registry.fine(store, &["rm", "full"]);
}

#[test]
fn privileged_a_full_disk_is_told_and_space_given_back() {
    if can(true) {
        fill_and_try(true);
        fill_and_try(false);
    }
}
