//! What an authority proved about an image, or why it proved nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use sigward_verify::image::{EvidenceKind, Origin, ProvedEvidence, Repository};
use sigward_verify::verifier::ProvedSigner;
use sigward_verify::{Content, Digest, SignerMaterial, Waiver, Workflow, hex, pem_encode, sha256};

use crate::reason::Reason;
use crate::resolve::{CompiledPolicy, EvidenceAuthority, Fault, Fingerprint, Judgement};

/// What a proof is about, and by what it was made. A cache is keyed by it and by nothing else.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ProofKey {
    pub(crate) authority: Fingerprint,
    pub(crate) trust: Fingerprint,
    /// `sha256:…`
    pub(crate) image: String,
    pub(crate) place: Repository,
}

impl ProofKey {
    /// Fingerprint of the authority, with all that it refers to.
    pub fn authority(&self) -> Fingerprint {
        self.authority
    }

    /// Fingerprint of the trust material that was used.
    pub fn trust(&self) -> Fingerprint {
        self.trust
    }

    /// Digest of the image.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// Where the evidence was read.
    pub fn place(&self) -> &Repository {
        &self.place
    }
}

/// What an authority proved about one image digest. Nothing in it depends on the object that names the image, or on the
/// time. Only [`super::AuthorityInquiry`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthorityProof {
    key: ProofKey,
    signatures: Vec<ProvedMatch>,
    attestations: Vec<ProvedAttestation>,
    waivers: BTreeSet<&'static str>,
}

/// A signature or attestation, as policies over an image see it (specs/policy-controller.md §2.14).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProvedMatch {
    /// SHA-256 over the signature and the certificate that was proved.
    pub id: String,
    /// The first name of the certificate; empty with a key.
    pub subject: String,
    /// Who issued the signer's token; empty with a key.
    pub issuer: String,
    /// What GitHub says of the workflow.
    pub workflow: Workflow,
}

/// The attestations of one wanted type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ProvedAttestation {
    pub(crate) statements: Vec<ProvedStatement>,
}

/// A statement that was verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ProvedStatement {
    pub(crate) signer: ProvedMatch,
    /// Digest of the layer or manifest that holds it.
    pub(crate) digest: String,
    pub(crate) verdict: StatementVerdict,
}

/// What the attestation's policy says of a statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum StatementVerdict {
    /// It holds, now and later.
    Accepted,
    /// It does not hold, now and later.
    Refused(Fault),
    /// It depends on the time: the statement is judged in every review.
    Open(Arc<str>),
}

impl StatementVerdict {
    /// What it is at `now`.
    pub(crate) fn at(&self, policy: Option<&CompiledPolicy>, now: Timestamp) -> Judgement {
        match (self, policy) {
            (Self::Accepted, _) => Judgement::Accepted,
            (Self::Refused(fault), _) => Judgement::Refused(fault.clone()),
            (Self::Open(statement), Some(policy)) => policy.judge(statement, now),
            (Self::Open(_), None) => Judgement::Refused(Fault {
                reason: Reason::Internal,
                text: "a statement is to be judged, and there is no policy".to_owned(),
            }),
        }
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    proved: Vec<ProvedEvidence>,
}

impl Findings {
    /// Evidence that leaves out a check which the policy does not waive counts for nothing.
    pub(crate) fn add(&mut self, found: Vec<ProvedEvidence>, stated: &[Waiver]) -> Result<(), Waiver> {
        let mut unstated = None;
        for evidence in found {
            match evidence.waivers().iter().find(|waiver| !stated.contains(waiver)) {
                Some(waiver) => unstated = Some(*waiver),
                None => self.proved.push(evidence),
            }
        }
        match unstated {
            Some(waiver) if self.proved.is_empty() => Err(waiver),
            _ => Ok(()),
        }
    }

    pub(crate) fn predicate_types(&self) -> BTreeSet<&str> {
        self.proved.iter().filter_map(ProvedEvidence::predicate_type).collect()
    }

    pub(crate) fn has_signatures(&self) -> bool {
        self.proved.iter().any(is_signature)
    }

    /// One for each thing that a signer said. Whoever may write to the registry can copy a layer, and change the bytes of
    /// an ECDSA signature so that it still holds: neither makes two signatures of one.
    fn distinct(&self) -> impl Iterator<Item = &ProvedEvidence> {
        let mut known = BTreeSet::new();
        self.proved.iter().filter(move |evidence| {
            let signer = match evidence.verified().signer() {
                ProvedSigner::Key { fingerprint } => (fingerprint.as_str(), None),
                ProvedSigner::Identity(found) => (found.subject.as_str(), Some(found.issuer.as_str())),
            };
            known.insert((signer, sha256(signed_content(evidence))))
        })
    }

