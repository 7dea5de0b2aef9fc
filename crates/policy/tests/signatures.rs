//! Authorities that want signatures: who is let in, who is not, and why.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[macro_use]
mod bench;

use bench::{Bench, NAME, World, by_identity, by_jane, by_jane_of, by_key, with};
use serde_json::json;
use sigward_policy::Reason;
use sigward_policy::config::Oci11;
use sigward_testkit::image_evidence::{SIGN_PREDICATE, referrer};
use sigward_testkit::{Artifact, EvidenceLayer, ISSUER, Key, KeyKind, Leaf, Sigstore};

/// The image with the default leaf's signature under the tag.
fn keyless() -> Bench {
    let mut bench = Bench::new();
    let signed = bench.world.signed();
    bench.world.sign(&[EvidenceLayer::of(&signed)]);
    bench
}

/// The image with a key's signature under the tag, in no log.
fn keyed(key: &Key) -> Bench {
    let mut bench = Bench::new();
    let signed = bench.world.signed_with(key);
    bench.world.sign(&[EvidenceLayer::unlogged(&signed)]);
    bench
}

#[test]
fn a_key() {
    let key = Key::default();
    keyed(&key).authority(by_key(&key)).assert_admitted();
    let stranger = keyed(&Key::default()).authority(by_key(&key));
    stranger.assert_denied(Reason::SignatureMismatch, "no matching signatures");
    let secret = json!({"name": "a", "key": {"secretRef": {"name": "cosign"}}});
    let mut bench = keyed(&key).authority(secret);
    bench.assert_denied(Reason::AuthorityBroken, "secret \"cosign\" not found");
    bench.secrets.insert("cosign".into(), [("cosign.pub".into(), key.public_pem().into_bytes())].into());
    bench.assert_admitted();
    bench.secrets.get_mut("cosign").unwrap().insert("more".into(), Vec::new());
    bench.assert_denied(Reason::AuthorityBroken, "multiple data entries");
}

/// The whole text, as policy-controller 0.15.1 words it (fixtures/admission, pod-create-unsigned-digest).
#[test]
fn the_text_of_a_denial() {
    let bench = Bench::new().authority(by_key(&Key::default()));
    let image = bench.world.by_digest();
    let expected = format!(
        "failed policy: p: spec.containers[0].image\n{image} signature key validation failed for authority a for {image}: \
         no signatures found"
    );
    let verdict = bench.review();
    assert_eq!(verdict.message(), Some(expected.as_str()));
    assert_eq!(verdict.reasons(), [Reason::Unsigned]);
    let tagged = image.replace('@', ":v1@");
    let expected = expected.replacen(&format!("\n{image}"), &format!("\n{tagged}"), 1);
    assert_eq!(bench.review_of(&tagged).message(), Some(expected.as_str()));
}

#[test]
fn a_key_and_its_hash() {
    let key = Key::new(KeyKind::Rsa2048);
    let mut bench = Bench::new();
    let payload = sigward_testkit::SimpleSigning::new(NAME, &bench.world.image).to_json();
    let how = sigward_testkit::How { hash: Some(sigward_testkit::Hash::Sha512), ..Default::default() };
    let signed = bench.world.sigstore.sign_blob_with_key_as(&payload, &key, &how);
    bench.world.sign(&[EvidenceLayer::unlogged(&signed)]);
    let sha512 = json!({"name": "a", "key": {"data": key.public_pem(), "hashAlgorithm": " SHA512 "}});
    bench.policies = vec![bench::policy("p", &[sha512])];
    bench.assert_admitted();
    bench.policies = vec![bench::policy("p", &[by_key(&key)])];
    bench.assert_denied(Reason::SignatureMismatch, "no matching signatures");
}

#[test]
fn an_identity() {
    keyless().authority(by_jane()).assert_admitted();
    let eve = keyless().authority(by_identity("eve@example.com"));
    eve.assert_denied(Reason::SignatureMismatch, "none of the expected identities matched what was in the certificate");
    let of = |identities| json!({"name": "a", "keyless": {"url": "https://f", "identities": identities}});
    let any = json!([{"issuer": "x", "subject": "y"}, {"issuerRegExp": "google", "subjectRegExp": "^jane@.*"}]);
    keyless().authority(of(any)).assert_admitted();
    let text = "signature keyless validation failed for authority a for registry.test/app@sha256:";
    keyless().authority(by_identity("x")).assert_denied(Reason::SignatureMismatch, text);
}

