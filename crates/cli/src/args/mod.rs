//! What was typed, parsed and validated. Nothing is opened and nothing printed here.
//!
//! cosign's command line is cobra's and pflag's; their rules and texts are followed by hand, because scripts depend on
//! them and because building a parser for every flag at every start would cost more than a verification.

mod csv;
pub mod env;
pub mod error;
mod flag;
mod flags;
mod generate;
mod go;
mod help;
mod notice;
pub mod request;
mod scan;
mod validate;
mod values;
mod verbs;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::{UsageError, UsageErrorKind};
pub use generate::{Shell, completion, manual, manuals};
pub use help::command_help;
pub use notice::Notice;

use error::NotSupported;
use flag::{Flag, FlagGroups};
use request::{
    DownloadAttestationRequest, DownloadSignatureRequest, ManifestRequest, PolicyEvalRequest, PolicyLintRequest,
    ReleaseCommand, TreeRequest, TriangulateRequest, TrustCommand, VerifyBlobAttestationRequest, VerifyBlobRequest,
    VerifyImagesRequest,
};
use scan::Scanned;
use validate::{images, manifest, policy, release};
use verbs::{Life, VERBS, Verb, VerbKind};

/// A command line that was understood.
#[derive(Debug)]
pub struct Parsed {
    /// Lines for standard error, in order.
    pub notices: Vec<Notice>,
    /// The name that the program was called by; it changes help and nothing else.
    pub program: &'static str,
    /// Flags of every command.
    pub globals: Globals,
    /// What to do.
    pub command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Globals {
    /// `--output-file`.
    pub output_file: Option<PathBuf>,
    /// `--timeout`; zero is none.
    pub timeout: Duration,
    /// `--verbose`.
    pub verbosity: Verbosity,
}

/// `--verbose`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verbosity {
    /// Requests are logged.
    Requests,
    /// They are not.
    Quiet,
}

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Print a completion script.
    Completion(Shell),
    /// `download attestation`.
    DownloadAttestation(Box<DownloadAttestationRequest>),
    /// `download signature`.
    DownloadSignature(Box<DownloadSignatureRequest>),
    /// Print this text.
    Help(String),
    /// Print or write manual pages.
    Man(Option<PathBuf>),
    /// `manifest images|verify|pin`.
    Manifest(Box<ManifestRequest>),
    /// `policy eval`.
    PolicyEval(PolicyEvalRequest),
    /// `policy lint`.
    PolicyLint(PolicyLintRequest),
    /// `release list|fetch|verify`.
    Release(ReleaseCommand),
    /// `tree`.
    Tree(Box<TreeRequest>),
    /// `triangulate`.
    Triangulate(Box<TriangulateRequest>),
    /// `trust show|update|export`.
    Trust(TrustCommand),
    /// `verify-blob`.
    VerifyBlob(Box<VerifyBlobRequest>),
    /// `verify-blob-attestation`.
    VerifyBlobAttestation(Box<VerifyBlobAttestationRequest>),
    /// `verify` and `verify-attestation`.
    VerifyImages(Box<VerifyImagesRequest>),
    /// Print the version, as JSON or not.
    Version(request::OutputFormat),
}

/// Parses a command line; `argv[0]` is the program's name.
///
/// # Errors
/// What is wrong with it, in cosign's words, together with the notices before it.
pub fn parse(argv: &[OsString], lookup: env::Lookup<'_>) -> Result<Parsed, UsageError> {
    let program = program_name(argv.first().map(OsString::as_os_str));
    let arguments = argv.get(1..).unwrap_or_default();
    let (arguments, mut notices) = scan::correct_dashes(arguments, &any_flag);
    let fail = |notices: &[Notice], kind| UsageError { notices: notices.to_vec(), kind, see_help_of: None };
    let Some(at) = scan::find_word(&arguments, GLOBALS_ONLY) else {
        let scanned = scan::scan(&arguments, GLOBALS_ONLY).map_err(|kind| fail(&notices, kind))?;
        notices.extend(scanned.notices.clone());
        let globals = globals(&scanned);
        return Ok(Parsed { notices, program, globals, command: Command::Help(help::root(program)) });
    };
    let word = arguments.get(at).map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
    let mut rest = arguments.clone();
    rest.remove(at);
    if word == "help" {
        let words: Vec<_> = rest.iter().map(|w| w.to_string_lossy().into_owned()).collect();
        let text = help::topic(program, &words).map_err(|kind| fail(&notices, kind))?;
        let globals = Globals { output_file: None, timeout: DEFAULT_TIMEOUT, verbosity: Verbosity::Quiet };
        return Ok(Parsed { notices, program, globals, command: Command::Help(text) });
    }
    let verb = match find_verb(&word, &mut rest, program) {
        Ok(Found::Verb(verb)) => verb,
        Ok(Found::GroupHelp(text)) => {
            let globals = Globals { output_file: None, timeout: DEFAULT_TIMEOUT, verbosity: Verbosity::Quiet };
            return Ok(Parsed { notices, program, globals, command: Command::Help(text) });
        }
        Err(mut error) => {
            error.notices = notices;
            return Err(error);
        }
    };
    run_verb(verb, &rest, program, lookup, notices)
}

