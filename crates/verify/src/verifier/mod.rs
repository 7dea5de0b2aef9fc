//! The verification flow, one page in the order of the design. Each step consumes the proof of the step before it, so
//! no step can be skipped, and proofs of different evidence cannot be mixed.
//!
//! `SelfConsistent` → `Logged` → `Timed` → `Trusted` → `Verified`. What is not asked for is a proof as well, of a kind
//! of its own that names the setting which waived it ([`Waiver`]).

mod signature;
mod steps;

use jiff::Timestamp;

use crate::bundle;
use crate::digest::{Artifact, Digest, HashAlgorithm};
use crate::dsse::Statement;
use crate::entity::{ChainPolicy, SignedEntity};
use crate::error::Error;
use crate::identity::{Identity, ProvedIdentity};
use crate::key::PublicKey;
use crate::material::TrustMaterial;
use crate::profile::Profile;
use crate::report::Report;
use crate::timestamp::ProvedTimestamp;
use crate::tlog::ProvedEntry;

pub use signature::SelfConsistent;

/// Who may have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// The holder of this key.
    Key(Box<PublicKey>),
    /// Anyone of these identities, with a certificate of a trusted authority.
    Keyless(Vec<Identity>),
}

/// Whether a transparency log must stand behind the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogUse {
    /// Entries in this many distinct logs.
    Required {
        /// Number of distinct logs, at least 1.
        threshold: usize,
    },
    /// No log is looked at (`--insecure-ignore-tlog`).
    SkippedUnsafe,
}

/// Whether a certificate transparency log must have seen the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SctUse {
    /// SCTs of this many distinct logs.
    Required {
        /// Number of distinct logs, at least 1.
        threshold: usize,
    },
    /// No SCT is looked at (`--insecure-ignore-sct`).
    SkippedUnsafe,
}

/// Where trusted time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUse {
    /// From the log; from timestamps where the log knows none (Rekor v2).
    Default,
    /// From timestamps of this many distinct authorities (`--use-signed-timestamps`).
    Signed {
        /// Number of distinct authorities, at least 1.
        threshold: usize,
    },
}

/// Whether a statement must be about the artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claims {
    /// One of its subjects is the artifact.
    Checked,
    /// Subjects are not looked at (`--check-claims=false`).
    SkippedUnsafe,
}

/// What must hold for evidence to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirements {
    /// Who may have signed.
    pub signer: Signer,
    /// Transparency log.
    pub log: LogUse,
    /// Certificate transparency.
    pub sct: SctUse,
    /// Trusted time.
    pub time: TimeUse,
    /// Statement subjects.
    pub claims: Claims,
    /// Predicate type of the statement, if one is demanded.
    pub predicate_type: Option<String>,
    /// Digest algorithm of a managed key's signature, where the format does not say (`--signature-digest-algorithm`).
    /// With certificates it is always SHA-256 then (specs/cosign.md §2.2).
    pub signature_hash: Option<HashAlgorithm>,
    /// Whether certificates beside the leaf may serve as intermediates. Off where roots come from a trusted root.
    pub evidence_intermediates: EvidenceIntermediates,
}

/// Whether certificates in the evidence may complete a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceIntermediates {
    /// The trust material has all that is needed.
    Ignored,
    /// They are tried; the anchor must still be trusted.
    Tried,
}

impl Requirements {
    /// The strictest defaults for a signer: one log, one SCT, the log's time, claims checked.
    pub fn new(signer: Signer) -> Self {
        Self {
            signer,
            log: LogUse::Required { threshold: 1 },
            sct: SctUse::Required { threshold: 1 },
            time: TimeUse::Default,
            claims: Claims::Checked,
            predicate_type: None,
            signature_hash: None,
            evidence_intermediates: EvidenceIntermediates::Ignored,
        }
    }

    fn named_hash(&self) -> Option<HashAlgorithm> {
        self.signature_hash.filter(|_| matches!(self.signer, Signer::Key(_)))
    }
}

/// A check that was not asked for, or that does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Waiver {
    /// The signer is a managed key: no certificate, chain or SCT.
    ManagedKey,
    /// `--insecure-ignore-tlog`.
    LogIgnored,
    /// `--insecure-ignore-sct`.
    SctIgnored,
    /// `--check-claims=false`.
    ClaimsIgnored,
    /// No time was proved: the certificate was judged at the present time.
    PresentTime,
}

impl Waiver {
    /// The setting that waived the check.
    pub fn setting(self) -> &'static str {
        match self {
            Self::ManagedKey => "managed key",
            Self::LogIgnored => "--insecure-ignore-tlog",
            Self::SctIgnored => "--insecure-ignore-sct",
            Self::ClaimsIgnored => "--check-claims=false",
            Self::PresentTime => "no log entry and no timestamp: judged at the present time",
        }
    }
}

/// What was proved. Only [`Verifier::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    profile: Profile,
    digest: Option<Digest>,
    statement: Option<Statement>,
    signer: ProvedSigner,
    entries: Vec<ProvedEntry>,
    timestamps: Vec<ProvedTimestamp>,
    waivers: Vec<Waiver>,
    report: Report,
}