/// cosign 2 could attach its signatures as a referrer; policy-controller looks there with `enable-oci11`.
#[test]
fn signatures_of_cosign_2_among_referrers() {
    let key = Key::default();
    for (oci11, format, admitted) in [
        (Oci11::Off, "", true),
        (Oci11::On, "", true),
        (Oci11::Off, "legacy", false),
        (Oci11::On, "legacy", true),
        (Oci11::Off, "bundle", false),
        (Oci11::On, "bundle", false),
    ] {
        let authority = with(by_key(&key), json!({"signatureFormat": format}));
        let mut bench = Bench::new().authority(authority.clone());
        bench.oci11 = oci11;
        let older = |bench: &Bench, key: &Key| {
            let signed = bench.world.signed_with(key);
            let mut layers = sigward_testkit::image_evidence::evidence(&[EvidenceLayer::unlogged(&signed)]);
            layers.manifest.subject = Some(bench.world.image.descriptor());
            layers.manifest.artifact_type = Some("application/vnd.dev.cosign.artifact.sig.v1+json".to_owned());
            layers
        };
        let signed = older(&bench, &key);
        bench.world.refer(&signed);
        assert_eq!(bench.review().is_allowed(), admitted, "{oci11:?} {format:?}");
        // It is verified like every other.
        bench.world.forget();
        let forged = older(&bench, &Key::default());
        bench.world.refer(&forged);
        assert!(!bench.review().is_allowed(), "{oci11:?} {format:?}");
        // The tag counts as ever.
        bench.world.sign(&[EvidenceLayer::unlogged(&bench.world.signed_with(&key))]);
        assert_eq!(bench.review().is_allowed(), format != "bundle", "{oci11:?} {format:?}");
        // Another setting is another question: what one was told is no answer to the other.
        let key_of = |bench: &Bench| {
            let set = bench.set();
            bench.plan(&set, &bench.world.by_digest()).questions()[0].key(bench).unwrap()
        };
        let before = key_of(&bench);
        bench.oci11 = if oci11 == Oci11::On { Oci11::Off } else { Oci11::On };
        assert_ne!(before, key_of(&bench));
    }
}

/// A bundle is no signature in cosign's own format.
#[test]
fn bundles_where_the_older_format_is_wanted() {
    let key = Key::default();
    let mut bench = Bench::new().authority(with(by_key(&key), json!({"signatureFormat": "legacy"})));
    bench.oci11 = Oci11::On;
    let image = bench.world.image.clone();
    let by_bundle = bench.world.sigstore.sign_image_v3_with_key(&image, &key).bundle_v03();
    bench.world.refer(&referrer(&image, &by_bundle, SIGN_PREDICATE));
    bench.assert_denied(Reason::Unsigned, "no signatures found");
}

/// Nobody is not everybody.
#[test]
fn attack_keyless_without_identities() {
    for identities in [json!([]), json!(null), json!([{"issuer": ISSUER}]), json!([{}])] {
        let authority = json!({"name": "a", "keyless": {"url": "https://f", "identities": identities}});
        keyless().authority(authority).assert_denied(Reason::AuthorityBroken, "authority a: ");
    }
}

#[test]
fn bundles_in_both_kinds() {
    let key = Key::default();
    let mut bench = Bench::new();
    let image = bench.world.image.clone();
    let signed = bench.world.sigstore.sign_image_v3(&image, Leaf::default()).bundle_v03();
    bench.world.refer(&referrer(&image, &signed, SIGN_PREDICATE));
    let by_bundle = bench.world.sigstore.sign_image_v3_with_key(&image, &key).bundle_v03();
    bench.world.refer(&referrer(&image, &by_bundle, SIGN_PREDICATE));
    for authority in [by_jane(), by_key(&key)] {
        for (format, admitted) in [("", true), ("bundle", true), ("legacy", false)] {
            let authority = with(authority.clone(), json!({"signatureFormat": format}));
            bench.policies = vec![bench::policy("p", &[authority])];
            if admitted {
                bench.assert_admitted();
            } else {
                bench.assert_denied(Reason::Unsigned, "no signatures found");
            }
        }
    }
    let two = json!([{"issuer": "x", "subject": "y"}, {"issuer": ISSUER, "subject": "jane@example.com"}]);
    let many = json!({"name": "a", "signatureFormat": "bundle", "keyless": {"url": "https://f", "identities": two}});
    bench.policies = vec![bench::policy("p", &[many])];
    bench.assert_admitted();
}

