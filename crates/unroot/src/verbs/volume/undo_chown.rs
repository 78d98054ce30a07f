use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console, table};

pub static VERB: Verb = Verb {
    name: "undo-chown",
    about: "Take back what the option U of a mount changed; without a name, list what can be taken back",
    args: Options::augment_args,
    run,
};

// `unroot volume undo-chown [VOLUME|DIR...]`.
#[derive(Debug, Args)]
struct Options {
    /// Volumes, or directories as they were mounted
    #[arg(value_name = "VOLUME|DIR")]
    names: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let engine = call.engine()?;
    if options.names.is_empty() {
        let all = engine.changed_owners()?.into_iter().map(|(path, count)| vec![path, count.to_string()]);
        let rows: Vec<_> = std::iter::once(vec!["PATH".to_owned(), "FILES".to_owned()]).chain(all).collect();
        console::page(&table::lay_out(&rows));
        return Ok(0);
    }
    Ok(call.for_each(call.words.operands_from(0, options.names), |name| {
        let undone = engine.undo_chown(name)?;
        let left = if undone.left > 0 {
            format!("; {} changed since, and left as they are", undone.left)
        } else {
            String::new()
        };
        console::line(format!("{}: {} files have their owners again{left}", undone.path.display(), undone.restored));
        Ok(())
    }))
}
