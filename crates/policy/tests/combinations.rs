//! Policies together: all of them must hold, one authority of each is enough, and whatever goes wrong denies.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[macro_use]
mod bench;

use std::sync::Arc;

use bench::images::unreachable;
use bench::{Bench, FIELD, by_identity, by_jane, by_key, levels, policy, with};
use serde_json::{Value, json};
use sigward_policy::Reason;
use sigward_policy::config::NoMatch;
use sigward_policy::decide::{AuthorityOutcome, NotGathered, Verdict};
use sigward_policy::field_error::Level;
use sigward_policy::plan::Firmness;
use sigward_policy::resolve::{PolicySet, ResolvedPolicy};
use sigward_testkit::{Artifact, EvidenceLayer, Key, Leaf};

fn pass() -> Value {
    json!({"name": "pass", "static": {"action": "pass"}})
}

fn fail() -> Value {
    json!({"name": "fail", "static": {"action": "fail", "message": "no"}})
}

fn warning(object: Value) -> Value {
    mode(object, "warn")
}

fn mode(mut object: Value, mode: &str) -> Value {
    object["spec"]["mode"] = json!(mode);
    object
}

#[test]
fn all_policies_and_one_authority_of_each() {
    let bench = |policies: Vec<Value>| policies.into_iter().fold(Bench::new(), Bench::policy);
    bench(vec![policy("a", &[fail(), pass()])]).assert_admitted();
    bench(vec![policy("a", &[pass()]), policy("b", &[pass()])]).assert_admitted();
    let one_fails = bench(vec![policy("a", &[pass()]), policy("b", &[fail()])]);
    one_fails.assert_denied(Reason::StaticFail, "failed policy: b: spec.containers[0].image");
    one_fails.assert_denied(Reason::StaticFail, "disallowed by static policy: no");
}

/// One authority is enough, and the others are not even asked where a fixed answer is enough.
#[test]
fn a_fixed_answer_asks_nobody() {
    let mut bench = Bench::new().policy(policy("a", &[by_jane(), pass()]));
    bench.public = None;
    bench.assert_admitted();
    let set = bench.set();
    assert!(bench.plan(&set, &bench.world.by_digest()).questions().is_empty());
}

/// In policy-controller a policy that only warns can turn the error of another one into a warning [BUG, §2.7].
#[test]
fn attack_a_warning_hides_no_error() {
    for names in [["a", "b"], ["b", "a"]] {
        let (warns, denies) = (warning(policy(names[0], &[fail()])), policy(names[1], &[fail()]));
        let bench = Bench::new().policy(warns).policy(denies);
        let verdict = bench.review();
        let image = bench.world.by_digest();
        let expected = format!("failed policy: {}: {FIELD}\n{image} disallowed by static policy: no", names[1]);
        assert_eq!(verdict.message(), Some(expected.as_str()));
        let warnings =
            [format!("failed policy: {}: {FIELD}", names[0]), format!("{image} disallowed by static policy: no")];
        assert_eq!(verdict.warnings(), warnings);
    }
    let verdict = Bench::new().policy(warning(policy("a", &[fail()]))).review();
    assert!(verdict.is_allowed());
    assert!(verdict.reasons().is_empty());
    assert!(verdict.warnings()[0].starts_with("failed policy: a"));
}

/// policy-controller admits what a policy without authorities is for [BUG, §2.7].
#[test]
fn attack_a_policy_without_authorities() {
    let bench = Bench::new().policy(policy("a", &[]));
    bench.assert_denied(Reason::NoAuthorities, "failed to process policy: a");
    let over_all = json!({"type": "cue", "data": "authorityMatches: _"});
    let mut object = policy("a", &[]);
    object["spec"]["policy"] = over_all;
    Bench::new().policy(object).assert_denied(Reason::NoAuthorities, "failed to process policy: a");
}

