//! Authorities that want attestations, policies over them, and policies over all authorities.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[macro_use]
mod bench;

use std::collections::BTreeMap;

use bench::images::SLSA;
use bench::{Bench, NAME, by_identity, by_jane, by_key, policy, with};
use serde_json::{Value, json};
use sigward_policy::Reason;
use sigward_testkit::image_evidence::{SIGN_PREDICATE, referrer};
use sigward_testkit::{EvidenceLayer, IDENTITY, ISSUER, Key, Leaf, Signed};

const CUSTOM: &str = "https://cosign.sigstore.dev/attestation/v1";
const VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";

fn attested(bench: &Bench, predicate_type: &str, predicate: Value) -> Signed {
    let image = &bench.world.image;
    bench.world.sigstore.attest_image(NAME, image, (predicate_type, predicate), Leaf::default())
}

fn by_tag(bench: &mut Bench, attestations: &[(&str, Value)]) {
    let signed = attestations.iter().map(|(kind, predicate)| attested(bench, kind, predicate.clone()));
    let layers: Vec<_> = signed.map(|signed| EvidenceLayer::of(&signed)).collect();
    bench.world.attest(&layers);
}

fn by_bundle(bench: &mut Bench, predicate_type: &str, predicate: Value) {
    let image = bench.world.image.clone();
    let signed = attested(bench, predicate_type, predicate);
    bench.world.refer(&referrer(&image, &signed.bundle_v03(), predicate_type));
}

/// An attestation of this type, with a policy over it.
fn wanted(name: &str, predicate_type: &str, language: &str, text: &str) -> Value {
    let policy = json!({"type": language, "data": text});
    match text {
        "" => json!({"name": name, "predicateType": predicate_type}),
        _ => json!({"name": name, "predicateType": predicate_type, "policy": policy}),
    }
}

fn wanting(authority: Value, attestations: &[Value]) -> Value {
    with(authority, json!({"attestations": attestations}))
}

#[test]
fn an_attestation_in_either_form() {
    let cue = "predicate: Data: \"good\"";
    for (format, tag, bundle, admitted) in [
        ("", true, false, true),
        ("", false, true, true),
        ("legacy", true, false, true),
        ("legacy", false, true, false),
        ("bundle", true, false, false),
        ("bundle", false, true, true),
        ("", false, false, false),
    ] {
        let authority =
            with(wanting(by_jane(), &[wanted("x", "custom", "cue", cue)]), json!({"signatureFormat": format}));
        let mut bench = Bench::new().authority(authority);
        if tag {
            by_tag(&mut bench, &[(CUSTOM, json!({"Data": "good"}))]);
        }
        if bundle {
            by_bundle(&mut bench, CUSTOM, json!({"Data": "good"}));
        }
        let verdict = bench.review();
        assert_eq!(verdict.is_allowed(), admitted, "{format:?} {tag} {bundle}: {:?}", verdict.message());
        if !admitted {
            bench
                .assert_denied(Reason::AttestationMissing, "attestation keyless validation failed for authority a for");
            bench.assert_denied(Reason::AttestationMissing, "no matching attestations: ");
        }
    }
}

