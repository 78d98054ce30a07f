//! One manifest in the words of two houses: OCI's and Docker's (schema 2). The same layers and the same configuration, by other media types.

use super::{Descriptor, Kind, Manifest, media_type};

/// Whose words a manifest is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum House {
    /// OCI image specification 1.
    Oci,
    /// Docker image manifest version 2, schema 2. It knows no zstd and no annotations.
    Docker,
}

const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

impl House {
    /// The house of a manifest with this media type.
    pub fn of(manifest_type: &str) -> House {
        if manifest_type.starts_with("application/vnd.docker.") { House::Docker } else { House::Oci }
    }

    /// The media type of its manifests.
    pub fn manifest_type(self) -> &'static str {
        match self {
            House::Oci => media_type::MANIFEST,
            House::Docker => DOCKER_MANIFEST,
        }
    }
}

impl Manifest {
    /// This manifest with the media types of a house. What is no layer of a container image stays as it is.
    #[must_use]
    pub fn in_words_of(&self, house: House) -> Manifest {
        let config_type = match house {
            House::Oci => media_type::CONFIG,
            House::Docker => DOCKER_CONFIG,
        };
        Manifest {
            config: Descriptor { media_type: config_type.into(), ..plain(&self.config, house) },
            layers: self.layers.iter().map(|layer| layer_of(layer, house)).collect(),
        }
    }

    /// As a document of a house, the same bytes every time.
    pub fn to_json_of(&self, house: House) -> String {
        super::document::manifest_json(house.manifest_type(), &self.in_words_of(house))
    }
}

fn plain(descriptor: &Descriptor, house: House) -> Descriptor {
    let mut plain = descriptor.clone();
    if house == House::Docker {
        plain.annotations.clear();
    }
    plain
}

fn layer_of(layer: &Descriptor, house: House) -> Descriptor {
    if layer.kind() != Kind::Layer {
        return layer.clone();
    }
    let name = layer.media_type.as_str();
    let packed = ["gzip", "zstd"].into_iter().find(|packed| name.ends_with(packed));
    let media_type = match (house, packed) {
        (House::Oci, None) => media_type::LAYER.to_owned(),
        (House::Oci, Some(packed)) => format!("{}+{packed}", media_type::LAYER),
        (House::Docker, None) => DOCKER_LAYER.to_owned(),
        (House::Docker, Some(packed)) => format!("{DOCKER_LAYER}.{packed}"),
    };
    Descriptor { media_type, ..plain(layer, house) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_houses_say_the_same() {
        let layer = |name: &str| Descriptor::of(name, name.as_bytes());
        let oci = Manifest {
            config: layer(media_type::CONFIG),
            layers: vec![layer(media_type::LAYER), layer(media_type::LAYER_GZIP)],
        };
        let docker = oci.in_words_of(House::Docker);
        assert_eq!(docker.config.media_type, DOCKER_CONFIG);
        assert_eq!(docker.layers[1].media_type, "application/vnd.docker.image.rootfs.diff.tar.gzip");
        assert_eq!(docker.in_words_of(House::Oci), oci);
        assert_eq!(oci.to_json_of(House::Oci), oci.to_json());
        let text = oci.to_json_of(House::Docker);
        let source = crate::Source::new("x", text);
        assert_eq!(
            super::super::Document::parse(&source, Some(DOCKER_MANIFEST)).unwrap(),
            super::super::Document::Manifest(docker)
        );
        assert_eq!((House::of(DOCKER_MANIFEST), House::of(media_type::MANIFEST)), (House::Docker, House::Oci));
    }
}
