//! The commands, one file each.

pub mod attached;
pub mod attestation;
pub mod manifest;
pub mod policy;
pub mod policy_lint;
pub mod release;
pub mod trust;
pub mod verify_blob;
pub mod verify_images;

use std::fmt::Display;
use std::io::{self, Write};

use crate::exit::Exit;
use crate::failure::Failure;

/// Where a command writes: results to one stream, everything for people to the other.
pub struct Streams<'a> {
    /// Standard output, or `--output-file`.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
}

impl std::fmt::Debug for Streams<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Streams")
    }
}

/// Text without control characters other than line breaks and tabs: names in evidence and answers of servers are written
/// by strangers, and must not steer a terminal.
pub(crate) fn plain(text: &str) -> String {
    // Marks that turn the direction of writing, or have no width, let a name look like another one.
    let deceives = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let harmless = |c: char| (!c.is_control() && !deceives(c)) || matches!(c, '\n' | '\t');
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    text.chars().map(|c| if harmless(c) { c.to_string() } else { c.escape_default().to_string() }).collect()
}

impl Streams<'_> {
    /// Writes a line for people. A closed standard error changes no verdict.
    pub fn say(&mut self, line: impl Display) {
        let _ = writeln!(self.err, "{}", plain(&line.to_string()));
    }

    /// Writes lines for people as they are, but for control characters.
    pub fn say_block(&mut self, text: &str) {
        let _ = self.err.write_all(plain(text).as_bytes());
    }

    /// Writes the result.
    ///
    /// # Errors
    /// [`Failure::Write`] if it cannot be written: a result that nobody gets is no success.
    pub fn result(&mut self, text: impl Display) -> Result<(), Failure> {
        let written: io::Result<()> = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        written
            .map_err(|error| Failure::Write { path: "standard output".into(), reason: crate::failure::go_text(&error) })
    }

    /// Reports a failure as cosign does, with our hint between.
    pub fn fail(&mut self, failure: &Failure) -> Exit {
        let text = plain(&crate::args::error::render_error(failure, None));
        match failure.hint() {
            None => {
                let _ = self.err.write_all(text.as_bytes());
            }
            Some(hint) => {
                let (first, last) = text.split_at(text.find("\nerror during").map_or(text.len(), |at| at + 1));
                let _ = write!(self.err, "{first}hint: {}\n{last}", plain(&hint));
            }
        }
        Exit::Failure
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn strangers_do_not_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\u{7}\nc\td"), "a\\u{1b}[31mb\\u{7}\nc\td");
        assert_eq!(plain("ü"), "ü");
    }
}
