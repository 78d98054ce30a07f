//! `unroot`: the command line of the engine. Ask → one call of the engine → print → exit status.
//!
//! Everything that a person reads is written here; the libraries below print nothing.

mod call;
mod choice;
mod cli;
mod console;
mod format;
mod image_options;
mod progress;
mod prompt;
mod registry_options;
mod run_options;
mod selection;
mod table;
mod times;
mod usage;
mod verbs;
mod words;

use std::{path::Path, process::ExitCode};

use call::Call;
use console::Console;
use sys::Alone;

fn main() -> ExitCode {
    // In the built-in image this program is `/hello`.
    if std::env::args_os().next().is_some_and(|name| Path::new(&name).file_name() == Some("hello".as_ref())) {
        console::page(&engine::hello::greeting());
        return ExitCode::SUCCESS;
    }
    ExitCode::from(perform())
}

/// Parses, performs and prints; the exit status.
fn perform() -> u8 {
    let mut console = Console::guess();
    let outcome = Alone::at_start().and_then(|alone| {
        let argv = words::from_env()?;
        console.listen_to(&argv);
        let asked = cli::parse(&argv)?;
        let cli::Asked::Verb { verb, matches, words, globals } = asked else { return Ok(asked.print()) };
        console.speak(globals.log_format);
        (verb.run)(&Call { alone: &alone, matches: &matches, words: &words, globals: &globals, console: &console })
    });
    outcome.unwrap_or_else(|error| {
        console.report(error.report());
        engine::interruption::exit_status(&error)
    })
}
