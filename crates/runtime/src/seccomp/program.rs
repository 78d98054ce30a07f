//! Programs of classic BPF, put together from the back to the front.
//!
//! Every fragment here ends in a return, whatever way is taken through it; so fragments are only ever put behind one another, and a
//! jump is never patched. A conditional jump reaches 255 instructions far; where a fragment is longer, a long jump stands beside it.
//!
//! Source: `bpf(4)` of the BSDs, Documentation/networking/filter.rst and include/uapi/linux/seccomp.h of the kernel.

use sys::seccomp::Instruction;

const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const EQUAL: u16 = 0x15;
const GREATER: u16 = 0x25;
const GREATER_OR_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;

/// Where in `struct seccomp_data` the number of the call is.
pub(super) const NUMBER: u32 = 0;
/// Where its architecture is.
pub(super) const ARCHITECTURE: u32 = 4;

/// A piece of a program.
pub(super) type Fragment = Vec<Instruction>;

/// A test of the accumulator against a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// It is the number.
    Equal(u32),
    /// It is greater.
    Greater(u32),
    /// It is the number or greater.
    GreaterOrEqual(u32),
}

const fn plain(code: u16, k: u32) -> Instruction {
    Instruction { code, jt: 0, jf: 0, k }
}

/// Loads 32 bits of `struct seccomp_data`.
pub(super) const fn load(offset: u32) -> Instruction {
    plain(LOAD, offset)
}

/// Keeps the bits of a mask.
pub(super) const fn and(mask: u32) -> Instruction {
    plain(AND, mask)
}

/// The end.
pub(super) const fn give(value: u32) -> Instruction {
    plain(RETURN, value)
}

/// A jump, by how many instructions are passed over.
pub(super) const fn jump(test: Test, jt: u8, jf: u8) -> Instruction {
    let (code, k) = match test {
        Test::Equal(k) => (EQUAL, k),
        Test::Greater(k) => (GREATER, k),
        Test::GreaterOrEqual(k) => (GREATER_OR_EQUAL, k),
    };
    Instruction { code, jt, jf, k }
}

/// One fragment if a test holds, another if it does not.
pub(super) fn branch(test: Test, yes: &Fragment, no: &Fragment) -> Fragment {
    let mut both = Vec::with_capacity(no.len() + yes.len() + 2);
    if let Ok(near) = u8::try_from(no.len()) {
        both.push(jump(test, near, 0));
    } else {
        both.push(jump(test, 0, 1));
        both.push(plain(JUMP, u32::try_from(no.len()).unwrap_or(u32::MAX)));
    }
    both.extend_from_slice(no);
    both.extend_from_slice(yes);
    both
}

/// What a program answers, as the kernel computes it; `None` for a program that the kernel would refuse. `data` reads 32 bits.
#[cfg(test)]
pub(super) fn interpret(program: &[Instruction], data: impl Fn(u32) -> u32) -> Option<u32> {
    let (mut a, mut at) = (0_u32, 0_usize);
    loop {
        let Instruction { code, jt, jf, k } = *program.get(at)?;
        let jumped = |holds: bool| usize::from(if holds { jt } else { jf });
        at += 1;
        match code {
            LOAD => a = data(k),
            AND => a &= k,
            JUMP => at += usize::try_from(k).ok()?,
            EQUAL => at += jumped(a == k),
            GREATER => at += jumped(a > k),
            GREATER_OR_EQUAL => at += jumped(a >= k),
            // BPF_JSET, which this compiler does not use.
            0x45 => at += jumped(a & k != 0),
            RETURN => return Some(k),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_near_and_far() {
        for len in [1, 254, 255, 256, 700] {
            let no: Fragment = std::iter::repeat_n(give(1), len).collect();
            let mut program = vec![load(NUMBER)];
            program.extend(branch(Test::GreaterOrEqual(10), &vec![give(2)], &no));
            assert_eq!(interpret(&program, |_| 9), Some(1), "{len}");
            assert_eq!(interpret(&program, |_| 10), Some(2), "{len}");
        }
    }
}
