//! `unroot-runtime`: the OCI runtime, the monitor of the engine's containers, and the init of each.

mod arguments;
mod console;
mod help;
mod report;
mod verbs;

use std::{process::ExitCode, sync::Arc};

use sys::Alone;

use crate::{
    arguments::{CommandLine, Global, HELP_WANTED, Verb},
    report::Reporter,
};

/// musl's own allocator asks the kernel for memory in pages, some thirty times in the life of a short container.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let argv: Arc<[String]> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let words = std::env::args_os().skip(1).collect();
    match arguments::parse(&argv, words) {
        Ok(CommandLine { global, verb }) => {
            let reporter = Reporter::new(&global);
            perform(&global, verb, &reporter).unwrap_or_else(|error| reporter.failed(&error))
        }
        Err(error) if error.report().what == HELP_WANTED => {
            help::print(help::verb_of(&error)).unwrap_or(ExitCode::FAILURE)
        }
        Err(error) => Reporter::new(&Global::default()).failed(&error),
    }
}

fn perform(global: &Global, verb: Verb, reporter: &Reporter) -> diag::Result<ExitCode> {
    let alone = || Alone::at_start();
    match verb {
        Verb::Create(create) => verbs::create(&alone()?, global, &create, reporter),
        Verb::Run(create) => verbs::run(&alone()?, global, &create, reporter),
        Verb::Exec(exec) => verbs::exec(&alone()?, global, &exec, reporter),
        Verb::Start(id) => verbs::start(global, &id, reporter),
        Verb::State(id) => verbs::state(global, &id),
        Verb::Kill { id, signal, all } => verbs::kill(global, &id, &signal, all),
        Verb::Delete { id, force } => verbs::delete(global, &id, force, reporter),
        Verb::List { format, quiet } => verbs::list(global, &format, quiet),
        Verb::Spec { bundle, rootless } => verbs::spec(bundle.as_deref(), rootless),
        Verb::Pause(id) => verbs::pause(global, &id),
        Verb::Resume(id) => verbs::resume(global, &id),
        Verb::Update { id, wanted } => verbs::update(global, &id, &wanted),
        Verb::Events { id, once, interval } => verbs::events(global, &id, once, interval),
        Verb::Ps { id, format, words } => verbs::ps(global, &id, &format, &words),
        Verb::Features => verbs::features(),
        Verb::Monitor { job } => verbs::monitor(&alone()?, job),
        Verb::Version => help::version(),
        Verb::Help(verb) => help::print(verb.as_deref()),
    }
}
