//! The one table of rules that differ by format. Nothing else in this crate asks which format evidence came in.
//!
//! Sections are those of `specs/cosign.md`, the facts about cosign 3.1 that this crate follows.

use crate::tlog::LogProofs;

/// The format that evidence came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Sigstore bundle v0.1: the log's promise is required, an inclusion proof optional.
    BundleV01,
    /// Sigstore bundle v0.2: inclusion proof with checkpoint required.
    BundleV02,
    /// Sigstore bundle v0.3: as v0.2, one certificate instead of a chain.
    BundleV03,
    /// cosign's own bundle of `sign-blob --bundle` before v3: the promise alone.
    LegacyBundle,
    /// A signature and a certificate or key in files of their own; the log entry is looked up.
    Detached,
    /// A layer of an image's `.sig` manifest: the layer's blob is the message, its annotations are the evidence.
    ImageSignature,
    /// A layer of an image's `.att` manifest: the layer's blob is a DSSE envelope.
    ImageAttestation,
}

/// Which of a certificate's names may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameRule {
    Any,
    One,
}

/// What counts when both an exact text and a pattern are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatternRule {
    PatternWins,
    BothHold,
}

/// Which extension names the issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IssuerRule {
    V1Only,
    V2ThenV1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdentityRules {
    pub(crate) names: NameRule,
    pub(crate) patterns: PatternRule,
    pub(crate) issuer: IssuerRule,
}

/// Which hash a signature over an artifact uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HashRule {
    /// SHA-256 unless the caller names another.
    Sha256OrNamed,
    /// The key's default; P-384 and P-521 keys may also have signed SHA-256 (sigstore-go's compatibility verifier).
    ByKey,
}

/// Which Ed25519 a key signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ed25519Rule {
    /// Pure Ed25519 over the message.
    Pure,
    /// Pure, or Ed25519ph over SHA-512 where the log entry names SHA-512.
    PureOrPrehashed,
}

/// At which further moment the authority's window and chain are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IssuanceRule {
    /// Also when the leaf was issued.
    AlsoAtNotBefore,
    /// At proven times only.
    ProvenTimesOnly,
}

/// What a timestamp about an attestation is over. About a message it is over the signature, in every format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StampRule {
    /// The signature's bytes.
    Signature,
    /// The envelope's JSON as it came.
    EnvelopeJson,
}

/// Where the log entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntrySource {
    /// From the evidence, or nowhere.
    Evidence,
    /// From the evidence; where it holds none, it is looked up.
    EvidenceOrLookUp,
}

/// All rules of one format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) identity: IdentityRules,
    pub(crate) hash: HashRule,
    pub(crate) ed25519: Ed25519Rule,
    pub(crate) issuance: IssuanceRule,
    /// Which proofs of the log the format must carry.
    pub(crate) log_proofs: LogProofs,
    pub(crate) entry: EntrySource,
    pub(crate) stamp: StampRule,
    /// The format's name for people.
    pub(crate) name: &'static str,
}

const LEGACY_IDENTITY: IdentityRules =
    IdentityRules { names: NameRule::Any, patterns: PatternRule::PatternWins, issuer: IssuerRule::V1Only };
const BUNDLE_IDENTITY: IdentityRules =
    IdentityRules { names: NameRule::One, patterns: PatternRule::BothHold, issuer: IssuerRule::V2ThenV1 };

impl Profile {
    pub(crate) const fn rules(self) -> Rules {
        let bundle = Rules {
            identity: BUNDLE_IDENTITY,               // §2.6 "Identity differs from legacy"
            hash: HashRule::ByKey,                   // §2.6 "Signature"
            ed25519: Ed25519Rule::PureOrPrehashed,   // protobuf-specs, PKIX_ED25519_PH
            issuance: IssuanceRule::ProvenTimesOnly, // §8 "CA validFor and chain"
            log_proofs: LogProofs::Inclusion,        // §2.6 "Parse/validate"
            entry: EntrySource::Evidence,            // §2.6
            stamp: StampRule::Signature,             // §2.6 "TSA"
            name: "sigstore bundle",
        };
        let legacy = Rules {
            identity: LEGACY_IDENTITY,               // §2.4a
            hash: HashRule::Sha256OrNamed,           // §2.2 "Signature check itself", §8
            ed25519: Ed25519Rule::Pure,              // §2.2
            issuance: IssuanceRule::AlsoAtNotBefore, // §2.4a, §8
            log_proofs: LogProofs::Promise,          // §2.5
            entry: EntrySource::EvidenceOrLookUp,    // §2.4, step 2
            stamp: StampRule::EnvelopeJson,          // §2.4, step 1
            name: "legacy cosign bundle",
        };
        match self {
            Self::BundleV01 => Rules { log_proofs: LogProofs::Promise, name: "sigstore bundle v0.1", ..bundle },
            Self::BundleV02 => Rules { name: "sigstore bundle v0.2", ..bundle },
            Self::BundleV03 => Rules { name: "sigstore bundle v0.3", ..bundle },
            Self::LegacyBundle => legacy,
            // §2.3: an online answer carries promise, proof and checkpoint, and all are required of it.
            Self::Detached => Rules { log_proofs: LogProofs::Both, name: "detached signature", ..legacy },
            // §2.7, §2.8: the annotation holds the promise alone. An entry that was looked up instead had to prove
            // both before it was taken (`EntrySearch::choose`).
            Self::ImageSignature => Rules { name: "image signature", ..legacy },
            Self::ImageAttestation => Rules { name: "image attestation", ..legacy },
        }
    }

    /// The format's name for people.
    pub fn name(self) -> &'static str {
        self.rules().name
    }

    /// Whether cosign calls it a "new bundle".
    pub fn is_sigstore_bundle(self) -> bool {
        matches!(self, Self::BundleV01 | Self::BundleV02 | Self::BundleV03)
    }
}
