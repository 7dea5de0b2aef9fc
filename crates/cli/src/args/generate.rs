//! Completion scripts and manual pages, from the same definitions: only here a clap command is built.

use clap::{Arg, ArgAction, Command, ValueHint};
use clap_complete::Generator;

use super::flag::{self, Completes, Flag, Kind};
use super::verbs::{VERBS, Verb, VerbKind};

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
    let mut command = tree(program);
    command.build();
    let mut out = Vec::new();
    match shell {
        Shell::Bash => clap_complete::shells::Bash.generate(&command, &mut out),
        Shell::Elvish => clap_complete::shells::Elvish.generate(&command, &mut out),
        Shell::Fish => clap_complete::shells::Fish.generate(&command, &mut out),
        Shell::PowerShell => clap_complete::shells::PowerShell.generate(&command, &mut out),
        Shell::Zsh => clap_complete::shells::Zsh.generate(&command, &mut out),
    }
    out
}

/// The manual page of the program.
///
/// # Errors
/// Never in memory; the writer's error type is passed on.
pub fn manual(program: &str) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    clap_mangen::Man::new(tree(program)).render(&mut out)?;
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
        clap_mangen::Man::new(command(verb, name.clone())).render(&mut out)?;
        pages.push((format!("{name}.1"), out));
    }
    Ok(pages)
}

fn tree(program: &str) -> Command {
    let mut root = Command::new(program.to_owned())
        .about("Verifies signed artifacts with sigstore")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true);
    let mut groups: Vec<&str> = Vec::new();
    for verb in VERBS {
        match verb.path {
            [one] => root = root.subcommand(command(verb, (*one).to_owned())),
            [group, ..] if !groups.contains(group) => {
                groups.push(group);
                let members = VERBS.iter().filter(|v| v.path.len() > 1 && v.path.first() == Some(group));
                let commands = members.map(|v| command(v, v.path.last().copied().unwrap_or_default().to_owned()));
                root = root.subcommand(Command::new(*group).about("The trust roots in use").subcommands(commands));
            }
            _ => {}
        }
    }
    root
}

fn command(verb: &Verb, name: String) -> Command {
    let mut command = Command::new(name)
        .about(verb.summary)
        .long_about(verb.description)
        .disable_help_flag(true)
        .after_help(verb.examples.replace("{0}", "sigward"));
    for flag in flag::all(verb.flags).filter(|f| f.is_shown()) {
        command = command.arg(argument(flag));
    }
    match verb.kind {
        VerbKind::VerifyBlob | VerbKind::VerifyBlobAttestation | VerbKind::TrustExport => {
            command.arg(Arg::new("BLOB").value_hint(ValueHint::AnyPath).num_args(0..))
        }
        VerbKind::Completion => {
            command.arg(Arg::new("SHELL").value_parser(["bash", "zsh", "fish", "powershell", "elvish"]))
        }
        _ => command,
    }
}

fn argument(flag: &'static Flag) -> Arg {
    let mut arg = Arg::new(flag.name).long(flag.name).help(flag.help);
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
