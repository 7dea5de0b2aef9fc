//! One whole verification in this process, beside sigstore's own Rust verifier on the same input, and beside the bare
//! sum of the signature checks that nobody can leave out. Figures only: no test is decided by them.

#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a benchmark is no library, and a panic is a failed run"
)]

use std::hint::black_box;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, KeyPair, UnparsedPublicKey,
};
use criterion::{Criterion, criterion_group, criterion_main};
use sigstore_trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot};
use sigstore_verify::types::Bundle;
use sigstore_verify::{VerificationPolicy, Verifier as SigstoreVerifier};
use sigward_verify::{
    Artifact, ChainPolicy, Identity, Matcher, Requirements, Signer, TrustMaterial, Verified, Verifier, Workflow, bundle,
};

/// A bundle v0.3 by Fulcio and Rekor v1: certificate with one SCT, promise, inclusion proof, checkpoint.
const BUNDLE: &[u8] = include_bytes!("../../../fuzz/base/rekor1.sigstore.json");
const BLOB: &[u8] = include_bytes!("../../../fuzz/base/a.txt");
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/\
    .github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// What the bundle calls for, with the length of what is signed: nothing of it can be left out.
const CHECKS: &[(&str, Curve, usize)] = &[
    ("leaf by the intermediate", Curve::P384, 1_979),
    ("intermediate by the root", Curve::P384, 421),
    ("certificate timestamp", Curve::P256, 1_890),
    ("log promise", Curve::P256, 5_722),
    ("checkpoint", Curve::P256, 95),
    ("artifact", Curve::P256, BLOB.len()),
];

#[derive(Clone, Copy)]
enum Curve {
    P256,
    P384,
}

/// A signature check as the bundle has it. Key and message are made here; only kind and length weigh.
struct Check {
    algorithm: &'static EcdsaVerificationAlgorithm,
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Check {
    fn new(curve: Curve, length: usize) -> Self {
        let (signing, algorithm): (&'static EcdsaSigningAlgorithm, _) = match curve {
            Curve::P256 => (&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P256_SHA256_ASN1),
            Curve::P384 => (&ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1),
        };
        let pair = EcdsaKeyPair::generate(signing).unwrap();
        let message = vec![b'x'; length];
        let signature = pair.sign(&SystemRandom::new(), &message).unwrap().as_ref().to_vec();
        Self { algorithm, key: pair.public_key().as_ref().to_vec(), message, signature }
    }

    fn run(&self) {
        UnparsedPublicKey::new(self.algorithm, &self.key).verify(black_box(&self.message), &self.signature).unwrap();
    }
}

fn sigward(json: &[u8], material: &TrustMaterial, requirements: &Requirements) -> Verified {
    let entity = bundle::parse(json, ChainPolicy::Reject).unwrap();
    let artifact = Artifact::from_bytes(BLOB, &entity.needs(None, None).unwrap()).unwrap();
    Verifier::new(material, requirements).verify(&entity, &artifact, jiff::Timestamp::UNIX_EPOCH).unwrap()
}

fn verification(c: &mut Criterion) {
    let mut group = c.benchmark_group("bundle");

    let checks: Vec<_> = CHECKS.iter().map(|(_, curve, length)| Check::new(*curve, *length)).collect();
    group.bench_function("signature checks alone", |b| b.iter(|| checks.iter().for_each(Check::run)));

    let material = TrustMaterial::from_trusted_root(SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes()).unwrap();
    let identity =
        Identity { subject: Matcher::exact(IDENTITY), issuer: Matcher::exact(ISSUER), workflow: Workflow::default() };
    let requirements = Requirements::new(Signer::Keyless(vec![identity]));
    group.bench_function("sigward", |b| b.iter(|| sigward(black_box(BUNDLE), &material, &requirements)));

    let root = TrustedRoot::from_json(SIGSTORE_PRODUCTION_TRUSTED_ROOT).unwrap();
    let verifier = SigstoreVerifier::new(&root).unwrap();
    let policy = VerificationPolicy::new(IDENTITY, ISSUER);
    let text = std::str::from_utf8(BUNDLE).unwrap();
    group.bench_function("sigstore-verify", |b| {
        b.iter(|| {
            let bundle = Bundle::from_json(black_box(text)).unwrap();
            verifier.verify(BLOB, &bundle, &policy).unwrap()
        });
    });
    group.finish();
}

fn parts(c: &mut Criterion) {
    let mut group = c.benchmark_group("part");
    group.bench_function("parse", |b| b.iter(|| bundle::parse(black_box(BUNDLE), ChainPolicy::Reject).unwrap()));
    group.bench_function("trusted root", |b| {
        b.iter(|| TrustMaterial::from_trusted_root(black_box(SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes())).unwrap());
    });
    for (name, curve, length) in CHECKS {
        let check = Check::new(*curve, *length);
        group.bench_function(*name, |b| b.iter(|| check.run()));
    }
    group.finish();
}

criterion_group!(benches, verification, parts);
criterion_main!(benches);
