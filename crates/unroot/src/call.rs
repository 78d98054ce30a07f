//! What a verb gets: its part of the command line, and the way to the engine.

use clap::{ArgMatches, FromArgMatches};
use diag::{Error, Result, codes};
use engine::{Engine, Options, interruption::exit_status};
use sys::Alone;

use crate::{cli::Globals, console::Console, words::Words};

/// One invocation of a verb.
pub struct Call<'a> {
    /// The proof that this process has one thread.
    pub alone: &'a Alone,
    /// The verb's own arguments.
    pub matches: &'a ArgMatches,
    /// Where they stand.
    pub words: &'a Words,
    /// The options before the verb.
    pub globals: &'a Globals,
    /// Where diagnostics go.
    pub console: &'a Console,
}

impl<'a> Call<'a> {
    /// The verb's arguments, typed.
    pub fn args<T: FromArgMatches>(&self) -> Result<T> {
        // clap has checked them already; only a defect of the definitions could get here.
        T::from_arg_matches(self.matches).map_err(|error| Error::new(codes::UR0806, error.to_string()))
    }

    /// The engine, ready to change something, in the scope that the options before the verb choose.
    pub fn engine(&self) -> Result<Engine<'a>> {
        Engine::enter(self.alone, &self.options(), self.console)
    }

    /// The engine, only to look, or to talk to what runs.
    pub fn viewer(&self) -> Result<Engine<'a>> {
        Engine::look(&self.options(), self.console)
    }

    fn options(&self) -> Options {
        Options { root: self.globals.root.clone(), run_root: self.globals.runroot.clone() }
    }

    /// Does the same for several names; goes on after a failure, but not after an interruption, and the last failure decides the exit status.
    pub fn for_each<T>(&self, items: Vec<T>, mut act: impl FnMut(&T) -> Result<()>) -> u8 {
        let mut status = 0;
        for item in items {
            if let Err(error) = act(&item) {
                self.console.report(error.report());
                status = exit_status(&error);
                if error.code() == codes::UR0728 {
                    return status;
                }
            }
        }
        status
    }
}