#[test]
fn the_order_of_what_is_said() {
    let data = json!({"Data": "bad"});
    let mut bench = Bench::new();
    by_tag(&mut bench, &[(CUSTOM, data.clone()), (VULN, json!({}))]);
    let mut check = |authority: Value, reason, words: &str| {
        bench.policies = vec![policy("p", &[authority])];
        bench.assert_denied(reason, words);
    };
    check(
        wanting(by_jane(), &[wanted("x", SLSA, "", "")]),
        Reason::AttestationMissing,
        &format!(
            "no matching attestations with type {SLSA}, checked the following predicateTypes: \"{CUSTOM},{VULN}\""
        ),
    );
    check(
        wanting(
            by_jane(),
            &[wanted(
                "custom-match-predicate",
                CUSTOM,
                "rego",
                "package sigstore\nisCompliant { input.predicate.Data == \"good\" }",
            )],
        ),
        Reason::PolicyRefused,
        "failed evaluating rego policy for type custom-match-predicate: policy is not compliant for query",
    );
    check(
        wanting(by_jane(), &[wanted("x", CUSTOM, "cue", "predicate: Data: \"good\"")]),
        Reason::PolicyRefused,
        "failed evaluating cue policy for x: failed to evaluate the policy with error: predicate.Data: conflicting values",
    );
    check(
        wanting(by_jane(), &[wanted("x", CUSTOM, "cue", "predicate: \"")]),
        Reason::PolicyRefused,
        "failed evaluating cue policy for x: failed to compile the cue policy with error: ",
    );
    check(
        wanting(by_jane(), &[wanted("x", CUSTOM, "lua", "1")]),
        Reason::PolicyBroken,
        "sorry Type lua is not supported yet",
    );
    check(
        wanting(by_identity("eve@example.com"), &[wanted("x", CUSTOM, "", "")]),
        Reason::AttestationMissing,
        "none of the expected identities matched what was in the certificate",
    );
}

/// All of them, and each may be in another place.
#[test]
fn each_wanted_attestation_is_needed() {
    let both = wanting(by_jane(), &[wanted("x", "custom", "", ""), wanted("y", "vuln", "", "")]);
    let mut bench = Bench::new().authority(both);
    by_tag(&mut bench, &[(CUSTOM, json!({}))]);
    bench.assert_denied(Reason::AttestationMissing, "no matching attestations with type vuln");
    by_bundle(&mut bench, VULN, json!({}));
    bench.assert_admitted();
}

/// An old scan does not hide a new one, wherever it stands.
#[test]
fn all_attestations_of_a_type_are_judged() {
    let cue = "predicate: Data: \"good\"";
    let authority = wanting(by_jane(), &[wanted("x", "custom", "cue", cue)]);
    let mut bench = Bench::new().authority(authority.clone());
    by_tag(&mut bench, &[(CUSTOM, json!({"Data": "bad"})), (CUSTOM, json!({"Data": "good"}))]);
    bench.assert_admitted();
    let mut bench = Bench::new().authority(authority);
    by_tag(&mut bench, &[(CUSTOM, json!({"Data": "bad"}))]);
    by_bundle(&mut bench, CUSTOM, json!({"Data": "good"}));
    bench.assert_admitted();
}

/// CVE-2022-35930: an attestation of another type, or by somebody else, is none.
#[test]
fn attack_cve_2022_35930_an_attestation_of_another_type() {
    let mut bench = Bench::new().authority(wanting(by_jane(), &[wanted("x", "vuln", "", "")]));
    by_tag(&mut bench, &[(CUSTOM, json!({})), (SLSA, json!({}))]);
    bench.assert_denied(Reason::AttestationMissing, "no matching attestations with type vuln");
}

/// PR #1971: with `enable-oci11`, policy-controller takes any envelope that refers to the image, unverified.
#[test]
fn attack_an_unverified_envelope_among_referrers() {
    let mut bench = Bench::new().authority(wanting(by_jane(), &[wanted("x", "custom", "", "")]));
    let image = bench.world.image.clone();
    let eve = Leaf::email("eve@example.com");
    let forged = bench.world.sigstore.attest_image(NAME, &image, (CUSTOM, json!({})), eve);
    bench.world.refer(&referrer(&image, &forged.bundle_v03(), CUSTOM));
    bench.assert_denied(Reason::AttestationMissing, "none of the expected identities matched");
}

