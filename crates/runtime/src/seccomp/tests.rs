//! The compiler against a model, against libseccomp where its Python binding is installed, and on the kernel.

#![allow(clippy::print_stderr, reason = "a test that is skipped says why")]

use std::{
    io::Write,
    process::{Command, Stdio},
};

use oci::spec::{SeccompArgument, SeccompOperator};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

use super::{abi::Abi, program::interpret, table::Decision, *};
use crate::capability::CapSet;

const X86_FAMILY: &[Abi] = &[Abi::X86_64, Abi::X86, Abi::X32];
const ARM_FAMILY: &[Abi] = &[Abi::Aarch64, Abi::Arm];

/// Calls of all kinds: old and new, of one architecture only, multiplexed, and some that do not exist.
const CALLS: [&str; 24] = [
    "read",
    "write",
    "execve",
    "socket",
    "connect",
    "semop",
    "shmget",
    "ioctl",
    "personality",
    "clone",
    "clone3",
    "mmap",
    "mmap2",
    "openat2",
    "arch_prctl",
    "waitpid",
    "rt_sigaction",
    "stat64",
    "keyctl",
    "bpf",
    "futex",
    "cachestat",
    "no_such_call",
    "process_vm_readv",
];

/// A call as a filter sees it.
#[derive(Clone, Copy, Debug)]
struct Call {
    architecture: u32,
    number: u32,
    arguments: [u64; 6],
}

impl Call {
    fn read(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.architecture,
            16.. => {
                let argument = self.arguments[usize::try_from((offset - 16) / 8).unwrap()];
                u32::try_from(if offset % 8 == 4 { argument >> 32 } else { argument & 0xffff_ffff }).unwrap()
            }
            _ => 0,
        }
    }
}

/// What a profile means, said as plainly as possible: for one architecture of a family.
struct Model<'a> {
    profile: &'a Seccomp,
    abi: Abi,
    allowed: bool,
    calls: Vec<(&'static str, u32)>,
    largest: Option<u32>,
}

impl<'a> Model<'a> {
    fn of(profile: &'a Seccomp, family: &[Abi]) -> Vec<Model<'a>> {
        let model = |abi: &Abi| {
            let allowed = *abi == family[0] || profile.architectures.iter().any(|name| name == abi.name());
            let mut model = Model { profile, abi: *abi, allowed, calls: abi.calls(), largest: None };
            let named = |name: &str| profile.syscalls.iter().any(|rule| rule.names.iter().any(|asked| asked == name));
            let behind: Vec<_> =
                abi.multiplexed().into_iter().filter(|call| named(call.0)).map(|call| call.1).collect();
            let numbers = model.calls.iter().filter(|(name, _)| named(name) || behind.contains(name));
            model.largest = numbers.map(|(_, number)| *number).max();
            model
        };
        family.iter().map(model).collect()
    }

    fn has(&self, call: &Call) -> bool {
        let shares = matches!(self.abi, Abi::X86_64 | Abi::X32);
        let bit = call.number & abi::X32_BIT != 0;
        self.abi.audit() == call.architecture && (!shares || bit == (self.abi == Abi::X32))
    }

    fn answer(&self, call: &Call) -> u32 {
        let default = answer(self.profile.default_action, self.profile.default_errno_ret);
        let names: Vec<_> =
            self.calls.iter().filter(|(_, known)| *known == call.number).map(|(name, _)| *name).collect();
        let function = self.abi.multiplexed().into_iter().find(|(_, behind, function)| {
            names.contains(behind) && u64::from(*function) == call.arguments[0] & 0xffff_ffff
        });
        let mut decision = Decision::default();
        let speaking = self.profile.syscalls.iter().filter(|rule| answer(rule.action, rule.errno_ret) != default);
        for rule in speaking {
            let answer = answer(rule.action, rule.errno_ret);
            let about = |name: &str| rule.names.iter().any(|asked| asked == name);
            let direct = names.iter().any(|name| about(name));
            if direct && rule.args.is_empty() {
                decision.always.get_or_insert(answer);
            } else if direct && holds(rule, self.abi, call)
                || rule.args.is_empty() && function.is_some_and(|f| about(f.0))
            {
                decision.conditional.push((Vec::new(), answer));
            }
        }
        let allowing =
            matches!(self.profile.default_action, SeccompAction::Allow | SeccompAction::Log | SeccompAction::Trace);
        let newer = self.largest.is_some_and(|largest| call.number > largest) && !allowing;
        let held = decision.conditional.first().map(|(_, answer)| *answer);
        decision.always.or(held).unwrap_or(if newer { 0x5_0026 } else { default })
    }
}

fn holds(rule: &SeccompRule, abi: Abi, call: &Call) -> bool {
    let one = |argument: &SeccompArgument| {
        condition::Condition { argument: *argument, wide: abi.is_wide() }.holds(&call.arguments)
    };
    let twice = (0..6).any(|index| rule.args.iter().filter(|argument| argument.index == index).count() > 1);
    if twice { rule.args.iter().any(one) } else { rule.args.iter().all(one) }
}

fn operator() -> impl Strategy<Value = SeccompOperator> {
    prop_oneof![
        Just(SeccompOperator::NotEqual),
        Just(SeccompOperator::Less),
        Just(SeccompOperator::LessOrEqual),
        Just(SeccompOperator::Equal),
        Just(SeccompOperator::GreaterOrEqual),
        Just(SeccompOperator::Greater),
        Just(SeccompOperator::MaskedEqual),
    ]
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..20_u64, Just(0xffff_ffff), Just(1 << 32), Just(u64::MAX), (any::<u64>())]
}