#[test]
fn images_that_no_policy_is_for() {
    let mut bench = Bench::new();
    bench.assert_denied(
        Reason::NoMatchingPolicy,
        &format!("no matching policies: {FIELD}\n{}", bench.world.by_digest()),
    );
    bench.no_match = NoMatch::Warn;
    let verdict = bench.review();
    assert!(verdict.is_allowed());
    assert_eq!(verdict.warnings(), [format!("no matching policies: {FIELD}"), bench.world.by_digest()]);
    bench.no_match = NoMatch::Allow;
    bench.assert_admitted();
}

/// Before any policy: what is run by a tag is not what was judged (§2.4).
#[test]
fn names_that_are_no_digests() {
    let mut bench = Bench::new().policy(policy("a", &[pass()]));
    let localhost = format!("localhost/app@sha256:{}", "0".repeat(64));
    for no_match in [NoMatch::Deny, NoMatch::Allow] {
        bench.no_match = no_match;
        for (image, reason, text) in [
            ("registry.test/app:v1", Reason::NotADigest, "invalid value: registry.test/app:v1 must be an image digest"),
            ("other.test/app", Reason::NotADigest, "invalid value: other.test/app must be an image digest"),
            ("in@valid", Reason::ReferenceInvalid, "could not parse reference: in@valid"),
            ("", Reason::ReferenceInvalid, "could not parse reference: "),
            // The kubelet would pull it from the node's own registry, whatever is said of Docker Hub's.
            (
                &localhost,
                Reason::ReferenceInvalid,
                &format!(
                    "could not parse reference: {localhost}: localhost without a port is a host for the kubelet alone"
                ),
            ),
        ] {
            let verdict = bench.review_of(image);
            assert_eq!(verdict.message(), Some(format!("{text}: {FIELD}").as_str()));
            assert_eq!(verdict.reasons(), [reason]);
        }
    }
}

/// Host names have no case: `REGISTRY.test/app` is the image that the policy is for.
#[test]
fn attack_a_host_in_upper_case() {
    let mut bench = Bench::new().policy(policy("a", &[fail()]));
    bench.no_match = NoMatch::Allow;
    let verdict = bench.review_of(&bench.world.by_digest().replace("registry", "REGISTRY"));
    assert_eq!(verdict.reasons(), [Reason::StaticFail]);
}

#[test]
fn objects_that_a_policy_is_for() {
    let mut bench = Bench::new();
    bench.no_match = NoMatch::Allow;
    let selecting = |selector: Value| {
        let mut object = policy("a", &[fail()]);
        object["spec"]["match"] = json!([{"group": "", "version": "v1", "resource": "pods", "selector": selector}]);
        object
    };
    for (selector, reasons) in [
        (json!(null), &[Reason::StaticFail][..]),
        (json!({"matchLabels": {"foo": "bar"}}), &[Reason::StaticFail]),
        (json!({"matchLabels": {"foo": "other"}}), &[]),
        (json!({"matchExpressions": [{"key": "foo", "operator": "Nonsense"}]}), &[Reason::MatchBroken]),
    ] {
        bench.policies = vec![selecting(selector.clone())];
        assert_eq!(bench.review().reasons(), reasons, "{selector}");
        assert_eq!(bench.set().inputs().labels, !selector.is_null());
    }
    bench.assert_denied(Reason::MatchBroken, "policy with wrong match label selector: \"Nonsense\" is not");
    bench.kind = ("batch/v1", "Job");
    assert!(bench.review().is_allowed());
}

/// It would be obeyed by letting everything through.
#[test]
fn attack_a_policy_for_no_image() {
    for spec in
        [json!(null), json!({}), json!({"images": [], "authorities": [pass()]}), json!({"authorities": [pass()]})]
    {
        let object = with(policy("b", &[pass()]), json!({"spec": spec}));
        let bench = Bench::new().policy(policy("a", &[pass()])).policy(object);
        bench.assert_denied(Reason::MatchBroken, "missing field(s): spec.images");
    }
}