fn run_verb(
    verb: &'static Verb,
    arguments: &[OsString],
    program: &'static str,
    lookup: env::Lookup<'_>,
    mut notices: Vec<Notice>,
) -> Result<Parsed, UsageError> {
    if let Life::Deprecated(advice) = verb.life {
        let command = verb.path.last().copied().unwrap_or_default();
        notices.push(Notice::DeprecatedCommand { command, advice });
    }
    let mut scanned = scan::scan(arguments, verb.flags).map_err(|kind| UsageError {
        notices: notices.clone(),
        kind,
        see_help_of: None,
    })?;
    notices.append(&mut scanned.notices);
    if scanned.values.switch(&flags::HELP) {
        let text = help::verb(program, verb);
        return Ok(Parsed { notices, program, globals: globals(&scanned), command: Command::Help(text) });
    }
    let outcome = env::bind(&mut scanned.values, verb.flags, lookup, &mut notices)
        .and_then(|()| command(verb, &scanned, program, &mut notices));
    match outcome {
        Ok(command) => Ok(Parsed { notices, program, globals: globals(&scanned), command }),
        Err(kind) => Err(UsageError { notices, kind, see_help_of: None }),
    }
}

fn command(
    verb: &Verb,
    scanned: &Scanned,
    program: &'static str,
    notices: &mut Vec<Notice>,
) -> Result<Command, UsageErrorKind> {
    let (values, positionals) = (&scanned.values, &scanned.positionals);
    let no_arguments = || match positionals.len() {
        0 => Ok(()),
        found => Err(UsageErrorKind::ArgumentCount(error::ArgumentCount::AtMost(0, found))),
    };
    Ok(match verb.kind {
        VerbKind::VerifyBlob => Command::VerifyBlob(Box::new(validate::verify_blob(values, positionals, notices)?)),
        VerbKind::VerifyBlobAttestation => Command::VerifyBlobAttestation(Box::new(validate::verify_blob_attestation(
            values,
            positionals,
            program,
            notices,
        )?)),
        VerbKind::Verify => Command::VerifyImages(Box::new(images::verify(values, positionals, notices)?)),
        VerbKind::VerifyAttestation => {
            Command::VerifyImages(Box::new(images::verify_attestation(values, positionals, notices)?))
        }
        VerbKind::Tree => Command::Tree(Box::new(images::tree(values, positionals, notices)?)),
        VerbKind::Triangulate => Command::Triangulate(Box::new(images::triangulate(values, positionals, notices)?)),
        VerbKind::DownloadSignature => {
            Command::DownloadSignature(Box::new(images::download_signature(values, positionals, notices)?))
        }
        VerbKind::DownloadAttestation => {
            Command::DownloadAttestation(Box::new(images::download_attestation(values, positionals, notices)?))
        }
        VerbKind::ManifestImages => Command::Manifest(Box::new(manifest::images(values, positionals)?)),
        VerbKind::ManifestVerify => Command::Manifest(Box::new(manifest::verify(values, positionals, notices)?)),
        VerbKind::ManifestPin => Command::Manifest(Box::new(manifest::pin(values, positionals, notices)?)),
        VerbKind::PolicyEval => Command::PolicyEval(policy::eval(values, positionals)?),
        VerbKind::PolicyLint => Command::PolicyLint(policy::lint(values, positionals)?),
        VerbKind::ReleaseList => Command::Release(ReleaseCommand::List(release::list(values, positionals)?)),
        VerbKind::ReleaseFetch => {
            Command::Release(ReleaseCommand::Fetch(Box::new(release::fetch(values, positionals, notices)?)))
        }
        VerbKind::ReleaseVerify => {
            Command::Release(ReleaseCommand::Verify(Box::new(release::verify(values, positionals, notices)?)))
        }
        VerbKind::TrustShow => {
            no_arguments()?;
            Command::Trust(validate::trust_show(values))
        }
        VerbKind::TrustUpdate => {
            no_arguments()?;
            Command::Trust(validate::trust_update(values))
        }
        VerbKind::TrustExport => Command::Trust(validate::trust_export(values, positionals)?),
        VerbKind::Completion => Command::Completion(validate::shell(positionals, program)?),
        VerbKind::Man => {
            no_arguments()?;
            Command::Man(values.path(&flags::MAN_DIR))
        }
        VerbKind::Version => {
            no_arguments()?;
            let json = values.switch(&flags::VERSION_JSON);
            Command::Version(if json { request::OutputFormat::Json } else { request::OutputFormat::Text })
        }
    })
}

/// What is known before the command is.
static GLOBALS_ONLY: FlagGroups = &[flags::GLOBAL];

/// 3 minutes, as cosign.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(180);

fn globals(scanned: &Scanned) -> Globals {
    Globals {
        output_file: scanned.values.path(&flags::OUTPUT_FILE),
        timeout: scanned.values.duration(&flags::TIMEOUT).unwrap_or(DEFAULT_TIMEOUT),
        verbosity: match scanned.values.switch(&flags::VERBOSE) {
            true => Verbosity::Requests,
            false => Verbosity::Quiet,
        },
    }
}