/// GitHub's own policies: a TrustRoot with a timestamp authority and no log, and no certificate transparency; and those
/// for the public instance, whose newer log knows no time.
#[test]
fn bundles_without_a_log_and_of_a_newer_log() {
    let mut own = wanting(bench::by_jane_of("github"), &[wanted("x", SLSA, "cue", "predicate: _")]);
    own["keyless"]["insecureIgnoreSCT"] = json!(true);
    own["signatureFormat"] = json!("bundle");
    own["rfc3161timestamp"] = json!({"trustRootRef": "github"});
    let mut bench = Bench::new().authority(own);
    let image = bench.world.image.clone();
    let root = bench.world.sigstore.trusted_root();
    let github = sigward_testkit::TrustedRoot { tlogs: Vec::new(), ctlogs: Vec::new(), ..root };
    bench.roots.insert("github".into(), github);
    let signed = bench.world.attested(SLSA);
    bench.world.refer(&referrer(&image, &signed.bundle_v03_tsa_only(), SLSA));
    bench.assert_admitted();
    bench.world.forget();
    bench.world.refer(&referrer(&image, &signed.bundle_v03(), SLSA));
    bench.assert_denied(Reason::AttestationMissing, "threshold not met for verified signed timestamps");

    let public = with(wanting(by_jane(), &[wanted("x", SLSA, "", "")]), json!({"signatureFormat": "bundle"}));
    let logged = with(public.clone(), json!({"ctlog": {"url": "https://rekor.sigstore.dev"}}));
    bench.policies = vec![policy("p", &[public]), policy("q", &[logged])];
    bench.assert_admitted();
    bench.world.forget();
    bench.world.refer(&referrer(&image, &signed.bundle_v03_rekor2(), SLSA));
    bench.assert_admitted();
    bench.world.forget();
    bench.world.refer(&referrer(&image, &signed.bundle_v03_tsa_only(), SLSA));
    bench.assert_denied(Reason::AttestationMissing, "not enough verified log entries");
}

/// In CUE a field that is missing is accepted, as policy-controller has it; `policy.sigward.dev/strict` asks for it.
#[test]
fn a_field_that_is_missing() {
    let cue = wanting(by_jane(), &[wanted("x", "custom", "cue", "predicate: approved: true")]);
    let mut strict = policy("p", std::slice::from_ref(&cue));
    strict["metadata"]["annotations"] = json!({"policy.sigward.dev/strict": "true"});
    for (predicate, lax, under_strict) in
        [(json!({"approved": true}), true, true), (json!({}), true, false), (json!({"approved": false}), false, false)]
    {
        let mut bench = Bench::new();
        by_tag(&mut bench, &[(CUSTOM, predicate.clone())]);
        bench.policies = vec![policy("p", std::slice::from_ref(&cue))];
        assert_eq!(bench.review().is_allowed(), lax, "{predicate}");
        bench.policies = vec![strict.clone()];
        let verdict = bench.review();
        assert_eq!(verdict.is_allowed(), under_strict, "{predicate}: {:?}", verdict.message());
        assert!(under_strict || verdict.reasons() == [Reason::PolicyRefused]);
    }
}

/// What is not judged must not be there: a policy that cannot be had, or another document than was meant.
#[test]
fn attack_another_policy_than_was_meant() {
    let reference = |policy| json!({"name": "x", "predicateType": CUSTOM, "policy": policy});
    let remote = json!({"type": "cue", "remote": {"url": "https://policies.test/a.cue",
        "sha256sum": sigward_verify::hex(&sigward_verify::sha256(b"predicate: Data: \"good\""))}});
    let mut bench = Bench::new().authority(wanting(by_jane(), &[reference(remote)]));
    by_tag(&mut bench, &[(CUSTOM, json!({"Data": "good"}))]);
    bench.assert_denied(Reason::PolicyBroken, "policy of x: https://policies.test/a.cue was never had");
    assert!(bench.world.asked().is_empty(), "nobody is asked for what will be refused");
    bench.remotes.insert("https://policies.test/a.cue".into(), b"predicate: Data: \"good\"".to_vec());
    bench.assert_admitted();
    bench.remotes.insert("https://policies.test/a.cue".into(), b"predicate: _".to_vec());
    bench.assert_denied(Reason::PolicyBroken, "failed to check sha256sum from policy remote: ");
    let map = json!({"type": "cue", "configMapRef": {"name": "policies", "key": "a"}});
    bench.policies = vec![policy("p", &[wanting(by_jane(), &[reference(map)])])];
    bench.assert_denied(Reason::PolicyBroken, "configmap \"policies\" not found");
    bench.config_maps.insert("policies".into(), BTreeMap::from([("b".into(), "predicate: _".into())]));
    bench.assert_denied(Reason::PolicyBroken, "configmap \"policies\" does not contain key a");
    bench.config_maps.insert("policies".into(), BTreeMap::from([("a".into(), "predicate: Data: \"good\"".into())]));
    bench.assert_admitted();
    let two = json!({"type": "cue", "data": "predicate: _", "configMapRef": {"name": "policies", "key": "a"}});
    bench.policies = vec![policy("p", &[wanting(by_jane(), &[reference(two)])])];
    bench.assert_denied(Reason::PolicyBroken, "exactly one is allowed");
}

