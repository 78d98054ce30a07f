//! OCI documents with their source text: bundles, image configurations, references, accounts.
//!
//! All of it is pure, but for [`Bundle::open`] and the look at a path that failed ([`way`]).

pub mod bundle;
mod place;
mod source;
pub mod way;

pub use bundle::Bundle;
pub use oci_spec;
pub use source::Source;
