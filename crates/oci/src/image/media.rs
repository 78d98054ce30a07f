//! Media types: what a blob says it is.

/// The media types that unroot writes.
pub mod media_type {
    /// A manifest of one image.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// A list of manifests.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An image's configuration.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// A layer that is not compressed.
    pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// A layer, compressed with gzip.
    pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A layer, compressed with zstd.
    pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
}

/// What a media type stands for, OCI's and Docker's names alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A manifest of one image.
    Manifest,
    /// A list of manifests.
    Index,
    /// An image's configuration.
    Config,
    /// A layer: a tar file. How it is compressed is seen from its first bytes.
    Layer,
    /// Docker's manifest of before 2016, which nothing writes any more.
    Ancient,
    /// Something that is not part of a container image.
    Other,
}

impl Kind {
    /// What `media_type` stands for; parameters (`;charset=utf-8`) do not count.
    pub fn of(media_type: &str) -> Kind {
        let name = media_type.split(';').next().unwrap_or_default().trim();
        match name {
            media_type::MANIFEST | "application/vnd.docker.distribution.manifest.v2+json" => Kind::Manifest,
            media_type::INDEX | "application/vnd.docker.distribution.manifest.list.v2+json" => Kind::Index,
            media_type::CONFIG | "application/vnd.docker.container.image.v1+json" => Kind::Config,
            "application/vnd.docker.distribution.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v1+prettyjws" => Kind::Ancient,
            _ if is_layer(name) => Kind::Layer,
            _ => Kind::Other,
        }
    }
}

fn is_layer(name: &str) -> bool {
    [
        media_type::LAYER,
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    ]
    .iter()
    .any(|base| {
        // Encrypted layers end in `+encrypted`, and there is no key here.
        name.strip_prefix(base).is_some_and(|rest| matches!(rest, "" | "+gzip" | ".gzip" | "+zstd" | ".zstd"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_houses_names_are_known() {
        for (name, kind) in [
            ("application/vnd.oci.image.manifest.v1+json", Kind::Manifest),
            ("application/vnd.docker.distribution.manifest.v2+json; charset=utf-8", Kind::Manifest),
            ("application/vnd.docker.distribution.manifest.list.v2+json", Kind::Index),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", Kind::Layer),
            ("application/vnd.docker.image.rootfs.diff.tar", Kind::Layer),
            ("application/vnd.oci.image.layer.v1.tar+zstd", Kind::Layer),
            ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", Kind::Other),
            ("application/vnd.oci.image.layer.v1.tarball", Kind::Other),
            ("application/vnd.docker.distribution.manifest.v1+prettyjws", Kind::Ancient),
            ("", Kind::Other),
        ] {
            assert_eq!(Kind::of(name), kind, "{name}");
        }
    }
}
