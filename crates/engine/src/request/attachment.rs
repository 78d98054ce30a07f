use super::Given;

/// Whether the command stays connected to the container.
#[derive(Clone, Debug, Default)]
pub struct Attachment {
    /// `--detach`.
    pub detach: Option<Given<bool>>,
}
