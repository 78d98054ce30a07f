//! What to say when the disk is full.

use diag::{Error, codes};
use store::image::Images;

use crate::Engine;

/// With less than this, in bytes, nothing can be written: a few blocks are left where no file fits.
const NOTHING: u64 = 64 * 1024;

impl Engine<'_> {
    /// Adds to a diagnostic about a full disk how full it is, and what could go. Others are left as they are.
    pub(crate) fn explain_full(&self, error: Error) -> Error {
        if error.code() != codes::UR0711 {
            return error;
        }
        let mut error = error;
        if let Ok(space) = self.store.space() {
            let (free, total) = (in_words(space.free), in_words(space.total));
            error = error.fact(format!("{free} of {total} are free in `{}`", self.scope.root.display()));
            if space.free_inodes == Some(0) {
                error = error.fact("its file system has no inodes left: many small files fill it, whatever their size");
            }
        }
        match self.could_go() {
            Some((0, _)) | None => error.help(
                "nothing in the store is without use: make room in its file system, or choose another place with --root",
            ),
            Some((all, 0)) => error.help_run(format!("free {} of images that no container needs", in_words(all)), "unroot system prune -a"),
            Some((all, dangling)) => error
                .help_run(format!("free {} that nothing needs", in_words(dangling)), "unroot system prune")
                .help_run(format!("free {} of it and of images that no container needs", in_words(all)), "unroot system prune -a"),
        }
    }

    /// A container's program that could not write is told so by the kernel, and hardly ever tells why. If the disk is full when
    /// one has failed, its user is told.
    pub(crate) fn tell_if_full(&self) {
        let full = self.store.space().is_ok_and(|space| space.free < NOTHING || space.free_inodes == Some(0));
        if full {
            let what = "the container has failed, and the disk that it writes to is full";
            self.warn(&self.explain_full(Error::warning(codes::UR0711, what)));
        }
    }

    /// Bytes that no container needs, and of these the bytes that not even an image with a name needs.
    fn could_go(&self) -> Option<(u64, u64)> {
        let images = Images::of(&self.store).usage().ok()?;
        let in_use = self.images_in_use().ok()?;
        let all = images.without(|image| in_use.contains(&image.id));
        let nameless = images.without(|image| in_use.contains(&image.id) || !image.names.is_empty());
        Some((all, nameless))
    }
}

/// Bytes for people: `12.3 MB`.
pub(crate) fn in_words(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["bytes", "kB", "MB", "GB", "TB", "PB"];
    let (mut whole, mut tenth, mut unit) = (bytes, 0, 0);
    while whole >= 1000 && unit + 1 < UNITS.len() {
        (whole, tenth) = (whole / 1000, whole % 1000 / 100);
        unit += 1;
    }
    if unit == 0 || whole >= 100 {
        format!("{whole} {}", UNITS[unit])
    } else {
        format!("{whole}.{tenth} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn bytes_are_read_at_a_glance() {
        let words: Vec<String> = [0, 999, 1_234_567, 987_654_321, 5_000_000_000].into_iter().map(in_words).collect();
        assert_eq!(words.join("; "), "0 bytes; 999 bytes; 1.2 MB; 987 MB; 5.0 GB");
    }
}
