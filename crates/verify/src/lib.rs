//! Verifies sigstore evidence. Pure: evidence, trust material, an identity and `now` go in; [`Verified`] or a typed
//! [`Error`] comes out. No file, socket, clock or environment is reachable from here.
//!
//! The flow is one page, [`verifier`]; every wire format becomes the same [`SignedEntity`] first.

mod asn1;
pub mod bundle;
mod certificate;
mod code;
mod digest;
mod dsse;
mod encoding;
mod entity;
mod error;
pub mod evidence;
mod identity;
pub mod image;
mod key;
mod layer;
pub mod limits;
mod material;
mod profile;
mod re2;
mod rekor;
mod rekor_batch;
mod report;
mod time;
mod timestamp;
mod tlog;
pub mod verifier;
mod wire;

pub use certificate::Certificate;
pub use certificate::names::{Name, NameKind, Workflow};
pub use digest::{Artifact, ArtifactNeeds, ArtifactReader, Digest, HashAlgorithm, hex, sha256, unhex};
pub use dsse::{Envelope, IN_TOTO, Statement, Subject};
pub use encoding::{PemBlock, base64_std, pem_all, pem_encode, to_base64};
pub use entity::{
    ChainPolicy, Content, SignedEntity, SignerMaterial, parse_certificate_file, parse_signature, parse_timestamp_file,
};
pub use error::{BundleFault, ChainFault, Error, IdentityFault, Input, LogFault, SctFault, TimestampFault};
pub use identity::{Identity, Matcher, ProvedIdentity};
pub use key::{KeyKind, PublicKey};
pub use material::{CertificateAuthority, MaterialWarning, TransparencyLog, TrustMaterial};
pub use profile::Profile;
pub use re2::Pattern;
pub use rekor::{EntryLookup, EntrySearch, LookupError, LookupRequest};
pub use rekor_batch::BatchLookup;
pub use report::{Check, Outcome, Record, Report};
pub use time::Window;
pub use timestamp::ProvedTimestamp;
pub use tlog::{InclusionProof, LogEntry, ProvedEntry};
pub use verifier::{Claims, LogUse, Requirements, SctUse, Signer, TimeUse, Verified, Verifier, Waiver};
