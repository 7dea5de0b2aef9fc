//! `config-policy-controller`: the settings that hold for all policies (specs/policy-controller.md §1.9).

use std::collections::BTreeMap;

/// The name of the ConfigMap.
pub const CONFIG_MAP: &str = "config-policy-controller";

/// What happens to an image that no policy is for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum NoMatch {
    /// It is denied.
    #[default]
    Deny,
    /// It passes with a warning.
    Warn,
    /// It passes.
    Allow,
}

/// Whether a policy without authorities may be written. Such a policy proves nothing, and denies what it matches.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum EmptyAuthorities {
    /// It may not.
    #[default]
    Refused,
    /// It may.
    Accepted,
}

/// Whether signatures in cosign's own format are looked for among an image's referrers, beside its tags, also where a
/// policy wants that format alone. Where it leaves the format open they are looked for anyway.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Oci11 {
    /// It is not.
    #[default]
    Off,
    /// It is. What is found there is verified like everything else.
    On,
}

/// The settings.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ControllerConfig {
    /// `no-match-policy`.
    pub no_match: NoMatch,
    /// `fail-on-empty-authorities`.
    pub empty_authorities: EmptyAuthorities,
    /// `enable-oci11`.
    pub oci11: Oci11,
}

/// A setting that cannot be read. Whoever has an older configuration keeps it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{CONFIG_MAP}: {key}: strconv.ParseBool: parsing {found:?}: invalid syntax (true or false is expected)")]
pub struct BadConfig {
    /// The setting.
    pub key: &'static str,
    /// What it says.
    pub found: String,
}

impl ControllerConfig {
    /// Reads the ConfigMap's data. An unknown word for `no-match-policy` means `deny`.
    ///
    /// # Errors
    /// [`BadConfig`] for a switch that is neither on nor off.
    pub fn from_data(data: &BTreeMap<String, String>) -> Result<Self, BadConfig> {
        let no_match = match data.get("no-match-policy").map(String::as_str) {
            Some("allow") => NoMatch::Allow,
            Some("warn") => NoMatch::Warn,
            _ => NoMatch::Deny,
        };
        let empty_authorities = match switch(data, "fail-on-empty-authorities")? {
            Some(false) => EmptyAuthorities::Accepted,
            Some(true) | None => EmptyAuthorities::Refused,
        };
        let oci11 = match switch(data, "enable-oci11")? {
            Some(true) => Oci11::On,
            Some(false) | None => Oci11::Off,
        };
        Ok(Self { no_match, empty_authorities, oci11 })
    }
}

/// Go's `strconv.ParseBool`.
fn switch(data: &BTreeMap<String, String>, key: &'static str) -> Result<Option<bool>, BadConfig> {
    match data.get(key).map(String::as_str) {
        None => Ok(None),
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(Some(true)),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(Some(false)),
        Some(other) => Err(BadConfig { key, found: other.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &[(&str, &str)]) -> Result<ControllerConfig, BadConfig> {
        ControllerConfig::from_data(&list.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect())
    }

    #[test]
    fn nothing_said_means_the_strict_side() {
        let strict = ControllerConfig {
            no_match: NoMatch::Deny,
            empty_authorities: EmptyAuthorities::Refused,
            oci11: Oci11::Off,
        };
        assert_eq!(read(&[]), Ok(strict));
        assert_eq!(read(&[("_example", "x"), ("other", "y")]), Ok(strict));
        for word in ["", "Allow", "ALLOW", "allow ", "yes", "permit"] {
            assert_eq!(read(&[("no-match-policy", word)]), Ok(strict), "{word:?}");
        }
    }

    #[test]
    fn settings_are_read() {
        assert_eq!(read(&[("no-match-policy", "allow")]).unwrap().no_match, NoMatch::Allow);
        assert_eq!(read(&[("no-match-policy", "warn")]).unwrap().no_match, NoMatch::Warn);
        assert_eq!(read(&[("no-match-policy", "deny")]).unwrap().no_match, NoMatch::Deny);
        for (word, on) in [("1", true), ("t", true), ("True", true), ("0", false), ("F", false), ("FALSE", false)] {
            let config = read(&[("fail-on-empty-authorities", word), ("enable-oci11", word)]).unwrap();
            assert_eq!(config.empty_authorities == EmptyAuthorities::Refused, on, "{word}");
            assert_eq!(config.oci11 == Oci11::On, on, "{word}");
        }
    }

    #[test]
    fn a_switch_that_is_neither_on_nor_off_is_an_error() {
        for word in ["", "yes", "tRUE", " true", "2"] {
            let error = read(&[("fail-on-empty-authorities", word)]).unwrap_err();
            assert_eq!(error, BadConfig { key: "fail-on-empty-authorities", found: word.to_owned() });
        }
        assert!(read(&[("enable-oci11", "on")]).is_err());
    }
}
