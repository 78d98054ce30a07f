//! Connections end when this process is asked to stop, however silent the other side is.
//!
//! A thread that waits for a registry does not see the flag of `sys::interruption`. So there is one thread more for each registry, which looks
//! at it and shuts the connections down; what waits for them fails then, as if the line were cut. It ends with the registry.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use sys::interruption;

/// How often the flag is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Ends the thread when it is dropped.
pub(super) struct Severing {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Severing {
    /// Looks after an agent's connections. Without a thread for it they end by their own time limits.
    pub(super) fn of(agent: &ureq::Agent) -> Severing {
        let ended = Arc::new(AtomicBool::new(false));
        let (agent, end) = (agent.clone(), Arc::clone(&ended));
        let look = move || {
            while !end.load(Ordering::Relaxed) {
                if interruption::came().is_some() {
                    return agent.shutdown();
                }
                thread::park_timeout(LOOK);
            }
        };
        Severing { ended, thread: thread::Builder::new().name("severing".to_owned()).spawn(look).ok() }
    }
}

impl Drop for Severing {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It does not panic; and what it has done does not matter any more.
            let _ = thread.join();
        }
    }
}
