//! An authority with everything that it refers to.

use std::collections::BTreeSet;
use std::sync::Arc;

use sigward_cue::Strictness;
use sigward_verify::image::Repository;
use sigward_verify::{CertificateAuthority, HashAlgorithm, Identity, Input, Matcher, Pattern, PublicKey, Workflow};

use super::content::{ContentSource, key_text};
use super::document::CompiledPolicy;
use super::fingerprint::Fingerprint;
use super::trust_rules::{LogRule, LogStatement, RootStatement, StampRule, StampStatement, TrustRef, TrustRule};
use crate::cip::{self, Authority, KeyRef, KeylessRef, SignatureFormat, StaticAction, beside_static, inputs_of_object};
use crate::config::Oci11;
use crate::object::Url;
use crate::predicate::predicate_uri;
use crate::reason::Reason;

/// An authority of a policy.
#[derive(Clone, Debug)]
pub struct ResolvedAuthority {
    pub(crate) name: String,
    pub(crate) kind: AuthorityKind,
}

#[derive(Clone, Debug)]
pub(crate) enum AuthorityKind {
    Pass,
    Fail {
        message: String,
    },
    Evidence(Arc<EvidenceAuthority>),
    /// It cannot be asked, and so vouches for nothing.
    Broken(Fault),
}

/// Why an authority or a policy cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) text: String,
}

/// Who signs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum SignerKind {
    Key,
    Keyless,
}

#[derive(Clone, Debug)]
pub(crate) enum AuthoritySigner {
    Key { key: Box<PublicKey>, hash: HashAlgorithm },
    Keyless(KeylessSigner),
}

#[derive(Clone, Debug)]
pub(crate) struct KeylessSigner {
    pub(crate) identities: Vec<Identity>,
    /// Instead of the certificate authorities of a trust root.
    pub(crate) authority: Option<CertificateAuthority>,
    pub(crate) sct: SctStatement,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SctStatement {
    Needed,
    /// `insecureIgnoreSCT`
    Waived,
}

/// Whose credentials are shown where evidence is.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Credentials {
    /// Those of the object that names the image.
    #[default]
    Workload,
    /// Those of these Secrets in the object's namespace, and no others (`signaturePullSecrets`).
    Secrets(Vec<String>),
}

/// How much evidence is wanted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Extent {
    /// As much as is needed.
    Enough,
    /// All that there is: a policy counts it, or may judge it otherwise at another time.
    All,
}

/// An attestation that must be there.
#[derive(Clone, Debug)]
pub(crate) struct WantedAttestation {
    pub(crate) name: String,
    /// As the policy writes it.
    pub(crate) written_type: String,
    pub(crate) predicate_type: String,
    pub(crate) policy: Option<Arc<CompiledPolicy>>,
}

impl WantedAttestation {
    fn uses_clock(&self) -> bool {
        self.policy.as_ref().is_some_and(|policy| policy.uses_clock())
    }
}

/// An authority that judges evidence. It holds everything that can change what it finds, and no name.
#[derive(Debug)]
pub struct EvidenceAuthority {
    pub(crate) signer: AuthoritySigner,
    pub(crate) rule: TrustRule,
    pub(crate) trust: TrustRefs,
    pub(crate) log_url: Option<String>,
    pub(crate) format: SignatureFormat,
    pub(crate) oci11: Oci11,
    pub(crate) place: Option<Repository>,
    pub(crate) tag_prefix: String,
    pub(crate) credentials: Credentials,
    pub(crate) attestations: Vec<WantedAttestation>,
    pub(crate) extent: Extent,
    pub(crate) fingerprint: Fingerprint,
}

/// Where trust comes from, part by part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TrustRefs {
    /// Certificate authorities and certificate logs.
    pub(crate) signers: Option<TrustRef>,
    /// Transparency logs.
    pub(crate) logs: Option<TrustRef>,
    /// Timestamp authorities.
    pub(crate) stamps: Option<TrustRef>,
}

impl EvidenceAuthority {
    /// Everything that it refers to for trust.
    pub fn trust_refs(&self) -> BTreeSet<TrustRef> {
        let TrustRefs { signers, logs, stamps } = &self.trust;
        [signers, logs, stamps].into_iter().flatten().cloned().collect()
    }

    /// SHA-256 over all that can change what the authority finds, save the trust material itself.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(crate) fn uses_clock(&self) -> bool {
        self.attestations.iter().any(WantedAttestation::uses_clock)
    }

    /// Whether policies compute over what it finds: that may take long.
    pub fn computes(&self) -> bool {
        self.attestations.iter().any(|wanted| wanted.policy.is_some())
    }

    pub(crate) fn signer_kind(&self) -> SignerKind {
        match self.signer {
            AuthoritySigner::Key { .. } => SignerKind::Key,
            AuthoritySigner::Keyless(_) => SignerKind::Keyless,
        }
    }
}

