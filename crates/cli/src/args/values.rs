//! The flags that were given, by their definitions.

use std::ffi::{OsStr, OsString};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use super::error::UsageErrorKind;
use super::flag::{Flag, Value};
use super::go;
use super::request::Secret;

/// The last value of each flag that was given, or all values of a list. A handful of entries: a list is quicker than a map.
#[derive(Debug, Default)]
pub(super) struct Values {
    entries: Vec<(&'static Flag, Value)>,
}

impl Values {
    pub(super) fn set(&mut self, flag: &'static Flag, value: Value) {
        match (self.entries.iter_mut().find(|(known, _)| known.name == flag.name), value) {
            (Some((_, Value::List(old))), Value::List(more)) => old.extend(more),
            (Some((_, old)), value) => *old = value,
            (None, value) => self.entries.push((flag, value)),
        }
    }

    pub(super) fn is_set(&self, flag: &Flag) -> bool {
        self.get(flag).is_some()
    }

    fn get(&self, flag: &Flag) -> Option<&Value> {
        self.entries.iter().find(|(known, _)| known.name == flag.name).map(|(_, value)| value)
    }

    /// A switch that was not given is what its definition says.
    pub(super) fn switch(&self, flag: &Flag) -> bool {
        match self.get(flag) {
            Some(Value::Switch(on)) => *on,
            _ => flag.default == "true",
        }
    }

    /// The text as given, even if empty.
    pub(super) fn given(&self, flag: &Flag) -> Option<&OsStr> {
        match self.get(flag) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The text; cosign cannot tell an empty one from none.
    pub(super) fn os_text(&self, flag: &Flag) -> Option<OsString> {
        self.given(flag).filter(|text| !text.is_empty()).map(OsStr::to_owned)
    }

    pub(super) fn path(&self, flag: &Flag) -> Option<PathBuf> {
        self.os_text(flag).map(PathBuf::from)
    }

    /// The text of a flag that is not a path, and so must be UTF-8: it is compared with certificates or sent.
    pub(super) fn text(&self, flag: &Flag) -> Result<Option<String>, UsageErrorKind> {
        let into_text = |text: OsString| {
            text.into_string().map_err(|text| UsageErrorKind::FlagValue {
                value: go::quote(text.as_encoded_bytes()),
                flag: flag.spelled(),
                reason: "not valid UTF-8".to_owned(),
            })
        };
        self.os_text(flag).map(into_text).transpose()
    }

    /// A text that no message may repeat.
    pub(super) fn secret(&self, flag: &Flag) -> Result<Option<Secret>, UsageErrorKind> {
        let unreadable = |_| UsageErrorKind::FlagValue {
            value: "[secret]".to_owned(),
            flag: flag.spelled(),
            reason: "not valid UTF-8".to_owned(),
        };
        self.os_text(flag).map(|text| text.into_string().map(Secret::new).map_err(unreadable)).transpose()
    }

    pub(super) fn list(&self, flag: &Flag) -> &[String] {
        match self.get(flag) {
            Some(Value::List(list)) => list,
            _ => &[],
        }
    }

    pub(super) fn choice(&self, flag: &Flag) -> Option<&'static str> {
        match self.get(flag) {
            Some(Value::Choice(word)) => Some(word),
            _ => None,
        }
    }

    pub(super) fn duration(&self, flag: &Flag) -> Option<Duration> {
        match self.get(flag) {
            Some(Value::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    pub(super) fn number(&self, flag: &Flag) -> Option<i64> {
        match self.get(flag) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// A number from 1 on; for one of cosign's flags where smaller ones have no effect.
    pub(super) fn count(&self, flag: &Flag) -> Option<NonZeroUsize> {
        self.number(flag).and_then(|number| usize::try_from(number).ok()).and_then(NonZeroUsize::new)
    }

    pub(super) fn threshold(&self, flag: &Flag) -> Option<NonZeroU32> {
        self.number(flag).and_then(|number| u32::try_from(number).ok()).and_then(NonZeroU32::new)
    }
}