/// With a misspelled resource it would be for nothing, and its images would be left to what no policy is for. The webhook
/// refuses such a policy; it is stored where the webhook was not there in time.
#[test]
fn attack_policy_for_a_resource_that_is_none() {
    let mut object = policy("b", &[fail()]);
    object["spec"]["match"] = json!([{"group": "", "version": "v1", "resource": "pod"}]);
    let mut bench = Bench::new().policy(object);
    bench.no_match = NoMatch::Allow;
    bench.assert_denied(Reason::MatchBroken, "invalid value: pod: spec.match[0].resource\nunsupported resource name");
}

/// Whoever asks for evidence beside a fixed answer means one of them: not that the evidence is passed over.
#[test]
fn attack_fixed_answer_beside_evidence_that_is_asked_for() {
    for (field, value) in [
        ("attestations", json!([{"name": "a", "predicateType": "https://slsa.dev/provenance/v1"}])),
        ("source", json!([{"tagPrefix": "a-"}])),
        ("ctlog", json!({})),
        ("rfc3161timestamp", json!({})),
    ] {
        let mut authority = pass();
        authority[field] = value;
        let bench = Bench::new().policy(policy("b", &[authority]));
        bench.assert_denied(Reason::AuthorityBroken, "static");
    }
}

/// It would see no object, and CUE rejects nothing that is not there.
#[test]
fn attack_policy_of_an_attestation_that_wants_to_see_the_object() {
    for input in ["fetchConfigFile", "includeSpec", "includeObjectMeta", "includeTypeMeta"] {
        let mut authority = by_jane();
        authority["attestations"] = json!([{"name": "a", "predicateType": "https://slsa.dev/provenance/v1",
            "policy": {"type": "cue", "data": "spec: hostNetwork: false", input: true}}]);
        let bench = Bench::new().policy(policy("b", &[authority]));
        bench.assert_denied(Reason::PolicyBroken, &format!("must not set the field(s): policy.{input}"));
    }
}

/// A static pass may not answer for a key of the same name, be it written or given by its place.
#[test]
fn attack_authority_that_answers_for_another_of_its_name() {
    let fixed = |action: &str| json!({"static": {"action": action}});
    let named = |name: &str, action: &str| json!({"name": name, "static": {"action": action}});
    let over_all = |authorities: Value| {
        let mut object = policy("a", &[pass()]);
        object["spec"]["authorities"] = authorities;
        object["spec"]["policy"] = json!({"type": "cue", "data": "authorityMatches: k?: static: true"});
        object
    };
    Bench::new().policy(over_all(json!([named("k", "pass"), named("l", "pass")]))).assert_admitted();
    for authorities in
        [json!([named("k", "fail"), named("k", "pass")]), json!([named("authority-1", "fail"), fixed("pass")])]
    {
        let bench = Bench::new().policy(over_all(authorities));
        bench.assert_denied(Reason::PolicyBroken, "expected authorities with names of their own");
    }
}

