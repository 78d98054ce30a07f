//! Markdown as the pages in docs/man use it, to man(7).
//!
//! The first line is `# name(section): what it is`. Then: `##` and `###` headings; paragraphs; a term line followed by lines that begin with
//! `:   ` or four spaces; blocks fenced by three backticks; and within text `**bold**`, `*italic*`, `` `literal` ``. Anything else of
//! Markdown is refused, so that no page looks right in one form and wrong in the other.

use crate::call::Outcome;

/// The page as roff.
pub fn page(markdown: &str) -> Outcome<String> {
    let (title, body) = markdown.split_once('\n').unwrap_or((markdown, ""));
    let mut roff = heading(title).ok_or("the first line is not `# name(section): what it is`")?;
    let mut lines = body.lines().enumerate().peekable();
    let mut paragraph = false;
    while let Some((number, line)) = lines.next() {
        let defined = |next: Option<&(usize, &str)>| next.is_some_and(|(_, next)| next.starts_with(":   "));
        if line.is_empty() {
            paragraph = false;
        } else if line == "```" {
            let block = lines.by_ref().map(|(_, line)| line).take_while(|&line| line != "```");
            roff += &[".PP\n.RS 4\n.EX\n", &block.map(literal).collect::<String>(), ".EE\n.RE\n"].concat();
            paragraph = false;
        } else if let Some(section) = line.strip_prefix("## ") {
            roff += &[".SH ", &section.to_uppercase(), "\n"].concat();
        } else if let Some(section) = line.strip_prefix("### ") {
            roff += &[".SS ", &inline(section), "\n"].concat();
        } else if let Some(text) = line.strip_prefix(":   ").or_else(|| line.strip_prefix("    ")) {
            roff += &text_line(text);
        } else if defined(lines.peek()) {
            roff += &[".TP\n", &text_line(line)].concat();
        } else if ["# ", "- ", "* ", "> ", "|", "\t"].iter().any(|mark| line.starts_with(mark)) {
            return Err(format!("line {}: `{line}` is more Markdown than man pages use here", number + 2).into());
        } else {
            roff += if paragraph { "" } else { ".PP\n" };
            roff += &text_line(line);
            paragraph = true;
        }
    }
    Ok(roff)
}

fn heading(title: &str) -> Option<String> {
    let (name, what) = title.strip_prefix("# ")?.split_once("): ")?;
    let (name, section) = name.split_once('(')?;
    Some(format!(
        ".TH {} {section} \"\" unroot\n.SH NAME\n{} \\- {}\n",
        name.to_uppercase(),
        escaped(name),
        inline(what)
    ))
}

fn text_line(text: &str) -> String {
    guarded(&inline(text))
}

fn literal(line: &str) -> String {
    guarded(&escaped(line))
}

/// A line that begins with a dot or an apostrophe would be a request.
fn guarded(line: &str) -> String {
    let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{guard}{line}\n")
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

/// Fonts: bold for `**` and backticks, italic for `*`.
fn inline(text: &str) -> String {
    let mut roff = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['*', '`']) {
        let mark = ["**", "*", "`"].into_iter().find(|mark| rest[at..].starts_with(mark)).unwrap_or("*");
        let inner = &rest[at + mark.len()..];
        roff += &escaped(&rest[..at]);
        let Some(end) = inner.find(mark).filter(|_| !inner.starts_with(' ')) else {
            roff += &escaped(mark);
            rest = inner;
            continue;
        };
        let font = if mark == "*" { "I" } else { "B" };
        roff += &["\\f", font, &escaped(&inner[..end]), "\\fR"].concat();
        rest = &inner[end + mark.len()..];
    }
    roff + &escaped(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_page() {
        let markdown = "# x(8): does `x`\n\n## Synopsis\n**x** *FILE*\nmore\n\n**--all**\n:   Each \\ and\n    .dot\n\n```\n.a *b*\n```\n";
        let expected = ".TH X 8 \"\" unroot\n.SH NAME\nx \\- does \\fBx\\fR\n.SH SYNOPSIS\n.PP\n\\fBx\\fR \\fIFILE\\fR\nmore\n\
            .TP\n\\fB\\-\\-all\\fR\nEach \\e and\n\\&.dot\n.PP\n.RS 4\n.EX\n\\&.a *b*\n.EE\n.RE\n";
        assert_eq!(page(markdown).unwrap(), expected);
    }

    #[test]
    fn marks_without_an_end_stay() {
        assert_eq!(inline("a * b `c` **d"), "a * b \\fBc\\fR **d");
    }

    #[test]
    fn other_markdown_is_refused() {
        assert!(page("# x(8): y\n- item\n").is_err());
        assert!(page("x\n").is_err());
    }
}
