//! What the fuzz targets share: real evidence to graft fuzzed parts into, and one way to run the engine.
//!
//! The parsers of checkpoints, timestamps and proofs are private to the engine. A target reaches them as an attacker
//! does: inside a bundle whose other parts are valid, so that the flow gets as far as the part.

use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::Value;
use sigward_verify::evidence::{Answer, Need, Response};
use sigward_verify::{
    Artifact, ChainPolicy, Claims, Identity, LogUse, Matcher, Requirements, SctUse, SignedEntity, Signer, TimeUse,
    TrustMaterial, Verifier, Workflow, bundle, verifier::EvidenceIntermediates,
};

/// What all bases are signatures of.
pub const BLOB: &[u8] = include_bytes!("../base/a.txt");

/// A bundle by Rekor v1 and the public trust root: certificate, promise, inclusion proof, checkpoint.
pub static REKOR1: LazyLock<Base> = LazyLock::new(|| {
    Base::new(
        include_bytes!("../base/rekor1.sigstore.json"),
        sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes(),
    )
});

/// A bundle by Rekor v2 with a timestamp and the authority's certificate, and a trust root of its own.
pub static TIMESTAMPED: LazyLock<Base> = LazyLock::new(|| {
    Base::new(
        include_bytes!("../base/timestamped.sigstore.json"),
        include_bytes!("../base/timestamped.trusted_root.json"),
    )
});

/// Valid evidence.
pub struct Base {
    json: Value,
    /// Trust material that accepts it.
    pub material: TrustMaterial,
}

impl Base {
    fn new(json: &[u8], root: &[u8]) -> Self {
        let json = serde_json::from_slice(json).expect("the base is JSON");
        let base = Self { json, material: TrustMaterial::from_trusted_root(root).expect("the root is valid") };
        // A base that is refused would hide all that lies behind the refusal.
        let entity = base.parse(&base.json).expect("the base parses");
        verify(&entity, &base.material, &strict(&entity)).expect("the base is accepted");
        base
    }

    /// The bundle with one value replaced.
    ///
    /// # Panics
    /// If nothing stands at `pointer`.
    pub fn with(&self, pointer: &str, value: Value) -> Option<SignedEntity> {
        let mut json = self.json.clone();
        *json.pointer_mut(pointer).expect("the base has this place") = value;
        self.parse(&json)
    }

    /// The bundle as it is.
    pub fn entity(&self) -> SignedEntity {
        self.parse(&self.json).expect("the base parses")
    }

    fn parse(&self, json: &Value) -> Option<SignedEntity> {
        bundle::parse(json.to_string().as_bytes(), ChainPolicy::Reject).ok()
    }
}

/// Anyone, all checks: what is fuzzed is the reading, and no check may be skipped on the way.
pub fn strict(entity: &SignedEntity) -> Requirements {
    let any = || Matcher::pattern(".*").expect("a valid pattern");
    let anyone = Identity { subject: any(), issuer: any(), workflow: Workflow::default() };
    let mut requirements = Requirements::new(Signer::Keyless(vec![anyone]));
    if entity.has_timestamps() {
        requirements.time = TimeUse::Signed { threshold: 1 };
    }
    requirements
}

/// As few checks as can be asked for, so that a failing one does not hide the code behind it.
pub fn lenient(entity: &SignedEntity) -> Requirements {
    Requirements {
        log: LogUse::SkippedUnsafe,
        sct: SctUse::SkippedUnsafe,
        claims: Claims::SkippedUnsafe,
        evidence_intermediates: EvidenceIntermediates::Tried,
        ..strict(entity)
    }
}

/// Runs the whole flow over [`BLOB`]; `None` is a refusal.
pub fn verify(entity: &SignedEntity, material: &TrustMaterial, requirements: &Requirements) -> Option<()> {
    let artifact = Artifact::from_bytes(BLOB, &entity.needs(None, None).ok()?).ok()?;
    let verifier = Verifier::new(material, requirements);
    match verifier.verify(entity, &artifact, Timestamp::UNIX_EPOCH) {
        Ok(verified) => {
            // Whatever is accepted is rendered by the programs.
            let _ = format!("{verified:?}");
            let _ = verifier.export(entity, &artifact, Timestamp::UNIX_EPOCH);
            Some(())
        }
        Err(failure) => {
            let _ = format!("{} {:?}", failure.error, failure.report);
            None
        }
    }
}

/// Verifies with all checks and with few, and exports.
pub fn verify_all(entity: &SignedEntity, material: &TrustMaterial) {
    verify(entity, material, &strict(entity));
    verify(entity, material, &lenient(entity));
}

/// The answer of a server that has only this; an empty body is a file that it does not have.
pub fn answer(need: &Need, body: &[u8]) -> Answer {
    let status = if body.is_empty() { 404 } else { 200 };
    let body = body.get(..need.limit).unwrap_or(body).to_vec();
    let response = Response { status, content_type: None, body, content_digest: None, link: None };
    Answer { outcome: Ok(response), host: "fuzz".to_owned(), url: String::new(), credential: None }
}
