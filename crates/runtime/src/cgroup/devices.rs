//! The device rules of a container on version 2: a program that the kernel runs at every open and mknod of a device.
//!
//! Later rules override earlier ones, so the program asks them from the last to the first, and the first that fits answers. What no
//! rule fits is denied if any rule is there. The kernel hands it the kind and the access in one word, then major and minor number.
//!
//! Source: `struct bpf_cgroup_dev_ctx` in include/uapi/linux/bpf.h of the kernel.

use oci::spec::DeviceKind;
use sys::bpf::Instruction;

/// A rule, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Whether it allows.
    pub(super) allow: bool,
    /// Which kind: block, character, or every one.
    pub(super) kind: DeviceKind,
    /// The major number; every one if it is missing.
    pub(super) major: Option<i32>,
    /// The minor number.
    pub(super) minor: Option<i32>,
    /// Bits: make 1, read 2, write 4.
    pub(super) access: i32,
}

/// All kinds of access.
pub(super) const EVERY_ACCESS: i32 = 7;

const LOAD_WORD: u8 = 0x61;
const AND: u8 = 0x54;
const SHIFT_RIGHT: u8 = 0x74;
const MOVE: u8 = 0xb7;
const COPY: u8 = 0xbc;
const JUMP_IF_NOT: u8 = 0x55;
const JUMP_IF_OTHER: u8 = 0x5d;
const EXIT: u8 = 0x95;

/// Registers: the answer, the context, and what is read from it.
const ANSWER: u8 = 0;
const CONTEXT: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
const SCRATCH: u8 = 6;

const fn with(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Instruction {
    Instruction { code, registers: to | from << 4, offset, immediate }
}

/// Compiles rules, in their order.
pub(super) fn compile(rules: &[Rule]) -> Vec<Instruction> {
    let mut program = vec![
        with(LOAD_WORD, KIND, CONTEXT, 0, 0),
        with(COPY, ACCESS, KIND, 0, 0),
        with(AND, KIND, 0, 0, 0xffff),
        with(SHIFT_RIGHT, ACCESS, 0, 0, 16),
        with(LOAD_WORD, MAJOR, CONTEXT, 4, 0),
        with(LOAD_WORD, MINOR, CONTEXT, 8, 0),
    ];
    for rule in rules.iter().rev() {
        let code = one(*rule);
        let fits_all = code.len() == answer(true).len();
        program.extend(code);
        if fits_all {
            // What comes before it is never asked, and the kernel takes no program with such code.
            return program;
        }
    }
    program.extend(answer(false));
    program
}

fn answer(allow: bool) -> [Instruction; 2] {
    [with(MOVE, ANSWER, 0, 0, i32::from(allow)), with(EXIT, 0, 0, 0, 0)]
}

fn one(rule: Rule) -> Vec<Instruction> {
    let mut tests = Vec::new();
    match rule.kind {
        DeviceKind::Block => tests.push(with(JUMP_IF_NOT, KIND, 0, 0, 1)),
        DeviceKind::Character | DeviceKind::Unbuffered => tests.push(with(JUMP_IF_NOT, KIND, 0, 0, 2)),
        DeviceKind::All | DeviceKind::Fifo => {}
    }
    if rule.access != EVERY_ACCESS {
        // An allowing rule must allow all that is asked for; a denying one denies if anything of it is asked for.
        tests.push(with(COPY, SCRATCH, ACCESS, 0, 0));
        tests.push(with(AND, SCRATCH, 0, 0, rule.access));
        if rule.allow {
            tests.push(with(JUMP_IF_OTHER, SCRATCH, ACCESS, 0, 0));
        } else {
            tests.push(with(JUMP_IF_ZERO, SCRATCH, 0, 0, 0));
        }
    }
    tests.extend(rule.major.map(|major| with(JUMP_IF_NOT, MAJOR, 0, 0, major)));
    tests.extend(rule.minor.map(|minor| with(JUMP_IF_NOT, MINOR, 0, 0, minor)));
    let end = tests.len() + 2;
    for (at, test) in tests.iter_mut().enumerate() {
        if matches!(test.code, JUMP_IF_NOT | JUMP_IF_OTHER | JUMP_IF_ZERO) {
            // A rule has eight instructions at most.
            test.offset = i16::try_from(end - at - 1).unwrap_or(0);
        }
    }
    tests.extend(answer(rule.allow));
    tests
}

const JUMP_IF_ZERO: u8 = 0x15;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the kernel's interpreter does with the instructions that are used here.
    fn run(program: &[Instruction], context: [u32; 3]) -> u64 {
        let mut registers = [0_u64; 11];
        let mut at = 0;
        loop {
            let Instruction { code, registers: both, offset, immediate } = program[at];
            let (to, from) = (usize::from(both & 15), usize::from(both >> 4));
            let k = u64::from(u32::from_ne_bytes(immediate.to_ne_bytes()));
            at += 1;
            let mut jump = |holds: bool| at += if holds { usize::try_from(offset).unwrap() } else { 0 };
            match code {
                LOAD_WORD => registers[to] = u64::from(context[usize::try_from(offset).unwrap() / 4]),
                COPY => registers[to] = registers[from] & 0xffff_ffff,
                AND => registers[to] &= k,
                SHIFT_RIGHT => registers[to] >>= k,
                MOVE => registers[to] = k,
                JUMP_IF_NOT => jump(registers[to] != k),
                JUMP_IF_ZERO => jump(registers[to] == k),
                JUMP_IF_OTHER => jump(registers[to] != registers[from]),
                EXIT => return registers[0],
                other => panic!("{other:#x}"),
            }
        }
    }

    fn model(rules: &[Rule], block: bool, access: i32, major: i32, minor: i32) -> bool {
        let fits = |rule: &&Rule| {
            let kind = match rule.kind {
                DeviceKind::Block => block,
                DeviceKind::Character => !block,
                _ => true,
            };
            let overlap = if rule.allow { rule.access & access == access } else { rule.access & access != 0 };
            kind && overlap && rule.major.is_none_or(|m| m == major) && rule.minor.is_none_or(|m| m == minor)
        };
        rules.iter().rev().find(fits).is_some_and(|rule| rule.allow)
    }

    fn rule() -> impl Strategy<Value = Rule> {
        let kind = prop_oneof![Just(DeviceKind::All), Just(DeviceKind::Block), Just(DeviceKind::Character)];
        let number = || prop::option::of(0..3_i32);
        (any::<bool>(), kind, number(), number(), 1..8_i32).prop_map(|(allow, kind, major, minor, access)| Rule {
            allow,
            kind,
            major,
            minor,
            access,
        })
    }

    proptest! {
        #[test]
        fn the_last_rule_that_fits_answers(rules in prop::collection::vec(rule(), 0..6)) {
            let program = compile(&rules);
            for (block, access) in [false, true].into_iter().flat_map(|block| (1..8).map(move |access| (block, access))) {
                for (major, minor) in (0..3).flat_map(|major| (0..3).map(move |minor| (major, minor))) {
                    let word = u32::try_from(access << 16 | if block { 1 } else { 2 }).unwrap();
                    let context = [word, u32::try_from(major).unwrap(), u32::try_from(minor).unwrap()];
                    prop_assert_eq!(run(&program, context) == 1, model(&rules, block, access, major, minor));
                }
            }
        }
    }
}
