//! Numbers as people read and write them.

/// A number with a space between each three digits: `11 842`. Four digits stay together: `1024`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Reads decimal digits and nothing else: no sign, no space, no underscore (which `str::parse` would partly allow).
pub(crate) fn decimal(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// As [`decimal`], for what must fit an id.
pub(crate) fn decimal_u32(text: &str) -> Option<u32> {
    decimal(text).and_then(|number| u32::try_from(number).ok())
}

/// How many decimal digits a number has.
pub(crate) const fn width(number: u32) -> usize {
    match number.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_three() {
        let cases = [(0, "0"), (1024, "1024"), (11_842, "11 842"), (4_294_967_295, "4 294 967 295")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn only_digits_are_a_number() {
        for bad in ["", "+1", "-1", " 1", "1 ", "0x1", "1_0", "99999999999999999999"] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
        assert_eq!(decimal_u32("4294967295"), Some(u32::MAX));
        assert_eq!(decimal_u32("4294967296"), None);
    }

    #[test]
    fn widths() {
        for number in [0, 9, 10, 99, 100, 65_535, u32::MAX] {
            assert_eq!(width(number), number.to_string().len());
        }
    }
}
