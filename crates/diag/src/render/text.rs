//! A report for people, laid out as Rust's compiler does it.

use std::fmt::Write as _;

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Renderer, Snippet,
    renderer::{DEFAULT_HELP_STYLE, DEFAULT_LINE_NUM_STYLE, DecorStyle, Style as Paint},
};

use super::{
    Style,
    excerpt::{self, Excerpt},
    place, visible,
};
use crate::{Help, Origin, Report, Severity, shell};

/// Renders a report as text of several lines, the last one ended.
///
/// Whatever the report quotes is harmless to a terminal: only colours that were asked for are escape sequences.
pub fn text(report: &Report, style: Style) -> String {
    let level = match report.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.clone().primary_title(visible::line(&report.what)).id(report.code.id());
    let mut out = drawn(Group::with_title(title), style);
    let mut body = Group::with_level(level);
    let mut label_is_shown = report.label.is_empty();
    if let Some(at) = &report.at {
        let shown = Shown::of(at, style.columns());
        shown.push_location(&mut out, style);
        if let Some(excerpt) = shown.excerpt {
            body = body.element(snippet(excerpt, shown.numbered, &report.label, shown.label));
            label_is_shown = true;
        }
    }
    if !label_is_shown {
        body = body.element(Level::NOTE.message(visible::line(&report.label)));
    }
    for note in report.facts.iter().cloned().chain(report.cause.as_ref().map(ToString::to_string)) {
        body = body.element(Level::NOTE.message(visible::lines(&note)));
    }
    if !body.is_empty() {
        out.push_str(&drawn(body, style));
    }
    report.help.iter().for_each(|help| push_help(&mut out, help, style));
    out
}

fn drawn(group: Group<'_>, style: Style) -> String {
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    // Lines are already short enough, and what is left out is chosen better by `excerpt`.
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(usize::MAX / 4);
    let mut out = renderer.render(&[group]);
    out.push('\n');
    out
}

/// What is said below the mark is the report's label, or else `otherwise`.
fn snippet(excerpt: Excerpt, numbered: bool, label: &str, otherwise: String) -> Snippet<'static, Annotation<'static>> {
    let label = if label.is_empty() { otherwise } else { visible::line(label).into_owned() };
    let mark = AnnotationKind::Primary.span(excerpt.mark).label((!label.is_empty()).then_some(label));
    Snippet::source(excerpt.source).line_start(excerpt.line).line_numbering(numbered).annotation(mark)
}

fn push_help(out: &mut String, help: &Help, style: Style) {
    let paint = if style.color { DEFAULT_HELP_STYLE } else { Paint::new() };
    let colon = if help.command.is_some() && !help.text.ends_with(':') { ":" } else { "" };
    let text = visible::lines(&help.text).replace('\n', "\n      ");
    let _ = writeln!(out, "{paint}help{paint:#}: {text}{colon}");
    if let Some(command) = &help.command {
        let _ = writeln!(out, "        {}", visible::lines(command).replace('\n', "\n        "));
    }
}

/// How an origin appears.
struct Shown {
    location: String,
    /// Text with a mark, if the origin has text.
    excerpt: Option<Excerpt>,
    numbered: bool,
    /// What is said below the mark if the report says nothing there.
    label: String,
}

impl Shown {
    fn of(origin: &Origin, width: usize) -> Self {
        match origin {
            Origin::Config { file, pointer, text } => Self::config(file, pointer, text, width),
            Origin::Arg { argv, index, range } => {
                let (line, mark) = shell::marked(argv, *index, range.as_ref());
                Self::unnumbered("command line", excerpt::one_line(&line, &mark, width))
            }
            Origin::Env { name, value } => {
                let line = format!("{}={}", visible::line(name), visible::line(value));
                Self::unnumbered("environment", excerpt::one_line(&line, &(name.len() + 1..line.len()), width))
            }
            Origin::Line { file, line, text } => {
                let start = text.len() - text.trim_start().len();
                let mut excerpt = excerpt::one_line(text, &(start..text.trim_end().len()), width);
                excerpt.line = *line;
                let location = format!("{}:{line}", visible::line(file));
                Shown { location, excerpt: Some(excerpt), numbered: true, label: String::new() }
            }
            Origin::Path { path } => {
                let location = visible::line(&path.to_string_lossy()).into_owned();
                Shown { location, excerpt: None, numbered: false, label: String::new() }
            }
        }
    }

    fn config(file: &str, pointer: &crate::Pointer, text: &str, width: usize) -> Self {
        let file = visible::line(file);
        let named = match pointer.as_str() {
            "" => String::new(),
            _ => format!(" ({})", visible::line(&pointer.to_string())),
        };
        if text.is_empty() {
            return Shown { location: format!("{file}{named}"), excerpt: None, numbered: false, label: String::new() };
        }
        let place = place::find(text, pointer);
        let excerpt = excerpt::of_place(text, &place, width);
        let label = place.missing.map(|name| format!("there is no `{}` here", visible::line(&name)));
        Shown {
            location: format!("{file}:{}:{}{named}", excerpt.line, excerpt.column),
            excerpt: Some(excerpt),
            numbered: true,
            label: label.unwrap_or_default(),
        }
    }

    fn unnumbered(location: &str, excerpt: Excerpt) -> Self {
        Shown { location: location.to_owned(), excerpt: Some(excerpt), numbered: false, label: String::new() }
    }

    /// The line with the arrow. It is drawn here because the renderer would count columns in the shortened line.
    fn push_location(&self, out: &mut String, style: Style) {
        let paint = if style.color { DEFAULT_LINE_NUM_STYLE } else { Paint::new() };
        let last_line = self.excerpt.as_ref().map_or(0, |excerpt| excerpt.line + excerpt.source.matches('\n').count());
        let gutter = if self.numbered { last_line.to_string().len() } else { 1 };
        let _ = writeln!(out, "{:gutter$}{paint}--> {paint:#}{}", "", self.location);
    }
}