#[test]
fn bundle_alone_looks_at_no_tag() {
    let authority = with(by_jane(), json!({"signatureFormat": "bundle"}));
    let bench = keyless().authority(authority);
    bench.assert_denied(Reason::Unsigned, "no signatures found");
    assert!(bench.world.paths().iter().all(|path| !path.ends_with(".sig")), "{:?}", bench.world.paths());
}

/// A statement that somebody signed says something about the image, and not that it may run.
#[test]
fn attack_an_attestation_is_no_signature() {
    let mut bench = Bench::new().authority(by_jane());
    let image = bench.world.image.clone();
    let signed = bench.world.attested(bench::images::SLSA);
    bench.world.refer(&referrer(&image, &signed.bundle_v03(), bench::images::SLSA));
    bench.world.attest(&[EvidenceLayer::of(&signed)]);
    bench.assert_denied(Reason::SignatureMismatch, "an image signature is required");
}

/// A statement beside a signature adds nothing to what is counted.
#[test]
fn attack_an_attestation_is_not_counted_as_a_signature() {
    let mut bench = Bench::new().authority(with(by_jane(), json!({"signatureFormat": "bundle"})));
    let image = bench.world.image.clone();
    let attested = bench.world.attested(bench::images::SLSA).bundle_v03();
    bench.world.refer(&referrer(&image, &attested, bench::images::SLSA));
    let signed = bench.world.sigstore.sign_image_v3(&image, Leaf::default()).bundle_v03();
    bench.world.refer(&referrer(&image, &signed, SIGN_PREDICATE));
    assert_eq!(bench.outcome().unwrap().signatures().len(), 1);
}

/// policy-controller does not look at the log where `ctlog: {}` stands [BUG, PR #1923].
#[test]
fn attack_an_empty_ctlog_waives_no_log() {
    for ctlog in [json!({}), json!({"url": ""}), json!(null)] {
        let authority = with(by_jane(), json!({"ctlog": ctlog}));
        keyless().authority(authority.clone()).assert_admitted();
        let mut bench = Bench::new().authority(authority);
        let signed = bench.world.signed();
        bench.world.sign(&[EvidenceLayer::unlogged(&signed)]);
        bench.assert_denied(Reason::SignatureMismatch, "offline verification failed");
    }
}

/// policy-controller asks for no log where `keyless.trustRootRef` stands without `ctlog`: a certificate of ten minutes
/// would count for ever.
#[test]
fn attack_a_trust_root_waives_no_log() {
    let mut bench = Bench::new().authority(by_jane_of("own"));
    let whole = bench.world.sigstore.trusted_root();
    let signed = bench.world.signed();
    let layers = [EvidenceLayer::of(&signed), EvidenceLayer::unlogged(&signed), EvidenceLayer::stamped(&signed)];
    let [logged, unlogged, stamped] = layers;
    let stamped = stamped.without("dev.sigstore.cosign/bundle");
    let no_logs = sigward_testkit::TrustedRoot { tlogs: Vec::new(), ..whole.clone() };
    let neither = sigward_testkit::TrustedRoot { tsas: Vec::new(), ..no_logs.clone() };
    bench.assert_denied(Reason::TrustMissing, "trustRootRef own not found");
    for (root, layer, admitted) in [
        (&whole, &logged, true),
        (&no_logs, &stamped, true),
        (&no_logs, &unlogged, false),
        (&neither, &stamped, false),
        (&neither, &logged, false),
    ] {
        bench.roots.insert("own".into(), root.clone());
        bench.world.forget();
        bench.world.sign(std::slice::from_ref(layer));
        let verdict = bench.review();
        assert_eq!(verdict.is_allowed(), admitted, "{:?} {:?}", verdict.message(), layer.annotations.keys());
    }
    bench.assert_denied(Reason::TrustMissing, "neither a transparency log nor a timestamp authority");
    // An entry that did not come along is looked up in the root's own log, and must be there.
    bench.roots.insert("own".into(), whole);
    bench.world.forget();
    bench.world.sign(&[unlogged]);
    bench.assert_admitted();
    let asked = bench.world.asked();
    assert!(asked.iter().any(|need| need.url.starts_with("https://rekor.sigstore.test/")), "{asked:?}");
}

