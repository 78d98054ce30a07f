use super::Given;

/// What is mounted into the container.
#[derive(Clone, Debug, Default)]
pub struct Volumes {
    /// `--volume`: `[SOURCE:]DESTINATION[:OPTIONS]`.
    pub volume: Vec<Given<String>>,
    /// `--mount`: `type=TYPE,KEY=VALUE,…`.
    pub mount: Vec<Given<String>>,
    /// `--tmpfs`: `DESTINATION[:OPTIONS]`.
    pub tmpfs: Vec<Given<String>>,
    /// `--volumes-from`: `CONTAINER[:OPTIONS]`.
    pub from: Vec<Given<String>>,
    /// `--image-volume`: `bind`, `anonymous`, `tmpfs` or `ignore`.
    pub image_volume: Option<Given<String>>,
    /// `--read-only-tmpfs=false`: a read-only container has nothing that it can write to.
    pub without_scratch: bool,
}
