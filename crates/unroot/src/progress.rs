//! How a transfer goes: bars on a terminal, lines elsewhere, nothing if that is wanted. All of it on standard error.

use std::{
    collections::HashMap,
    io::{self, IsTerminal as _, Write as _},
    sync::{Mutex, MutexGuard, PoisonError},
};

use engine::transfer::{Digest, Part, Progress, Silent, State};
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// So often bars are drawn, in Hertz.
const RATE: u8 = 10;
/// So many bars are drawn at most: there is no terminal with room for more.
const BARS: usize = 40;

/// The right way to show a transfer here; `word` is what is done to the parts: `pulling`, `pushing`.
pub fn shown(quiet: bool, word: &'static str) -> Box<dyn Progress> {
    if quiet {
        Box::new(Silent)
    } else if io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb") {
        Box::new(Bars::new(word))
    } else {
        Box::new(Lines { word, seen: Mutex::default() })
    }
}

/// A part's name, as people see it.
fn name(digest: &Digest) -> String {
    digest.short()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bar for each part.
struct Bars {
    all: MultiProgress,
    parts: Mutex<HashMap<Digest, ProgressBar>>,
    word: &'static str,
}

impl Bars {
    fn new(word: &'static str) -> Bars {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(RATE));
        Bars { all, parts: Mutex::default(), word }
    }

    fn with(&self, digest: &Digest, act: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = lock(&self.parts).get(digest) {
            act(bar);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants; a defect in one shows as the library's own style.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

fn moving() -> ProgressStyle {
    style("{prefix:12} {msg:10} [{wide_bar}] {bytes:>10}/{total_bytes:>10} {binary_bytes_per_sec:>12}")
}

fn resting() -> ProgressStyle {
    style("{prefix:12} {msg}")
}

impl Progress for Bars {
    fn expect(&self, parts: &[Part]) {
        let mut bars = lock(&self.parts);
        for part in parts.iter().take(BARS) {
            if bars.contains_key(&part.digest) {
                continue;
            }
            let bar = self.all.add(ProgressBar::new(part.size));
            bar.set_style(resting());
            bar.set_prefix(name(&part.digest));
            bar.set_message("queued");
            bars.insert(part.digest, bar);
        }
    }

    fn tell(&self, digest: &Digest, state: State<'_>) {
        self.with(digest, |bar| match state {
            State::Here => bar.finish_with_message("here already"),
            State::Waiting => bar.set_message("another process is at it"),
            State::Moved(bytes) => {
                if bar.position() == 0 || bar.message() != self.word {
                    bar.set_style(moving());
                    bar.set_message(self.word);
                }
                bar.set_position(bytes);
            }
            State::Interrupted(why) => {
                bar.set_style(resting());
                bar.set_message(format!("trying again: {why}"));
            }
            State::Done => {
                bar.set_style(resting());
                bar.finish_with_message(format!("done, {}", HumanBytes(bar.length().unwrap_or(0))));
            }
        });
    }

    fn end(&self) {
        lock(&self.parts).drain().for_each(|(_, bar)| bar.finish());
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        for bar in lock(&self.parts).values() {
            bar.disable_steady_tick();
            bar.abandon();
        }
    }
}

/// A line for what happens to each part.
struct Lines {
    word: &'static str,
    seen: Mutex<HashMap<Digest, u64>>,
}

fn say(digest: &Digest, what: impl std::fmt::Display) {
    // Nobody is left to be told when standard error itself is gone.
    let _ = writeln!(io::stderr().lock(), "{}: {what}", name(digest));
}

impl Progress for Lines {
    fn expect(&self, parts: &[Part]) {
        lock(&self.seen).extend(parts.iter().map(|part| (part.digest, part.size)));
    }

    fn tell(&self, digest: &Digest, state: State<'_>) {
        match state {
            State::Here => say(digest, "here already"),
            State::Waiting => say(digest, "another process is at it"),
            State::Moved(_) => {}
            State::Interrupted(why) => say(digest, format_args!("trying again: {why}")),
            State::Done => {
                let size = lock(&self.seen).get(digest).copied().unwrap_or(0);
                say(digest, format_args!("{} done, {}", self.word, HumanBytes(size)));
            }
        }
    }
}
