//! Comparisons of an argument, which has 64 bits, by a machine that has 32.

use oci::spec::{SeccompArgument, SeccompOperator};
use sys::seccomp::Instruction;

use super::program::{Fragment, Test, and, jump, load};

/// What one argument must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// The argument and what it is compared with.
    pub(super) argument: SeccompArgument,
    /// Whether arguments have 64 bits on the call's architecture: if not, only the lower half counts.
    pub(super) wide: bool,
}

/// Where a test leads.
#[derive(Clone, Copy)]
enum To {
    Next,
    Holds,
    Fails,
}

/// One instruction whose jumps are not numbers yet.
#[derive(Clone, Copy)]
enum Part {
    Plain(Instruction),
    Jump(Test, To, To),
}

impl Condition {
    /// Instructions that go on behind themselves if the condition holds, and pass over `behind` further ones if not.
    fn check(self, behind: usize) -> Fragment {
        let parts = self.parts();
        let len = parts.len();
        let jump_to = |at: usize, to: To| {
            let left = len - at - 1;
            let distance = match to {
                To::Next => 0,
                To::Holds => left,
                To::Fails => left + behind,
            };
            // A condition has 7 instructions at most and a rule has 6 conditions.
            u8::try_from(distance).unwrap_or(u8::MAX)
        };
        let place = |(at, part): (usize, Part)| match part {
            Part::Plain(instruction) => instruction,
            Part::Jump(test, yes, no) => jump(test, jump_to(at, yes), jump_to(at, no)),
        };
        parts.into_iter().enumerate().map(place).collect()
    }

    fn parts(self) -> Vec<Part> {
        let SeccompArgument { index, value, value_two, op } = self.argument;
        let (low, high) = (Part::Plain(load(16 + 8 * index)), Part::Plain(load(20 + 8 * index)));
        if op == SeccompOperator::MaskedEqual {
            let half = |load, mask: u32, wanted: u32| {
                [load, Part::Plain(and(mask)), Part::Jump(Test::Equal(wanted & mask), To::Next, To::Fails)]
            };
            let upper = half(high, upper(value), upper(value_two));
            let lower = half(low, lower(value), lower(value_two));
            return if self.wide { [upper, lower].concat() } else { lower.to_vec() };
        }
        let mut parts = Vec::with_capacity(5);
        if self.wide {
            parts.push(high);
            parts.extend(upper_half(op, upper(value)));
        }
        parts.extend([low, lower_half(op, lower(value))]);
        parts
    }

    /// Whether it holds: what [`Condition::check`] must find.
    #[cfg(test)]
    pub(super) fn holds(self, arguments: &[u64; 6]) -> bool {
        let SeccompArgument { index, value, value_two, op } = self.argument;
        let width = |number: u64| if self.wide { number } else { number & u64::from(u32::MAX) };
        let argument = width(arguments[usize::try_from(index).unwrap()]);
        let value = width(value);
        match op {
            SeccompOperator::NotEqual => argument != value,
            SeccompOperator::Less => argument < value,
            SeccompOperator::LessOrEqual => argument <= value,
            SeccompOperator::Equal => argument == value,
            SeccompOperator::GreaterOrEqual => argument >= value,
            SeccompOperator::Greater => argument > value,
            SeccompOperator::MaskedEqual => argument & value == width(value_two) & value,
        }
    }
}

/// A rule: what is answered if all conditions hold. Otherwise it ends behind itself.
pub(super) fn rule(conditions: &[Condition], answer: Instruction) -> Fragment {
    conditions.iter().rev().fold(vec![answer], |behind, condition| {
        let mut checked = condition.check(behind.len());
        checked.extend(behind);
        checked
    })
}

/// The upper half decides unless it is the same.
fn upper_half(op: SeccompOperator, value: u32) -> Vec<Part> {
    let (equal, greater) = (Test::Equal(value), Test::Greater(value));
    match op {
        SeccompOperator::Equal | SeccompOperator::MaskedEqual => vec![Part::Jump(equal, To::Next, To::Fails)],
        SeccompOperator::NotEqual => vec![Part::Jump(equal, To::Next, To::Holds)],
        SeccompOperator::Greater | SeccompOperator::GreaterOrEqual => {
            vec![Part::Jump(greater, To::Holds, To::Next), Part::Jump(equal, To::Next, To::Fails)]
        }
        SeccompOperator::Less | SeccompOperator::LessOrEqual => {
            vec![Part::Jump(greater, To::Fails, To::Next), Part::Jump(equal, To::Next, To::Holds)]
        }
    }
}

fn lower_half(op: SeccompOperator, value: u32) -> Part {
    match op {
        SeccompOperator::Equal | SeccompOperator::MaskedEqual => Part::Jump(Test::Equal(value), To::Next, To::Fails),
        SeccompOperator::NotEqual => Part::Jump(Test::Equal(value), To::Fails, To::Next),
        SeccompOperator::Greater => Part::Jump(Test::Greater(value), To::Next, To::Fails),
        SeccompOperator::GreaterOrEqual => Part::Jump(Test::GreaterOrEqual(value), To::Next, To::Fails),
        SeccompOperator::Less => Part::Jump(Test::GreaterOrEqual(value), To::Fails, To::Next),
        SeccompOperator::LessOrEqual => Part::Jump(Test::Greater(value), To::Fails, To::Next),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "it is what halves are about")]
fn lower(number: u64) -> u32 {
    number as u32
}

fn upper(number: u64) -> u32 {
    lower(number >> 32)
}
