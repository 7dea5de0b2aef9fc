//! What is asked about one image on behalf of one authority, with the trust material that judges the answers.

use std::sync::Arc;

use jiff::Timestamp;
use sigward_verify::image::{Demand, Forms, ImageQuestion, ImageReference, LookupRule, Repository, Wanted};
use sigward_verify::verifier::EvidenceIntermediates;
use sigward_verify::{
    ChainPolicy, Claims, Digest, LogUse, Requirements, SctUse, Signer, TimeUse, TrustMaterial, Waiver,
};

use super::inquiry::AuthorityInquiry;
use super::proof::{AuthorityRefusal, Firmness, ProofKey, Wording};
use crate::cip::SignatureFormat;
use crate::config::Oci11;
use crate::reason::Reason;
use crate::resolve::{
    AuthoritySigner, Credentials, EvidenceAuthority, Extent, Fingerprint, KeylessSigner, LogRule, Missing,
    SctStatement, StampRule, TrustRef,
};

/// Trust material, and a name for exactly this material.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// Keys and certificates.
    pub material: Arc<TrustMaterial>,
    /// SHA-256 over what it was made from.
    pub fingerprint: Fingerprint,
}

/// Whoever holds trust material.
pub trait TrustSource {
    /// The material of a trust root.
    ///
    /// # Errors
    /// [`Missing`] if there is none. The reason is told as it is: `trustRootRef X not found`.
    fn trust(&self, which: &TrustRef) -> Result<Trusted, Missing>;
}

/// What is asked of one authority about one image.
#[derive(Clone, Debug)]
pub struct AuthorityQuestion {
    pub(crate) authority: Arc<EvidenceAuthority>,
    pub(crate) reference: ImageReference,
    pub(crate) image: Digest,
}

impl AuthorityQuestion {
    /// The authority.
    pub fn authority(&self) -> &EvidenceAuthority {
        &self.authority
    }

    /// Whose credentials are shown.
    pub fn credentials(&self) -> &Credentials {
        &self.authority.credentials
    }

    /// The image, by digest.
    pub fn reference(&self) -> &ImageReference {
        &self.reference
    }

    /// Where evidence is looked for.
    pub fn place(&self) -> &Repository {
        self.authority.place.as_ref().unwrap_or_else(|| self.reference.repository())
    }

    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.authority.fingerprint == other.authority.fingerprint
            && self.credentials() == other.credentials()
            && self.reference == other.reference
    }

    /// What a proof is kept under, without any work for the answer to the question.
    ///
    /// # Errors
    /// [`AuthorityRefusal`] if trust material is missing.
    pub fn key(&self, trust: &dyn TrustSource) -> Result<ProofKey, AuthorityRefusal> {
        Ok(self.key_with(&Parts::of(&self.authority, trust)?))
    }

    fn key_with(&self, parts: &Parts) -> ProofKey {
        ProofKey {
            authority: self.authority.fingerprint,
            trust: parts.fingerprint(),
            image: self.image.to_string(),
            place: self.place().clone(),
        }
    }

    /// Puts the trust material together and says what is to be asked. `attachment_limit` is the largest payload, envelope
    /// or bundle in bytes.
    ///
    /// # Errors
    /// [`AuthorityRefusal`] if trust material is missing.
    pub fn prepare(&self, trust: &dyn TrustSource, attachment_limit: u64) -> Result<Inquest, AuthorityRefusal> {
        let authority = &self.authority;
        let parts = Parts::of(authority, trust)?;
        let key = self.key_with(&parts);
        let composed = Composed::of(authority, &parts)?;
        let questions = stages(authority).into_iter().map(|(forms, wanted)| ImageQuestion {
            reference: self.reference.clone(),
            evidence_at: authority.place.clone(),
            tag_prefix: authority.tag_prefix.clone(),
            wanted,
            forms,
            certificate: None,
            chains: ChainPolicy::Reject,
            requirements: composed.requirements.clone(),
            lookup: composed.lookup.clone(),
            attachment_limit,
        });
        Ok(Inquest {
            questions: questions.collect(),
            authority: Arc::clone(authority),
            material: composed.material,
            stated: composed.stated,
            key,
        })
    }
}

/// A question with all that is needed to judge the answers.
#[derive(Debug)]
pub struct Inquest {
    pub(crate) authority: Arc<EvidenceAuthority>,
    pub(crate) material: TrustMaterial,
    /// One after another, until what was found is enough.
    pub(crate) questions: Vec<ImageQuestion>,
    /// The waivers that the policy states.
    pub(crate) stated: Vec<Waiver>,
    pub(crate) key: ProofKey,
}

