//! Evidence that real signers made with the public sigstore services: thousands of signatures, and negatives of each.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read fixtures, and a panic is a failed test"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sigward_verify::{
    Artifact, ChainPolicy, Claims, Content, Digest, Error, HashAlgorithm, Identity, LogUse, Matcher, PublicKey,
    Requirements, SctUse, SignedEntity, Signer, TimeUse, TrustMaterial, Verified, Verifier, Workflow, bundle,
    to_base64,
};

fn fixtures() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not here", path.display());
    None
}

fn production(base: &Path) -> TrustMaterial {
    let root = std::fs::read(base.join("trust-roots/prod/targets/trusted_root.json")).unwrap();
    TrustMaterial::from_trusted_root(&root).unwrap()
}

fn keyless(identity: &str, issuer: &str) -> Signer {
    let issuer = if issuer.starts_with("http") { Matcher::exact(issuer) } else { Matcher::pattern(".*").unwrap() };
    Signer::Keyless(vec![Identity { subject: Matcher::exact(identity), issuer, workflow: Workflow::default() }])
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

enum Blob<'a> {
    Bytes(&'a [u8]),
    Digest(Digest),
}

fn check(
    material: &TrustMaterial,
    requirements: &mut Requirements,
    json: &[u8],
    blob: Blob<'_>,
) -> Result<Verified, Error> {
    check_entity(material, requirements, &bundle::parse(json, ChainPolicy::Reject)?, blob)
}

fn check_entity(
    material: &TrustMaterial,
    requirements: &mut Requirements,
    entity: &SignedEntity,
    blob: Blob<'_>,
) -> Result<Verified, Error> {
    if entity.has_timestamps() {
        requirements.time = TimeUse::Signed { threshold: 1 };
    }
    let key = match &requirements.signer {
        Signer::Key(key) => Some(key.as_ref()),
        Signer::Keyless(_) => None,
    };
    let artifact = match blob {
        Blob::Bytes(bytes) => Artifact::from_bytes(bytes, &entity.needs(key, None)?)?,
        Blob::Digest(digest) => Artifact::from_digest(digest),
    };
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    Verifier::new(material, requirements).verify(entity, &artifact, now).map_err(|failure| failure.error)
}

#[test]
fn image_signatures_of_2022_and_2023() {
    let Some(base) = fixtures() else { return };
    let material = production(&base);
    let lines = std::fs::read_to_string(base.join("real/cosign-verify-outputs/image-signatures.jsonl")).unwrap();
    let mut count = 0;
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let json = json!({ "base64Signature": case["signature"], "cert": to_base64(text(&case, "certificate").as_bytes()),
            "rekorBundle": case["rekorBundle"] });
        let json = json.to_string();
        let (identity, issuer) = (text(&case, "identity"), text(&case, "issuer"));
        let payload = text(&case, "payload").as_bytes();
        let run = |identity: &str, payload: &[u8]| {
            let mut requirements = Requirements::new(keyless(identity, issuer));
            check(&material, &mut requirements, json.as_bytes(), Blob::Bytes(payload))
        };
        let verified = run(identity, payload);
        assert!(verified.is_ok(), "{}: {:?}", case["id"], verified.err());
        assert!(verified.unwrap().waivers().is_empty());
        // The same in the form in which it lies in the registry.
        let annotations = BTreeMap::from([
            ("dev.cosignproject.cosign/signature".to_owned(), text(&case, "signature").to_owned()),
            ("dev.sigstore.cosign/certificate".to_owned(), text(&case, "certificate").to_owned()),
            ("dev.sigstore.cosign/bundle".to_owned(), case["rekorBundle"].to_string()),
        ]);
        let layer = SignedEntity::from_signature_layer(&annotations).unwrap();
        let mut requirements = Requirements::new(keyless(identity, issuer));
        let verified = check_entity(&material, &mut requirements, &layer, Blob::Bytes(payload));
        assert!(verified.is_ok(), "{}: {:?}", case["id"], verified.err());
        if count % 10 == 0 {
            let other = [payload, b" "].concat();
            assert_eq!(run(identity, &other).unwrap_err().code(), "signature-invalid");
            assert_eq!(run(&format!("x{identity}"), payload).unwrap_err().code(), "identity-subject-mismatch");
        }
        count += 1;
    }
    assert!(count > 1_000, "{count}");
}