/// What an authority is resolved with.
#[derive(Clone, Copy)]
pub(super) struct Resolving<'a> {
    pub(super) source: &'a dyn ContentSource,
    pub(super) oci11: Oci11,
    pub(super) strictness: Strictness,
    /// Whether the policy over all authorities counts what they find.
    pub(super) extent: Extent,
}

impl ResolvedAuthority {
    pub(super) fn new(authority: &Authority, index: usize, with: Resolving<'_>) -> Self {
        let name = match authority.name.as_str() {
            "" => format!("authority-{index}"),
            name => name.to_owned(),
        };
        let kind = kind(authority, with).unwrap_or_else(|fault| AuthorityKind::Broken(in_words(&name, fault)));
        Self { name, kind }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// `{}` stands for the authority's name in the catalogue of texts (specs/policy-controller.md §3.4).
fn in_words(name: &str, fault: Fault) -> Fault {
    Fault { text: fault.text.replace("{}", name), ..fault }
}

fn broken(text: impl Into<String>) -> Fault {
    Fault { reason: Reason::AuthorityBroken, text: text.into() }
}

fn unsupported(what: &str) -> Fault {
    Fault { reason: Reason::AuthorityUnsupported, text: format!("authority {{}}: {what} is not supported") }
}

fn kind(authority: &Authority, with: Resolving<'_>) -> Result<AuthorityKind, Fault> {
    match (&authority.key, &authority.keyless, &authority.static_action) {
        (None, None, Some(fixed)) => match (fixed.action(), beside_static(authority).denial()) {
            // Which of them counts would be a guess.
            (_, Some(both)) => Err(broken(format!("failed to process authority: {{}}: {both}"))),
            (Some(StaticAction::Pass), None) => Ok(AuthorityKind::Pass),
            (Some(StaticAction::Fail), None) => Ok(AuthorityKind::Fail { message: fixed.message.clone() }),
            (None, None) => Err(broken(format!("authority {{}}: unsupported action {:?}", fixed.action))),
        },
        (Some(key), None, None) => evidence(authority, key_signer(key, with)?, with),
        (None, Some(keyless), None) => evidence(authority, keyless_signer(keyless, with)?, with),
        (None, None, None) => Err(broken("authority has neither key, keyless, or static specified")),
        _ => Err(broken("failed to process authority: {}: it has several of key, keyless and static")),
    }
}

fn key_signer(key: &KeyRef, with: Resolving<'_>) -> Result<AuthoritySigner, Fault> {
    if !key.kms.is_empty() {
        return Err(unsupported("a key in a key management service (key.kms)"));
    }
    let text = key_text(key, with.source).map_err(|missing| broken(format!("authority {{}}: {missing}")))?;
    if text.is_empty() {
        return Err(broken("there are no public keys for authority {}"));
    }
    let public = PublicKey::from_pem(&text).map_err(|error| broken(format!("authority {{}}: {error}")))?;
    let hash = match key.hash_algorithm.trim().to_ascii_lowercase().as_str() {
        "" | "sha256" => HashAlgorithm::Sha256,
        "sha224" => HashAlgorithm::Sha224,
        "sha384" => HashAlgorithm::Sha384,
        "sha512" => HashAlgorithm::Sha512,
        _ => return Err(broken(format!("authority {{}}: unknown hash algorithm {:?}", key.hash_algorithm))),
    };
    Ok(AuthoritySigner::Key { key: Box::new(public), hash })
}

fn keyless_signer(keyless: &KeylessRef, with: Resolving<'_>) -> Result<AuthoritySigner, Fault> {
    let authority = keyless.ca_cert.as_ref().map(|key| given_authority(key, with)).transpose()?;
    if keyless.identities.is_empty() {
        // Nobody is named, and nobody is not everybody.
        return Err(broken("authority {}: keyless needs identities, and none is given"));
    }
    let identities = keyless.identities.iter().map(identity).collect::<Result<_, _>>()?;
    let sct = match keyless.insecure_ignore_sct {
        Some(true) => SctStatement::Waived,
        _ => SctStatement::Needed,
    };
    Ok(AuthoritySigner::Keyless(KeylessSigner { identities, authority, sct }))
}

/// policy-controller reads `keyless.ca-cert` and never uses it [BUG, specs/policy-controller.md §2.9]: whoever named a
/// private authority got the public one. Here it is the root, and no other is.
fn given_authority(key: &KeyRef, with: Resolving<'_>) -> Result<CertificateAuthority, Fault> {
    if !key.kms.is_empty() {
        return Err(unsupported("a certificate in a key management service (keyless.ca-cert.kms)"));
    }
    let text = key_text(key, with.source).map_err(|missing| broken(format!("authority {{}}: {missing}")))?;
    let unusable = |error: sigward_verify::Error| {
        broken(format!("authority {{}}: keyless.ca-cert must be the certificate of the authority in PEM: {error}"))
    };
    CertificateAuthority::from_pem(&text, Input::CertificateChain).map_err(unusable)
}

fn identity(identity: &cip::Identity) -> Result<Identity, Fault> {
    let matcher = |exact: &str, pattern: &str, what: &str| {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        match (given(exact), given(pattern)) {
            (None, None) => Err(broken(format!("authority {{}}: an identity without {what}"))),
            (Some(_), Some(_)) => Err(broken(format!("authority {{}}: an identity with {what} and {what}RegExp"))),
            (exact @ Some(_), None) => Ok(Matcher { exact, pattern: None }),
            (None, Some(source)) => {
                let pattern = Pattern::new(&source).map_err(|error| broken(format!("authority {{}}: {error}")))?;
                Ok(Matcher { exact: None, pattern: Some(pattern) })
            }
        }
    };
    Ok(Identity {
        subject: matcher(&identity.subject, &identity.subject_reg_exp, "subject")?,
        issuer: matcher(&identity.issuer, &identity.issuer_reg_exp, "issuer")?,
        workflow: Workflow::default(),
    })
}

fn evidence(authority: &Authority, signer: AuthoritySigner, with: Resolving<'_>) -> Result<AuthorityKind, Fault> {
    let (place, tag_prefix, credentials) = place(authority)?;
    let attestations = authority.attestations.iter().map(|wanted| wanted_attestation(wanted, with));
    let attestations = attestations.collect::<Result<Vec<_>, _>>()?;
    let extent = if attestations.iter().any(WantedAttestation::uses_clock) { Extent::All } else { with.extent };
    let rule = rule(authority, &signer);
    let trust = trust_refs(authority, &signer, rule);
    let log_url = authority.ctlog.as_ref().and_then(|log| stated_url(log.url.as_ref())).map(ToString::to_string);
    let mut authority = EvidenceAuthority {
        signer,
        rule,
        trust,
        log_url,
        format: authority.signature_format(),
        oci11: with.oci11,
        place,
        tag_prefix,
        credentials,
        attestations,
        extent,
        fingerprint: Fingerprint::build().finish(),
    };
    authority.fingerprint = fingerprint(&authority);
    Ok(AuthorityKind::Evidence(Arc::new(authority)))
}

type Place = (Option<Repository>, String, Credentials);

fn place(authority: &Authority) -> Result<Place, Fault> {
    let source = match authority.sources.as_slice() {
        [] => return Ok((None, String::new(), Credentials::Workload)),
        [only] => only,
        _ => return Err(broken("authority {}: only single source is supported")),
    };
    let repository = match source.oci.as_str() {
        "" => None,
        text => Some(Repository::parse(text).map_err(|error| broken(format!("authority {{}}: source.oci: {error}")))?),
    };
    let secrets: Vec<_> = source.signature_pull_secrets.iter().map(|secret| secret.name.clone()).collect();
    let credentials = if secrets.is_empty() { Credentials::Workload } else { Credentials::Secrets(secrets) };
    let prefix = source.tag_prefix.clone().unwrap_or_default();
    // It becomes a part of the path of a request.
    if !prefix.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
        return Err(broken(format!("authority {{}}: source.tagPrefix: {prefix:?} cannot stand in a tag")));
    }
    Ok((repository, prefix, credentials))
}

/// A policy that cannot be used refuses every attestation: nobody needs to be asked for them.
fn wanted_attestation(wanted: &cip::Attestation, with: Resolving<'_>) -> Result<WantedAttestation, Fault> {
    let compile = |policy| match inputs_of_object(policy).via_field("policy").denial() {
        Some(text) => Err(Fault { reason: Reason::PolicyBroken, text: format!("policy of {}: {text}", wanted.name) }),
        None => CompiledPolicy::new(policy, &wanted.name, with.source, with.strictness).map(Arc::new),
    };
    Ok(WantedAttestation {
        name: wanted.name.clone(),
        written_type: wanted.predicate_type.clone(),
        predicate_type: predicate_uri(&wanted.predicate_type).to_owned(),
        policy: wanted.policy.as_ref().map(compile).transpose()?,
    })
}

fn rule(authority: &Authority, signer: &AuthoritySigner) -> TrustRule {
    let (kind, root) = match signer {
        AuthoritySigner::Key { .. } => (SignerKind::Key, RootStatement::Unnamed),
        AuthoritySigner::Keyless(_) => match named_root(authority) {
            Some(_) => (SignerKind::Keyless, RootStatement::Named),
            None => (SignerKind::Keyless, RootStatement::Unnamed),
        },
    };
    let log = match &authority.ctlog {
        Some(log) if !log.trust_root_ref.is_empty() => LogStatement::TrustRoot,
        Some(log) if stated_url(log.url.as_ref()).is_some() => LogStatement::Url,
        _ => LogStatement::Silent,
    };
    let stamp = match &authority.rfc3161_timestamp {
        None => StampStatement::Silent,
        Some(stamp) if stamp.trust_root_ref.is_empty() => StampStatement::Anybody,
        Some(_) => StampStatement::TrustRoot,
    };
    TrustRule::of(kind, root, log, stamp)
}

fn stated_url(url: Option<&Url>) -> Option<&Url> {
    url.filter(|url| !url.is_empty())
}

fn named_root(authority: &Authority) -> Option<TrustRef> {
    let name = &authority.keyless.as_ref()?.trust_root_ref;
    (!name.is_empty()).then(|| TrustRef::TrustRoot(name.clone()))
}

fn trust_refs(authority: &Authority, signer: &AuthoritySigner, rule: TrustRule) -> TrustRefs {
    let signers = named_root(authority).unwrap_or(TrustRef::PublicGood);
    let named = |name: Option<&String>| name.map(|name| TrustRef::TrustRoot(name.clone()));
    let logs = match rule.log {
        LogRule::NotChecked => None,
        LogRule::PublicOffline | LogRule::PublicAtUrl => Some(TrustRef::PublicGood),
        LogRule::OfLogRoot => named(authority.ctlog.as_ref().map(|log| &log.trust_root_ref)),
        LogRule::OfSignersRootOrStamp => Some(signers.clone()),
    };
    let stamps = match rule.stamp {
        StampRule::OfStampRoot => named(authority.rfc3161_timestamp.as_ref().map(|stamp| &stamp.trust_root_ref)),
        StampRule::OfSignersRoot => Some(signers.clone()),
        // Where a log knows no time (Rekor v2), or has none to show, a timestamp does: by whom the signer's root names.
        StampRule::AsTheLogSays => match signer {
            AuthoritySigner::Keyless(_) => Some(signers.clone()),
            AuthoritySigner::Key { .. } => None,
        },
    };
    let signers = matches!(signer, AuthoritySigner::Keyless(_)).then_some(signers);
    TrustRefs { signers, logs, stamps }
}

fn fingerprint(authority: &EvidenceAuthority) -> Fingerprint {
    let mut all = Fingerprint::build();
    all = match &authority.signer {
        AuthoritySigner::Key { key, hash } => all.part("key", key.spki()).part("hash", hash.name()),
        AuthoritySigner::Keyless(keyless) => {
            for identity in &keyless.identities {
                for (name, matcher) in [("subject", &identity.subject), ("issuer", &identity.issuer)] {
                    all = all.optional(name, matcher.exact.as_ref());
                    all = all.optional("pattern", matcher.pattern.as_ref().map(Pattern::as_str));
                }
            }
            for certificate in keyless.authority.iter().flat_map(|authority| &authority.chain) {
                all = all.part("ca", certificate.der());
            }
            all.part("sct", format!("{:?}", keyless.sct))
        }
    };
    all = all.part("rule", format!("{:?}", authority.rule)).part("trust", format!("{:?}", authority.trust));
    all = all.optional("log", authority.log_url.as_ref()).part("format", format!("{:?}", authority.format));
    all = all.part("oci11", format!("{:?}", authority.oci11));
    all = all.optional("place", authority.place.as_ref().map(ToString::to_string));
    all = all.part("prefix", &authority.tag_prefix).part("extent", format!("{:?}", authority.extent));
    // Not whose credentials are used: a proof is one, whoever fetched it. `AuthorityQuestion` tells them apart.
    for wanted in &authority.attestations {
        all = all.part("attestation", &wanted.name).part("type", &wanted.written_type);
        all = match &wanted.policy {
            None => all.part("policy", "-"),
            Some(policy) => all.part("policy", policy.fingerprint().as_bytes()),
        };
    }
    all.finish()
}