impl Inquest {
    /// What a proof will be kept under.
    pub fn key(&self) -> &ProofKey {
        &self.key
    }

    /// Asks. `now` judges policies that see the clock, and nothing else of what is found depends on it.
    pub fn inquiry(&self, now: Timestamp) -> AuthorityInquiry<'_> {
        AuthorityInquiry::new(self, now)
    }
}

/// Which forms are looked for, one after another, and what in them.
fn stages(authority: &EvidenceAuthority) -> Vec<(Forms, Wanted)> {
    let forms = match (authority.format, authority.oci11) {
        (SignatureFormat::Any, _) => Forms::All,
        // Attestations that refer to an image are taken as bundles alone.
        (SignatureFormat::Legacy, Oci11::On) if authority.attestations.is_empty() => Forms::NoBundles,
        (SignatureFormat::Legacy, _) => Forms::TagsOnly,
        (SignatureFormat::Bundle, _) => Forms::BundlesOnly,
    };
    match (authority.attestations.is_empty(), authority.extent) {
        (true, Extent::All) => vec![(forms, Wanted::EverySignature)],
        // A statement about an image is no signature of it.
        (true, Extent::Enough) => {
            vec![(forms, Wanted::Signature { annotations: Vec::new(), demands: vec![Demand::ImageSignature] })]
        }
        // Referrers are asked only where attestations under the tag are not enough.
        (false, Extent::Enough) if forms == Forms::All => {
            vec![(Forms::TagsOnly, Wanted::EveryAttestation), (Forms::BundlesOnly, Wanted::EveryAttestation)]
        }
        (false, _) => vec![(forms, Wanted::EveryAttestation)],
    }
}

/// Trust material of an authority, with the rules that follow from it.
struct Composed {
    material: TrustMaterial,
    requirements: Requirements,
    lookup: LookupRule,
    stated: Vec<Waiver>,
}

/// What the trust material is taken from.
struct Parts {
    signers: Option<Trusted>,
    logs: Option<Trusted>,
    stamps: Option<Trusted>,
}

impl Composed {
    fn of(authority: &EvidenceAuthority, parts: &Parts) -> Result<Self, AuthorityRefusal> {
        let mut material = TrustMaterial::default();
        if let Some(logs) = &parts.logs {
            material.logs.clone_from(&logs.material.logs);
        }
        if let Some(stamps) = &parts.stamps {
            material.timestamp_authorities.clone_from(&stamps.material.timestamp_authorities);
        }
        if let (Some(signers), AuthoritySigner::Keyless(keyless)) = (&parts.signers, &authority.signer) {
            material.ct_logs.clone_from(&signers.material.ct_logs);
            material.certificate_authorities = match &keyless.authority {
                Some(given) => vec![given.clone()],
                None => signers.material.certificate_authorities.clone(),
            };
        }
        let (log, time) = log_and_time(authority, &material)?;
        let mut stated = Vec::new();
        if log == LogUse::SkippedUnsafe {
            stated.push(Waiver::LogIgnored);
        }
        let (signer, sct, hash) = match &authority.signer {
            AuthoritySigner::Key { key, hash } => {
                stated.push(Waiver::ManagedKey);
                (Signer::Key(key.clone()), SctUse::Required { threshold: 1 }, Some(*hash))
            }
            AuthoritySigner::Keyless(KeylessSigner { identities, sct, .. }) => {
                check_signers(authority, &material)?;
                let sct = match sct {
                    SctStatement::Needed => SctUse::Required { threshold: 1 },
                    SctStatement::Waived => {
                        stated.push(Waiver::SctIgnored);
                        SctUse::SkippedUnsafe
                    }
                };
                (Signer::Keyless(identities.clone()), sct, None)
            }
        };
        let requirements = Requirements {
            signer,
            log,
            sct,
            time,
            claims: Claims::Checked,
            predicate_type: None,
            signature_hash: hash,
            evidence_intermediates: intermediates(&material),
        };
        let lookup = lookup(authority, &material);
        Ok(Self { requirements, lookup, stated, material })
    }
}

impl Parts {
    fn of(authority: &EvidenceAuthority, trust: &dyn TrustSource) -> Result<Self, AuthorityRefusal> {
        let refs = &authority.trust;
        let get = |which: &Option<TrustRef>, purpose: &str| -> Result<Option<Trusted>, AuthorityRefusal> {
            let Some(which) = which else { return Ok(None) };
            trust.trust(which).map(Some).map_err(|missing| trust_missing(format!("{purpose}: {missing}")))
        };
        let signers = get(&refs.signers, "getting Fulcio certs: {}: getting SigstoreKeys")?;
        let logs = get(&refs.logs, "getting Rekor public keys: {}: fetching keys for trustRootRef")?;
        let stamps = get(&refs.stamps, "getting TSA certificates: {}: fetching keys for trustRootRef")?;
        Ok(Self { signers, logs, stamps })
    }