/// policy-controller reads `keyless.ca-cert` and trusts the public authority all the same [BUG].
#[test]
fn attack_a_given_authority_is_the_only_one() {
    let own = Sigstore::new();
    let mut authority = by_jane_of("own");
    authority["keyless"].as_object_mut().unwrap().remove("url");
    authority["keyless"]["ca-cert"] = json!({"data": own.root_pem()});
    let mut bench = keyless().authority(authority);
    // Everything but the authority is that of the signature.
    let root = bench.world.sigstore.trusted_root();
    bench.roots.insert("own".into(), root);
    bench.assert_denied(Reason::SignatureMismatch, "no matching signatures");
    let mut same = by_jane();
    same["keyless"]["ca-cert"] = json!({"data": bench.world.sigstore.root_pem()});
    bench.policies = vec![bench::policy("p", &[same.clone()])];
    bench.assert_admitted();
    same["keyless"]["ca-cert"] = json!({"data": Key::default().public_pem()});
    bench.policies = vec![bench::policy("p", &[same])];
    bench.assert_denied(Reason::AuthorityBroken, "keyless.ca-cert must be the certificate of the authority");
}

#[test]
fn a_key_and_a_log() {
    let key = Key::default();
    let logged = |ctlog| with(by_key(&key), json!({"ctlog": ctlog}));
    // In the log: looked up where the policy says.
    let url = json!({"url": "https://rekor.example"});
    let bench = keyed(&key).authority(logged(url.clone()));
    bench.assert_admitted();
    assert!(bench.world.asked().iter().any(|need| need.url.starts_with("https://rekor.example/")));
    // Not in the log.
    let mut bench = keyed(&key).authority(logged(url));
    let other = World::new();
    let signed = other.sigstore.sign_image_with_key(NAME, &bench.world.image, &key);
    bench.world.forget();
    bench.world.sign(&[EvidenceLayer::unlogged(&signed)]);
    bench.assert_denied(Reason::SignatureMismatch, "searching log query");
    // A TrustRoot's log, at the address of its last one.
    let mut bench = keyed(&key).authority(logged(json!({"trustRootRef": "own", "url": "https://rekor.example"})));
    let mut root = bench.world.sigstore.trusted_root();
    root.tlogs.reverse();
    bench.roots.insert("own".into(), root.clone());
    bench.public = None;
    bench.assert_admitted();
    assert!(bench.world.asked().iter().any(|need| need.url.starts_with("https://rekor.sigstore.test/")));
    // A log of somebody else vouches for nothing.
    root.tlogs = Sigstore::new().trusted_root().tlogs;
    bench.roots.insert("own".into(), root.clone());
    bench.assert_denied(Reason::SignatureMismatch, "no matching signatures");
    root.tlogs.clear();
    bench.roots.insert("own".into(), root);
    bench.assert_denied(Reason::TrustMissing, "no trusted rekor public keys provided");
}

/// policy-controller takes a signature without a timestamp where one is asked for.
#[test]
fn attack_a_timestamp_that_is_asked_for_is_needed() {
    let key = Key::default();
    let authority = with(by_key(&key), json!({"rfc3161timestamp": {"trustRootRef": "tsa"}}));
    let mut bench = Bench::new().authority(authority);
    let root = bench.world.sigstore.trusted_root();
    bench.roots.insert("tsa".into(), root.clone());
    let signed = bench.world.signed_with(&key);
    bench.world.sign(&[EvidenceLayer::unlogged(&signed)]);
    bench.assert_denied(Reason::SignatureMismatch, "threshold not met for verified signed timestamps");
    bench.world.forget();
    bench.world.sign(&[EvidenceLayer::stamped(&signed).without("dev.sigstore.cosign/bundle")]);
    bench.assert_admitted();
    let others = sigward_testkit::TrustedRoot { tsas: Sigstore::new().trusted_root().tsas, ..root.clone() };
    bench.roots.insert("tsa".into(), others);
    bench.assert_denied(Reason::SignatureMismatch, "threshold not met for verified signed timestamps");
    bench.roots.insert("tsa".into(), sigward_testkit::TrustedRoot { tsas: Vec::new(), ..root });
    bench.assert_denied(Reason::TrustMissing, "no TSA root certificate(s) provided");
}

/// A log that the policy names is needed beside the timestamp; policy-controller forgets it.
#[test]
fn attack_a_timestamp_waives_no_log_that_is_named() {
    let more = json!({"rfc3161timestamp": {"trustRootRef": "own"}, "ctlog": {"trustRootRef": "own"}});
    let mut bench = Bench::new().authority(with(by_jane_of("own"), more));
    let mut root = bench.world.sigstore.trusted_root();
    let signed = bench.world.signed();
    bench.roots.insert("own".into(), root.clone());
    bench.world.sign(&[EvidenceLayer::stamped(&signed)]);
    bench.assert_admitted();
    root.tlogs = Sigstore::new().trusted_root().tlogs;
    bench.roots.insert("own".into(), root);
    bench.assert_denied(Reason::SignatureMismatch, "no matching signatures");
}