/// Invariant 9: a policy that cannot be read denies what it is for; if that cannot be read either, everything.
#[test]
fn attack_a_broken_policy_does_not_disappear() {
    let unknown = |mut object: Value| {
        object["spec"]["authoritys"] = json!([]);
        object
    };
    let other = |mut object: Value, images: Value| {
        object["spec"]["images"] = images;
        object
    };
    let elsewhere = || json!([{"glob": "elsewhere.test/**"}]);
    for (object, reason) in [
        (unknown(policy("b", &[pass()])), Some(Reason::PolicyBroken)),
        (unknown(warning(policy("b", &[pass()]))), Some(Reason::PolicyBroken)),
        (unknown(other(policy("b", &[pass()]), elsewhere())), None),
        (unknown(other(policy("b", &[pass()]), json!([]))), Some(Reason::PolicyBroken)),
        (other(policy("b", &[pass()]), json!("x")), Some(Reason::PolicyBroken)),
        (other(policy("b", &[pass()]), json!([{"glob": "$FOO*"}])), Some(Reason::MatchBroken)),
        (unknown(other(policy("b", &[pass()]), json!([{"glob": "$FOO*"}]))), Some(Reason::MatchBroken)),
        (with(policy("b", &[pass()]), json!({"spec": 1})), Some(Reason::PolicyBroken)),
        (json!({"metadata": {"name": "b"}, "spec": {"match": 1, "images": elsewhere()}}), Some(Reason::PolicyBroken)),
        (json!(null), Some(Reason::PolicyBroken)),
        (json!([]), Some(Reason::PolicyBroken)),
    ] {
        let bench = Bench::new().policy(policy("a", &[pass()])).policy(object.clone());
        match reason {
            None => bench.assert_admitted(),
            Some(reason) if reason == Reason::MatchBroken => {
                bench.assert_denied(reason, "invalid glob \"$FOO*\"");
            }
            Some(reason) => assert!(bench.review().reasons().contains(&reason), "{object}"),
        }
    }
    let unreadable = Arc::new(ResolvedPolicy::unreadable("x.yaml", "no YAML"));
    assert_eq!(unreadable.faults(), ["the policy cannot be read: no YAML"]);
    let set = PolicySet::new(vec![unreadable], NoMatch::Allow);
    let bench = Bench::new();
    let plan = bench.plan(&set, &bench.world.by_digest());
    assert!(!bench.decide(&plan, &[]).passes());
}

/// One authority that lacks its Secret is one that vouches for nothing; the others are what they were.
#[test]
fn a_broken_authority_breaks_no_other() {
    let broken = json!({"name": "b", "key": {"secretRef": {"name": "gone"}}});
    let mut bench = Bench::new().policy(policy("p", &[broken, by_jane()]));
    bench.assert_denied_for(&[Reason::AuthorityBroken, Reason::Unsigned]);
    let signed = bench.world.signed();
    bench.world.sign(&[EvidenceLayer::of(&signed)]);
    bench.assert_admitted();
    assert_eq!(bench.set().iter().next().unwrap().faults(), ["authority b: secret \"gone\" not found"]);
}

#[test]
fn strictness_is_said_in_one_way() {
    let annotated = |value: &str| {
        let mut object = policy("p", &[pass()]);
        object["metadata"]["annotations"] = json!({"policy.sigward.dev/strict": value});
        Bench::new().policy(object)
    };
    annotated("false").assert_admitted();
    annotated("true").assert_admitted();
    annotated("yes").assert_denied(Reason::PolicyBroken, "expected \"true\" or \"false\", found \"yes\"");
}

