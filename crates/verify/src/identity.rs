//! Who must have signed, and whether a trusted leaf says so.

use crate::certificate::Certificate;
use crate::certificate::names::{ISSUER_V1, ISSUER_V2, Name, NameKind, Workflow};
use crate::error::{Error, IdentityFault};
use crate::profile::{IdentityRules, IssuerRule, NameRule, PatternRule};
use crate::re2::Pattern;

/// What a name or an issuer must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matcher {
    /// Equal to this text.
    pub exact: Option<String>,
    /// Matched by this pattern, anywhere in the text, as Go's `MatchString`.
    pub pattern: Option<Pattern>,
}

impl Matcher {
    /// Exactly this text.
    pub fn exact(text: impl Into<String>) -> Self {
        Self { exact: Some(text.into()), pattern: None }
    }

    /// A pattern.
    ///
    /// # Errors
    /// [`Error::Regexp`] if it is invalid.
    pub fn pattern(source: &str) -> Result<Self, Error> {
        Ok(Self { exact: None, pattern: Some(Pattern::new(source)?) })
    }

    fn accepts(&self, text: &str, rule: PatternRule) -> bool {
        match (&self.exact, &self.pattern) {
            (Some(exact), Some(pattern)) => match rule {
                PatternRule::PatternWins => pattern.is_match(text),
                PatternRule::BothHold => exact == text && pattern.is_match(text),
            },
            (Some(exact), None) => exact == text,
            (None, Some(pattern)) => pattern.is_match(text),
            // Nothing asked is nothing proved: an empty matcher accepts no one.
            (None, None) => false,
        }
    }

    /// The matcher in words, for errors.
    pub fn describe(&self) -> String {
        match (&self.exact, &self.pattern) {
            (Some(exact), None) => exact.clone(),
            (None, Some(pattern)) => format!("/{}/", pattern.as_str()),
            (Some(exact), Some(pattern)) => format!("{exact} and /{}/", pattern.as_str()),
            (None, None) => "nothing".into(),
        }
    }
}

/// An identity that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate's subject alternative name.
    pub subject: Matcher,
    /// The issuer of the token that the certificate was given for.
    pub issuer: Matcher,
    /// Exact claims about a GitHub workflow; `None` is not looked at.
    pub workflow: Workflow,
}

/// What a trusted leaf proved about its signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedIdentity {
    /// The name that matched.
    pub subject: String,
    /// All names of the certificate, in cosign's order.
    pub names: Vec<Name>,
    /// The issuer that matched.
    pub issuer: String,
    /// The claims that the certificate makes about a workflow.
    pub workflow: Workflow,
    /// The pattern also matches longer names.
    pub loose_pattern: Option<String>,
}

/// Checks one identity against a leaf by the rules of the evidence's format.
pub(crate) fn check(leaf: &Certificate, wanted: &Identity, rules: IdentityRules) -> Result<ProvedIdentity, Error> {
    let names = leaf.subject_names()?;
    let issuer = issuer(leaf, rules.issuer);
    let candidates: Vec<&Name> = match rules.names {
        NameRule::Any => names.iter().collect(),
        NameRule::One => one(&names).into_iter().collect(),
    };
    let fault = |expected: &Matcher| IdentityFault {
        expected_subject: wanted.subject.describe(),
        expected_issuer: wanted.issuer.describe(),
        found_subjects: candidates.iter().map(|n| n.text.clone()).collect(),
        found_issuer: issuer.clone(),
        subject_differs: std::ptr::eq(expected, &wanted.subject),
    };
    let Some(name) = candidates.iter().find(|n| wanted.subject.accepts(&n.text, rules.patterns)) else {
        return Err(Error::Identity(fault(&wanted.subject)));
    };
    let found_issuer = issuer.clone().unwrap_or_default();
    if !wanted.issuer.accepts(&found_issuer, rules.patterns) {
        return Err(Error::Identity(fault(&wanted.issuer)));
    }
    let workflow = leaf.workflow();
    check_workflow(&wanted.workflow, &workflow)?;
    let loose = wanted.subject.pattern.as_ref().filter(|p| p.matches_longer_than(&name.text));
    Ok(ProvedIdentity {
        subject: name.text.clone(),
        issuer: found_issuer,
        workflow,
        loose_pattern: loose.map(|p| p.as_str().to_owned()),
        names,
    })
}

/// The one name that sigstore-go takes: the first URI, else the first email, else the otherName.
fn one(names: &[Name]) -> Option<&Name> {
    [NameKind::Uri, NameKind::Email, NameKind::Other].iter().find_map(|kind| names.iter().find(|n| n.kind == *kind))
}

fn issuer(leaf: &Certificate, rule: IssuerRule) -> Option<String> {
    match rule {
        IssuerRule::V1Only => leaf.raw_text(ISSUER_V1),
        // Present and malformed is not absent.
        IssuerRule::V2ThenV1 if leaf.extension(ISSUER_V2).is_some() => leaf.utf8_text(ISSUER_V2),
        IssuerRule::V2ThenV1 => leaf.raw_text(ISSUER_V1),
    }
}

fn check_workflow(wanted: &Workflow, found: &Workflow) -> Result<(), Error> {
    let claims = [
        ("Trigger", &wanted.trigger, &found.trigger),
        ("SHA", &wanted.sha, &found.sha),
        ("Name", &wanted.name, &found.name),
        ("Repository", &wanted.repository, &found.repository),
        ("Ref", &wanted.reference, &found.reference),
    ];
    for (claim, wanted, found) in claims {
        if let Some(expected) = wanted
            && found.as_ref() != Some(expected)
        {
            return Err(Error::Workflow { claim, expected: expected.clone(), found: found.clone() });
        }
    }
    Ok(())
}
