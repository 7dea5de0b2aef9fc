//! Help, from the definitions of flags and commands, for a terminal of 80 columns.

use super::error::UsageErrorKind;
use super::flag::{self, Section};
use super::go;
use super::verbs::{Life, VERBS, Verb};

const WIDTH: usize = 80;

pub(super) fn root(program: &str) -> String {
    let mut out = String::from("Verifies signed artifacts with sigstore: offline where it can, and saying why.\n\n");
    out.push_str(&format!("Usage:\n  {program} COMMAND [FLAGS]\n\nCommands:\n"));
    list(&mut out, VERBS.iter().filter(|verb| verb.life == Life::Listed));
    out.push_str(&format!("\nRun '{program} COMMAND --help' for the flags of a command.\n"));
    out
}

pub(super) fn group(program: &str, word: &str) -> String {
    let mut out = format!("Usage:\n  {program} {word} COMMAND [FLAGS]\n\nCommands:\n");
    list(&mut out, VERBS.iter().filter(|v| v.path.first() == Some(&word)));
    out
}

fn list<'a>(out: &mut String, verbs: impl Iterator<Item = &'a Verb>) {
    for verb in verbs {
        out.push_str(&format!("  {:<25}{}\n", verb.name(), verb.summary));
    }
}

/// `help`, `help verify-blob`, `help trust show`.
pub(super) fn topic(program: &str, words: &[String]) -> Result<String, UsageErrorKind> {
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|w| !w.starts_with('-')).collect();
    if words.is_empty() {
        return Ok(root(program));
    }
    if let Some(verb) = VERBS.iter().find(|v| v.path == words) {
        return Ok(self::verb(program, verb));
    }
    match words.as_slice() {
        [one] if VERBS.iter().any(|v| v.path.first() == Some(one)) => Ok(group(program, one)),
        _ => Err(UsageErrorKind::UnknownCommand {
            typed: go::quote(words.join(" ").as_bytes()),
            parent: program.to_owned(),
            suggestions: Vec::new(),
        }),
    }
}

/// Help of one command by its words, for documentation.
#[must_use]
pub fn command_help(program: &str, path: &[&str]) -> Option<String> {
    VERBS.iter().find(|v| v.path == path).map(|v| verb(program, v))
}

pub(super) fn verb(program: &str, verb: &Verb) -> String {
    let mut out = String::new();
    fill(&mut out, verb.description, 0);
    out.push_str(&format!("\nUsage:\n  {program} {}", verb.name()));
    for part in [verb.arguments, "[FLAGS]"] {
        if !part.is_empty() {
            out.push(' ');
            out.push_str(part);
        }
    }
    out.push('\n');
    if !verb.examples.is_empty() {
        out.push_str("\nExamples:\n");
        out.push_str(&verb.examples.replace("{0}", program));
    }
    let mut sections: Vec<Section> = flag::all(verb.flags).filter(|f| f.is_shown()).map(|f| f.section).collect();
    sections.sort();
    sections.dedup();
    for section in sections {
        out.push_str(&format!("\n{}:\n", section.heading()));
        for flag in flag::all(verb.flags).filter(|f| f.is_shown() && f.section == section) {
            let mut head = match flag.short {
                Some(short) => format!("  -{short}, --{}", flag.name),
                None => format!("      --{}", flag.name),
            };
            if flag.takes_value() {
                head.push(' ');
                head.push_str(flag.value_name);
            }
            out.push_str(&head);
            out.push('\n');
            let mut text = flag.help.to_owned();
            if !flag.default.is_empty() {
                text.push_str(&format!(" (default {})", flag.default));
            }
            fill(&mut out, &text, 10);
        }
    }
    out
}

/// Appends words in lines of at most 80 columns.
fn fill(out: &mut String, text: &str, indent: usize) {
    let margin = " ".repeat(indent);
    let mut line = margin.clone();
    for word in text.split_whitespace() {
        if line.len() > indent && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out.push_str(line.trim_end());
            out.push('\n');
            line.clone_from(&margin);
        }
        if line.len() > indent {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(line.trim_end());
    out.push('\n');
}