/// The same order in every review, whatever the order in which policies came.
#[test]
fn policies_are_told_in_the_order_of_their_names() {
    let objects: Vec<_> = ["b", "c", "a"].iter().map(|name| policy(name, &[fail()])).collect();
    let bench = objects.iter().cloned().fold(Bench::new(), Bench::policy);
    let set = bench.set();
    let decision = {
        let plan = bench.plan(&set, &bench.world.by_digest());
        bench.decide(&plan, &[])
    };
    let names: Vec<_> = decision.entries().iter().map(|entry| entry.policy.as_deref().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn what_several_policies_ask_is_asked_once() {
    let key = Key::default();
    let named = |name: &str| with(by_key(&key), json!({"name": name}));
    let elsewhere = with(named("d"), json!({"source": [{"signaturePullSecrets": [{"name": "x"}]}]}));
    let other = with(named("e"), json!({"ctlog": {"url": "https://rekor.example"}}));
    let bench = Bench::new()
        .policy(policy("p", &[named("a"), named("b")]))
        .policy(policy("q", &[named("c"), elsewhere, other]));
    let set = bench.set();
    // Another credential or another rule is another question.
    assert_eq!(bench.plan(&set, &bench.world.by_digest()).questions().len(), 3);
}

/// What was not answered, or answered for something else, is no consent.
#[test]
fn attack_answers_that_are_missing_or_somebody_elses() {
    let key = Key::default();
    let mut bench = Bench::new().authority(by_key(&key));
    let signed = bench.world.signed_with(&key);
    bench.world.sign(&[EvidenceLayer::unlogged(&signed)]);
    let set = bench.set();
    let plan = bench.plan(&set, &bench.world.by_digest());
    let outcomes = bench.gather(&plan);
    assert!(bench.decide(&plan, &outcomes).passes());
    let refused = |outcomes: &[AuthorityOutcome], reason, words: &str| {
        let verdict = Verdict::of(&[(FIELD.to_owned(), bench.decide(&plan, outcomes))]);
        assert!(verdict.message().unwrap().contains(words), "{verdict:?}");
        assert_eq!(verdict.reasons(), [reason]);
    };
    refused(&[], Reason::Internal, "no answer was given");
    let not = |why| [AuthorityOutcome::NotGathered(why)];
    refused(&not(NotGathered::Deadline), Reason::Deadline, "context was canceled before validation completed");
    refused(&not(NotGathered::Stopped("budget".into())), Reason::Unreachable, "budget");
    // A proof about another image, and a proof by another authority.
    let mut other = Bench::over(bench::World::with(Artifact::image("other"))).authority(by_key(&key));
    let signed = other.world.signed_with(&key);
    other.world.sign(&[EvidenceLayer::unlogged(&signed)]);
    let theirs = other.gather(&other.plan(&other.set(), &other.world.by_digest()));
    assert!(matches!(theirs[..], [AuthorityOutcome::Proved(_)]));
    refused(&theirs, Reason::Internal, "the proof is about something else");
    let hashed = json!({"name": "a", "key": {"data": key.public_pem(), "hashAlgorithm": "sha512"}});
    let strict = Bench::over(bench::World::with(bench.world.image.clone())).authority(hashed);
    let strict_set = strict.set();
    let strict_plan = strict.plan(&strict_set, &bench.world.by_digest());
    assert!(!strict.decide(&strict_plan, &outcomes).passes());
}

/// Invariant 3: whatever goes wrong on the way denies, or warns where the policy only warns; and nothing of it is kept
/// that might be otherwise when it is asked again.
#[test]
fn attack_every_fault_denies() {
    type Fault = fn(&mut Bench);
    let faults: [(&str, Fault, Firmness); 12] = [
        ("nothing listens", |b| b.world.change("registry.test", |need, _, _| unreachable(need)), Firmness::Transient),
        ("500", |b| b.world.fail("registry.test", 500), Firmness::Transient),
        ("429", |b| b.world.fail("registry.test", 429), Firmness::Transient),
        ("redirects to nowhere", |b| b.world.fail("registry.test", 302), Firmness::Transient),
        ("401", |b| b.world.fail("registry.test", 401), Firmness::Transient),
        ("403", |b| b.world.fail("registry.test", 403), Firmness::Transient),
        ("404", |b| b.world.fail("registry.test", 404), Firmness::Transient),
        ("a web page", |b| page(b, "manifests"), Firmness::Transient),
        ("payload is a web page", |b| page(b, "blobs"), Firmness::Transient),
        ("payload is gone", |b| b.world.fail("blobs", 404), Firmness::Transient),
        ("payload fails", |b| b.world.fail("blobs", 503), Firmness::Transient),
        ("no answer", |b| b.world.change_response("registry.test", |r| r.status = 204), Firmness::Transient),
    ];
    let attestation = json!({"attestations": [{"name": "x", "predicateType": "custom"}]});
    for (name, fault, firmness) in faults {
        for authority in [by_jane(), with(by_jane(), attestation.clone())] {
            let mut bench = Bench::new().authority(authority);
            let signed = bench.world.signed();
            let attested = bench.world.attested(sigward_policy::predicate_uri("custom"));
            bench.world.sign(&[EvidenceLayer::of(&signed)]);
            bench.world.attest(&[EvidenceLayer::of(&attested)]);
            bench.assert_admitted();
            fault(&mut bench);
            assert!(!bench.review().is_allowed(), "{name}");
            let refusal = bench.outcome().unwrap_err();
            assert_eq!(refusal.firmness(), firmness, "{name}: {refusal}");
            bench.policies = bench.policies.into_iter().map(warning).collect();
            let warned = bench.review();
            assert!(warned.is_allowed() && !warned.warnings().is_empty(), "{name}");
            bench.policies = bench.policies.into_iter().map(|object| mode(object, "garbage")).collect();
            assert!(!bench.review().is_allowed(), "{name}");
        }
    }
}

fn page(bench: &mut Bench, part: &str) {
    bench.world.change_response(part, |response| response.body = b"<html>".to_vec());
}

/// Whoever may name an image must not read what servers inside of the cluster answer.
#[test]
fn attack_a_denial_repeats_no_words_of_a_server() {
    for body in [
        &b"root:x:0:0"[..],
        br#"{"errors":[{"code":"SECRET","message":"root:x:0:0"}]}"#,
        br#"{"errors":[{"code":"UNAUTHORIZED","message":"root:x:0:0"}]}"#,
    ] {
        for status in [401, 403, 404, 418, 500] {
            let mut bench = Bench::new().authority(by_jane());
            bench.world.change_response("registry.test", move |response| {
                response.status = status;
                response.body = body.to_vec();
            });
            let verdict = bench.review();
            let message = verdict.message().unwrap();
            assert!(!message.contains("root:") && !message.contains("SECRET"), "{message}");
            assert_eq!(message.contains("UNAUTHORIZED"), body.starts_with(b"{\"errors\":[{\"code\":\"UN"), "{message}");
        }
    }
}

/// A proof holds for whoever asks; a refusal by the credential it was given for.
#[test]
fn firmness_follows_the_credential() {
    let mut bench = Bench::new().authority(by_identity("eve@example.com"));
    let signed = bench.world.signed();
    bench.world.sign(&[EvidenceLayer::of(&signed)]);
    assert_eq!(bench.outcome().unwrap_err().firmness(), Firmness::Settled);
    // Referrers are absent, and that was told to nobody in particular.
    bench.world.api = bench::images::Api::Status(404);
    assert_eq!(bench.outcome().unwrap_err().firmness(), Firmness::Transient);
    bench.world.change("registry.test", |_, _, mut answer| {
        answer.credential = Some("robot".into());
        answer
    });
    assert_eq!(bench.outcome().unwrap_err().firmness(), Firmness::CredentialDependent);
    bench.world.api = bench::images::Api::Pages(100);
    assert_eq!(bench.outcome().unwrap_err().firmness(), Firmness::Settled);
    for status in [401, 403] {
        bench.world.fail("registry.test", status);
        assert_eq!(bench.outcome().unwrap_err().firmness(), Firmness::CredentialDependent);
    }
}

/// An image that is signed after it was refused is let in: "not there", told to nobody in particular, is not kept.
#[test]
fn attack_on_availability_an_anonymous_absence_is_not_kept() {
    let bench = Bench::new().authority(by_jane());
    assert_eq!(bench.outcome().unwrap_err().reason(), Reason::Unsigned);
    assert_eq!(bench.outcome().unwrap_err().firmness(), Firmness::Transient);
}

/// Trust that is missing denies, and is asked for again.
#[test]
fn missing_trust_denies() {
    let mut bench = Bench::new().authority(by_jane());
    let signed = bench.world.sigstore.sign_image(bench::NAME, &bench.world.image, Leaf::default());
    bench.world.sign(&[EvidenceLayer::of(&signed)]);
    let root = bench.public.take().unwrap();
    bench.assert_denied(Reason::TrustMissing, "constructing checkOpts for a: getting Fulcio certs: a: ");
    for cut in [
        sigward_testkit::TrustedRoot { cas: Vec::new(), ..root.clone() },
        sigward_testkit::TrustedRoot { ctlogs: Vec::new(), ..root.clone() },
        sigward_testkit::TrustedRoot { tlogs: Vec::new(), ..root.clone() },
    ] {
        bench.public = Some(cut);
        bench.assert_denied(Reason::TrustMissing, "constructing checkOpts for a: ");
        let set = bench.set();
        let plan = bench.plan(&set, &bench.world.by_digest());
        let refusal = plan.questions()[0].prepare(&bench, bench::LIMIT).unwrap_err();
        assert_eq!(refusal.firmness(), Firmness::Transient);
    }
    bench.public = Some(root);
    bench.assert_admitted();
}

/// Levels are those of the policies.
#[test]
fn each_entry_has_its_level() {
    let bench = Bench::new().policy(policy("a", &[fail()])).policy(warning(policy("b", &[fail()])));
    let set = bench.set();
    let plan = bench.plan(&set, &bench.world.by_digest());
    assert_eq!(levels(&bench.decide(&plan, &[])), [Level::Error, Level::Warning]);
}

/// Every value of an object, by its path.
fn paths(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                paths(item, &format!("{at}/{index}"), all);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                paths(member, &format!("{at}/{}", name.replace('/', "~1")), all);
            }
        }
        _ => {}
    }
}

