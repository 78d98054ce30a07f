//! What is answered to each number of one architecture, and the tree of ranges that finds it.

use std::collections::{BTreeMap, HashMap};

use oci::spec::{Seccomp, SeccompAction, SeccompArgument, SeccompOperator, SeccompRule};
use sys::seccomp::Instruction;

use super::{
    ENOSYS,
    abi::{Abi, X32_BIT},
    answer,
    condition::{Condition, rule},
    program::{ARCHITECTURE, Fragment, NUMBER, Test, branch, give, load},
};

/// What a call of an architecture is answered that is not allowed: its thread is killed.
const OTHER_ARCHITECTURE: u32 = 0;

/// The answer to one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// Rules with arguments: the first that holds counts.
    pub(super) conditional: Vec<(Vec<Condition>, u32)>,
    /// What counts otherwise; the default if it is missing.
    pub(super) always: Option<u32>,
}

/// The answers to all calls of one architecture.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) abi: Abi,
    /// By number.
    pub(super) decisions: BTreeMap<u32, Decision>,
    /// For the numbers that are not there.
    pub(super) default: u32,
    /// The largest number that a rule names, and what is answered above it.
    pub(super) newer: Option<(u32, u32)>,
}

impl Table {
    pub(super) fn new(profile: &Seccomp, abi: Abi) -> Table {
        let default = answer(profile.default_action, profile.default_errno_ret);
        let mut rules: HashMap<&str, Vec<&SeccompRule>> = HashMap::new();
        for rule in &profile.syscalls {
            for name in &rule.names {
                rules.entry(name).or_default().push(rule);
            }
        }
        let mut table = Table { abi, decisions: BTreeMap::new(), default, newer: None };
        let calls = abi.calls();
        let number = |name: &str| calls.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
        let mut last = None;
        for (name, number) in &calls {
            for rule in rules.get(name).into_iter().flatten() {
                last = last.max(Some(*number));
                table.add(*number, rule);
            }
        }
        for (name, behind, function) in abi.multiplexed() {
            let Some(number) = number(behind) else { continue };
            for rule in rules.get(name).into_iter().flatten() {
                last = last.max(Some(number));
                table.add_function(number, function, rule);
            }
        }
        table.newer = last.zip(answer_to_newer(profile));
        table.decisions.retain(|_, decision| *decision != Decision::default());
        table
    }

    fn add(&mut self, number: u32, rule: &SeccompRule) {
        let answer = answer(rule.action, rule.errno_ret);
        if answer == self.default {
            return;
        }
        let wide = self.abi.is_wide();
        let decision = self.decisions.entry(number).or_default();
        if rule.args.is_empty() {
            decision.always.get_or_insert(answer);
        } else {
            let conditions = |arguments: Vec<SeccompArgument>| {
                arguments.into_iter().map(|argument| Condition { argument, wide }).collect::<Vec<_>>()
            };
            decision.conditional.extend(alternatives(&rule.args).into_iter().map(|all| (conditions(all), answer)));
        }
    }

    /// A function of `socketcall` or `ipc`. Its own arguments lie in memory, where no filter can look; a rule about them is left out, so
    /// that the default holds.
    fn add_function(&mut self, number: u32, function: u32, rule: &SeccompRule) {
        if rule.args.is_empty() {
            let argument =
                SeccompArgument { index: 0, value: function.into(), value_two: 0, op: SeccompOperator::Equal };
            self.add(number, &SeccompRule { args: vec![argument], ..rule.clone() });
        }
    }

    /// Where answers begin to differ, from `first` on: number, code.
    fn ranges(&self, first: u32) -> Vec<(u32, Fragment)> {
        let mut ranges: Vec<(u32, Fragment)> = Vec::new();
        let mut push = |start: u32, fragment: Fragment| match ranges.last_mut() {
            Some((_, last)) if *last == fragment => {}
            Some((at, last)) if *at == start => *last = fragment,
            _ => ranges.push((start, fragment)),
        };
        push(first, vec![give(self.default)]);
        for (number, decision) in &self.decisions {
            push(*number, decision.fragment(self.default));
            push(number + 1, vec![give(self.default)]);
        }
        if let Some((last, answer)) = self.newer {
            push(last + 1, vec![give(answer)]);
        }
        ranges.dedup_by(|next, range| next.1 == range.1);
        ranges
    }
}

impl Decision {
    fn fragment(&self, default: u32) -> Fragment {
        // A rule without arguments stands above those with arguments.
        if let Some(answer) = self.always {
            return vec![give(answer)];
        }
        let mut fragment: Fragment =
            self.conditional.iter().flat_map(|(conditions, answer)| rule(conditions, give(*answer))).collect();
        fragment.push(give(default));
        fragment
    }
}

/// Two conditions on one argument are two rules.
fn alternatives(arguments: &[SeccompArgument]) -> Vec<Vec<SeccompArgument>> {
    let twice = (0..6).any(|index| arguments.iter().filter(|argument| argument.index == index).count() > 1);
    if twice { arguments.iter().map(|argument| vec![*argument]).collect() } else { vec![arguments.to_vec()] }
}

/// What is answered to calls that are newer than a profile; `None` if the default does.
fn answer_to_newer(profile: &Seccomp) -> Option<u32> {
    let enosys = answer(SeccompAction::Errno, Some(ENOSYS));
    let default = answer(profile.default_action, profile.default_errno_ret);
    // A tracer is one that allows: it knows what to do with a call that it does not know.
    let allows = matches!(profile.default_action, SeccompAction::Allow | SeccompAction::Log | SeccompAction::Trace);
    (!allows && default != enosys).then_some(enosys)
}

/// The whole program. x86-64 and x32 have one architecture for the kernel; a bit of the number tells them apart.
pub(super) fn tree(tables: &[Table]) -> Vec<Instruction> {
    let mut others = vec![give(OTHER_ARCHITECTURE)];
    let mut done: Vec<u32> = Vec::new();
    for table in tables {
        let audit = table.abi.audit();
        if done.contains(&audit) {
            continue;
        }
        done.push(audit);
        let mut ranges = Vec::new();
        for table in tables.iter().filter(|table| table.abi.audit() == audit) {
            ranges.extend(table.ranges(if table.abi == Abi::X32 { X32_BIT } else { 0 }));
        }
        let has_x32 = ranges.iter().any(|(start, _)| *start >= X32_BIT);
        if table.abi == Abi::X86_64 && !has_x32 {
            ranges.push((X32_BIT, vec![give(OTHER_ARCHITECTURE)]));
        }
        let mut section = vec![load(NUMBER)];
        section.extend(search(&ranges));
        others = branch(Test::Equal(audit), &section, &others);
    }
    let mut program = vec![load(ARCHITECTURE)];
    program.extend(others);
    program
}

/// A binary search among ranges, of which there is one at least.
fn search(ranges: &[(u32, Fragment)]) -> Fragment {
    match ranges {
        [] => vec![give(OTHER_ARCHITECTURE)],
        [(_, fragment)] => fragment.clone(),
        _ => {
            let (below, above) = ranges.split_at(ranges.len() / 2);
            branch(Test::GreaterOrEqual(above[0].0), &search(above), &search(below))
        }
    }
}
