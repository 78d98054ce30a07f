//! User and group ids, and the maps of user namespaces.
//!
//! A map is a table with two columns: the ids that a container sees ([`Inside`]) and the ids of the
//! namespace around it ([`Outside`]; on a plain host, the host's). It consists of at most 340 [`Extent`]s and
//! must be written to the kernel as less than 4096 bytes of text; [`Extents`] holds only maps that the kernel accepts.
//!
//! The way of a map, from what a person writes to what the kernel reads:
//!
//! 1. *syntax*: [`Request`] is what the options say ([`Triple`]: `--uidmap` and `--gidmap`; [`Userns`]: `--userns`), in
//!    Podman's full syntax, with the bytes that each part came from;
//! 2. *planning*: [`Needs`] (which ids does this image need?) and [`slots`] (which range of the host is free?);
//! 3. *resolving*: [`resolve()`] turns it and what the [`Caller`] has into an [`IdMap`];
//! 4. *judging*: [`coverage()`] says what a map leaves out, in the user's own words;
//! 5. *showing*: [`draw()`].
//!
//! ```
//! use idmap::{Caller, IdMap, Inside, Namespace, Outside, Request, SubidFile, Words, World, resolve};
//!
//! let uidmap = ["0:100000:1000".to_owned(), "+101:996:1".to_owned()];
//! let asked = Request::parse(&Words { uidmap: &uidmap, ..Words::default() }).unwrap().unwrap();
//!
//! let caller = Caller::Root { current: IdMap::identity() };
//! let (subuid, subgid) = (SubidFile::default(), SubidFile::default());
//! let world = World { caller: &caller, subuid: &subuid, subgid: &subgid };
//! let resolved = resolve(&asked, &world, |_| unreachable!("it is no automatic map")).unwrap();
//!
//! let Namespace::New(map) = resolved.namespace else { panic!("it is a namespace of its own") };
//! assert_eq!(map.uid.to_kernel(), "0 100000 101\n101 996 1\n102 100102 898\n");
//! assert_eq!(map.uid.to_outside(Inside(101)), Some(Outside(996)));
//! assert_eq!(map.gid, map.uid); // only one list was given
//! ```
//!
//! Nothing here opens a file or asks the kernel: `/etc/subuid` ([`SubidFile`]) and `/proc/PID/uid_map`
//! ([`Extents::from_kernel`]) are given as bytes.

mod algebra;
mod assign;
mod breaking;
mod by_hand;
mod coverage;
mod draw;
pub mod equivalents;
mod extent;
mod extents;
mod fault;
mod id;
mod idset;
mod kernel;
pub mod levels;
pub mod line;
mod names;
mod number;
mod place;
mod plan;
mod request;
mod resolve;
pub mod slots;
mod source;
mod subid;
pub mod svg;
mod trace;
mod triple;
mod userns;
mod windows;
mod wish;
mod wishes;
mod written;

pub use algebra::Straddle;
pub use assign::{Pool, Short, assign};
pub use coverage::{Need, NeedWhy, Writing, coverage};
pub use draw::draw;
pub use extent::Extent;
pub use extents::{Extents, IdMap, MAX_BYTES, MAX_EXTENTS};
pub use fault::{Column, Fault, Pair};
pub use id::{Inside, Kind, LAST_ID, NOBODY, Outside};
pub use idset::{BadIdSet, IdSet};
pub use kernel::BadKernelText;
pub use names::{Accounts, Names, NoNames, Side, printable};
pub use number::grouped;
pub use place::{MapOption, Place, Refused};
pub use plan::{FULL, ImageIds, Needs, Part, Reason, WINDOW};
pub use request::{Request, Words};
pub use resolve::{Automatic, Caller, Namespace, Resolved, World, resolve, resolve_with};
pub use slots::Slot;
pub use source::{Source, sources};
pub use subid::{BadLine, Delegation, LineFault, SubidFile, consecutive, intermediate};
pub use trace::{Trace, Way, trace};
pub use triple::Triple;
pub use userns::{Auto, KeepId, Userns};
pub use windows::{largest_hole, windows};
pub use wish::{MeAs, Who, Wish};
pub use wishes::Wishes;