fn argument() -> impl Strategy<Value = SeccompArgument> {
    (0..6_u32, number(), number(), operator()).prop_map(|(index, value, value_two, op)| SeccompArgument {
        index,
        value,
        value_two,
        op,
    })
}

fn action() -> impl Strategy<Value = (SeccompAction, Option<u32>)> {
    prop_oneof![
        Just((SeccompAction::Allow, None)),
        Just((SeccompAction::Log, None)),
        Just((SeccompAction::Trap, None)),
        Just((SeccompAction::KillThread, None)),
        Just((SeccompAction::KillProcess, None)),
        (0..200_u32).prop_map(|errno| (SeccompAction::Errno, Some(errno))),
        (0..200_u32).prop_map(|number| (SeccompAction::Trace, Some(number))),
    ]
}

fn rule() -> impl Strategy<Value = SeccompRule> {
    let arguments = prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(argument(), 1..4)];
    (prop::sample::subsequence(CALLS.to_vec(), 1..6), action(), arguments).prop_map(
        |(names, (action, errno_ret), args)| SeccompRule {
            names: names.into_iter().map(str::to_owned).collect(),
            action,
            errno_ret,
            args,
        },
    )
}

fn profile(family: &'static [Abi]) -> impl Strategy<Value = Seccomp> {
    let others: Vec<String> = family.iter().map(|abi| abi.name().to_owned()).collect();
    let len = others.len();
    (action(), prop::collection::vec(rule(), 0..8), prop::sample::subsequence(others, 0..=len)).prop_map(
        |((default_action, default_errno_ret), syscalls, architectures)| Seccomp {
            default_action,
            default_errno_ret,
            architectures,
            syscalls,
            ..Seccomp::default()
        },
    )
}

/// Calls at which something about a profile may change.
fn calls(profile: &Seccomp, family: &[Abi]) -> Vec<Call> {
    let mut values = vec![0, 1, 1 << 32, u64::MAX];
    for argument in profile.syscalls.iter().flat_map(|rule| &rule.args) {
        for value in [argument.value, argument.value_two, argument.value & argument.value_two] {
            values.extend([value, value.wrapping_add(1), value.wrapping_sub(1), value ^ (1 << 40)]);
        }
    }
    let mut calls = Vec::new();
    for abi in family {
        let known: Vec<_> =
            abi.calls().into_iter().filter(|(name, _)| CALLS.contains(name)).map(|(_, nr)| nr).collect();
        let edges =
            known.iter().flat_map(|nr| [nr - 1_u32.min(*nr), *nr, nr + 1]).chain([0, 500, 0x3fff_ffff, abi::X32_BIT]);
        for (turn, number) in edges.enumerate() {
            for first in 0..values.len().min(12) {
                let argument = |index: usize| values[(first * 7 + turn + index * (turn + 1)) % values.len()];
                let arguments = std::array::from_fn(argument);
                calls.push(Call { architecture: abi.audit(), number, arguments });
            }
        }
    }
    calls.push(Call { architecture: 0xc000_00f3, number: 0, arguments: [0; 6] });
    calls
}