    /// The proof of an authority that wants signatures.
    pub(crate) fn signatures(&self, key: &ProofKey) -> AuthorityProof {
        let signatures = self.distinct().filter(|evidence| is_signature(evidence)).map(ProvedMatch::of).collect();
        AuthorityProof { key: key.clone(), signatures, attestations: Vec::new(), waivers: self.waivers() }
    }

    /// The proof of an authority that wants attestations: for each of them at least one statement that its policy accepts,
    /// or may accept where it reads the clock.
    pub(crate) fn attestations(
        &self,
        key: &ProofKey,
        authority: &EvidenceAuthority,
        now: Timestamp,
    ) -> Result<AuthorityProof, Fault> {
        let mut attestations = Vec::new();
        for wanted in &authority.attestations {
            let policy = wanted.policy.as_deref();
            let of_type = |evidence: &&ProvedEvidence| evidence.predicate_type() == Some(&wanted.predicate_type);
            let mut statements = Vec::new();
            for evidence in self.distinct().filter(of_type) {
                statements.push(ProvedStatement::of(evidence, policy, now));
            }
            let attestation = ProvedAttestation { statements };
            if let Some(refused) = attestation.refused() {
                return Err(refused.cloned().unwrap_or_else(|| self.no_such_type(&wanted.written_type)));
            }
            attestations.push(attestation);
        }
        Ok(AuthorityProof { key: key.clone(), signatures: Vec::new(), attestations, waivers: self.waivers() })
    }

    fn no_such_type(&self, wanted: &str) -> Fault {
        let checked: Vec<_> = self.predicate_types().into_iter().collect();
        let checked = checked.join(",");
        let text =
            format!("no matching attestations with type {wanted}, checked the following predicateTypes: {checked:?}");
        Fault { reason: Reason::AttestationMissing, text }
    }

    fn waivers(&self) -> BTreeSet<&'static str> {
        self.proved.iter().flat_map(ProvedEvidence::waivers).map(|waiver| waiver.setting()).collect()
    }
}

/// An attestation that was found beside a signature is none.
fn is_signature(evidence: &ProvedEvidence) -> bool {
    evidence.kind() == EvidenceKind::ImageSignature
}

fn signed_content(evidence: &ProvedEvidence) -> &[u8] {
    match evidence.entity().content() {
        Content::Envelope { envelope, .. } => &envelope.payload,
        Content::Message { .. } => evidence.blob(),
    }
}

impl ProvedAttestation {
    /// Whether none of the statements can hold at any time; the inner fault is the first one's, if there is one.
    fn refused(&self) -> Option<Option<&Fault>> {
        let mut first = None;
        for statement in &self.statements {
            match &statement.verdict {
                StatementVerdict::Accepted | StatementVerdict::Open(_) => return None,
                StatementVerdict::Refused(fault) => {
                    first.get_or_insert(fault);
                }
            }
        }
        Some(first)
    }

    /// The statements that hold at `now`; if there are none, why the first one does not.
    pub(crate) fn accepted(
        &self,
        policy: Option<&CompiledPolicy>,
        now: Timestamp,
    ) -> Result<Vec<&ProvedStatement>, Option<Fault>> {
        let (mut accepted, mut refused) = (Vec::new(), None);
        for statement in &self.statements {
            match statement.verdict.at(policy, now) {
                Judgement::Accepted => accepted.push(statement),
                Judgement::Refused(fault) => {
                    refused.get_or_insert(fault);
                }
            }
        }
        if accepted.is_empty() { Err(refused) } else { Ok(accepted) }
    }
}

impl ProvedStatement {
    fn of(evidence: &ProvedEvidence, policy: Option<&CompiledPolicy>, now: Timestamp) -> Self {
        let (Origin::Layer { digest, .. } | Origin::Referrer { digest, .. }) = evidence.origin();
        // The bytes that were signed: what a policy judges must not be mended first.
        let statement = std::str::from_utf8(signed_content(evidence));
        let verdict = match (policy, statement) {
            (None, _) => StatementVerdict::Accepted,
            (Some(_), Err(_)) => StatementVerdict::Refused(Fault {
                reason: Reason::PolicyRefused,
                text: "the statement is not UTF-8".to_owned(),
            }),
            (Some(policy), Ok(statement)) if policy.uses_clock() => StatementVerdict::Open(statement.into()),
            (Some(policy), Ok(statement)) => match policy.judge(statement, now) {
                Judgement::Accepted => StatementVerdict::Accepted,
                Judgement::Refused(fault) => StatementVerdict::Refused(fault),
            },
        };
        Self { signer: ProvedMatch::of(evidence), digest: digest.clone(), verdict }
    }
}

