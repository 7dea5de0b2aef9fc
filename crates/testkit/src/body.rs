//! Canonical bodies of log entries, in JCS.

use serde_json::{Value, json};

use crate::dsse::Envelope;
use crate::keys::{Hash, Key, sha256};
use crate::text::{b64, cert_pem, hex, jcs, pem};

/// Who is said to have signed: what an entry holds as verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verifier {
    /// A certificate: its DER, and the `PublicKeyDetails` of its key.
    Certificate(Vec<u8>, String),
    /// A public key: its SPKI, and its `PublicKeyDetails`.
    PublicKey(Vec<u8>, String),
}

impl Verifier {
    /// A certificate with this key.
    pub fn certificate(der: &[u8], key: &Key) -> Self {
        Self::Certificate(der.to_vec(), key.details().to_owned())
    }

    /// A bare key.
    pub fn public_key(key: &Key) -> Self {
        Self::PublicKey(key.spki(), key.details().to_owned())
    }

    /// Go's PEM, as Rekor v1 stores it.
    pub fn pem(&self) -> String {
        match self {
            Self::Certificate(der, _) => cert_pem(der),
            Self::PublicKey(spki, _) => pem("PUBLIC KEY", spki),
        }
    }

    /// Rekor v2's `verifier` object.
    pub fn to_v2(&self) -> Value {
        match self {
            Self::Certificate(der, details) => {
                json!({"keyDetails": details, "x509Certificate": {"rawBytes": b64(der)}})
            }
            Self::PublicKey(spki, details) => {
                json!({"keyDetails": details, "publicKey": {"rawBytes": b64(spki)}})
            }
        }
    }
}

/// hashedrekord 0.0.1.
pub fn hashedrekord_v001(hash: Hash, digest: &[u8], signature: &[u8], verifier: &Verifier) -> Vec<u8> {
    entry(
        "hashedrekord",
        "0.0.1",
        json!({
            "data": {"hash": {"algorithm": hash.lower(), "value": hex(digest)}},
            "signature": {"content": b64(signature), "publicKey": {"content": b64(verifier.pem())}},
        }),
    )
}

/// rekord 0.0.1; its hash is SHA-256 always.
pub fn rekord_v001(artifact: &[u8], signature: &[u8], verifier: &Verifier) -> Vec<u8> {
    entry(
        "rekord",
        "0.0.1",
        json!({
            "data": {"hash": {"algorithm": "sha256", "value": hex(sha256(artifact))}},
            "signature": {
                "content": b64(signature),
                "format": "x509",
                "publicKey": {"content": b64(verifier.pem())},
            },
        }),
    )
}

/// dsse 0.0.1.
pub fn dsse_v001(envelope: &Envelope, verifier: &Verifier) -> Vec<u8> {
    let signatures: Vec<_> = envelope
        .signatures
        .iter()
        .map(|sig| json!({"signature": b64(&sig.sig), "verifier": b64(verifier.pem())}))
        .collect();
    entry(
        "dsse",
        "0.0.1",
        json!({
            "envelopeHash": sha256_object(envelope.to_json()),
            "payloadHash": sha256_object(&envelope.payload),
            "signatures": signatures,
        }),
    )
}

/// intoto 0.0.1.
pub fn intoto_v001(envelope: &Envelope, verifier: &Verifier) -> Vec<u8> {
    entry(
        "intoto",
        "0.0.1",
        json!({
            "content": {
                "hash": sha256_object(envelope.to_json()),
                "payloadHash": sha256_object(&envelope.payload),
            },
            "publicKey": b64(verifier.pem()),
        }),
    )
}

/// intoto 0.0.2. Signature and payload are base64 twice; the hash is over the envelope in that form, with its payload.
pub fn intoto_v002(envelope: &Envelope, verifier: &Verifier) -> Vec<u8> {
    let signatures: Vec<_> = envelope
        .signatures
        .iter()
        .map(|sig| {
            let mut object = json!({"publicKey": b64(verifier.pem()), "sig": b64(b64(&sig.sig))});
            if let Some(keyid) = sig.keyid.as_deref().filter(|keyid| !keyid.is_empty()) {
                object["keyid"] = Value::from(keyid);
            }
            object
        })
        .collect();
    let stored = json!({"payloadType": envelope.payload_type, "signatures": signatures});
    let mut hashed = stored.clone();
    hashed["payload"] = Value::from(b64(b64(&envelope.payload)));
    entry(
        "intoto",
        "0.0.2",
        json!({"content": {
            "envelope": stored,
            "hash": sha256_object(jcs(&hashed)),
            "payloadHash": sha256_object(&envelope.payload),
        }}),
    )
}

/// hashedrekord 0.0.2 (Rekor v2). For DSSE the digest is that of the pre-authentication encoding.
pub fn hashedrekord_v002(hash: Hash, digest: &[u8], signature: &[u8], verifier: &Verifier) -> Vec<u8> {
    entry(
        "hashedrekord",
        "0.0.2",
        json!({"hashedRekordV002": {
            "data": {"algorithm": hash.proto(), "digest": b64(digest)},
            "signature": {"content": b64(signature), "verifier": verifier.to_v2()},
        }}),
    )
}

/// dsse 0.0.2 (Rekor v2).
pub fn dsse_v002(envelope: &Envelope, verifier: &Verifier) -> Vec<u8> {
    let signatures: Vec<_> =
        envelope.signatures.iter().map(|sig| json!({"content": b64(&sig.sig), "verifier": verifier.to_v2()})).collect();
    entry(
        "dsse",
        "0.0.2",
        json!({"dsseV002": {
            "payloadHash": {"algorithm": "SHA2_256", "digest": b64(sha256(&envelope.payload))},
            "signatures": signatures,
        }}),
    )
}

/// Any entry.
pub fn entry(kind: &str, version: &str, spec: Value) -> Vec<u8> {
    jcs(&json!({"apiVersion": version, "kind": kind, "spec": spec}))
}

fn sha256_object(bytes: impl AsRef<[u8]>) -> Value {
    json!({"algorithm": "sha256", "value": hex(sha256(bytes))})
}