fn compare_with_model(profile: &Seccomp, family: &'static [Abi]) {
    let program = program_of(profile, family);
    let models = Model::of(profile, family);
    for call in calls(profile, family) {
        let given = interpret(&program, |offset| call.read(offset));
        let model = models.iter().find(|model| model.has(&call)).filter(|model| model.allowed);
        assert_eq!(given, Some(model.map_or(0, |model| model.answer(&call))), "{call:?}\n{profile:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn a_program_does_what_the_profile_means(x86 in profile(X86_FAMILY), arm in profile(ARM_FAMILY)) {
        compare_with_model(&x86, X86_FAMILY);
        compare_with_model(&arm, ARM_FAMILY);
    }
}

#[test]
fn the_default_profile_does_what_it_means() {
    for capabilities in [CapSet::default(), CapSet(u64::MAX)] {
        let profile = default_profile(capabilities);
        compare_with_model(&profile, X86_FAMILY);
        let len = program_of(&profile, X86_FAMILY).len();
        assert!(len < 800, "{len}");
    }
}

#[test]
fn calls_that_are_newer_than_the_profile_do_not_exist() {
    let profile: Seccomp = serde_json::from_value(json!({"defaultAction": "SCMP_ACT_KILL_PROCESS",
        "syscalls": [{"names": ["read", "openat2", "of_the_future"], "action": "SCMP_ACT_ALLOW"}]}))
    .unwrap();
    let program = program_of(&profile, X86_FAMILY);
    let answer = |number| interpret(&program, |offset| if offset == 4 { 0xc000_003e } else { number }).unwrap();
    assert_eq!([answer(0), answer(1), answer(437), answer(438)], [0x7fff_0000, 0x8000_0000, 0x7fff_0000, 0x5_0026]);
    assert_eq!(answer(abi::X32_BIT), 0);
}

const PYTHON: &str = r#"
import json, os, sys, tempfile
import seccomp
simple = {"SCMP_ACT_ALLOW": seccomp.ALLOW, "SCMP_ACT_LOG": seccomp.LOG, "SCMP_ACT_TRAP": seccomp.TRAP,
          "SCMP_ACT_KILL_THREAD": seccomp.KILL, "SCMP_ACT_KILL_PROCESS": seccomp.KILL_PROCESS}
ops = {"SCMP_CMP_NE": seccomp.NE, "SCMP_CMP_LT": seccomp.LT, "SCMP_CMP_LE": seccomp.LE, "SCMP_CMP_EQ": seccomp.EQ,
       "SCMP_CMP_GE": seccomp.GE, "SCMP_CMP_GT": seccomp.GT, "SCMP_CMP_MASKED_EQ": seccomp.MASKED_EQ}
arches = {"SCMP_ARCH_X86": seccomp.Arch.X86, "SCMP_ARCH_X32": seccomp.Arch.X32}
def action(name, number):
    if name == "SCMP_ACT_ERRNO": return seccomp.ERRNO(1 if number is None else number)
    if name == "SCMP_ACT_TRACE": return seccomp.TRACE(1 if number is None else number)
    return simple[name]
def argument(a):
    if a["op"] == "SCMP_CMP_MASKED_EQ": return seccomp.Arg(a["index"], ops[a["op"]], a["value"], a["valueTwo"])
    return seccomp.Arg(a["index"], ops[a["op"]], a["value"])
for profile in json.load(sys.stdin):
    default = action(profile["defaultAction"], profile.get("defaultErrnoRet"))
    f = seccomp.SyscallFilter(default)
    for name in profile.get("architectures", []):
        if name in arches: f.add_arch(arches[name])
    for rule in profile.get("syscalls", []):
        does = action(rule["action"], rule.get("errnoRet"))
        if does == default: continue
        args = rule.get("args", [])
        twice = len({a["index"] for a in args}) < len(args)
        for name in rule["names"]:
            for some in ([[a] for a in args] if twice else [args]):
                try: f.add_rule(does, name, *map(argument, some))
                except (RuntimeError, ValueError): pass
    with tempfile.TemporaryFile() as out:
        f.export_bpf(out)
        out.seek(0)
        print(out.read().hex())
"#;

/// The programs that libseccomp makes of profiles, if it can be asked.
fn libseccomp(profiles: &[Seccomp]) -> Option<Vec<Vec<Instruction>>> {
    let python = ["/usr/bin/python3", "python3"].into_iter().find(|python| {
        let asked = Command::new(python).args(["-c", "import seccomp"]).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    })?;
    let mut child =
        Command::new(python).args(["-c", PYTHON]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    child.stdin.take()?.write_all(&serde_json::to_vec(profiles).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let byte = |line: &str, at: usize| u8::from_str_radix(&line[2 * at..2 * at + 2], 16).unwrap();
    let instruction = |line: &str, at: usize| {
        let byte = |index| byte(line, 8 * at + index);
        let k = u32::from_le_bytes([byte(4), byte(5), byte(6), byte(7)]);
        Instruction { code: u16::from_le_bytes([byte(0), byte(1)]), jt: byte(2), jf: byte(3), k }
    };
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| (0..line.len() / 16).map(|at| instruction(line, at)).collect()).collect())
}

fn compare_with_libseccomp(profiles: &[Seccomp]) {
    let Some(theirs) = libseccomp(profiles) else { return eprintln!("skipped: there is no python3-seccomp to ask") };
    assert_eq!(theirs.len(), profiles.len());
    for (profile, theirs) in profiles.iter().zip(theirs) {
        let ours = program_of(profile, X86_FAMILY);
        for call in calls(profile, X86_FAMILY).into_iter().filter(|call| comparable(profile, call)) {
            let [ours, theirs] = [&ours, &theirs].map(|program| interpret(program, |offset| call.read(offset)));
            assert_eq!(ours, theirs, "{call:?}\n{}", serde_json::to_string(profile).unwrap());
        }
    }
}

/// What libseccomp does otherwise: it knows fewer calls, and it looks for the arguments of a multiplexed call among those of
/// `socketcall` and `ipc`.
fn comparable(profile: &Seccomp, call: &Call) -> bool {
    let conditional =
        |name: &str| profile.syscalls.iter().any(|r| !r.args.is_empty() && r.names.iter().any(|n| n == name));
    let multiplexed = ["socket", "connect", "semop", "shmget"].into_iter().any(conditional);
    let behind = call.architecture == Abi::X86.audit() && matches!(call.number, 102 | 117);
    // It compares the lower halves of x32's arguments, though the kernel uses the whole of them.
    let small = |number: u64| u32::try_from(number).is_ok();
    let values = profile.syscalls.iter().flat_map(|rule| &rule.args).flat_map(|arg| [arg.value, arg.value_two]);
    let halves = call.number & abi::X32_BIT != 0 && !values.chain(call.arguments).all(small);
    !(behind && multiplexed || halves || call.number == 451)
}

/// Profiles whose rules cannot contradict each other: what libseccomp makes of those depends on the order of its trees. It adds no answer to newer
/// calls, either.
fn without_contradictions(mut profile: Seccomp) -> Seccomp {
    (profile.default_action, profile.default_errno_ret) = match profile.default_action {
        SeccompAction::Allow | SeccompAction::Log | SeccompAction::Trace => {
            (profile.default_action, profile.default_errno_ret)
        }
        _ => (SeccompAction::Errno, Some(ENOSYS)),
    };
    let conditional = profile.syscalls.iter().find(|rule| !rule.args.is_empty()).map(|r| (r.action, r.errno_ret));
    for rule in profile.syscalls.iter_mut().filter(|rule| !rule.args.is_empty()) {
        (rule.action, rule.errno_ret) = conditional.unwrap();
    }
    let (with, without): (Vec<_>, Vec<_>) = profile.syscalls.into_iter().partition(|rule| !rule.args.is_empty());
    let mut seen: Vec<String> = Vec::new();
    profile.syscalls = Vec::new();
    for mut rule in with.into_iter().chain(without) {
        // Several inequalities of one call are mixed up by libseccomp 2.5.
        let mut indices = Vec::new();
        rule.args.retain(|argument| {
            !indices.contains(&argument.index) && {
                indices.push(argument.index);
                true
            }
        });
        rule.names.retain(|name| !seen.contains(name));
        seen.extend(rule.names.clone());
        profile.syscalls.push(rule);
    }
    profile.syscalls.retain(|rule| !rule.names.is_empty());
    profile
}

#[test]
fn random_profiles_decide_as_with_libseccomp() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = profile(X86_FAMILY).prop_map(without_contradictions);
    let profiles: Vec<_> = (0..60).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    compare_with_libseccomp(&profiles);
}

