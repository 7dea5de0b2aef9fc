//! The cases of sigstore-conformance: each passes, or fails for the reason that its README gives.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read fixtures, and a panic is a failed test"
)]

use std::path::{Path, PathBuf};

use sigward_verify::{
    Artifact, ChainPolicy, Error, Identity, Matcher, PublicKey, Requirements, Signer, TimeUse, TrustMaterial, Verified,
    Verifier, Workflow, bundle,
};

const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/\
    .github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// Reason code of each failing case, after its README.
const FAILURES: &[(&str, &str)] = &[
    ("bundle-empty-certificate-chain_fail", "bundle-empty-chain"),
    ("bundle-from-wrong-instance_fail", "log-unknown"),
    ("bundle-invalid-base64-signature_fail", "json-invalid"),
    ("bundle-malformed-json_fail", "json-invalid"),
    ("bundle-negative-log-index_fail", "bundle-negative-log-index"),
    ("bundle-unknown-version_fail", "media-type-unsupported"),
    // A v0.1 bundle. Bundles of npm with a root in the chain are valid, so what is refused here is what else is
    // wrong: an inclusion proof without a checkpoint.
    ("bundle-with-root-cert_fail", "checkpoint-malformed"),
    ("checkpoint-bad-keyhint_fail", "checkpoint-unsigned"),
    ("checkpoint-wrong-roothash_fail", "log-root-hash-mismatch"),
    ("dsse-invalid-sig_fail", "signature-invalid"),
    ("dsse-mismatch-envelope_fail", "log-entry-artifact-mismatch"),
    ("dsse-mismatch-sig_fail", "log-entry-signature-mismatch"),
    ("inclusion-proof-corrupted-hash_fail", "inclusion-proof-invalid"),
    ("incorrect-public-key_fail", "log-entry-signer-mismatch"),
    ("integrated-time-in-future_fail", "log-time-outside-certificate"),
    // Issued in 2030, outside the authority's window; the log's time, seven years earlier, is met first.
    ("intoto-expired-certificate_fail", "log-time-outside-certificate"),
    ("intoto-log-entry-mismatch_fail", "log-entry-signature-mismatch"),
    ("intoto-missing-inclusion-proof_fail", "bundle-inclusion-proof-missing"),
    ("intoto-set-outside-signing-cert-validity_fail", "log-time-outside-certificate"),
    ("intoto-tsa-timestamp-outside-cert-validity_fail", "certificate-outside-validity"),
    ("invalid-checkpoint-signature_fail", "checkpoint-signature-invalid"),
    ("invalid-ct-key_fail", "sct-log-unknown"),
    ("invalid-inclusion-proof_fail", "inclusion-proof-invalid"),
    ("managed-key-no-key_fail", "key-needed"),
    // The wrong key is not even base64.
    ("managed-key-wrong-key_fail", "pem-invalid"),
    ("message-digest-mismatch_fail", "message-digest-mismatch"),
    ("rekor2-checkpoint-missing-log-signature_fail", "checkpoint-unsigned"),
    ("rekor2-checkpoint-missing-origin_fail", "checkpoint-origin-mismatch"),
    ("rekor2-checkpoint-missing-root-hash_fail", "checkpoint-malformed"),
    ("rekor2-checkpoint-missing-size_fail", "checkpoint-malformed"),
    // Its README: the identity of the checkpoint does not match the log's host.
    ("rekor2-checkpoint-no-matching-signature_fail", "checkpoint-origin-mismatch"),
    ("rekor2-dsse-invalid-sig_fail", "signature-invalid"),
    ("rekor2-dsse-mismatch-envelope_fail", "log-entry-artifact-mismatch"),
    ("rekor2-dsse-mismatch-sig_fail", "log-entry-signature-mismatch"),
    ("rekor2-no-inclusion-proof_fail", "bundle-inclusion-proof-missing"),
    ("rekor2-no-timestamp_fail", "timestamp-missing"),
    ("rekor2-timestamp-outside-trust-root-tsa-validity_fail", "authority-outside-validity"),
    ("rekor2-timestamp-outside-tsa-cert-validity_fail", "certificate-outside-validity"),
    ("rekor2-timestamp-payload-mismatch_fail", "timestamp-imprint-mismatch"),
    ("rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail", "timestamp-authority-unknown"),
    ("rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail", "timestamp-authority-unknown"),
    ("rekor2-timestamp-with-incorrect-time_fail", "certificate-outside-validity"),
    ("set-invalid-signature_fail", "log-promise-invalid"),
    ("signature-mismatch_fail", "signature-invalid"),
    ("trust-root-tlog-missing-validity-start_fail", "trusted-root-invalid"),
    ("wrong-hashedrekord-artifact_fail", "log-entry-artifact-mismatch"),
    ("wrong-hashedrekord-cert-and-sig_fail", "log-entry-signature-mismatch"),
    ("wrong-hashedrekord-entry_fail", "log-entry-artifact-mismatch"),
    ("wrong-material_fail", "message-digest-mismatch"),
];

fn shared() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not here", path.display());
    None
}

fn run(case: &Path, base: &Path) -> Result<Verified, Error> {
    let text = |name: &str, default: &str| {
        std::fs::read_to_string(case.join(name)).map_or_else(|_| default.to_owned(), |t| t.trim().to_owned())
    };
    let root = case.join("trusted_root.json");
    let root = if root.exists() { root } else { base.join("trust-roots/prod/targets/trusted_root.json") };
    let material = TrustMaterial::from_trusted_root(&std::fs::read(root).unwrap())?;
    let signer = match std::fs::read(case.join("key.pub")) {
        Ok(pem) => Signer::Key(Box::new(PublicKey::from_pem(&pem)?)),
        Err(_) => Signer::Keyless(vec![Identity {
            subject: Matcher::exact(text("identity", BEACON)),
            issuer: Matcher::exact(text("issuer", GITHUB)),
            workflow: Workflow::default(),
        }]),
    };
    let entity = bundle::parse(&std::fs::read(case.join("bundle.sigstore.json")).unwrap(), ChainPolicy::Reject)?;
    let artifact = case.join("artifact");
    let artifact = if artifact.exists() { artifact } else { base.join("conformance/a.txt") };
    let key = match &signer {
        Signer::Key(key) => Some(key.as_ref()),
        Signer::Keyless(_) => None,
    };
    let artifact = Artifact::from_bytes(&std::fs::read(artifact).unwrap(), &entity.needs(key, None)?)?;
    let mut requirements = Requirements::new(signer);
    if entity.has_timestamps() {
        requirements.time = TimeUse::Signed { threshold: 1 };
    }
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    Verifier::new(&material, &requirements).verify(&entity, &artifact, now).map_err(|failure| failure.error)
}

#[test]
fn every_case_ends_as_its_readme_says() {
    let Some(base) = shared() else { return };
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(base.join("conformance")).unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        seen += 1;
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let expected = FAILURES.iter().find(|(n, _)| *n == name).map(|(_, code)| *code);
        assert_eq!(expected.is_some(), name.ends_with("_fail"), "{name} is not in the table");
        let result = run(&case, &base);
        let found = result.as_ref().err().map(Error::code);
        if found != expected {
            wrong.push(format!("{name}: expected {expected:?}, found {found:?}: {:?}", result.err()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen, 70);
}
