//! What a security module of the kernel is told: `process.apparmorProfile`, `process.selinuxLabel`, `linux.mountLabel`.
//!
//! The process asks for its profile or label while the host's /proc is still what it sees (a container's own could be anything), and has
//! it from its next exec on.

use diag::{Error, Pointer, Result, codes};
use oci::spec::Process;

use super::Context;
use crate::{
    state::{read_proc, read_word},
    step::Act,
};

/// The profile that is none.
const UNCONFINED: &str = "unconfined";

/// Plans what the process asks for. Errors: UR0422.
pub(super) fn decide(context: &mut Context<'_>, process: &Process) -> Result<()> {
    if let Some(profile) = process.apparmor_profile.as_deref().filter(|profile| !profile.is_empty()) {
        let from = Pointer::new("/process/apparmorProfile");
        if is_apparmor_there() {
            check_profile(context, profile, &from)?;
            context.step(Act::Label { module: "apparmor", text: format!("exec {profile}") }, from);
        } else if profile != UNCONFINED {
            return Err(Error::new(
                codes::UR0422,
                format!("the AppArmor profile `{profile}` cannot be had: this kernel runs without AppArmor"),
            )
            .at(context.bundle.at(from))
            .help("leave `process.apparmorProfile` out, or boot with `apparmor=1 security=apparmor`"));
        }
    }
    if let Some(label) = process.selinux_label.as_deref().filter(|label| !label.is_empty()) {
        let from = Pointer::new("/process/selinuxLabel");
        need_selinux(context, label, &from)?;
        context.step(Act::Label { module: "selinux", text: label.to_owned() }, from);
    }
    Ok(())
}

/// Labels the new file systems among the mounts. Errors: UR0422.
pub(super) fn label_mounts(context: &mut Context<'_>) -> Result<()> {
    let linux = context.bundle.spec.linux.as_ref();
    let Some(label) = linux.and_then(|linux| linux.mount_label.as_deref()).filter(|label| !label.is_empty()) else {
        return Ok(());
    };
    let from = Pointer::new("/linux/mountLabel");
    need_selinux(context, label, &from)?;
    let value = super::mounts::c_string(context.bundle, label, &from)?;
    for step in &mut context.prepared {
        // Others have labels of their own, or none.
        if let Act::Fresh { fs, options, .. } = &mut step.act
            && [c"tmpfs", c"devpts", c"ramfs"].contains(&fs.as_c_str())
        {
            options.push((c"context".to_owned(), Some(value.clone())));
        }
    }
    Ok(())
}

fn is_apparmor_there() -> bool {
    read_word("/sys/module/apparmor/parameters/enabled").is_ok_and(|word| word.starts_with('Y'))
}

/// Whether a profile is loaded, if this process may know.
fn check_profile(context: &Context<'_>, profile: &str, from: &Pointer) -> Result<()> {
    let Ok(loaded) = read_proc("/sys/kernel/security/apparmor/profiles") else { return Ok(()) };
    // A line is `name (enforce)`.
    let mut names = loaded.lines().filter_map(|line| line.rsplit_once(" (").map(|(name, _)| name));
    if profile == UNCONFINED || names.any(|name| name == profile) {
        return Ok(());
    }
    Err(Error::new(codes::UR0422, format!("the AppArmor profile `{profile}` is not loaded"))
        .at(context.bundle.at(from.clone()))
        .help_run("load it", format!("apparmor_parser -r /etc/apparmor.d/{profile}")))
}

fn need_selinux(context: &Context<'_>, label: &str, from: &Pointer) -> Result<()> {
    if read_word("/sys/fs/selinux/enforce").is_ok() {
        return Ok(());
    }
    Err(Error::new(codes::UR0422, format!("the label `{label}` cannot be had: this kernel runs without SELinux"))
        .at(context.bundle.at(from.clone()))
        .help(format!("leave `{from}` out")))
}
