//! Which image a short name means: a question to a person at a terminal.

use diag::{Error, Result, codes};
use engine::registries::{Ask, Reference};

use crate::prompt::{line, show, somebody};

/// Asks which image a short name means, if there is a terminal.
pub struct Person;

impl Ask for Person {
    fn choose(&self, short: &str, among: &[Reference]) -> Result<Option<usize>> {
        if !somebody() {
            return Ok(None);
        }
        let names = among.iter().enumerate().map(|(index, name)| format!("  {}  {name}\n", index + 1));
        show(&format!("`{short}` can mean several images:\n{}", names.collect::<String>()));
        loop {
            let answer = line(&format!("Which one? [1-{}] ", among.len()))?;
            match answer.parse::<usize>() {
                Ok(number) if (1..=among.len()).contains(&number) => return Ok(Some(number - 1)),
                _ if answer.is_empty() => {
                    return Err(Error::new(
                        codes::UR0901,
                        format!("`{short}` can mean several images, and none was chosen"),
                    ));
                }
                _ => {}
            }
        }
    }
}