    fn fingerprint(&self) -> Fingerprint {
        let bytes = |part: &Option<Trusted>| part.as_ref().map(|trusted| *trusted.fingerprint.as_bytes());
        Fingerprint::build()
            .optional("signers", bytes(&self.signers))
            .optional("logs", bytes(&self.logs))
            .optional("stamps", bytes(&self.stamps))
            .finish()
    }
}

fn trust_missing(text: String) -> AuthorityRefusal {
    AuthorityRefusal::new(Reason::TrustMissing, Wording::Options, text, Firmness::Transient)
}

/// The last step of the table: what depends on what a trust root holds.
fn log_and_time(
    authority: &EvidenceAuthority,
    material: &TrustMaterial,
) -> Result<(LogUse, TimeUse), AuthorityRefusal> {
    const NEEDED: LogUse = LogUse::Required { threshold: 1 };
    const STAMPED: TimeUse = TimeUse::Signed { threshold: 1 };
    let mut time = match authority.rule.stamp {
        StampRule::AsTheLogSays => TimeUse::Default,
        StampRule::OfStampRoot | StampRule::OfSignersRoot => STAMPED,
    };
    let log = match authority.rule.log {
        LogRule::NotChecked => LogUse::SkippedUnsafe,
        LogRule::PublicOffline | LogRule::PublicAtUrl | LogRule::OfLogRoot => NEEDED,
        LogRule::OfSignersRootOrStamp if material.logs.is_empty() => {
            time = STAMPED;
            LogUse::SkippedUnsafe
        }
        LogRule::OfSignersRootOrStamp => NEEDED,
    };
    if log == NEEDED && material.logs.is_empty() {
        return Err(trust_missing("getting Rekor public keys: {}: no trusted rekor public keys provided".into()));
    }
    if time == STAMPED && material.timestamp_authorities.is_empty() {
        let text = match authority.rule.log {
            LogRule::OfSignersRootOrStamp => {
                "the trust root of {} has neither a transparency log nor a timestamp authority: nothing would prove \
                 when a certificate was used"
            }
            _ => "no TSA root certificate(s) provided to verify timestamp",
        };
        return Err(trust_missing(text.into()));
    }
    Ok((log, time))
}

fn check_signers(authority: &EvidenceAuthority, material: &TrustMaterial) -> Result<(), AuthorityRefusal> {
    if material.certificate_authorities.is_empty() {
        return Err(trust_missing("getting Fulcio certs: {}: no certificate authorities found".into()));
    }
    let AuthoritySigner::Keyless(keyless) = &authority.signer else { return Ok(()) };
    if keyless.sct == SctStatement::Needed && material.ct_logs.is_empty() {
        let text = "getting Fulcio certs: {}: failed to fetch CTLog public keys: the trust root has none, and \
                    insecureIgnoreSCT is not set";
        return Err(trust_missing(text.into()));
    }
    Ok(())
}

/// Certificates beside a signature complete a chain only where the trust root holds no intermediate itself, as in cosign.
fn intermediates(material: &TrustMaterial) -> EvidenceIntermediates {
    let bare = material.certificate_authorities.iter().all(|authority| authority.chain.len() == 1);
    if bare { EvidenceIntermediates::Tried } else { EvidenceIntermediates::Ignored }
}

/// Where an entry that did not come along is looked up. What a log answers is proved by the keys of the trust root, so that
/// the URL decides nothing but whether there is an answer.
fn lookup(authority: &EvidenceAuthority, material: &TrustMaterial) -> LookupRule {
    let stated = authority.log_url.clone();
    // Of several logs the last is the one that is written to now (specs/policy-controller.md §2.9). Rekor v2 answers no
    // such question; its id is not that of its key alone (RFC 6962 §3.2).
    let mut answering = material.logs.iter().rev().filter(|log| log.id == log.key.fingerprint());
    let of_root = answering.find_map(|log| Some(&log.base_url).filter(|url| !url.is_empty()).cloned());
    let url = match authority.rule.log {
        LogRule::NotChecked => return LookupRule::NoLog,
        LogRule::PublicOffline => return LookupRule::Forbidden,
        LogRule::PublicAtUrl => stated,
        LogRule::OfLogRoot => of_root.or(stated),
        LogRule::OfSignersRootOrStamp => of_root,
    };
    url.map_or(LookupRule::NoLog, LookupRule::Ask)
}