/// A policy in which everything is used, for an image that nobody signed.
fn rich_policy() -> Value {
    let policy_of = |text: &str| json!({"type": "cue", "data": text});
    let attestation = json!([{"name": "x", "predicateType": "custom", "policy": policy_of("predicate: _")}]);
    let source = json!([{"oci": "signatures.test/all", "tagPrefix": "p-", "signaturePullSecrets": [{"name": "s"}]}]);
    let keyed = with(by_key(&Key::default()), json!({"ctlog": {"url": "https://rekor.example"}, "source": source}));
    let stamped = json!({"rfc3161timestamp": {"trustRootRef": "tsa"}, "signatureFormat": "bundle"});
    let authorities = [
        keyed,
        with(with(by_jane(), json!({"attestations": attestation})), stamped),
        with(bench::by_jane_of("own"), json!({"name": "c", "ctlog": {"trustRootRef": "own"}})),
        json!({"name": "d", "static": {"action": "fail", "message": "no"}}),
    ];
    let mut object = policy("p", &authorities);
    object["spec"]["mode"] = json!("enforce");
    object["spec"]["match"] = json!([{"group": "", "version": "v1", "resource": "pods",
        "selector": {"matchLabels": {"foo": "bar"}}}]);
    object["spec"]["policy"] = policy_of("authorityMatches: _");
    object["metadata"]["annotations"] = json!({"policy.sigward.dev/strict": "true"});
    object
}

