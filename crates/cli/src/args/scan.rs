//! Splits a command line as pflag and cobra do, in their order and with their errors.

use std::ffi::{OsStr, OsString};

use super::error::UsageErrorKind;
use super::flag::{self, Flag, FlagGroups};
use super::go;
use super::notice::Notice;
use super::values::Values;

/// A command line that was split, with the flags in it read.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) values: Values,
    pub(super) positionals: Vec<OsString>,
    /// The deprecations, in the order of use. cobra prints them only if the whole line could be split.
    pub(super) notices: Vec<Notice>,
}

/// Reads the flags of a command. They may stand anywhere before `--`; of several the last one counts.
pub(super) fn scan(arguments: &[OsString], flags: FlagGroups) -> Result<Scanned, UsageErrorKind> {
    let mut scanned = Scanned { values: Values::default(), positionals: Vec::new(), notices: Vec::new() };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match Shape::of(argument) {
            Shape::Terminator => {
                scanned.positionals.extend(rest.by_ref().cloned());
            }
            Shape::Plain => scanned.positionals.push(argument.clone()),
            Shape::Malformed => {
                return Err(UsageErrorKind::BadFlagSyntax(argument.to_string_lossy().into_owned()));
            }
            Shape::Long { name, value } => {
                let flag = flag::find(flags, &name).ok_or_else(|| UsageErrorKind::UnknownFlag(name.clone()))?;
                let missing = || UsageErrorKind::FlagWithoutValue(format!("--{name}"));
                let value = match value {
                    Some(value) => value,
                    None if flag.takes_value() => rest.next().cloned().ok_or_else(missing)?,
                    None => OsString::from("true"),
                };
                scanned.set(flag, &value)?;
            }
            Shape::Short(letter) => {
                let flag = flag::find_short(flags, letter).ok_or(UsageErrorKind::UnknownShorthand(letter))?;
                let missing = || UsageErrorKind::FlagWithoutValue(format!("'{letter}' in -{letter}"));
                let value = match flag.takes_value() {
                    true => rest.next().cloned().ok_or_else(missing)?,
                    false => OsString::from("true"),
                };
                scanned.set(flag, &value)?;
            }
        }
    }
    Ok(scanned)
}

impl Scanned {
    fn set(&mut self, flag: &'static Flag, value: &OsStr) -> Result<(), UsageErrorKind> {
        let read = flag.read(value).map_err(|reason| UsageErrorKind::FlagValue {
            value: go::quote(value.as_encoded_bytes()),
            flag: flag.spelled(),
            reason,
        })?;
        self.values.set(flag, read);
        if let Some(advice) = flag.deprecation() {
            self.notices.push(Notice::DeprecatedFlag { flag: flag.name, advice });
        }
        Ok(())
    }
}

/// What an argument looks like where a flag may stand.
#[derive(Debug)]
enum Shape {
    /// `--name` or `--name=value`.
    Long { name: String, value: Option<OsString> },
    /// Begins like a flag and cannot be one.
    Malformed,
    /// Not a flag.
    Plain,
    /// `-x`. Longer ones do not get here: they were rewritten.
    Short(char),
    /// `--`.
    Terminator,
}

impl Shape {
    fn of(argument: &OsStr) -> Self {
        let bytes = argument.as_encoded_bytes();
        match bytes {
            b"--" => Self::Terminator,
            [b'-', b'-', b'-' | b'=', ..] => Self::Malformed,
            [b'-', b'-', ..] => {
                let (typed, value) = split_at_equals(argument);
                let typed = typed.to_string_lossy();
                let name = typed.strip_prefix("--").unwrap_or(&typed).to_owned();
                Self::Long { name, value }
            }
            [b'-', letter, ..] => Self::Short(char::from(*letter)),
            _ => Self::Plain,
        }
    }
}

/// Splits `--name=value` without losing bytes that are not UTF-8.
fn split_at_equals(argument: &OsStr) -> (OsString, Option<OsString>) {
    if let Some(text) = argument.to_str() {
        return match text.split_once('=') {
            Some((name, value)) => (name.into(), Some(value.into())),
            None => (text.into(), None),
        };
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let mut parts = argument.as_bytes().splitn(2, |byte| *byte == b'=');
        let name = parts.next().unwrap_or_default();
        (OsStr::from_bytes(name).to_owned(), parts.next().map(|value| OsStr::from_bytes(value).to_owned()))
    }
    #[cfg(not(unix))]
    {
        (argument.to_owned(), None)
    }
}

/// Corrects flags with one dash too few or too many, as cosign does before anything else.
///
/// cosign also rewrites values and what follows `--`, and so turns the file `-x.txt` into `--x.txt`;
/// here only what stands in the place of a flag is rewritten. `known` holds the flags of all commands.
pub(super) fn correct_dashes(
    arguments: &[OsString],
    known: &dyn Fn(&str) -> Option<&'static Flag>,
) -> (Vec<OsString>, Vec<Notice>) {
    let mut corrected = Vec::with_capacity(arguments.len());
    let mut notices = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            corrected.push(argument.clone());
            corrected.extend(rest.by_ref().cloned());
            break;
        }
        let (read, notice) = correct(argument);
        notices.extend(notice);
        let takes_next = takes_next(&read, known);
        corrected.push(read);
        if takes_next {
            corrected.extend(rest.next().cloned());
        }
    }
    (corrected, notices)
}

fn correct(argument: &OsStr) -> (OsString, Option<Notice>) {
    let typed = argument.to_string_lossy().into_owned();
    match argument.as_encoded_bytes() {
        // A flag of one letter with a second dash; `--=` is as wrong as it was.
        [b'-', b'-', letter] if letter.is_ascii() => {
            let read = format!("-{}", char::from(*letter));
            (OsString::from(&read), Some(Notice::TwoDashes { typed, read }))
        }
        [b'-', second, _, ..] if *second != b'-' => {
            if argument == "-version" {
                return (OsString::from("version"), Some(Notice::VersionFlag));
            }
            let mut read = OsString::from("-");
            read.push(argument);
            (read.clone(), Some(Notice::OneDash { typed, read: read.to_string_lossy().into_owned() }))
        }
        _ => (argument.to_owned(), None),
    }
}

fn takes_next(argument: &OsStr, known: &dyn Fn(&str) -> Option<&'static Flag>) -> bool {
    argument
        .to_str()
        .filter(|text| text.starts_with('-') && !text.contains('='))
        .and_then(|text| known(text.trim_start_matches('-')))
        .is_some_and(Flag::takes_value)
}

/// Where the name of the command stands, as cobra's `stripFlags` finds it: a flag that the
/// command above does not know is taken to have a value.
pub(super) fn find_word(arguments: &[OsString], flags: FlagGroups) -> Option<usize> {
    let mut index = 0;
    while let Some(argument) = arguments.get(index) {
        let bytes = argument.as_encoded_bytes();
        let has_value = !bytes.contains(&b'=');
        let flag = |name: &[u8]| match std::str::from_utf8(name) {
            Ok(name) if name.len() == 1 => name.chars().next().and_then(|letter| flag::find_short(flags, letter)),
            Ok(name) => flag::find(flags, name),
            Err(_) => None,
        };
        let skips = match bytes {
            b"--" => return None,
            [b'-', b'-', name @ ..] => has_value && flag(name).is_none_or(Flag::takes_value),
            [b'-', name] => has_value && flag(&[*name]).is_none_or(Flag::takes_value),
            [b'-', ..] | [] => false,
            _ => return Some(index),
        };
        if skips && arguments.len() - index <= 2 {
            return None;
        }
        index += if skips { 2 } else { 1 };
    }
    None
}