/// Who was proved to have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvedSigner {
    /// The holder of the managed key with this fingerprint (SHA-256 of its SubjectPublicKeyInfo, hexadecimal).
    Key {
        /// The fingerprint.
        fingerprint: String,
    },
    /// A certified identity.
    Identity(ProvedIdentity),
}

impl Verified {
    /// Format of the evidence.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Digest of the artifact that the signature or the statement is about; `None` if subjects were not checked, or
    /// the key signed the message itself and no digest was needed.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The verified statement, if the evidence is an attestation.
    pub fn statement(&self) -> Option<&Statement> {
        self.statement.as_ref()
    }

    /// Who signed.
    pub fn signer(&self) -> &ProvedSigner {
        &self.signer
    }

    /// What logs proved.
    pub fn entries(&self) -> &[ProvedEntry] {
        &self.entries
    }

    /// What timestamp authorities proved.
    pub fn timestamps(&self) -> &[ProvedTimestamp] {
        &self.timestamps
    }

    /// The checks that were waived. Callers with a policy of their own refuse any that it does not name.
    pub fn waivers(&self) -> &[Waiver] {
        &self.waivers
    }

    /// Every check, with what it saw.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

/// A verification that failed: the first error, and all checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What failed first.
    pub error: Error,
    /// Every check, with what it saw; those after the failure are diagnostics.
    pub report: Report,
}

/// Verifies evidence against trust material and requirements.
#[derive(Debug, Clone, Copy)]
pub struct Verifier<'a> {
    material: &'a TrustMaterial,
    requirements: &'a Requirements,
}

impl<'a> Verifier<'a> {
    /// A verifier; nothing is checked yet.
    pub fn new(material: &'a TrustMaterial, requirements: &'a Requirements) -> Self {
        Self { material, requirements }
    }

    /// The first step alone: signature, artifact and key agree. It needs no trust and comes before any request.
    ///
    /// # Errors
    /// Why they do not agree.
    pub fn check_locally<'e>(
        &self,
        entity: &'e SignedEntity,
        artifact: &Artifact,
    ) -> Result<SelfConsistent<'e>, Error> {
        signature::self_consistent(entity, artifact, self.requirements)
    }

    /// Whether the evidence names a signer who is wanted: the certificate, still unproved, carries a wanted identity or
    /// the managed key. It proves nothing, and only saves requests for evidence that cannot be accepted.
    ///
    /// # Errors
    /// Why [`Self::verify`] must fail.
    pub fn could_match(&self, entity: &SignedEntity) -> Result<(), Error> {
        signature::signing_key(entity, self.requirements)?;
        match &self.requirements.signer {
            Signer::Key(_) => Ok(()),
            Signer::Keyless(identities) => steps::check_identities(entity, identities).map(|_| ()),
        }
    }

    /// The whole flow. `now` is used only where nothing else proves a time.
    ///
    /// # Errors
    /// The first check that failed, with a report of all.
    pub fn verify(&self, entity: &SignedEntity, artifact: &Artifact, now: Timestamp) -> Result<Verified, Box<Failure>> {
        let mut report = Report::default();
        self.flow(entity, artifact, now, &mut report).map_err(|error| {
            steps::diagnose(entity, self.material, self.requirements, &mut report);
            report.finish();
            Box::new(Failure { error, report })
        })
    }

    /// The evidence as a sigstore bundle v0.3, so that what was looked up once can be verified offline from then on.
    ///
    /// The bundle is verified before it is handed out: rules differ by format, and not all that is right in another
    /// format is right in a bundle (the hash that goes with a key, the one name of a certificate, the kind of a log entry).
    ///
    /// # Errors
    /// Those of [`Self::check_locally`]; [`Error::Bundle`] if a part is missing that a bundle must have;
    /// [`Error::NotExportable`] if the bundle would not verify.
    pub fn export(&self, entity: &SignedEntity, artifact: &Artifact, now: Timestamp) -> Result<String, Error> {
        let proof = self.check_locally(entity, artifact)?;
        let key = match &self.requirements.signer {
            Signer::Key(key) => Some(key.as_ref()),
            Signer::Keyless(_) => None,
        };
        let json = proof.to_bundle(proof.signed_digest().or_else(|| artifact.digests().first()), key)?;
        let refused = |error: Error| Error::NotExportable { reason: Box::new(error) };
        let exported = bundle::parse(json.as_bytes(), ChainPolicy::Reject).map_err(refused)?;
        self.verify(&exported, artifact, now).map_err(|failure| refused(failure.error))?;
        Ok(json)
    }

    fn flow(
        &self,
        entity: &SignedEntity,
        artifact: &Artifact,
        now: Timestamp,
        report: &mut Report,
    ) -> Result<Verified, Error> {
        let wanted = self.requirements;
        let consistent = steps::record_self_consistent(entity, artifact, wanted, report)?;
        let logged = consistent.find_in_logs(artifact, self.material, wanted, report)?;
        let timed = logged.find_times(self.material, wanted, now, report)?;
        let trusted = timed.trust_signer(self.material, wanted, report)?;
        let bound = trusted.bind_subject(artifact, wanted, report)?;
        let identified = bound.identify(wanted, report)?;
        report.finish();
        Ok(identified.conclude(std::mem::take(report)))
    }
}
