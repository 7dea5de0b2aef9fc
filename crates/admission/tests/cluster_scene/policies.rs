//! Policies as scenarios need them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigward_testkit::{IDENTITY, ISSUER, Key, Sigstore};

/// A policy for one image's repository.
pub fn policy(name: &str, glob: &str, authorities: &Value) -> Value {
    json!({
        "apiVersion": "policy.sigstore.dev/v1beta1",
        "kind": "ClusterImagePolicy",
        "metadata": {"name": name},
        "spec": {"images": [{"glob": format!("{glob}**")}], "authorities": authorities},
    })
}

pub fn fixed(action: &str) -> Value {
    json!({"name": "fixed", "static": {"action": action}})
}

pub fn keyed(key: &Key) -> Value {
    json!({"name": "key", "key": {"data": key.public_pem()}})
}

/// The default signer, by the trust root [`byok`].
pub fn keyless() -> Value {
    keyless_by(ISSUER, IDENTITY)
}

pub fn keyless_by(issuer: &str, subject: &str) -> Value {
    json!({
        "name": "keyless",
        "keyless": {"trustRootRef": "byok", "url": "https://fulcio.sigstore.test",
                    "identities": [{"issuer": issuer, "subject": subject}]},
        "ctlog": {"trustRootRef": "byok", "url": "https://rekor.sigstore.test"},
    })
}

/// A sigstore of one's own, key by key.
pub fn byok(sigstore: &Sigstore) -> Value {
    let encoded = |pem: String| STANDARD.encode(pem);
    let authority = |pem: String| {
        json!({"subject": {"organization": "sigstore.test", "commonName": "sigstore"},
               "uri": "https://fulcio.sigstore.test", "certChain": encoded(pem)})
    };
    let log = |url: &str, pem: String| json!({"baseURL": url, "hashAlgorithm": "sha-256", "publicKey": encoded(pem)});
    json!({
        "apiVersion": "policy.sigstore.dev/v1alpha1",
        "kind": "TrustRoot",
        "metadata": {"name": "byok"},
        "spec": {"sigstoreKeys": {
            "certificateAuthorities": [authority(sigstore.root_pem())],
            "ctLogs": [log("https://ctfe.sigstore.test", sigstore.ct_pem())],
            "tLogs": [log("https://rekor.sigstore.test", sigstore.rekor_pem())],
            "timestampAuthorities": [authority(sigstore.tsa_pem())],
        }},
    })
}