/// A policy that reads the clock is asked in every review, over the statements that were proved once.
#[test]
fn a_policy_that_reads_the_clock_is_asked_again() {
    let rego = "package sigstore\nisCompliant { time.parse_rfc3339_ns(input.predicate.until) > time.now_ns() }";
    let mut bench = Bench::new().authority(wanting(by_jane(), &[wanted("x", "custom", "rego", rego)]));
    by_tag(&mut bench, &[(CUSTOM, json!({"until": "2026-12-01T00:00:00Z"}))]);
    assert!(bench.set().inputs().clock);
    let (set, image) = (bench.set(), bench.world.by_digest());
    let plan = bench.plan(&set, &image);
    let outcomes = bench.gather(&plan);
    assert!(bench.decide(&plan, &outcomes).passes());
    let before = bench.now;
    bench.now = "2026-12-02T00:00:00Z".parse().unwrap();
    assert!(!bench.decide(&plan, &outcomes).passes());
    // What was proved is the same whenever it was gathered: a verdict that the clock makes is no part of it.
    let later = bench.outcome().unwrap();
    bench.now = before;
    assert_eq!(bench.outcome().unwrap(), later);
    bench.now = "2026-12-02T00:00:00Z".parse().unwrap();
    bench.assert_denied(Reason::PolicyRefused, "failed evaluating rego policy for type x");
}

/// specs/policy-controller.md §2.16: a warning is a failure.
#[test]
fn a_warning_of_rego_is_a_failure() {
    let rego = "package sigstore\nisCompliant[r] { r := {\"result\": true, \"error\": \"\", \"warning\": \"old\"} }";
    let mut bench = Bench::new().authority(wanting(by_jane(), &[wanted("x", "custom", "rego", rego)]));
    by_tag(&mut bench, &[(CUSTOM, json!({}))]);
    bench.assert_denied(Reason::PolicyRefused, "failed evaluating rego policy for type x: warning: old");
}

fn over_all(mut object: Value, policy: Value) -> Value {
    object["spec"]["policy"] = policy;
    object
}