#[test]
fn the_default_profile_decides_as_with_libseccomp() {
    let known = |mut profile: Seccomp| {
        // What the installed library does not know it would leave out.
        profile.syscalls[1].names.retain(|name| name != "cachestat");
        profile
    };
    compare_with_libseccomp(&[known(default_profile(CapSet::default())), known(default_profile(CapSet(u64::MAX)))]);
}

/// Podman's file has lists for capabilities and architectures; this is what is in force of it here.
fn podmans_profile(capabilities: CapSet) -> Option<Seccomp> {
    let text = crate::state::read_proc("/usr/share/containers/seccomp.json").ok()?;
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rules = document["syscalls"].as_array_mut().unwrap();
    let has = |names: &serde_json::Value| {
        names.as_array().is_none_or(|names| {
            names
                .iter()
                .all(|name| crate::capability::number(name.as_str().unwrap()).is_some_and(|n| capabilities.has(n)))
        })
    };
    rules.retain(|rule| {
        let arches = rule["includes"]["arches"].as_array();
        arches.is_none_or(|arches| arches.iter().any(|arch| arch == "amd64"))
            && has(&rule["includes"]["caps"])
            && !(rule["excludes"]["caps"].is_array() && has(&rule["excludes"]["caps"]))
    });
    document["architectures"] = json!(X86_FAMILY.iter().map(|abi| abi.name()).collect::<Vec<_>>());
    Some(serde_json::from_value(document).unwrap())
}

