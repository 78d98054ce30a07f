//! Standard output and standard error: ids and tables to the one, diagnostics to the other.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
    time::SystemTime,
};

use clap::ValueEnum;
use diag::{Report, render};
use engine::{
    Notices,
    map_of::{Glyphs, Style},
};

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where diagnostics go, and how.
pub struct Console {
    format: LogFormat,
    style: render::Style,
}

impl Console {
    /// Colour for a terminal, unless `NO_COLOR` (<https://no-color.org>) or a dumb terminal forbids it; its width.
    pub fn guess() -> Console {
        let (refused, term) = (env::var_os("NO_COLOR"), env::var_os("TERM"));
        let color = render::wants_color(refused.as_deref(), term.as_deref(), io::stderr().is_terminal());
        let width = engine::client::columns().map_or(render::Style::PLAIN.width, usize::from);
        Console { format: LogFormat::Text, style: render::Style { color, width } }
    }

    /// Looks for `--log-format json` among the words before they are parsed: it holds for what the parser refuses, too.
    pub fn listen_to(&mut self, argv: &[String]) {
        let two = argv.windows(2).any(|pair| pair == ["--log-format", "json"]);
        if two || argv.iter().any(|word| word == "--log-format=json") {
            self.format = LogFormat::Json;
        }
    }

    /// Keeps to what the command line turned out to say: a container's command may have such words, too.
    pub fn speak(&mut self, format: LogFormat) {
        self.format = format;
    }

    /// Writes a diagnostic to standard error.
    pub fn report(&self, report: &Report) {
        let text = match self.format {
            LogFormat::Text => render::text(report, self.style),
            LogFormat::Json => render::json(report, SystemTime::now()),
        };
        // Nobody is left to be told when standard error itself is gone.
        let _ = writeln!(io::stderr().lock(), "{}", text.trim_end_matches('\n'));
    }
}

impl Notices for Console {
    fn notice(&self, report: &Report) {
        self.report(report);
    }
}

/// How pictures are drawn on standard output: as wide as the terminal, in boxes where the locale has UTF-8.
pub fn style() -> Style {
    let (refused, term) = (env::var_os("NO_COLOR"), env::var_os("TERM"));
    let terminal = io::stdout().is_terminal();
    let width = if terminal { engine::client::columns().map(usize::from) } else { None };
    Style {
        width: width.unwrap_or(Style::PLAIN.width),
        glyphs: if is_utf8() { &Glyphs::BOXES } else { &Glyphs::ASCII },
        color: render::wants_color(refused.as_deref(), term.as_deref(), terminal),
    }
}

/// What locale(7) says about the character set: the first of these variables that is set decides.
fn is_utf8() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env::var_os).find(|value| !value.is_empty());
    let name = set.unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.ends_with("utf-8") || name.ends_with("utf8")
}

/// Writes one line to standard output.
pub fn line(text: impl AsRef<str>) {
    page(&format!("{}\n", text.as_ref()));
}

/// Writes text to standard output. A reader that has gone away (`| head`) wants no more of it.
pub fn page(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
