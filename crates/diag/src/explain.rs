//! The pages that explain codes, laid out for a terminal.
//!
//! Whoever calls this carries all pages with it; rendering a report does not.

use crate::{Code, codes, render::Style};

const BOLD: &str = "\x1b[1m";
const CYAN: &str = "\x1b[36m";
const PLAIN: &str = "\x1b[0m";

/// The page of a code as text, laid out like a manual page: titles at the margin, text indented, code more so.
pub fn page(code: Code, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let mut paragraph = String::new();
    let mut in_code = false;
    for line in codes::page(code).lines() {
        if line.starts_with("```") {
            sheet.flow(&mut paragraph);
            in_code = !in_code;
        } else if in_code {
            sheet.code(line);
        } else if let Some(title) = line.strip_prefix("# ").or_else(|| line.strip_prefix("## ")) {
            sheet.flow(&mut paragraph);
            sheet.title(title);
        } else if line.is_empty() {
            sheet.flow(&mut paragraph);
            sheet.blank();
        } else {
            if line.starts_with("* ") {
                sheet.flow(&mut paragraph);
            }
            paragraph.push_str(line.trim());
            paragraph.push(' ');
        }
    }
    sheet.flow(&mut paragraph);
    sheet.out
}

/// All codes and their titles, one a line.
pub fn list() -> String {
    codes::all().fold(String::new(), |list, code| list + code.id() + "  " + code.title() + "\n")
}

/// Text that grows downwards.
struct Sheet {
    out: String,
    color: bool,
    width: usize,
    /// Whether the line before ended within backticks.
    in_span: bool,
}

impl Sheet {
    fn new(style: Style) -> Self {
        Sheet { out: String::new(), color: style.color, width: style.width.clamp(40, 92), in_span: false }
    }

    fn title(&mut self, title: &str) {
        let (on, off) = if self.color { (BOLD, PLAIN) } else { ("", "") };
        self.line("", &format!("{on}{title}{off}"));
    }

    fn code(&mut self, line: &str) {
        let indent = if line.is_empty() { "" } else { "        " };
        self.line(indent, line);
    }

    /// Two blank lines never follow each other.
    fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Breaks a paragraph, or an item of a list, into lines, and empties it.
    fn flow(&mut self, paragraph: &mut String) {
        let hanging = if paragraph.starts_with("* ") { "      " } else { "    " };
        let mut line = String::new();
        let mut indent = "    ";
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && indent.len() + line.chars().count() + 1 + word.chars().count() > self.width {
                self.line(indent, &line);
                line.clear();
                indent = hanging;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            self.line(indent, &line);
        }
        paragraph.clear();
        self.in_span = false;
    }

    fn line(&mut self, indent: &str, line: &str) {
        self.out.push_str(indent);
        if self.color && indent.len() < 8 {
            self.push_spans(line);
        } else {
            self.out.push_str(line);
        }
        self.out.push('\n');
    }

    /// Colours what stands in backticks, also where that goes on in the next line.
    fn push_spans(&mut self, line: &str) {
        if self.in_span {
            self.out.push_str(CYAN);
        }
        for (i, part) in line.split('`').enumerate() {
            if i > 0 {
                self.in_span = !self.in_span;
                self.out.push_str(if self.in_span { CYAN } else { PLAIN });
            }
            self.out.push_str(part);
        }
        if self.in_span {
            self.out.push_str(PLAIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every page has, in this order.
    const SECTIONS: [&str; 5] = ["What happened", "Why", "How to see it", "How to mend it", "Example"];

    fn sections(page: &str) -> Vec<(&str, Vec<&str>)> {
        let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in page.lines().skip(1) {
            match (line.strip_prefix("## "), sections.last_mut()) {
                (Some(title), _) => sections.push((title, Vec::new())),
                (None, Some((_, lines))) if !line.is_empty() => lines.push(line),
                _ => {}
            }
        }
        sections
    }

    #[test]
    fn every_code_has_a_whole_page() {
        for code in codes::all() {
            let page = codes::page(code);
            assert_eq!(page.lines().next(), Some(&*format!("# {code}: {}", code.title())));
            let found = sections(page);
            assert_eq!(found.iter().map(|(title, _)| *title).collect::<Vec<_>>(), SECTIONS, "{code}");
            assert!(found.iter().all(|(_, lines)| !lines.is_empty()), "{code} has an empty section");
            assert!((15..=45).contains(&page.lines().count()), "{code} has {} lines", page.lines().count());
            assert_eq!(page.matches("```").count() % 2, 0, "{code}: a block of code is not closed");
            assert!(found[4].1.iter().any(|line| line.contains(&format!("[{code}]"))), "{code}: no example of itself");
        }
    }

    #[test]
    fn pages_are_sure_and_refer_to_what_exists() {
        for code in codes::all() {
            let page = codes::page(code);
            for word in page.split(|c: char| !c.is_alphanumeric()) {
                assert!(!["maybe", "perhaps", "possibly"].contains(&word.to_lowercase().as_str()), "{code}: {word}");
                let is_code = word.len() == 6 && word.starts_with("UR0");
                assert!(!is_code || Code::find(word).is_some(), "{code} refers to {word}");
            }
        }
    }

    #[test]
    fn every_page_has_a_code() {
        let pages = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors")).unwrap();
        for page in pages {
            let name = page.unwrap().file_name().into_string().unwrap();
            assert!(name.strip_suffix(".md").and_then(Code::find).is_some(), "{name}");
        }
    }

    #[test]
    fn ids_are_unique_and_in_order() {
        let ids: Vec<_> = codes::all().map(Code::id).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    }

    #[test]
    fn laid_out() {
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!("page", page(codes::UR0101, Style { color: false, width: 72 }));
            let colored = page(codes::UR0101, Style { color: true, width: 200 }).replace('\x1b', "^");
            insta::assert_snapshot!("page_in_colour", colored);
        });
        assert_eq!(list().lines().count(), codes::all().count());
        assert!(list().starts_with("UR0101  the map leaves out"));
    }
}