#[test]
fn the_default_profile_decides_as_podmans() {
    let newer = "cachestat fchmodat2 file_getattr file_setattr futex_requeue futex_wait futex_waitv futex_wake getxattrat listmount \
        listxattrat lsm_get_self_attr lsm_list_modules lsm_set_self_attr map_shadow_stack mseal open_tree_attr quotactl_fd removexattrat \
        set_mempolicy_home_node setxattrat statmount uretprobe";
    let single = |number: u8| CapSet(1 << number);
    let sets = [CapSet::default(), CapSet(u64::MAX)].into_iter().chain((0..41).map(single));
    for capabilities in sets {
        let Some(theirs) = podmans_profile(capabilities) else {
            return eprintln!("skipped: Podman's profile is not installed");
        };
        let (ours, theirs) = (program_of(&default_profile(capabilities), X86_FAMILY), program_of(&theirs, X86_FAMILY));
        for abi in X86_FAMILY {
            let known =
                abi.calls().into_iter().filter(|(name, _)| !newer.split(' ').any(|newer| newer.trim() == *name));
            for (name, number) in known {
                for first in [0, 8, 9, 16, 0x2_0008, 0xffff_ffff_u64] {
                    let call = Call { architecture: abi.audit(), number, arguments: [first, 0, 9, 0, 0, 0] };
                    let [ours, theirs] = [&ours, &theirs].map(|program| interpret(program, |offset| call.read(offset)));
                    assert_eq!(ours, theirs, "{name} of {abi:?} with {first}, {capabilities}");
                }
            }
        }
    }
}

fn compiled(profile: serde_json::Value) -> Result<Filter> {
    let profile: Seccomp = serde_json::from_value(profile).unwrap();
    compile(&profile, &Source::new("config.json", "{}"), &Pointer::new(AT))
}

#[test]
fn what_is_no_profile_is_pointed_at() {
    let rule = |rule: serde_json::Value| json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]});
    let cases = [
        (json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_Z80"]}), "/architectures/0"),
        (json!({"defaultAction": "SCMP_ACT_NOTIFY"}), "/defaultAction"),
        (json!({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}), "/defaultErrnoRet"),
        (rule(json!({"names": [], "action": "SCMP_ACT_TRAP"})), "/syscalls/0/names"),
        (rule(json!({"names": ["read"], "action": "SCMP_ACT_TRAP", "errnoRet": 1})), "/syscalls/0/errnoRet"),
        (rule(json!({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096})), "/syscalls/0/errnoRet"),
        (
            rule(
                json!({"names": ["read"], "action": "SCMP_ACT_TRAP", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}),
            ),
            "/syscalls/0/args",
        ),
        (rule(json!({"names": ["read"], "action": "SCMP_ACT_NOTIFY"})), ""),
    ];
    for (profile, place) in cases {
        let error = compiled(profile).unwrap_err();
        assert_eq!(error.code(), codes::UR0402);
        let Some(diag::Origin::Config { pointer, .. }) = &error.report().at else { panic!("{error}") };
        assert_eq!(pointer.as_str(), format!("{AT}{place}"));
    }
}

#[test]
fn a_profile_that_is_too_long_is_refused() {
    let argument = |value: usize| json!({"index": 0, "value": value, "op": "SCMP_CMP_EQ"});
    let rule = |value| json!({"names": ["read"], "action": "SCMP_ACT_TRAP", "args": [argument(value)]});
    let rules: Vec<_> = (0..1000).map(rule).collect();
    let error = compiled(json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})).unwrap_err();
    assert_eq!(error.code(), codes::UR0420);
}

#[test]
fn flags_that_are_asked_for() {
    let flags =
        |flags: serde_json::Value| compiled(json!({"defaultAction": "SCMP_ACT_ALLOW", "flags": flags})).unwrap().flags;
    assert_eq!(flags(json!([])), Flags::empty());
    assert_eq!(flags(json!(["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"])), Flags::LOG | Flags::THREAD_SYNC);
    assert_eq!(flags(json!(null)), Flags::SPECULATION_ALLOWED);
}
