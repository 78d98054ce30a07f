//! POSIX access control lists: the ids in them, and the two forms in which archives have them.
//!
//! The attribute `system.posix_acl_access` (or `_default`) holds four bytes of version and eight a line: tag, permissions, id
//! (`linux/posix_acl_xattr.h`). tar programs that speak of lists (`tar --acls`) write acl(5)'s text instead, into the records
//! `SCHILY.acl.access` and `SCHILY.acl.default`; with star's fourth field, a line says a name and its id.

/// The version that all kernels have.
const VERSION: u32 = 2;

const USER: u16 = 0x02;
const GROUP: u16 = 0x08;

/// The id of a line that names nobody.
const NO_ID: u32 = u32::MAX;

/// What an id in a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    User(u32),
    Group(u32),
}

/// The ids that an attribute's value names; none if it is malformed, which the kernel refuses by itself.
pub(super) fn named(value: &[u8]) -> impl Iterator<Item = Named> {
    let lines = match value.split_first_chunk() {
        Some((version, lines)) if u32::from_le_bytes(*version) == VERSION => lines,
        _ => &[],
    };
    lines.as_chunks::<8>().0.iter().filter_map(|line| {
        let [tag, tag_high, _, _, id @ ..] = *line;
        let id = u32::from_le_bytes(id);
        match u16::from_le_bytes([tag, tag_high]) {
            USER => Some(Named::User(id)),
            GROUP => Some(Named::Group(id)),
            _ => None,
        }
    })
}

/// The attribute's value for a list in words; `None` if a line is malformed, or has a name whose id nobody says.
pub(super) fn from_text(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let lines = text.split([',', '\n']).map(|line| line.split('#').next().unwrap_or_default().trim());
    let mut lines: Vec<(u16, u16, u32)> = lines.filter(|line| !line.is_empty()).map(line).collect::<Option<_>>()?;
    // The kernel wants them in the order of their tags and ids.
    lines.sort_unstable_by_key(|(tag, _, id)| (*tag, *id));
    let mut value = VERSION.to_le_bytes().to_vec();
    for (tag, permissions, id) in lines {
        value.extend([tag.to_le_bytes(), permissions.to_le_bytes()].concat());
        value.extend(id.to_le_bytes());
    }
    Some(value)
}

/// `user::rwx`, `user:1000:r-x`, `user:lisa:r-x:1000`, `mask::r--`, `other::r--`.
fn line(line: &str) -> Option<(u16, u16, u32)> {
    let mut fields = line.split(':').map(str::trim);
    let (word, name) = (fields.next()?, fields.next()?);
    let permissions = permissions(fields.next()?)?;
    let id = fields.next();
    if fields.next().is_some() {
        return None;
    }
    let tag = match (word, name) {
        ("user" | "u", "") => 0x01,
        ("user" | "u", _) => USER,
        ("group" | "g", "") => 0x04,
        ("group" | "g", _) => GROUP,
        ("mask" | "m", "") => 0x10,
        ("other" | "o", "") => 0x20,
        _ => return None,
    };
    let id = if matches!(tag, USER | GROUP) { id.unwrap_or(name).parse().ok()? } else { NO_ID };
    Some((tag, permissions, id))
}

fn permissions(text: &str) -> Option<u16> {
    text.chars().try_fold(0, |sum, letter| {
        Some(
            sum | match letter {
                'r' => 4,
                'w' => 2,
                'x' => 1,
                '-' => 0,
                _ => return None,
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_and_bytes() {
        let text =
            b"user::rwx,user:lisa:r-x:1000,group::r--\ngroup:50:-w-\nuser:7:rwx # effective\nmask::rwx,other::---\n";
        let value = from_text(text).unwrap();
        assert_eq!(value.len(), 4 + 7 * 8);
        assert_eq!(value[..12], [2, 0, 0, 0, 1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff]);
        let ids: Vec<_> = named(&value).collect();
        assert_eq!(ids, [Named::User(7), Named::User(1000), Named::Group(50)]);
    }

    #[test]
    fn names_without_ids_and_nonsense() {
        for text in [
            "user:lisa:rwx",
            "user:1:rwz",
            "user:1",
            "mask:1:rwx",
            "default:user::rwx",
            "user:1:r:2:3",
            "user:4294967296:r",
        ] {
            assert_eq!(from_text(text.as_bytes()), None, "{text}");
        }
        assert_eq!(named(b"").count() + named(&[1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]).count(), 0);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = from_text(&bytes);
            prop_assert!(named(&bytes).count() <= bytes.len() / 8);
        }
    }
}
