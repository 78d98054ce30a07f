//! What must hold whatever the bytes are. The fuzz targets in `fuzz/` are made of these functions, and the tests call
//! them with arbitrary bytes and with the seeds.

#![allow(missing_docs, clippy::unwrap_used, unreachable_pub)]
// Each fuzz target is made of one of them.
#![allow(dead_code, unused_imports)]

mod asked;
mod kernel;
mod pictures;
mod refusal;
mod subid;
mod worlds;

pub use asked::{map_syntax, userns};
pub use kernel::kernel_map;
pub use subid::subid;

use idmap::{Extents, Kind, MAX_BYTES, MAX_EXTENTS, NoNames, draw};

/// A map that came out of anything is one that the kernel takes, and can be shown.
fn is_a_map(kind: Kind, map: &Extents, width: usize) {
    let text = map.to_kernel();
    assert!(map.len() <= MAX_EXTENTS && text.len() <= MAX_BYTES, "{} extents, {} bytes", map.len(), text.len());
    assert_eq!(Extents::from_kernel(&text).as_ref(), Ok(map));
    assert_eq!(map.invert().invert(), *map);
    assert_eq!(map.ids(), map.inside_ids().count());
    assert_eq!(map.ids(), map.outside_ids().count());
    assert_eq!(map.normalized().compose(&Extents::identity()).map(|map| map.normalized()), Ok(map.normalized()));
    for line in draw(kind, map, &NoNames, width).lines() {
        assert!(line.chars().count() <= width, "{line:?} is wider than {width}");
    }
}
