//! A map as people have it at hand: copied from `/proc`, from `--uidmap`, or from a file.

use diag::{Error, codes};

use crate::{Extent, Extents, Kind, LAST_ID, number::decimal_u32};

impl Extents {
    /// Reads a map that was written by hand or copied: `0 100000 65536` with a line or a comma between extents, as in
    /// `/proc/PID/uid_map`, or `0:100000:65536,101:996`, as in `--uidmap`. The amount may be left out for one id.
    ///
    /// Errors: UR0102 for what are no numbers, UR0103 for extents that overlap, UR0104 for too many of them.
    pub fn written(kind: Kind, text: &str) -> Result<Extents, Error> {
        let extents = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty()).map(|part| {
            let by_colons = part.contains(':');
            let fields: Vec<&str> =
                if by_colons { part.split(':').map(str::trim).collect() } else { part.split_whitespace().collect() };
            extent(part, &fields)
        });
        let extents = extents.collect::<Result<Vec<Extent>, Error>>()?;
        if extents.is_empty() {
            return Err(Error::new(codes::UR0102, "the map is empty").help(FORM));
        }
        Extents::new(extents).map_err(|fault| fault.into_error(kind))
    }
}

const FORM: &str = "write `0:100000:65536`, `0 100000 65536`, or the path of a file such as `/proc/PID/uid_map`";

fn extent(part: &str, fields: &[&str]) -> Result<Extent, Error> {
    let number = |field: &str| {
        decimal_u32(field).ok_or_else(|| {
            let what = if field.is_empty() {
                format!("a number is missing in `{part}`")
            } else {
                format!("`{field}` in `{part}` is not a number of at most {LAST_ID}")
            };
            Error::new(codes::UR0102, what).help(FORM)
        })
    };
    match fields {
        [inside, outside] => Ok(Extent::new(number(inside)?, number(outside)?, 1)),
        [inside, outside, len] => Ok(Extent::new(number(inside)?, number(outside)?, number(len)?)),
        _ => Err(Error::new(codes::UR0102, format!("`{part}` is not two or three numbers")).help(FORM)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_the_ways_to_write_it() {
        let expected = Extents::new([Extent::new(0, 100_000, 100), Extent::new(101, 996, 1)]).unwrap();
        for text in [
            "0:100000:100,101:996:1",
            "0:100000:100,101:996",
            "0 100000 100\n101 996 1\n",
            "         0     100000        100\n       101        996          1\n",
            "0 100000 100, 101 996 1",
            " 101:996 , 0 100000 100,",
        ] {
            assert_eq!(Extents::written(Kind::Uid, text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_map() {
        for (text, code) in [
            ("", codes::UR0102),
            ("0", codes::UR0102),
            ("0:0:0", codes::UR0102),
            ("0:0:1:1", codes::UR0102),
            ("a:0:1", codes::UR0102),
            ("0::1", codes::UR0102),
            ("0:4294967296:1", codes::UR0102),
            ("0:4294967295:1", codes::UR0102),
            ("0:0:5,3:9:1", codes::UR0103),
        ] {
            assert_eq!(Extents::written(Kind::Uid, text).unwrap_err().code(), code, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[0-9 :,\n+@u-]{0,40}") {
            let _ = Extents::written(Kind::Gid, &text);
        }
    }
}
