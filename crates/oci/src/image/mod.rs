//! Manifests, indexes and configurations of images, as OCI and Docker write them.
//!
//! They are read into types of our own: what is written must come out the same every time (maps in order), Docker's
//! spellings must be understood, and a digest must be a [`crate::Digest`] from the first moment.
//! Source: OCI image specification 1.1; Docker image manifest version 2, schema 2; Docker image specification 1.3.

mod config;
mod document;
mod house;
mod media;
mod platform;
mod wire;

/// The longest manifest, index or configuration that is read: 4 MiB, as registries have it.
pub const DOCUMENT_LIMIT: usize = 4 << 20;

/// The most layers an image may have: what overlayfs can stack.
pub const LAYER_LIMIT: usize = 500;

pub use config::{History, ImageConfig};
pub use document::{Descriptor, Document, Index, Manifest};
pub use house::House;
pub use media::{Kind, media_type};
pub use platform::Platform;