/// The document of a policy over all authorities, found out with a policy that says what it must be.
#[test]
fn the_document_of_a_policy_over_all_authorities() {
    let key = Key::default();
    let mut bench = Bench::new();
    let image = bench.world.image.clone();
    let workflow = bench.world.sigstore.sign_image(NAME, &image, Leaf::workflow());
    let keyed = bench.world.signed_with(&key);
    bench.world.sign(&[EvidenceLayer::of(&workflow), EvidenceLayer::unlogged(&keyed)]);
    by_tag(&mut bench, &[(CUSTOM, json!({"Data": "x"}))]);
    bench.configs = Some(Ok([("linux/amd64".to_owned(), json!({"config": {"User": "0"}}).to_string())].into()));
    let named = |name: &str, authority: Value| with(authority, json!({"name": name}));
    let identities = json!([{"issuerRegExp": ".*", "subjectRegExp": ".*"}]);
    let authorities = [
        named("k", by_key(&key)),
        named("w", json!({"keyless": {"url": "https://f", "identities": identities}})),
        named("att", wanting(by_jane(), &[wanted("one", "custom", "", "")])),
        named("s", json!({"static": {"action": "pass"}})),
        named("none", by_key(&Key::default())),
    ];
    let pem = sigward_verify::pem_encode("CERTIFICATE", workflow.cert.as_ref().unwrap());
    let id = sigward_verify::hex(&sigward_verify::sha256(&[workflow.signature.as_slice(), pem.as_bytes()].concat()));
    let key_id = sigward_verify::hex(&sigward_verify::sha256(&keyed.signature));
    let rego = format!(
        r#"package sigstore
isCompliant {{
  m := input.authorityMatches
  {{k | m[k]}} == {{"k", "w", "att", "s"}}
  m.s == {{"static": true}}
  m.k == {{"signatures": [{{"id": "{key_id}"}}]}}
  m.w.signatures[0] == {{"id": "{id}", "issuer": "{GITHUB}", "subject": "{WORKFLOW}", "githubWorkflowTrigger": "push",
    "githubWorkflowSha": "c7b3dfb335f051e1c86bda4c716fac97df62ad81", "githubWorkflowName": "Release",
    "githubWorkflowRepo": "example/project", "githubWorkflowRef": "refs/tags/v1.2.3"}}
  count(m.att) == 1
  count(m.att.attestations) == 1
  m.att.attestations.one[0].predicateType == "custom"
  m.att.attestations.one[0].subject == "{IDENTITY}"
  m.att.attestations.one[0].issuer == "{ISSUER}"
  startswith(m.att.attestations.one[0].digest, "sha256:")
  input.config["linux/amd64"].config.User == "0"
  input.spec.serviceAccount == "default"
  input.metadata.labels.foo == "bar"
  input.typemeta == {{"kind": "Pod", "apiVersion": "v1"}}
}}"#,
        GITHUB = sigward_testkit::ca::GITHUB,
        WORKFLOW = sigward_testkit::ca::WORKFLOW,
    );
    let all = json!({"type": "rego", "data": rego, "fetchConfigFile": true, "includeSpec": true,
        "includeObjectMeta": true, "includeTypeMeta": true});
    bench.policies = vec![over_all(policy("p", &authorities), all)];
    bench.assert_admitted();
    let inputs = bench.set().inputs().object;
    assert!(inputs.configs && inputs.spec && inputs.metadata && inputs.typemeta);
    // What was not asked for is not there.
    bench.configs = None;
    let nothing = "package sigstore\nisCompliant { {k | input[k]} == {\"authorityMatches\"} }";
    bench.policies = vec![over_all(policy("p", &authorities), json!({"type": "rego", "data": nothing}))];
    bench.assert_admitted();
    let cue = json!({"type": "cue", "data": "typemeta: kind: \"Job\"", "includeTypeMeta": true});
    bench.policies = vec![over_all(policy("p", &authorities), cue)];
    bench.assert_denied(
        Reason::PolicyRefused,
        "failed evaluating cue policy for ClusterImagePolicy: failed to evaluate the policy with error: typemeta.kind: conflicting values",
    );
}

/// policy-controller hashes the annotation of an attestation, which is empty: with a key nothing is left to hash.
#[test]
fn the_id_of_an_attestation_by_a_key() {
    let key = Key::default();
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let rego = format!(
        "package sigstore\nisCompliant {{ [a] := input.authorityMatches.a.attestations.x; a.id == \"{empty}\"; \
         {{k | a[k]}} == {{\"id\", \"predicateType\", \"digest\"}} }}"
    );
    let object = policy("p", &[wanting(by_key(&key), &[wanted("x", "custom", "", "")])]);
    let mut bench = Bench::new().policy(over_all(object, json!({"type": "rego", "data": rego})));
    let image = bench.world.image.clone();
    let signed = bench.world.sigstore.attest_image_with_key(NAME, &image, (CUSTOM, json!({})), &key);
    bench.world.attest(&[EvidenceLayer::unlogged(&signed)]);
    bench.assert_admitted();
    let text = "attestation key validation failed for authority a for ";
    bench.policies = vec![policy("p", &[wanting(by_key(&Key::default()), &[wanted("x", "custom", "", "")])])];
    bench.assert_denied(Reason::AttestationMissing, text);
}

