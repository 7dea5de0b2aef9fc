//! Writes a sigstore bundle v0.3, so that what was looked up once can be verified offline from then on.

use serde_json::{Map, Value, json};

use crate::digest::{Digest, sha256};
use crate::encoding::to_base64;
use crate::entity::{Content, SignerMaterial};
use crate::error::{BundleFault, Error};
use crate::key::PublicKey;
use crate::tlog::{LogEntry, body};
use crate::verifier::SelfConsistent;

impl SelfConsistent<'_> {
    /// The evidence as a sigstore bundle v0.3 (JSON). `digest` is that of the artifact which the bundle names, `key` the
    /// managed key, of which a hint is written.
    ///
    /// # Errors
    /// [`Error::Bundle`] if an entry lacks what v0.3 requires, or no signer is known.
    pub(crate) fn to_bundle(&self, digest: Option<&Digest>, key: Option<&PublicKey>) -> Result<String, Error> {
        let entity = self.entity();
        let mut material = Map::new();
        match (&entity.signer, key) {
            (SignerMaterial::Certificate { leaf, .. }, None) => {
                material.insert("certificate".into(), json!({ "rawBytes": to_base64(leaf.der()) }));
            }
            (SignerMaterial::KeyHint(hint), None) => {
                material.insert("publicKey".into(), json!({ "hint": hint }));
            }
            (_, Some(key)) => {
                // As cosign does: base64 of the SHA-256 of the key.
                material.insert("publicKey".into(), json!({ "hint": to_base64(&sha256(key.spki())) }));
            }
            _ => return Err(BundleFault::MaterialMissing.into()),
        }
        let entries = entity.log_entries.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        material.insert("tlogEntries".into(), Value::Array(entries));
        if !entity.timestamps.is_empty() {
            let stamps: Vec<_> = entity.timestamps.iter().map(|t| json!({ "signedTimestamp": to_base64(t) })).collect();
            material.insert("timestampVerificationData".into(), json!({ "rfc3161Timestamps": stamps }));
        }
        let mut bundle = Map::new();
        bundle.insert("mediaType".into(), "application/vnd.dev.sigstore.bundle.v0.3+json".into());
        bundle.insert("verificationMaterial".into(), Value::Object(material));
        match &entity.content {
            Content::Message { named_digest } => {
                let digest = digest.or(named_digest.as_ref());
                let digest = digest.ok_or(BundleFault::FieldMissing { field: "messageSignature.messageDigest" })?;
                bundle.insert(
                    "messageSignature".into(),
                    json!({
                        "messageDigest": { "algorithm": digest.algorithm().protobuf_name(), "digest": to_base64(digest.as_bytes()) },
                        "signature": to_base64(self.signature()),
                    }),
                );
            }
            Content::Envelope { envelope, .. } => {
                bundle.insert(
                    "dsseEnvelope".into(),
                    json!({
                        "payload": to_base64(&envelope.payload),
                        "payloadType": envelope.payload_type,
                        "signatures": [{ "sig": to_base64(self.signature()) }],
                    }),
                );
            }
        }
        Ok(Value::Object(bundle).to_string())
    }
}

fn entry(entry: &LogEntry) -> Result<Value, Error> {
    let proof = entry.proof.as_ref().ok_or(BundleFault::InclusionProofMissing)?;
    let (kind, version) = body::kind_version(&entry.body).map_err(Error::Log)?;
    let mut out = json!({
        "logIndex": entry.log_index.to_string(),
        "logId": { "keyId": to_base64(&entry.log_id) },
        "kindVersion": { "kind": kind, "version": version },
        "integratedTime": entry.integrated_time.to_string(),
        "inclusionProof": {
            "logIndex": proof.log_index.to_string(),
            "rootHash": to_base64(&proof.root_hash),
            "treeSize": proof.tree_size.to_string(),
            "hashes": proof.hashes.iter().map(|h| to_base64(h)).collect::<Vec<_>>(),
            "checkpoint": { "envelope": proof.checkpoint },
        },
        "canonicalizedBody": to_base64(&entry.body),
    });
    if let (Some(promise), Some(object)) = (&entry.promise, out.as_object_mut()) {
        object.insert("inclusionPromise".into(), json!({ "signedEntryTimestamp": to_base64(promise) }));
    }
    Ok(out)
}
