//! Completion scripts and manual pages, from the same definitions: only here a clap command is built.

use clap::{Arg, ArgAction, Command, ValueHint};
use clap_complete::{generate, shells};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::env;
use super::flag::{self, Completes, Flag, Kind};
use super::verbs::{GROUPS, VERBS, Verb, VerbKind};

/// A shell that completion scripts are made for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shell {
    /// bash.
    Bash,
    /// elvish.
    Elvish,
    /// fish.
    Fish,
    /// PowerShell.
    PowerShell,
    /// zsh.
    Zsh,
}

impl Shell {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "bash" => Some(Self::Bash),
            "elvish" => Some(Self::Elvish),
            "fish" => Some(Self::Fish),
            "powershell" => Some(Self::PowerShell),
            "zsh" => Some(Self::Zsh),
            _ => None,
        }
    }
}

/// The completion script of a shell.
#[must_use]
pub fn completion(program: &str, shell: Shell) -> Vec<u8> {
    // `generate` gives the tree the name of the program, which the shells' generators need.
    let mut command = tree(program);
    let mut out = Vec::new();
    match shell {
        Shell::Bash => generate(shells::Bash, &mut command, program, &mut out),
        Shell::Elvish => generate(shells::Elvish, &mut command, program, &mut out),
        Shell::Fish => generate(shells::Fish, &mut command, program, &mut out),
        Shell::PowerShell => generate(shells::PowerShell, &mut command, program, &mut out),
        Shell::Zsh => generate(shells::Zsh, &mut command, program, &mut out),
    }
    out
}

/// The manual page of the program.
///
/// # Errors
/// Never in memory; the writer's error type is passed on.
pub fn manual(program: &str) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let page = Man::new(tree(program));
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    synopsis(&format!("{program} COMMAND")).to_writer(&mut out)?;
    page.render_description_section(&mut out)?;
    commands(program).to_writer(&mut out)?;
    common_sections(None).to_writer(&mut out)?;
    Ok(out)
}

/// Manual pages of the program and of each command: file name and content.
///
/// # Errors
/// As [`manual`].
pub fn manuals(program: &str) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut pages = vec![(format!("{program}.1"), manual(program)?)];
    for verb in VERBS {
        let name = format!("{program}-{}", verb.path.join("-"));
        let mut out = Vec::new();
        let page = Man::new(flags_of(verb, name.clone()));
        page.render_title(&mut out)?;
        page.render_name_section(&mut out)?;
        synopsis(format!("{program} {} {}", verb.name(), verb.arguments).trim_end()).to_writer(&mut out)?;
        page.render_description_section(&mut out)?;
        page.render_options_section(&mut out)?;
        examples(program, verb).to_writer(&mut out)?;
        common_sections(Some(verb.kind)).to_writer(&mut out)?;
        pages.push((format!("{name}.1"), out));
    }
    Ok(pages)
}

/// clap's own synopsis lists every flag, which for us is half a page.
fn synopsis(usage: &str) -> Roff {
    let mut page = Roff::new();
    page.control("SH", ["SYNOPSIS"]).text([bold(usage), roman(" [FLAGS]")]);
    page
}

/// A page for each command of one word or two; clap would point to a page on `trust`, which nobody needs.
fn commands(program: &str) -> Roff {
    let mut page = Roff::new();
    page.control("SH", ["COMMANDS"]);
    for verb in VERBS {
        let name = format!("{program}-{}(1)", verb.path.join("-"));
        page.control("TP", []).text([bold(name)]).text([roman(verb.summary)]);
    }
    page
}

/// Lines as they are, for examples are copied.
fn examples(program: &str, verb: &Verb) -> Roff {
    let mut page = Roff::new();
    if !verb.examples.is_empty() {
        page.control("SH", ["EXAMPLES"]).control("nf", []);
        for line in verb.examples.replace("{0}", program).lines() {
            page.text([roman(line)]);
        }
        page.control("fi", []);
    }
    page
}

/// Exit codes, and the command that has them if not all have.
static EXIT_STATUS: &[(&str, Option<VerbKind>, &str)] = &[
    ("0", None, "Everything that was asked for holds."),
    ("1", None, "Anything else."),
    ("3", Some(VerbKind::PolicyEval), "The policy needs what is not supported, or goes over a limit."),
    ("10", Some(VerbKind::Verify), "The image has no signatures."),
    ("11", Some(VerbKind::Verify), "There is no such image."),
    ("12", Some(VerbKind::Verify), "The image has signatures, but none that is expected."),
];

