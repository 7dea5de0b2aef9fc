//! DSSE envelopes and in-toto statements.

use serde_json::{Value, json};

use crate::keys::{Hash, Key, sha256};
use crate::text::{b64, hex};

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// An envelope, all parts open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Payload type.
    pub payload_type: String,
    /// Payload, before base64.
    pub payload: Vec<u8>,
    /// Signatures.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// `keyid`; left out when `None`.
    pub keyid: Option<String>,
    /// The signature.
    pub sig: Vec<u8>,
}

impl Envelope {
    /// An in-toto envelope signed by one key.
    pub fn sign(payload: &[u8], key: &Key, hash: Hash) -> Self {
        let mut envelope = Self { payload_type: IN_TOTO.to_owned(), payload: payload.to_vec(), signatures: Vec::new() };
        envelope.add_signature(key, hash);
        envelope
    }

    /// Adds a signature over the envelope as it stands.
    pub fn add_signature(&mut self, key: &Key, hash: Hash) {
        let sig = key.sign_with(hash, self.pae());
        self.signatures.push(EnvelopeSignature { keyid: Some(String::new()), sig });
    }

    /// The pre-authentication encoding: what is signed.
    pub fn pae(&self) -> Vec<u8> {
        let mut out =
            format!("DSSEv1 {} {} {} ", self.payload_type.len(), self.payload_type, self.payload.len()).into_bytes();
        out.extend_from_slice(&self.payload);
        out
    }

    /// The JSON object.
    pub fn to_value(&self) -> Value {
        let signatures: Vec<_> = self
            .signatures
            .iter()
            .map(|sig| match &sig.keyid {
                Some(keyid) => json!({"keyid": keyid, "sig": b64(&sig.sig)}),
                None => json!({"sig": b64(&sig.sig)}),
            })
            .collect();
        json!({
            "payloadType": self.payload_type,
            "payload": b64(&self.payload),
            "signatures": signatures,
        })
    }

    /// The bytes as Go writes them (field order of its struct): a legacy `.att` layer, and what Rekor hashes.
    pub fn to_json(&self) -> Vec<u8> {
        let signatures: Vec<_> = self
            .signatures
            .iter()
            .map(|sig| {
                let keyid = sig
                    .keyid
                    .as_ref()
                    .map_or(String::new(), |keyid| format!("\"keyid\":{},", Value::from(keyid.as_str())));
                format!("{{{keyid}\"sig\":\"{}\"}}", b64(&sig.sig))
            })
            .collect();
        format!(
            "{{\"payloadType\":{},\"payload\":\"{}\",\"signatures\":[{}]}}",
            Value::from(self.payload_type.as_str()),
            b64(&self.payload),
            signatures.join(",")
        )
        .into_bytes()
    }
}

/// An in-toto statement to be built.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// `_type`.
    pub statement_type: String,
    /// Subjects: name and digests by algorithm.
    pub subjects: Vec<(String, Vec<(String, String)>)>,
    /// `predicateType`.
    pub predicate_type: String,
    /// `predicate`.
    pub predicate: Value,
}

impl Statement {
    /// A v1 statement with one subject: SHA-256 of `artifact`.
    pub fn about(name: &str, artifact: &[u8], predicate_type: &str, predicate: Value) -> Self {
        Self::about_digest(name, &hex(sha256(artifact)), predicate_type, predicate)
    }

    /// A v1 statement about a SHA-256 given in hex, such as an image's.
    pub fn about_digest(name: &str, sha256_hex: &str, predicate_type: &str, predicate: Value) -> Self {
        let digests = vec![("sha256".to_owned(), sha256_hex.to_owned())];
        Self {
            statement_type: "https://in-toto.io/Statement/v1".to_owned(),
            subjects: vec![(name.to_owned(), digests)],
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    /// SLSA provenance v1 with little in it.
    pub fn slsa(name: &str, artifact: &[u8]) -> Self {
        let predicate = json!({
            "buildDefinition": {"buildType": "https://example.com/build/v1", "externalParameters": {}},
            "runDetails": {"builder": {"id": "https://example.com/builder"}},
        });
        Self::about(name, artifact, "https://slsa.dev/provenance/v1", predicate)
    }

    /// The JSON object.
    pub fn to_value(&self) -> Value {
        let subjects: Vec<_> = self
            .subjects
            .iter()
            .map(|(name, digests)| {
                let digest: serde_json::Map<_, _> =
                    digests.iter().map(|(algorithm, value)| (algorithm.clone(), Value::from(value.as_str()))).collect();
                json!({"name": name, "digest": digest})
            })
            .collect();
        json!({
            "_type": self.statement_type,
            "subject": subjects,
            "predicateType": self.predicate_type,
            "predicate": self.predicate,
        })
    }

    /// The payload.
    pub fn to_json(&self) -> Vec<u8> {
        self.to_value().to_string().into_bytes()
    }
}
