//! The registry of codes: one file a family, one line a code, one page in `docs/errors/` each.
//!
//! A page is part of the program only where [`page`] is called, so `unroot-runtime` does not carry them.

use crate::code::{Class, Code, Entry};

/// Declares the codes of one family: constants, the list of them, and the list of their pages.
macro_rules! family {
    ($($id:ident $class:ident $title:literal;)*) => {
        $(
            #[doc = $title]
            pub const $id: Code = Code(&Entry { id: stringify!($id), title: $title, class: Class::$class });
        )*
        pub(super) const LIST: &[Code] = &[$($id),*];
        pub(super) static PAGES: &[(&str, &str)] = &[
            $((stringify!($id), include_str!(concat!("../../../../docs/errors/", stringify!($id), ".md")))),*
        ];
        use super::{Class, Code, Entry};
    };
}

mod bundle;
mod engine;
mod host;
mod kernel;
mod map;
mod process;
mod registry;
mod runtime;
mod store;

pub use bundle::*;
pub use engine::*;
pub use host::*;
pub use kernel::*;
pub use map::*;
pub use process::*;
pub use registry::*;
pub use runtime::*;
pub use store::*;

const FAMILIES: [&[Code]; 9] = [
    map::LIST,
    host::LIST,
    kernel::LIST,
    bundle::LIST,
    process::LIST,
    runtime::LIST,
    store::LIST,
    engine::LIST,
    registry::LIST,
];

/// All codes, in the order of their numbers.
pub fn all() -> impl Iterator<Item = Code> {
    FAMILIES.into_iter().flatten().copied()
}

/// The page that explains a code: Markdown.
pub fn page(code: Code) -> &'static str {
    [
        map::PAGES,
        host::PAGES,
        kernel::PAGES,
        bundle::PAGES,
        process::PAGES,
        runtime::PAGES,
        store::PAGES,
        engine::PAGES,
        registry::PAGES,
    ]
    .into_iter()
    .flatten()
    .find(|(id, _)| *id == code.id())
    .map_or("", |(_, page)| page)
}
