//! Trying again: when it makes sense, how often, and with which pauses.

use std::{
    thread,
    time::{Duration, Instant},
};

use sys::interruption::came;

use super::failure::Failure;

/// The longest pause that a registry may ask for (`Retry-After`).
const LONGEST: Duration = Duration::from_secs(90);

/// How often a request is tried, and the first pause; each further one is twice as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Tries after the first one.
    pub retries: u32,
    /// The pause after the first failure.
    pub pause: Duration,
}

impl Default for Patience {
    /// 5 more tries, after 0.5, 1, 2, 4 and 8 seconds.
    fn default() -> Self {
        Patience { retries: 5, pause: Duration::from_millis(500) }
    }
}

impl Patience {
    /// Performs `what` until it succeeds, fails for good, or was tried often enough.
    pub(super) fn run<T>(&self, mut what: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
        let mut failed = 0;
        loop {
            match what() {
                Err(failure) if failure.is_passing() && failed < self.retries && came().is_none() => {
                    pause(self.pause_after(failed, &failure));
                    failed += 1;
                }
                Err(failure) => return Err(failure.after(failed + 1)),
                done => return done,
            }
        }
    }

    /// How long to wait after so many failures before this one. What the registry asks for counts.
    pub(super) fn pause_after(&self, failed: u32, failure: &Failure) -> Duration {
        if let Some(asked) = failure.retry_after() {
            return asked.min(LONGEST);
        }
        let doubled = self.pause.saturating_mul(1 << failed.min(16));
        // Many clients that failed at one moment should not come back at one moment.
        let [random] = crate::draft::random::<1>();
        doubled.mul_f64(0.75 + f64::from(random) / 1024.0).min(LONGEST)
    }
}

/// Waits, unless this process is asked to stop meanwhile.
fn pause(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|_| came().is_none()) {
        thread::sleep(left.min(Duration::from_millis(100)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let patience = Patience { retries: 3, pause: Duration::from_millis(100) };
        let failure = Failure::broken("reset");
        assert!(patience.pause_after(0, &failure) <= Duration::from_millis(100));
        assert!(patience.pause_after(3, &failure) >= Duration::from_millis(600));
        assert!(patience.pause_after(u32::MAX, &failure) <= LONGEST);
    }

    #[test]
    fn passing_failures_are_tried_again_and_others_are_not() {
        let patience = Patience { retries: 2, pause: Duration::ZERO };
        let mut calls = 0;
        let outcome: Result<(), _> = patience.run(|| {
            calls += 1;
            Err(Failure::broken("reset"))
        });
        assert_eq!((calls, outcome.unwrap_err().tries()), (3, 3));
        calls = 0;
        let outcome: Result<(), _> = patience.run(|| {
            calls += 1;
            Err(Failure::final_("nonsense"))
        });
        assert!(outcome.is_err());
        assert_eq!(calls, 1);
    }
}
