//! Sigstore bundles v0.1 to v0.3 (protobuf-specs `Bundle`) as strict protojson.

use serde::Deserialize;

use crate::certificate::Certificate;
use crate::digest::Digest;
use crate::dsse::Envelope;
use crate::entity::{ChainPolicy, Content, SignedEntity, SignerMaterial};
use crate::error::{BundleFault, Error, Input};
use crate::limits;
use crate::profile::Profile;
use crate::tlog::{InclusionProof, LogEntry, LogProofs};
use crate::wire::{Bytes, HashName, Int64, WrappedBytes, capped, from_json, nullable, object, objects};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    #[serde(default, rename = "mediaType", alias = "media_type", deserialize_with = "nullable")]
    media_type: String,
    #[serde(default, rename = "verificationMaterial", alias = "verification_material", deserialize_with = "object")]
    material: Option<Material>,
    #[serde(default, rename = "messageSignature", alias = "message_signature", deserialize_with = "object")]
    message_signature: Option<MessageSignature>,
    #[serde(default, rename = "dsseEnvelope", alias = "dsse_envelope", deserialize_with = "object")]
    dsse_envelope: Option<WireEnvelope>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Material {
    #[serde(default, rename = "publicKey", alias = "public_key", deserialize_with = "object")]
    public_key: Option<KeyIdentifier>,
    #[serde(default, deserialize_with = "object")]
    certificate: Option<RawCertificate>,
    #[serde(default, rename = "x509CertificateChain", alias = "x509_certificate_chain", deserialize_with = "object")]
    chain: Option<CertificateChain>,
    #[serde(
        default,
        rename = "tlogEntries",
        alias = "tlog_entries",
        deserialize_with = "objects::<_, _, { limits::LOG_ENTRIES }>"
    )]
    tlog_entries: Vec<WireEntry>,
    #[serde(
        default,
        rename = "timestampVerificationData",
        alias = "timestamp_verification_data",
        deserialize_with = "object"
    )]
    timestamps: Option<TimestampData>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyIdentifier {
    #[serde(default, deserialize_with = "nullable")]
    hint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCertificate {
    #[serde(default, rename = "rawBytes", alias = "raw_bytes", deserialize_with = "nullable")]
    raw_bytes: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateChain {
    #[serde(default, deserialize_with = "objects::<_, _, { limits::CHAIN_CERTIFICATES }>")]
    certificates: Vec<RawCertificate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimestampData {
    #[serde(
        default,
        rename = "rfc3161Timestamps",
        alias = "rfc3161_timestamps",
        deserialize_with = "objects::<_, _, { limits::TIMESTAMPS }>"
    )]
    rfc3161: Vec<WireTimestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireTimestamp {
    #[serde(default, rename = "signedTimestamp", alias = "signed_timestamp", deserialize_with = "nullable")]
    signed_timestamp: WrappedBytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEntry {
    #[serde(default, rename = "logIndex", alias = "log_index", deserialize_with = "nullable")]
    log_index: Int64,
    #[serde(default, rename = "logId", alias = "log_id", deserialize_with = "object")]
    log_id: Option<LogId>,
    #[serde(default, rename = "kindVersion", alias = "kind_version", deserialize_with = "object")]
    kind_version: Option<KindVersion>,
    #[serde(default, rename = "integratedTime", alias = "integrated_time", deserialize_with = "nullable")]
    integrated_time: Int64,
    #[serde(default, rename = "inclusionPromise", alias = "inclusion_promise", deserialize_with = "object")]
    promise: Option<Promise>,
    #[serde(default, rename = "inclusionProof", alias = "inclusion_proof", deserialize_with = "object")]
    proof: Option<WireProof>,
    #[serde(default, rename = "canonicalizedBody", alias = "canonicalized_body", deserialize_with = "nullable")]
    body: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogId {
    #[serde(default, rename = "keyId", alias = "key_id", deserialize_with = "nullable")]
    key_id: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindVersion {
    #[serde(default, deserialize_with = "nullable")]
    kind: String,
    #[serde(default, deserialize_with = "nullable")]
    version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Promise {
    #[serde(default, rename = "signedEntryTimestamp", alias = "signed_entry_timestamp", deserialize_with = "nullable")]
    signed_entry_timestamp: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireProof {
    #[serde(default, rename = "logIndex", alias = "log_index", deserialize_with = "nullable")]
    log_index: Int64,
    #[serde(default, rename = "rootHash", alias = "root_hash", deserialize_with = "nullable")]
    root_hash: Bytes,
    #[serde(default, rename = "treeSize", alias = "tree_size", deserialize_with = "nullable")]
    tree_size: Int64,
    #[serde(default, deserialize_with = "capped::<_, _, { limits::PROOF_HASHES }>")]
    hashes: Vec<Bytes>,
    #[serde(default, deserialize_with = "object")]
    checkpoint: Option<Checkpoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    #[serde(default, deserialize_with = "nullable")]
    envelope: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageSignature {
    #[serde(default, rename = "messageDigest", alias = "message_digest", deserialize_with = "object")]
    digest: Option<MessageDigest>,
    #[serde(default, deserialize_with = "nullable")]
    signature: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageDigest {
    #[serde(default, deserialize_with = "nullable")]
    algorithm: HashName,
    #[serde(default, deserialize_with = "nullable")]
    digest: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEnvelope {
    #[serde(default, deserialize_with = "nullable")]
    payload: Bytes,
    #[serde(default, rename = "payloadType", alias = "payload_type", deserialize_with = "nullable")]
    payload_type: String,
    #[serde(default, deserialize_with = "objects::<_, _, { limits::ENVELOPE_SIGNATURES }>")]
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    #[serde(default, deserialize_with = "nullable")]
    sig: Bytes,
    /// A hint that nothing is decided by.
    #[serde(default, rename = "keyid")]
    _keyid: Option<String>,
}

pub(super) fn parse(json: &[u8], chains: ChainPolicy) -> Result<SignedEntity, Error> {
    let bundle: Bundle = from_json(json).map_err(|e| Error::Json { input: Input::Bundle, reason: e.to_string() })?;
    let profile = profile(&bundle.media_type)?;
    let material = bundle.material.ok_or(BundleFault::MaterialMissing)?;
    let signer = signer(profile, material.public_key, material.certificate, material.chain, chains)?;
    let (content, signature) = content(bundle.message_signature, bundle.dsse_envelope)?;
    if material.tlog_entries.len() > limits::LOG_ENTRIES {
        let found = material.tlog_entries.len();
        return Err(Error::TooMany { what: "transparency log entries", limit: limits::LOG_ENTRIES, found });
    }
    let log_entries: Vec<_> = material.tlog_entries.into_iter().map(entry).collect::<Result<_, _>>()?;
    for entry in &log_entries {
        match profile.rules().log_proofs {
            LogProofs::Promise if entry.promise.is_none() => return Err(BundleFault::PromiseMissing.into()),
            LogProofs::Inclusion if entry.proof.is_none() => return Err(BundleFault::InclusionProofMissing.into()),
            _ => {}
        }
    }
    let timestamps = material.timestamps.map(|t| t.rfc3161).unwrap_or_default();
    if timestamps.len() > limits::TIMESTAMPS {
        return Err(Error::TooMany { what: "timestamps", limit: limits::TIMESTAMPS, found: timestamps.len() });
    }
    Ok(SignedEntity {
        profile,
        content,
        signature,
        signer,
        log_entries,
        timestamps: timestamps.into_iter().map(|t| t.signed_timestamp.0).collect(),
        detached_sct: None,
    })
}

fn profile(media_type: &str) -> Result<Profile, Error> {
    match media_type {
        "application/vnd.dev.sigstore.bundle+json;version=0.1" => Ok(Profile::BundleV01),
        "application/vnd.dev.sigstore.bundle+json;version=0.2" => Ok(Profile::BundleV02),
        "application/vnd.dev.sigstore.bundle+json;version=0.3" => Ok(Profile::BundleV03),
        other => {
            // `…bundle.v0.3+json`, and patch versions of it.
            let version = other
                .strip_prefix("application/vnd.dev.sigstore.bundle.v0.3")
                .and_then(|rest| rest.strip_suffix("+json"));
            match version {
                Some("") => Ok(Profile::BundleV03),
                Some(patch)
                    if patch
                        .strip_prefix('.')
                        .is_some_and(|n| !n.is_empty() && n.len() < 4 && n.bytes().all(|b| b.is_ascii_digit())) =>
                {
                    Ok(Profile::BundleV03)
                }
                _ => Err(Error::MediaType { input: Input::Bundle, found: other.to_owned() }),
            }
        }
    }
}

fn signer(
    profile: Profile,
    key: Option<KeyIdentifier>,
    certificate: Option<RawCertificate>,
    chain: Option<CertificateChain>,
    chains: ChainPolicy,
) -> Result<SignerMaterial, Error> {
    match (key, certificate, chain) {
        (Some(key), None, None) => Ok(SignerMaterial::KeyHint(key.hint)),
        (None, Some(certificate), None) => {
            let leaf = Box::new(Certificate::from_der(&certificate.raw_bytes.0)?);
            Ok(SignerMaterial::Certificate { leaf, chain: Vec::new() })
        }
        (None, None, Some(_)) if profile == Profile::BundleV03 && chains == ChainPolicy::Reject => {
            Err(BundleFault::ChainNotAllowed.into())
        }
        (None, None, Some(chain)) => {
            let found = chain.certificates.len();
            if found > limits::CHAIN_CERTIFICATES {
                return Err(Error::TooMany { what: "certificates", limit: limits::CHAIN_CERTIFICATES, found });
            }
            let mut certificates = Vec::new();
            for raw in &chain.certificates {
                certificates.push(Certificate::from_der(&raw.raw_bytes.0)?);
            }
            let mut certificates = certificates.into_iter();
            let leaf = certificates.next().ok_or(BundleFault::EmptyChain)?;
            let chain: Vec<_> = certificates.collect();
            // Roots come from the trusted root alone (sigstore_bundle.proto, `x509_certificate_chain`). Bundles v0.1 of
            // npm carry them all the same; they are not used.
            if profile != Profile::BundleV01 && chain.iter().any(Certificate::is_self_issued) {
                return Err(BundleFault::RootInChain.into());
            }
            Ok(SignerMaterial::Certificate { leaf: Box::new(leaf), chain })
        }
        (None, None, None) => Err(BundleFault::MaterialMissing.into()),
        _ => Err(BundleFault::Ambiguous { choices: "publicKey, certificate, x509CertificateChain" }.into()),
    }
}

fn content(message: Option<MessageSignature>, envelope: Option<WireEnvelope>) -> Result<(Content, Vec<u8>), Error> {
    match (message, envelope) {
        (Some(message), None) => {
            let digest = message.digest.ok_or(BundleFault::FieldMissing { field: "messageSignature.messageDigest" })?;
            let named_digest = digest
                .algorithm
                .0
                .and_then(|algorithm| Digest::new(algorithm, &digest.digest.0))
                .ok_or(BundleFault::FieldMissing { field: "messageSignature.messageDigest" })?;
            if message.signature.0.is_empty() {
                return Err(BundleFault::FieldMissing { field: "messageSignature.signature" }.into());
            }
            Ok((Content::Message { named_digest: Some(named_digest) }, message.signature.0))
        }
        (None, Some(wire)) => {
            let found = wire.signatures.len();
            let [only] = wire.signatures.as_slice() else { return Err(Error::EnvelopeSignatures { found }) };
            let signature = only.sig.0.clone();
            if signature.is_empty() {
                return Err(BundleFault::FieldMissing { field: "dsseEnvelope.signatures.sig" }.into());
            }
            let envelope = Envelope {
                payload_type: wire.payload_type,
                payload: wire.payload.0,
                signatures: vec![signature.clone()],
            };
            Ok((Content::Envelope { envelope, json: None }, signature))
        }
        (None, None) => Err(BundleFault::ContentMissing.into()),
        (Some(_), Some(_)) => Err(BundleFault::Ambiguous { choices: "messageSignature, dsseEnvelope" }.into()),
    }
}

fn entry(wire: WireEntry) -> Result<LogEntry, Error> {
    let missing = |field| Error::Bundle(BundleFault::FieldMissing { field });
    let present = |bytes: Vec<u8>, field| if bytes.is_empty() { Err(missing(field)) } else { Ok(bytes) };
    for index in [Some(wire.log_index), wire.proof.as_ref().map(|p| p.log_index)].into_iter().flatten() {
        if index.0 < 0 {
            return Err(BundleFault::NegativeLogIndex { index: index.0 }.into());
        }
    }
    let kind_version = wire.kind_version.ok_or(missing("kindVersion"))?;
    let proof = wire.proof.map(|proof| -> Result<_, Error> {
        Ok(InclusionProof {
            log_index: proof.log_index.0,
            root_hash: proof.root_hash.0,
            tree_size: proof.tree_size.0,
            hashes: proof.hashes.into_iter().map(|h| h.0).collect(),
            checkpoint: proof.checkpoint.map(|c| c.envelope).unwrap_or_default(),
        })
    });
    Ok(LogEntry {
        log_id: present(wire.log_id.map(|id| id.key_id.0).unwrap_or_default(), "logId")?,
        log_index: wire.log_index.0,
        kind_version: Some((kind_version.kind, kind_version.version)),
        integrated_time: wire.integrated_time.0,
        // An empty promise is the unset message of proto3.
        promise: wire.promise.map(|p| p.signed_entry_timestamp.0).filter(|p| !p.is_empty()),
        proof: proof.transpose()?,
        body: present(wire.body.0, "canonicalizedBody")?,
    })
}