/// Whatever is damaged in a policy, an image that nobody signed is not let in.
#[test]
fn attack_a_damaged_policy_lets_nothing_in() {
    let whole = rich_policy();
    let mut all = Vec::new();
    paths(&whole, "", &mut all);
    assert!(all.len() > 60, "{}", all.len());
    let mut bench = Bench::new();
    let root = bench.world.sigstore.trusted_root();
    bench.roots = [("own".into(), root.clone()), ("tsa".into(), root)].into();
    let mut check = |object: Value, what: &str| {
        bench.policies = vec![object];
        let verdict = bench.review();
        assert!(!verdict.is_allowed(), "{what}");
    };
    check(whole.clone(), "whole");
    for path in all.iter().filter(|path| !path.is_empty()) {
        let values = [json!(null), json!(true), json!(0), json!("x"), json!(""), json!([]), json!({}), json!([{}])];
        for value in values {
            let mut object = whole.clone();
            *object.pointer_mut(path).unwrap() = value.clone();
            check(object, &format!("{path} = {value}"));
        }
        let (parent, name) = path.rsplit_once('/').unwrap();
        let mut object = whole.clone();
        match object.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.remove(&name.replace("~1", "/"))),
            Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            _ => unreachable!("a value has a parent"),
        }
        check(object, &format!("without {path}"));
    }
}
