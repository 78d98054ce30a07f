//! Questions to a person at a terminal: names and passwords. Without a terminal nobody is asked.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use diag::{Error, Result, codes};
use sys::rustix::{
    stdio,
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr},
};

/// No answer is longer, in bytes.
const LIMIT: usize = 64 * 1024;

/// Whether there is somebody to ask.
pub fn somebody() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// A line from a person, who sees what is typed.
pub fn line(question: &str) -> Result<String> {
    show(question);
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(unread)?;
    Ok(answer.trim().to_owned())
}

/// Asks whether to go on. What a program writes into standard input is an answer, too; that it ends without one is UR0806.
pub fn agreed(about: &str) -> Result<bool> {
    show(about);
    show("Are you sure you want to continue? [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer).map_err(unread)?;
    if read == 0 {
        show("\n");
        return Err(Error::new(codes::UR0806, "nobody answers").help("with --force nothing is asked"));
    }
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// A line from a person, of which nothing is shown. UR0806 if it is broken off.
pub fn secret(question: &str) -> Result<String> {
    let answer = {
        // First: what is typed between the question and this would be shown, or thrown away.
        let _hidden = Hidden::enter()?;
        show(question);
        typed(io::stdin().lock().bytes())
    };
    show("\n");
    answer?.ok_or_else(|| Error::new(codes::UR0806, "no password was given"))
}

/// All of standard input but the end of its line: for `--password-stdin`.
pub fn piped() -> Result<String> {
    let mut text = String::new();
    io::stdin().take(LIMIT as u64).read_to_string(&mut text).map_err(unread)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// The letters of a line, with the keys that take some of them back; nothing if it is broken off.
fn typed(keys: impl Iterator<Item = io::Result<u8>>) -> Result<Option<String>> {
    let mut bytes: Vec<u8> = Vec::new();
    for key in keys.take(LIMIT) {
        match key.map_err(unread)? {
            // Ctrl-D ends, and breaks off what has not begun; Ctrl-C breaks off.
            0x04 if bytes.is_empty() => return Ok(None),
            b'\r' | b'\n' | 0x04 => break,
            0x03 => return Ok(None),
            0x15 => bytes.clear(),
            0x08 | 0x7f => while bytes.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            byte => bytes.push(byte),
        }
    }
    let text = String::from_utf8(bytes);
    text.map(Some).map_err(|_| Error::new(codes::UR0806, "what was typed is not valid UTF-8"))
}

/// The terminal without echo. Signals are keys like others then: a process that dies of Ctrl-C would leave it so.
struct Hidden {
    before: Termios,
}

impl Hidden {
    fn enter() -> Result<Hidden> {
        let failed = |call: &str, errno: sys::rustix::io::Errno| {
            Error::new(codes::UR0511, "the terminal cannot be made to hide what is typed")
                .os(call, errno.raw_os_error())
        };
        let before = tcgetattr(stdio::stdin()).map_err(|errno| failed("tcgetattr(0)", errno))?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(stdio::stdin(), OptionalActions::Flush, &hidden).map_err(|errno| failed("tcsetattr(0)", errno))?;
        Ok(Hidden { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // If the terminal has gone, nothing is left to give back.
        let _ = tcsetattr(stdio::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Writes a question, or a part of one.
pub fn show(text: &str) {
    let mut stderr = io::stderr().lock();
    // Nobody is left to be asked when standard error itself is gone.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

fn unread(error: io::Error) -> Error {
    Error::new(codes::UR0806, "standard input cannot be read").words(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_take_letters_back() {
        let typed = |keys: &str| typed(keys.bytes().map(Ok)).unwrap();
        assert_eq!(typed("secret\nmore").as_deref(), Some("secret"));
        assert_eq!(typed("se\u{e9}\u{7f}cret\r").as_deref(), Some("secret"));
        assert_eq!(typed("wrong\u{15}right\u{4}").as_deref(), Some("right"));
        assert_eq!(typed("sec\u{3}"), None);
        assert_eq!(typed("\u{4}"), None);
        assert_eq!(typed("\n").as_deref(), Some(""));
    }
}
