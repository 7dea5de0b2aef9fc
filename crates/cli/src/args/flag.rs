//! The definition of a flag. Parsing, environment, help, completion and manual pages all read it.

use std::ffi::OsStr;
use std::num::IntErrorKind;
use std::time::Duration;

use super::{csv, go};

/// One flag.
#[derive(Debug)]
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) short: Option<char>,
    pub(super) kind: Kind,
    /// As help shows it; empty if there is none.
    pub(super) default: &'static str,
    /// What stands for the value in help.
    pub(super) value_name: &'static str,
    pub(super) help: &'static str,
    pub(super) section: Section,
    pub(super) status: Status,
    pub(super) environment: EnvironmentNames,
    pub(super) completes: Completes,
}

/// What a flag takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A duration that may be given in days.
    Age,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A number from 1 on.
    Count,
    /// A duration as Go writes it.
    Duration,
    /// Texts with commas between them; of several such flags all count.
    List,
    /// Any number.
    Number,
    /// Nothing, or `=true`, `=false`.
    Switch,
    /// Any text, path or reference.
    Text,
}

/// The heading under which help shows a flag, in the order of help.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Section {
    Material,
    Signer,
    Trust,
    Checks,
    Registry,
    Command,
    Output,
    Global,
}

impl Section {
    pub(super) const fn heading(self) -> &'static str {
        match self {
            Self::Checks => "What is demanded",
            Self::Command => "Options",
            Self::Global => "Global options",
            Self::Material => "Signature material",
            Self::Output => "Result",
            Self::Registry => "Registry",
            Self::Signer => "Expected signer",
            Self::Trust => "Trust",
        }
    }
}

/// Whether help shows a flag.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Status {
    /// Works, is hidden, and says so when used.
    Deprecated(&'static str),
    /// Deprecated in cosign, yet shown: it is what a user of Kubernetes release files needs.
    DeprecatedButShown(&'static str),
    /// Accepted, without effect or refused with a reason.
    Hidden,
    /// Normal.
    Shown,
}

/// Which environment variables stand in for a flag that was not given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EnvironmentNames {
    /// `SIGWARD_X`, else `COSIGN_X`.
    Both,
    /// None.
    Neither,
    /// Only `SIGWARD_X`: cosign does not read this one, so a variable of its name was not meant for us.
    OnlySigward,
}

/// What a shell offers as a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Completes {
    Directories,
    Files,
    Nothing,
}

