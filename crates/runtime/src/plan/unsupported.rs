//! What config.json may ask for and this version does not do. It is refused: nothing is silently left out.

use diag::{Error, Pointer, Result, codes};
use oci::{
    Bundle,
    spec::{Linux, Process, Spec},
};

/// One member: where it is, and whether this configuration has it.
type Member = (&'static str, fn(&Spec) -> bool);

const MEMBERS: [Member; 12] = [
    ("/linux/intelRdt", |spec| linux(spec, |linux| linux.intel_rdt.is_some())),
    ("/linux/memoryPolicy", |spec| linux(spec, |linux| linux.memory_policy.is_some())),
    ("/linux/netDevices", |spec| linux(spec, |linux| !linux.net_devices.is_empty())),
    ("/linux/personality", |spec| linux(spec, |linux| linux.personality.is_some())),
    ("/linux/mountLabel", |spec| linux(spec, |linux| text(linux.mount_label.as_ref()))),
    ("/process/apparmorProfile", |spec| process(spec, |process| text(process.apparmor_profile.as_ref()))),
    ("/process/selinuxLabel", |spec| process(spec, |process| text(process.selinux_label.as_ref()))),
    ("/process/ioPriority", |spec| process(spec, |process| process.io_priority.is_some())),
    ("/process/scheduler", |spec| process(spec, |process| process.scheduler.is_some())),
    ("/process/execCPUAffinity", |spec| process(spec, |process| process.exec_cpu_affinity.is_some())),
    ("/windows", |spec| spec.windows.is_some()),
    ("/vm", |spec| spec.vm.is_some()),
];

fn linux(spec: &Spec, has: impl Fn(&Linux) -> bool) -> bool {
    spec.linux.as_ref().is_some_and(has)
}

fn process(spec: &Spec, has: impl Fn(&Process) -> bool) -> bool {
    spec.process.as_ref().is_some_and(has)
}

fn text(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

/// Refuses what is not supported.
pub(super) fn check(bundle: &Bundle) -> Result<()> {
    for (member, asked) in MEMBERS {
        if asked(&bundle.spec) {
            let pointer = Pointer::new(member);
            return Err(Error::new(codes::UR0411, format!("this version cannot do what `{pointer}` asks for"))
                .at(bundle.at(pointer.clone()))
                .help(format!("take `{pointer}` out of config.json, if the container can do without")));
        }
    }
    Ok(())
}