/// An image's configuration, read from the registry; without it the policy has no verdict.
#[test]
fn the_configuration_of_the_image() {
    let rego = "package sigstore\nisCompliant { input.config[\"linux/amd64\"].os == \"linux\" }";
    let policy_of = json!({"type": "rego", "data": rego, "fetchConfigFile": true});
    let object = over_all(policy("p", &[json!({"static": {"action": "pass"}})]), policy_of);
    let mut bench = Bench::new().policy(object);
    let (set, image) = (bench.set(), bench.world.by_digest());
    let plan = bench.plan(&set, &image);
    let fetch = |bench: &Bench| {
        let mut inquiry = plan.config_inquiry().unwrap();
        Some(bench.world.drive(&mut inquiry).map_err(|error| error.to_string()))
    };
    bench.configs = fetch(&bench);
    bench.assert_admitted();
    bench.world.change_response("blobs", |response| {
        response.status = 500;
        response.body = b"secret".to_vec();
    });
    bench.configs = fetch(&bench);
    bench.assert_denied(Reason::Unreachable, "unexpected status code 500");
    assert!(!bench.review().message().unwrap().contains("secret"));
    bench.configs = None;
    assert!(!bench.decide(&plan, &[]).passes());
}

/// Whoever may write to the registry must not make two signatures of one.
#[test]
fn attack_a_signature_that_is_there_twice_counts_once() {
    let key = Key::default();
    let two = "package sigstore\nisCompliant { count(input.authorityMatches.a.signatures) >= 2 }";
    let object = over_all(policy("p", &[by_key(&key)]), json!({"type": "rego", "data": two}));
    let mut bench = Bench::new().policy(object);
    let signed = bench.world.signed_with(&key);
    // Signed again: other bytes by the same key over the same payload.
    let again = bench.world.signed_with(&key);
    bench.world.sign(&[signed, again].map(|signed| EvidenceLayer::unlogged(&signed)));
    bench.assert_denied(Reason::PolicyRefused, "policy is not compliant");
    let image = bench.world.image.clone();
    let payload = sigward_testkit::SimpleSigning::new(NAME, &image).annotate("stage", "prod").to_json();
    let other = bench.world.sigstore.sign_blob_with_key(&payload, &key);
    let layers = [bench.world.signed_with(&key), other].map(|signed| EvidenceLayer::unlogged(&signed));
    bench.world.forget();
    bench.world.sign(&layers);
    bench.assert_admitted();
}

/// A policy that counts sees all there is, also where a part would be enough.
#[test]
fn a_policy_that_counts_sees_both_forms() {
    let two = "package sigstore\nisCompliant { count(input.authorityMatches.a.signatures) == 2 }";
    let identities = json!([{"issuerRegExp": ".*", "subjectRegExp": ".*"}]);
    let anybody = json!({"name": "a", "keyless": {"url": "https://f", "identities": identities}});
    let object = over_all(policy("p", &[anybody]), json!({"type": "rego", "data": two}));
    let mut bench = Bench::new().policy(object);
    let signed = bench.world.signed();
    bench.world.sign(&[EvidenceLayer::of(&signed)]);
    let image = bench.world.image.clone();
    let bundle = bench.world.sigstore.sign_image_v3(&image, Leaf::workflow()).bundle_v03();
    bench.world.refer(&referrer(&image, &bundle, SIGN_PREDICATE));
    bench.assert_admitted();
    bench.world.fail("referrers", 503);
    bench.assert_denied(Reason::Unreachable, "unexpected status code 503");
}
