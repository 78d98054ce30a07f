//! What config.json may ask for and this version does not do. It is refused: nothing is silently left out.

use diag::{Error, Pointer, Result, codes};
use oci::{
    Bundle,
    spec::{Linux, Spec},
};

/// One member: where it is, and whether this configuration has it.
type Member = (&'static str, fn(&Spec) -> bool);

const MEMBERS: [Member; 3] = [
    ("/linux/intelRdt", |spec| linux(spec, |linux| linux.intel_rdt.is_some())),
    ("/windows", |spec| spec.windows.is_some()),
    ("/vm", |spec| spec.vm.is_some()),
];

fn linux(spec: &Spec, has: impl Fn(&Linux) -> bool) -> bool {
    spec.linux.as_ref().is_some_and(has)
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
