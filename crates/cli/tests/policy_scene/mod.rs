//! Objects for `policy test`.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "shared by test binaries that each use a part"
)]

use serde_json::{Value, json};
use sigward_testkit::text::b64;
use sigward_testkit::{IDENTITY, Key, Sigstore};

use crate::images_scene::Scene;
use crate::support::Run;

/// Runs `policy test` in a scene.
pub struct Policies<'s>(pub &'s Scene);

impl Policies<'_> {
    /// Writes objects into a file of the working folder.
    pub fn put(&self, name: &str, objects: &[Value]) {
        let documents: Vec<_> = objects.iter().map(ToString::to_string).collect();
        self.0.place.put(name, documents.join("\n---\n"));
    }

    pub fn test(&self, words: &str) -> Run {
        self.0.place.run(&format!("policy test {words}"))
    }

    /// It fails, and one of the errors has this part.
    #[track_caller]
    pub fn denies(&self, words: &str, part: &str) {
        let run = self.test(words);
        assert_eq!(run.code, 1, "{run:?}");
        let line = run.json();
        let errors = line["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| error.as_str().unwrap().contains(part)), "{part:?} is not in {errors:?}");
    }
}

/// A policy.
pub fn policy(name: &str, glob: &str, authorities: Value) -> Value {
    json!({"apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy", "metadata": {"name": name},
        "spec": {"images": [{"glob": glob}], "authorities": authorities}})
}

/// The same with a policy over all authorities.
pub fn with_policy(mut policy: Value, language: &str, data: &str) -> Value {
    policy["spec"]["policy"] = json!({"type": language, "data": data});
    policy
}

/// An authority: the default signer, by a TrustRoot or the public instance.
pub fn keyless(root: Option<&str>, issuer: &str) -> Value {
    let mut authority = json!({"keyless": {"identities": [{"issuer": issuer, "subject": IDENTITY}]}});
    if let Some(root) = root {
        authority["keyless"]["trustRootRef"] = root.into();
        authority["ctlog"] = json!({"trustRootRef": root});
    }
    authority
}

pub fn config_map(name: &str, key: &str, text: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {key: text}})
}

/// A Secret with an entry in base64.
pub fn secret(name: &str, key: &str, data: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {key: data}})
}

pub fn key_secret(name: &str, key: &Key) -> Value {
    secret(name, "cosign.pub", &b64(key.public_pem()))
}

/// A Pod with these images.
pub fn digest_pod(images: &[&str]) -> Value {
    let container = |(n, image): (usize, &&str)| json!({"name": format!("c{n}"), "image": image});
    let containers: Vec<_> = images.iter().enumerate().map(container).collect();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": containers}})
}

/// A sigstore of one's own, key by key.
pub fn trust_root(name: &str, sigstore: &Sigstore) -> Value {
    let authority = |pem: String| {
        json!({"subject": {"organization": "sigstore.test", "commonName": "sigstore"},
            "uri": "https://fulcio.sigstore.test", "certChain": b64(pem)})
    };
    let log = |url: &str, pem: String| json!({"baseURL": url, "hashAlgorithm": "sha-256", "publicKey": b64(pem)});
    json!({"apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "TrustRoot", "metadata": {"name": name},
    "spec": {"sigstoreKeys": {
        "certificateAuthorities": [authority(sigstore.root_pem())],
        "ctLogs": [log("https://ctfe.sigstore.test", sigstore.ct_pem())],
        "tLogs": [log("https://rekor.sigstore.test", sigstore.rekor_pem())],
        "timestampAuthorities": [authority(sigstore.tsa_pem())],
    }}})
}