/// What is the same for every command, but for exit codes that only one has; `None` shows all.
fn common_sections(kind: Option<VerbKind>) -> Roff {
    let mut page = Roff::new();
    page.control("SH", ["ENVIRONMENT"]);
    page.text([roman(
        "A flag that is not given is taken from SIGWARD_FLAG, else, if cosign has the flag too, from COSIGN_FLAG: \
         SIGWARD_TRUSTED_ROOT for --trusted-root.",
    )]);
    for (name, meaning) in env::DOCUMENTED {
        page.control("TP", []).text([bold(*name)]).text([roman(*meaning)]);
    }
    page.control("SH", ["EXIT STATUS"]);
    for (code, owner, meaning) in EXIT_STATUS {
        match (owner, kind) {
            (Some(owner), Some(kind)) if *owner != kind => continue,
            (Some(VerbKind::PolicyEval), None) => page.control("TP", []).text([bold(*code), roman(" (policy eval)")]),
            (Some(_), None) => page.control("TP", []).text([bold(*code), roman(" (verify)")]),
            _ => page.control("TP", []).text([bold(*code)]),
        };
        page.text([roman(*meaning)]);
    }
    page
}

fn tree(program: &str) -> Command {
    let mut root = Command::new(program.to_owned())
        .about("Verifies signed artifacts with sigstore")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .disable_help_subcommand(true);
    let mut groups: Vec<&str> = Vec::new();
    for verb in VERBS {
        match verb.path {
            [one] => root = root.subcommand(command(verb, (*one).to_owned())),
            [group, ..] if !groups.contains(group) => {
                groups.push(group);
                let members = VERBS.iter().filter(|v| v.path.len() > 1 && v.path.first() == Some(group));
                let commands = members.map(|v| command(v, v.path.last().copied().unwrap_or_default().to_owned()));
                root = root.subcommand(group_command(group).subcommands(commands));
            }
            _ => {}
        }
    }
    root
}

fn group_command(name: &'static str) -> Command {
    let about = GROUPS.iter().find(|(group, _)| *group == name).map_or("", |(_, about)| about);
    Command::new(name).about(about).disable_help_subcommand(true)
}

fn flags_of(verb: &Verb, name: String) -> Command {
    let mut command = Command::new(name)
        .about(verb.summary)
        .long_about(verb.description)
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .disable_help_flag(true);
    for flag in flag::all(verb.flags).filter(|f| f.is_shown()) {
        command = command.arg(argument(flag));
    }
    command
}

fn command(verb: &Verb, name: String) -> Command {
    let command = flags_of(verb, name);
    match verb.kind {
        VerbKind::VerifyBlob | VerbKind::VerifyBlobAttestation | VerbKind::TrustExport => {
            command.arg(Arg::new("BLOB").value_hint(ValueHint::AnyPath).num_args(0..))
        }
        VerbKind::Verify
        | VerbKind::VerifyAttestation
        | VerbKind::Tree
        | VerbKind::Triangulate
        | VerbKind::DownloadSignature
        | VerbKind::DownloadAttestation => {
            // A path where --local-image is given, a name that no shell knows otherwise.
            command.arg(Arg::new("IMAGE").value_hint(ValueHint::AnyPath).num_args(0..))
        }
        VerbKind::Completion => {
            command.arg(Arg::new("SHELL").value_parser(["bash", "zsh", "fish", "powershell", "elvish"]))
        }
        _ => command,
    }
}

fn argument(flag: &'static Flag) -> Arg {
    let help = match flag.default {
        "" => flag.help.to_owned(),
        default => format!("{} (default {default})", flag.help),
    };
    let mut arg = Arg::new(flag.name).long(flag.name).help(help).help_heading(flag.section.heading());
    if let Some(short) = flag.short {
        arg = arg.short(short);
    }
    if !flag.takes_value() {
        return arg.action(ArgAction::SetTrue);
    }
    arg = arg.value_name(flag.value_name).value_hint(match flag.completes {
        Completes::Directories => ValueHint::DirPath,
        Completes::Files => ValueHint::AnyPath,
        Completes::Nothing => ValueHint::Other,
    });
    match flag.kind {
        Kind::Choice(words) => arg.value_parser(words.to_vec()),
        _ => arg,
    }
}