#[test]
fn attestation_layers_of_the_slsa_generator() {
    let Some(base) = fixtures() else { return };
    let material = production(&base);
    let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(base.join("real/index.json")).unwrap()).unwrap();
    let mut count = 0;
    for row in rows.iter().filter(|row| text(row, "id").starts_with("slsa-container")) {
        let blobs = base.join("real").join(text(row, "files")).join("blobs/sha256");
        let of =
            |digest: &Value| std::fs::read(blobs.join(digest.as_str().unwrap().trim_start_matches("sha256:"))).unwrap();
        let index = std::fs::read(blobs.join("../../index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        let of_kind = |kind: &str| {
            let all = index["manifests"].as_array().unwrap();
            let has = |m: &&Value| text(&m["annotations"], "kind").trim_end_matches("Index") == kind;
            all.iter().find(has).unwrap()["digest"].clone()
        };
        let image = Digest::parse(of_kind("dev.cosignproject.cosign/image").as_str().unwrap()).unwrap();
        let manifest: Value = serde_json::from_slice(&of(&of_kind("dev.cosignproject.cosign/atts"))).unwrap();
        for layer in manifest["layers"].as_array().unwrap() {
            let annotations = serde_json::from_value(layer["annotations"].clone()).unwrap();
            let envelope = of(&layer["digest"]);
            let entity = SignedEntity::from_attestation_layer(&annotations, &envelope).unwrap();
            let run = |identity: &str, image: Digest| {
                let mut requirements = Requirements::new(keyless(identity, text(row, "issuer")));
                check_entity(&material, &mut requirements, &entity, Blob::Digest(image))
            };
            let verified = run(text(row, "identity"), image);
            assert!(verified.is_ok(), "{}: {:?}", row["id"], verified.err());
            assert_eq!(run("x", image).unwrap_err().code(), "identity-subject-mismatch");
            let other = HashAlgorithm::Sha256.digest(b"another image");
            assert_eq!(run(text(row, "identity"), other).unwrap_err().code(), "subject-mismatch");
            count += 1;
        }
    }
    assert!(count >= 8, "{count}");
}

#[test]
fn releases_of_cpython() {
    let Some(base) = fixtures() else { return };
    let material = production(&base);
    let lines = std::fs::read_to_string(base.join("real/cpython/cpython-bundles.jsonl")).unwrap();
    let mut count = 0;
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let json = case["bundle"].to_string();
        let run = |hex: &str| {
            let mut requirements = Requirements::new(keyless(text(&case, "identity"), text(&case, "issuer")));
            let digest = Digest::parse(&format!("sha256:{hex}")).unwrap();
            check(&material, &mut requirements, json.as_bytes(), Blob::Digest(digest))
        };
        let verified = run(text(&case, "sha256"));
        assert!(verified.is_ok(), "{}: {:?}", case["file"], verified.err());
        let reversed: String = text(&case, "sha256").chars().rev().collect();
        assert_eq!(run(&reversed).unwrap_err().code(), "message-digest-mismatch");
        count += 1;
    }
    assert!(count > 700, "{count}");
}

#[test]
fn bundles_of_many_tools() {
    let Some(base) = fixtures() else { return };
    let real = base.join("real");
    let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(real.join("index.json")).unwrap()).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for row in &rows {
        let (id, expected, notes) = (text(row, "id"), text(row, "expected"), text(row, "notes"));
        if row["bundle"].is_null() || id.starts_with("conf-") || !matches!(expected, "pass" | "fail") {
            continue;
        }
        let root = text(row, "trusted_root");
        let root = if root.starts_with("..") { base.join("real").join(root) } else { real.join(root) };
        let Ok(root) = std::fs::read(root) else { continue };
        let material = TrustMaterial::from_trusted_root(&root).unwrap();
        let json = std::fs::read(real.join(text(row, "bundle"))).unwrap();
        let blob_file = ["", "../"].iter().find_map(|p| std::fs::read(real.join(p).join(text(row, "artifact"))).ok());
        let blob = match (&blob_file, Digest::parse(text(row, "digest"))) {
            (Some(bytes), _) => Blob::Bytes(bytes),
            (None, Some(digest)) => Blob::Digest(digest),
            (None, None) => continue,
        };
        let signer = match row["key"].as_str() {
            Some(key) => Signer::Key(Box::new(PublicKey::from_pem(&std::fs::read(real.join(key)).unwrap()).unwrap())),
            None => keyless(text(row, "identity"), text(row, "issuer")),
        };
        let mut requirements = Requirements::new(signer);
        if notes.contains("[no tlog]") {
            (requirements.log, requirements.sct) = (LogUse::SkippedUnsafe, SctUse::SkippedUnsafe);
        }
        if blob_file.is_none() && matches!(bundle::parse(&json, ChainPolicy::Reject), Ok(e) if is_envelope(e.content()))
        {
            requirements.claims =
                if text(row, "digest").starts_with("sha256") { Claims::Checked } else { Claims::SkippedUnsafe };
        }
        let result = check(&material, &mut requirements, &json, blob);
        if result.is_ok() != (expected == "pass") {
            wrong.push(format!("{id}: expected {expected}, got {:?} ({notes})", result.err()));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 80, "{count}");
}

fn is_envelope(content: &Content) -> bool {
    matches!(content, Content::Envelope { .. })
}

#[test]
fn trusted_roots_of_the_past() {
    let Some(base) = fixtures() else { return };
    let mut count = 0;
    for dir in ["prod/history", "staging/history", "github", "other"] {
        for entry in std::fs::read_dir(base.join("trust-roots").join(dir)).unwrap() {
            let path = entry.unwrap().path();
            let json = std::fs::read(&path).unwrap();
            let value: Value = serde_json::from_slice(&json).unwrap();
            if !text(&value, "mediaType").contains("trustedroot") {
                continue;
            }
            match TrustMaterial::from_trusted_root(&json) {
                Ok(material) => {
                    count += usize::from(!material.timestamp_authorities.is_empty() || !material.logs.is_empty())
                }
                // The drafts of January 2023 were never published as such.
                Err(error) => assert!(path.to_str().unwrap().contains("2023-01"), "{}: {error}", path.display()),
            }
        }
    }
    assert!(count > 20, "{count}");
}
