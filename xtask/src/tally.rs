//! What test runners said, line by line: what ran, how it ended, what was skipped and why.

/// The lines of one suite that must not get lost in the rest.
#[derive(Default)]
pub struct Tally {
    runner: String,
    closing: Vec<(String, String)>,
    skips: Vec<String>,
}

impl Tally {
    /// Looks at one line of cargo's or of a runner's output.
    pub fn take(&mut self, line: &str) {
        let line = line.trim();
        if let Some(runner) = line.strip_prefix("Running ").or_else(|| line.strip_prefix("Doc-tests ").map(|_| line)) {
            self.begin(runner_name(runner));
        } else if line.starts_with("test result: ") && !line.contains(" 0 passed; 0 failed; 0 ignored;") {
            self.closing.push((self.runner.clone(), line.to_owned()));
        } else if let Some(why) = line.strip_prefix("skipped: ") {
            self.skips.push(format!("{}: {why}", self.runner));
        }
    }

    /// What follows is of this runner.
    pub fn begin(&mut self, runner: String) {
        self.runner = runner;
    }

    /// Tests that passed, as the runners counted.
    pub fn passed(&self) -> u64 {
        let count = |line: &str| line.split_once("ok. ")?.1.split_once(' ')?.0.parse::<u64>().ok();
        self.closing.iter().filter_map(|(_, line)| count(line)).sum()
    }

    /// Why tests did nothing, each with its runner.
    pub fn skips(&self) -> &[String] {
        &self.skips
    }

    /// The runners that ran anything, each with its last line as it was.
    pub fn closing(&self) -> &[(String, String)] {
        &self.closing
    }
}

/// `idmap: unittests src/lib.rs` of `unittests src/lib.rs (target/…/deps/idmap-0123456789abcdef)`.
fn runner_name(line: &str) -> String {
    let name = line.split_once(" (").and_then(|(source, binary)| {
        let file = binary.trim_end_matches(')').rsplit('/').next()?;
        Some(format!("{}: {source}", file.rsplit_once('-')?.0))
    });
    name.unwrap_or_else(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_matter_are_kept_with_their_runner() {
        let mut tally = Tally::default();
        let output = "     Running unittests src/lib.rs (target/debug/deps/idmap-0f)
test one ... ok
skipped: not root
test result: ok. 41 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s
     Running tests/none.rs (target/debug/deps/none-0f)
test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.00s
   Doc-tests idmap
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        output.lines().for_each(|line| tally.take(line));
        assert_eq!(tally.passed(), 42);
        assert_eq!(tally.skips(), ["idmap: unittests src/lib.rs: not root"]);
        let runners: Vec<_> = tally.closing().iter().map(|(runner, _)| runner.as_str()).collect();
        assert_eq!(runners, ["idmap: unittests src/lib.rs", "Doc-tests idmap"]);
    }

    #[test]
    fn a_failure_is_never_dropped() {
        let mut tally = Tally::default();
        tally.take("test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        assert_eq!(tally.closing().len(), 1);
        assert_eq!(tally.passed(), 0);
    }
}
