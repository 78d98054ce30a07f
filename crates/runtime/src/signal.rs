//! Signals by name and by number, as `kill` and `stop` take them.

use std::fmt;

use diag::{Error, Result, codes};

/// The names without `SIG`; signal(7), the numbers of x86 and arm.
const NAMES: [(u8, &str); 34] = [
    (1, "HUP"),
    (2, "INT"),
    (3, "QUIT"),
    (4, "ILL"),
    (5, "TRAP"),
    (6, "ABRT"),
    (7, "BUS"),
    (8, "FPE"),
    (9, "KILL"),
    (10, "USR1"),
    (11, "SEGV"),
    (12, "USR2"),
    (13, "PIPE"),
    (14, "ALRM"),
    (15, "TERM"),
    (16, "STKFLT"),
    (17, "CHLD"),
    (18, "CONT"),
    (19, "STOP"),
    (20, "TSTP"),
    (21, "TTIN"),
    (22, "TTOU"),
    (23, "URG"),
    (24, "XCPU"),
    (25, "XFSZ"),
    (26, "VTALRM"),
    (27, "PROF"),
    (28, "WINCH"),
    (29, "IO"),
    (30, "PWR"),
    (31, "SYS"),
    // Other names of the same ones; a number is shown by its first name.
    (6, "IOT"),
    (17, "CLD"),
    (29, "POLL"),
];

/// The first real-time signal as glibc counts; the kernel's 32 and 33 belong to the C library. (musl begins at 35.)
const RTMIN: u8 = 34;
/// The last signal of Linux.
const RTMAX: u8 = 64;

/// A signal's number, 1 to 64; or 0, which sends nothing and only asks whether the process is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(u8);

impl Signal {
    /// SIGKILL.
    pub const KILL: Signal = Signal(9);
    /// SIGTERM.
    pub const TERM: Signal = Signal(15);

    /// Takes a number up to 64.
    pub fn new(number: u8) -> Option<Signal> {
        (number <= RTMAX).then_some(Signal(number))
    }

    /// Reads a signal as people write it: `TERM`, `SIGTERM`, `term`, `15`, `RTMIN+3`, `SIGRTMAX-1`. Fails with UR0609.
    pub fn parse(text: &str) -> Result<Signal> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().and_then(Signal::new).ok_or_else(|| {
                Error::new(codes::UR0609, format!("there is no signal number `{text}`")).help("signals are 1 to 64")
            });
        }
        let name = text.to_ascii_uppercase();
        let bare = name.strip_prefix("SIG").unwrap_or(&name);
        named(bare).or_else(|| real_time(bare)).map(Signal).ok_or_else(|| {
            let error = Error::new(codes::UR0609, format!("there is no signal called `{text}`"));
            error.help("a signal is written as `TERM`, `SIGTERM`, `15` or `RTMIN+3`")
        })
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }
}

fn named(bare: &str) -> Option<u8> {
    NAMES.iter().find(|(_, name)| *name == bare).map(|(number, _)| *number)
}

fn real_time(bare: &str) -> Option<u8> {
    let signal = match bare.strip_prefix("RTMIN") {
        Some("") => RTMIN,
        Some(offset) => RTMIN.checked_add(steps(offset, '+')?)?,
        None => match bare.strip_prefix("RTMAX")? {
            "" => RTMAX,
            offset => RTMAX.checked_sub(steps(offset, '-')?)?,
        },
    };
    (RTMIN..=RTMAX).contains(&signal).then_some(signal)
}

fn steps(offset: &str, sign: char) -> Option<u8> {
    let digits = offset.strip_prefix(sign)?;
    // `parse` alone would accept a second sign.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// `SIGTERM`, `SIGRTMIN+3`, or the bare number of one that has no name.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (NAMES.iter().find(|(number, _)| *number == self.0), self.0) {
            (Some((_, name)), _) => write!(f, "SIG{name}"),
            (None, RTMIN) => f.write_str("SIGRTMIN"),
            (None, number @ RTMIN..) => write!(f, "SIGRTMIN+{}", number - RTMIN),
            (None, number) => write!(f, "{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_write() {
        let cases = [
            ("TERM", 15),
            ("SIGTERM", 15),
            ("sigkill", 9),
            ("15", 15),
            ("0", 0),
            ("64", 64),
            ("IOT", 6),
            ("POLL", 29),
            ("RTMIN", 34),
            ("RTMIN+3", 37),
            ("SIGRTMIN+30", 64),
            ("RTMAX", 64),
            ("RTMAX-14", 50),
        ];
        for (text, number) in cases {
            assert_eq!(Signal::parse(text).unwrap().number(), number, "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        let cases =
            ["", "SIG", "65", "256", "99999999999", "-1", "+1", "RTMIN+31", "RTMIN-1", "RTMAX+1", "RTMIN++1", "TERM "];
        for text in cases {
            assert_eq!(Signal::parse(text).unwrap_err().code(), codes::UR0609, "{text}");
        }
    }

    proptest! {
        #[test]
        fn shown_and_read_again(number in 0_u8..=64) {
            let signal = Signal::new(number).unwrap();
            prop_assert_eq!(Signal::parse(&signal.to_string()).unwrap(), signal);
        }

        #[test]
        fn nothing_panics(text in "\\PC*") {
            let _ = Signal::parse(&text);
        }
    }
}
