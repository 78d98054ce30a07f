//! OCI documents with their source text: bundles, image configurations, references, accounts.
//!
//! All of it is pure, but for [`Bundle::open`] and the look at a path that failed ([`way`]).

pub mod accounts;
pub mod bundle;
mod digest;
pub mod image;
mod nearest;
mod place;
pub mod reference;
mod source;
pub mod spec;
mod timestamp;
pub mod way;

pub use accounts::Account;
pub use bundle::Bundle;
pub use digest::Digest;
pub use image::ImageConfig;
pub use nearest::nearest;
pub use reference::Reference;
pub use source::Source;
pub use timestamp::Timestamp;