impl Flag {
    const fn new(
        name: &'static str,
        kind: Kind,
        value_name: &'static str,
        section: Section,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            short: None,
            kind,
            default: "",
            value_name,
            help,
            section,
            status: Status::Shown,
            environment: EnvironmentNames::Both,
            completes: Completes::Nothing,
        }
    }

    pub(super) const fn switch(name: &'static str, section: Section, help: &'static str) -> Self {
        Self::new(name, Kind::Switch, "", section, help)
    }

    pub(super) const fn text(name: &'static str, value: &'static str, section: Section, help: &'static str) -> Self {
        Self::new(name, Kind::Text, value, section, help)
    }

    pub(super) const fn file(name: &'static str, section: Section, help: &'static str) -> Self {
        let mut flag = Self::new(name, Kind::Text, "FILE", section, help);
        flag.completes = Completes::Files;
        flag
    }

    pub(super) const fn of(
        kind: Kind,
        name: &'static str,
        value_name: &'static str,
        section: Section,
        help: &'static str,
    ) -> Self {
        Self::new(name, kind, value_name, section, help)
    }

    pub(super) const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    pub(super) const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    pub(super) const fn deprecated(mut self, advice: &'static str) -> Self {
        self.status = Status::Deprecated(advice);
        self
    }

    pub(super) const fn deprecated_but_shown(mut self, advice: &'static str) -> Self {
        self.status = Status::DeprecatedButShown(advice);
        self
    }

    pub(super) const fn hidden(mut self) -> Self {
        self.status = Status::Hidden;
        self
    }

    pub(super) const fn environment(mut self, names: EnvironmentNames) -> Self {
        self.environment = names;
        self
    }

    pub(super) const fn completes(mut self, completes: Completes) -> Self {
        self.completes = completes;
        self
    }

    /// Ours, unknown to cosign.
    pub(super) const fn ours(self) -> Self {
        self.environment(EnvironmentNames::OnlySigward)
    }

    pub(super) const fn takes_value(&self) -> bool {
        !matches!(self.kind, Kind::Switch)
    }

    pub(super) const fn is_shown(&self) -> bool {
        matches!(self.status, Status::Shown | Status::DeprecatedButShown(_))
    }

    pub(super) const fn deprecation(&self) -> Option<&'static str> {
        match self.status {
            Status::Deprecated(advice) | Status::DeprecatedButShown(advice) => Some(advice),
            Status::Hidden | Status::Shown => None,
        }
    }

    /// The flag as error texts name it.
    pub(super) fn spelled(&self) -> String {
        match self.short {
            Some(short) => format!("-{short}, --{}", self.name),
            None => format!("--{}", self.name),
        }
    }

    /// Reads a value of this flag; `Err` holds the reason in the words of Go.
    pub(super) fn read(&self, value: &OsStr) -> Result<Value, String> {
        let bytes = value.as_encoded_bytes();
        match self.kind {
            Kind::Age => go::parse_duration(bytes, go::Units::GoAndDays).map(Value::Duration),
            Kind::Choice(words) => words
                .iter()
                .find(|word| word.as_bytes() == bytes)
                .map(|word| Value::Choice(word))
                .ok_or_else(|| format!("must be one of {}", words.join(", "))),
            Kind::Count => match std::str::from_utf8(bytes).unwrap_or_default().parse::<u32>() {
                Ok(0) => Err("must be at least 1".to_owned()),
                Ok(number) => Ok(Value::Number(i64::from(number))),
                Err(error) if *error.kind() == IntErrorKind::PosOverflow => Err("too large".to_owned()),
                Err(_) => Err("not a number".to_owned()),
            },
            Kind::Duration => go::parse_duration(bytes, go::Units::Go).map(Value::Duration),
            Kind::List => match std::str::from_utf8(bytes) {
                Ok(text) => csv::record(text).map(Value::List),
                Err(_) => Err("not valid UTF-8".to_owned()),
            },
            Kind::Number => go::parse_int(bytes).map(Value::Number),
            Kind::Switch => go::parse_bool(bytes).map(Value::Switch),
            Kind::Text => Ok(Value::Text(value.to_owned())),
        }
    }
}

/// A value that was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Value {
    Choice(&'static str),
    Duration(Duration),
    List(Vec<String>),
    Number(i64),
    Switch(bool),
    Text(std::ffi::OsString),
}

/// Groups of flags; a command lists those it takes.
pub(super) type FlagGroups = &'static [&'static [&'static Flag]];

/// All flags of some groups.
pub(super) fn all(groups: FlagGroups) -> impl Iterator<Item = &'static Flag> + Clone {
    groups.iter().flat_map(|group| group.iter().copied())
}

/// The flag of this name, or of the name that an alias stands for.
pub(super) fn find(groups: FlagGroups, name: &str) -> Option<&'static Flag> {
    let name = canonical(name);
    all(groups).find(|flag| flag.name == name)
}

/// The flag of this letter.
pub(super) fn find_short(groups: FlagGroups, letter: char) -> Option<&'static Flag> {
    all(groups).find(|flag| flag.short == Some(letter))
}

/// The alias table of cosign.
pub(super) fn canonical(name: &str) -> &str {
    match name {
        "cert" => "certificate",
        "cert-chain" => "certificate-chain",
        "cert-email" => "certificate-email",
        "cert-identity" => "certificate-identity",
        "cert-oidc-issuer" => "certificate-oidc-issuer",
        "output-cert" => "output-certificate",
        name => name,
    }
}