impl ProvedMatch {
    fn of(evidence: &ProvedEvidence) -> Self {
        let signature: &[u8] = match evidence.entity().content() {
            // cosign leaves the annotation of an attestation empty, and policy-controller hashes the annotation.
            Content::Envelope { .. } => &[],
            Content::Message { .. } => evidence.entity().signature(),
        };
        match evidence.verified().signer() {
            // A certificate beside a key is nobody's statement: its names are not shown, and it is no part of the id.
            ProvedSigner::Key { .. } => Self {
                id: signature_id(signature, None),
                subject: String::new(),
                issuer: String::new(),
                workflow: Workflow::default(),
            },
            ProvedSigner::Identity(found) => {
                let leaf = match evidence.entity().signer() {
                    SignerMaterial::Certificate { leaf, .. } => Some(leaf.der()),
                    _ => None,
                };
                let first = found.names.first().map_or_else(|| found.subject.clone(), |name| name.text.clone());
                Self {
                    id: signature_id(signature, leaf),
                    subject: first,
                    issuer: found.issuer.clone(),
                    workflow: found.workflow.clone(),
                }
            }
        }
    }
}

/// policy-controller's `signatureID`: SHA-256 over the signature and the certificate in PEM.
fn signature_id(signature: &[u8], certificate: Option<&[u8]>) -> String {
    let pem = certificate.map(|der| pem_encode("CERTIFICATE", der)).unwrap_or_default();
    hex(&sha256(&[signature, pem.as_bytes()].concat()))
}

impl AuthorityProof {
    /// What it is about, and by what it was made.
    pub fn key(&self) -> &ProofKey {
        &self.key
    }

    /// The signatures found; empty for an authority that wants attestations.
    pub fn signatures(&self) -> &[ProvedMatch] {
        &self.signatures
    }

    pub(crate) fn attestations(&self) -> &[ProvedAttestation] {
        &self.attestations
    }

    /// The checks that were waived, as the policy says.
    pub fn waivers(&self) -> impl Iterator<Item = &'static str> {
        self.waivers.iter().copied()
    }

    /// Bytes that it holds, about.
    pub fn weight(&self) -> usize {
        const EACH: usize = 512;
        let statements = self.attestations.iter().flat_map(|attestation| &attestation.statements);
        let weights = statements.map(|statement| match &statement.verdict {
            StatementVerdict::Open(text) => text.len().saturating_add(EACH),
            StatementVerdict::Refused(fault) => fault.text.len().saturating_add(EACH),
            StatementVerdict::Accepted => EACH,
        });
        weights.fold(self.signatures.len().saturating_add(1).saturating_mul(EACH), usize::saturating_add)
    }

    pub(crate) fn is_about(&self, authority: Fingerprint, image: &Digest) -> bool {
        self.key.authority == authority && self.key.image == image.to_string()
    }
}

/// Whether a refusal would be the same if it were asked for again.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Firmness {
    /// All evidence was read and judged.
    Settled,
    /// The credential was told that something is not there, or not for it: to be kept for that credential alone.
    CredentialDependent,
    /// Something could not be asked, or nobody in particular was told that it is not there. Never to be kept.
    Transient,
}

/// Why an authority proved nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthorityRefusal {
    pub(crate) reason: Reason,
    pub(crate) wording: Wording,
    pub(crate) text: String,
    pub(crate) firmness: Firmness,
}

/// How the text becomes that of an authority (specs/policy-controller.md §3.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wording {
    /// `signature key validation failed for authority A for R: E`
    Validation,
    /// `constructing checkOpts for A: E`, `creating CheckOpts: E`
    Options,
    /// As it is.
    Plain,
}

impl AuthorityRefusal {
    pub(crate) fn new(reason: Reason, wording: Wording, text: impl Into<String>, firmness: Firmness) -> Self {
        Self { reason, wording, text: text.into(), firmness }
    }

    /// The class of the refusal.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Why, without the name of an authority.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it may be kept.
    pub fn firmness(&self) -> Firmness {
        self.firmness
    }
}

impl std::fmt::Display for AuthorityRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for AuthorityRefusal {}
