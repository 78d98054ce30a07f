//! What `strace -f -o FILE` writes, counted.

use std::collections::BTreeMap;

/// How often each system call was entered, by all processes together.
pub struct Calls(BTreeMap<String, usize>);

impl Calls {
    /// Counts a log: lines are `PID name(…`; a call that another process interrupted is resumed on a line of its own,
    /// which does not count again, nor do signals and exits.
    pub fn count(log: &str) -> Self {
        let mut calls = BTreeMap::new();
        for line in log.lines() {
            let entry = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
            let Some((name, _)) = entry.split_once('(') else { continue };
            if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                *calls.entry(name.to_owned()).or_default() += 1;
            }
        }
        Self(calls)
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// Those of one name.
    pub fn of(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// The most frequent ones, as `name count`.
    pub fn top(&self, length: usize) -> String {
        let mut calls: Vec<_> = self.0.iter().collect();
        calls.sort_by_key(|&(name, &count)| (std::cmp::Reverse(count), name));
        let shown = calls.into_iter().take(length).map(|(name, count)| format!("{name} {count}"));
        shown.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_counts_once() {
        let log = "10  execve(\"/bin/x\", [\"x\"], 0x0 /* 1 var */) = 0
10  read(3 <unfinished ...>
11  clone3({flags=CLONE_PIDFD}, 88) = 12
10  <... read resumed>, \"\", 1) = 0
11  --- SIGCHLD {si_signo=SIGCHLD} ---
11  read(3, \"(\", 1) = 1
11  +++ exited with 0 +++
";
        let calls = Calls::count(log);
        assert_eq!((calls.total(), calls.of("clone3"), calls.of("read"), calls.of("fork")), (4, 1, 2, 0));
        assert_eq!(calls.top(2), "read 2, clone3 1");
    }
}