#[test]
fn certificate_transparency_is_waived_by_the_policy_alone() {
    let mut bench = Bench::new().authority(by_jane());
    let leaf = Leaf { scts: Vec::new(), ..Leaf::default() };
    let signed = bench.world.sigstore.sign_image(NAME, &bench.world.image, leaf);
    bench.world.sign(&[EvidenceLayer::of(&signed)]);
    bench.assert_denied(Reason::SignatureMismatch, "certificate does not include required embedded SCT");
    let mut authority = by_jane();
    authority["keyless"]["insecureIgnoreSCT"] = json!(true);
    bench.policies = vec![bench::policy("p", &[authority])];
    bench.assert_admitted();
    assert_eq!(bench.outcome().unwrap().waivers().collect::<Vec<_>>(), ["--insecure-ignore-sct"]);
}

#[test]
fn another_repository_and_a_prefix() {
    let key = Key::default();
    let source = json!([{"oci": "signatures.test/all", "tagPrefix": "prod-",
        "signaturePullSecrets": [{"name": "one"}, {"name": "two"}]}]);
    let mut bench = keyed(&key).authority(with(by_key(&key), json!({"source": source})));
    bench.assert_denied(Reason::Unsigned, "no signatures found");
    let signed = bench.world.signed_with(&key);
    let manifest = sigward_testkit::image_evidence::evidence(&[EvidenceLayer::unlogged(&signed)]);
    let tag = format!("prod-{}", bench.world.image.attachment_tag("sig"));
    bench.world.at("signatures.test/all").push_tag(&tag, &manifest);
    bench.assert_admitted();
    let set = bench.set();
    let plan = bench.plan(&set, &bench.world.by_digest());
    let secrets = sigward_policy::resolve::Credentials::Secrets(vec!["one".into(), "two".into()]);
    assert_eq!(plan.questions()[0].credentials(), &secrets);
    assert_eq!(plan.questions()[0].place().to_string(), "signatures.test/all");
}

/// It would be a part of the path of a request.
#[test]
fn attack_a_prefix_leads_nowhere_else() {
    let key = Key::default();
    for prefix in ["../../other/manifests/", "a?b", "a#", "%2e"] {
        let source = json!({"source": [{"tagPrefix": prefix}]});
        let bench = keyed(&key).authority(with(by_key(&key), source));
        bench.assert_denied(Reason::AuthorityBroken, "cannot stand in a tag");
    }
}

/// The texts of policy-controller's own table (validator_test.go, TestValidatePolicy).
#[test]
fn authorities_that_name_nobody() {
    for (authority, words) in [
        (json!({"name": "a", "key": {}}), "there are no public keys for authority a"),
        (json!({"name": "a"}), "authority has neither key, keyless, or static specified"),
        (json!({"key": {"data": "x"}}), "authority authority-0: "),
        (json!({"name": "a", "key": {}, "static": {"action": "pass"}}), "failed to process authority: a"),
        (json!({"name": "a", "static": {"action": "perhaps"}}), "authority a: unsupported action \"perhaps\""),
        (json!({"name": "a", "static": {}}), "authority a: unsupported action \"\""),
    ] {
        Bench::new().authority(authority).assert_denied(Reason::AuthorityBroken, words);
    }
    let silent = Bench::new().authority(json!({"name": "a", "static": {"action": "fail"}}));
    silent.assert_denied(Reason::StaticFail, "disallowed by static policy: ");
}

#[test]
fn what_is_not_supported_is_said() {
    let kms = json!({"name": "a", "key": {"kms": "awskms:///arn:aws:kms:eu-west-1:1:key/x"}});
    let bench = Bench::new().authority(kms);
    bench.assert_denied(
        Reason::AuthorityUnsupported,
        "authority a: a key in a key management service (key.kms) is not supported",
    );
    assert!(bench.world.asked().is_empty());
}

/// A second image by the same registry: a proof of one is none of the other.
#[test]
fn attack_a_signature_of_another_image() {
    let key = Key::default();
    let mut bench = keyed(&key).authority(by_key(&key));
    let other = Artifact::image("other");
    let layer = EvidenceLayer::unlogged(&bench.world.sigstore.sign_image_with_key(NAME, &other, &key));
    bench.world.forget();
    bench.world.sign(&[layer]);
    bench.assert_denied(Reason::SignatureMismatch, "invalid or missing digest in claim");
}