enum Found {
    Verb(&'static Verb),
    GroupHelp(String),
}

/// The command of this word; for `trust` the next word is taken out of the arguments too.
fn find_verb(word: &str, rest: &mut Vec<OsString>, program: &'static str) -> Result<Found, UsageError> {
    let error = |kind, see: Option<String>| UsageError { notices: Vec::new(), kind, see_help_of: see };
    if let Some(verb) = VERBS.iter().find(|v| v.path == [word]) {
        return Ok(Found::Verb(verb));
    }
    if VERBS.iter().any(|v| v.path.first() == Some(&word)) {
        let Some(at) = scan::find_word(rest, GLOBALS_ONLY) else {
            scan::scan(rest, GLOBALS_ONLY).map_err(|kind| error(kind, None))?;
            return Ok(Found::GroupHelp(help::group(program, word)));
        };
        let second = rest.remove(at).to_string_lossy().into_owned();
        if let Some(verb) = VERBS.iter().find(|v| v.path == [word, &second]) {
            return Ok(Found::Verb(verb));
        }
        if let Some(kind) = without(&format!("{word} {second}")) {
            return Err(error(UsageErrorKind::NotSupported(kind), None));
        }
        let parent = format!("{program} {word}");
        let kind = UsageErrorKind::UnknownCommand {
            typed: go::quote(second.as_bytes()),
            parent: parent.clone(),
            suggestions: Vec::new(),
        };
        return Err(error(kind, Some(parent)));
    }
    if let Some(kind) = without(word) {
        return Err(error(UsageErrorKind::NotSupported(kind), None));
    }
    let lower = word.to_lowercase();
    let suggestions = VERBS
        .iter()
        .filter(|v| v.life == Life::Listed)
        .filter_map(|v| v.path.first().copied())
        .filter(|name| name.starts_with(&lower) || is_near(name, &lower))
        .fold(Vec::new(), |mut names, name| {
            if !names.contains(&name) {
                names.push(name);
            }
            names
        });
    let kind =
        UsageErrorKind::UnknownCommand { typed: go::quote(word.as_bytes()), parent: program.to_owned(), suggestions };
    Err(error(kind, Some(program.to_owned())))
}

/// What is known of a command that does not work here.
fn without(words: &str) -> Option<NotSupported> {
    let later = verbs::LATER.iter().find(|name| **name == words).map(|name| NotSupported::LaterCommand(name));
    later.or_else(|| verbs::COSIGN_ONLY.iter().find(|name| **name == words).map(|name| NotSupported::Command(name)))
}

/// At most two letters more, less or other, as cobra suggests.
fn is_near(name: &str, word: &str) -> bool {
    if name.len().abs_diff(word.len()) > 2 {
        return false;
    }
    // One row of Levenshtein's table at a time.
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (line, letter) in name.bytes().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(word.bytes()) {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = *cell;
            left = replaced.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().is_some_and(|distance| *distance <= 2)
}

fn any_flag(name: &str) -> Option<&'static Flag> {
    VERBS.iter().find_map(|verb| match name.len() {
        1 => name.chars().next().and_then(|letter| flag::find_short(verb.flags, letter)),
        _ => flag::find(verb.flags, name),
    })
}

/// `cosign` if the program was called so, else `sigward`.
fn program_name(argv0: Option<&OsStr>) -> &'static str {
    let stem = argv0.and_then(|name| Path::new(name).file_stem());
    if stem == Some(OsStr::new("cosign")) { "cosign" } else { "sigward" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dashes are corrected before the command is known, so a flag must take a value in all commands or in none.
    #[test]
    fn a_flag_is_the_same_in_every_command() {
        for verb in VERBS {
            for flag in flag::all(verb.flags) {
                let twins = flag::all(verb.flags).filter(|other| other.name == flag.name).count();
                assert_eq!(twins, 1, "{} has --{} more than once", verb.name(), flag.name);
                let known = any_flag(flag.name).unwrap();
                assert_eq!(known.takes_value(), flag.takes_value(), "--{}", flag.name);
                assert_eq!(known.short, flag.short, "--{}", flag.name);
                assert!(!flag.takes_value() || !flag.value_name.is_empty(), "--{}", flag.name);
            }
        }
    }

    /// A default that help shows is one that its flag can read.
    #[test]
    fn defaults_in_help_can_be_read() {
        for flag in VERBS.iter().flat_map(|verb| flag::all(verb.flags)).filter(|flag| !flag.default.is_empty()) {
            assert!(flag.read(OsStr::new(flag.default)).is_ok(), "--{}", flag.name);
        }
    }

    #[test]
    fn suggestions_are_at_most_two_letters_away() {
        assert!(is_near("completion", "completon"));
        assert!(is_near("completion", "completoin"));
        assert!(!is_near("completion", "complaints"));
        assert!(is_near("man", "m") && !is_near("man", ""));
    }
}
