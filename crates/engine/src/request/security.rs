/// What the container may do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Security {
    /// `--privileged`: all capabilities within the container's user namespace, nothing masked.
    pub privileged: bool,
    /// `--read-only`.
    pub read_only: bool,
}
