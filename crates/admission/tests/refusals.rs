//! What `/validating` says of ClusterImagePolicies (in both versions) and TrustRoots that it refuses: the texts of
//! specs/policy-controller.md §1.5 and §1.6 from the first word to the last, one row for each condition. The rules themselves
//! have their cases in the policy crate.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod scene;

use scene::{Judged, Program, Scene, create, review, update};
use serde_json::{Value, json};
use sigward_testkit::text::{b64, chain_pem};
use sigward_testkit::{Key, Sigstore, TufRepo};

/// A `spec`, and what is said of it after `validation failed: `.
type Row = (Value, &'static str);

/// A policy with these authorities for all images.
fn by(authority: Value) -> Value {
    json!({"images": [{"glob": "**"}], "authorities": [authority]})
}

/// A policy that is good but for this field.
fn with(field: &str, value: Value) -> Value {
    let mut spec = by(json!({"static": {"action": "pass"}}));
    spec[field] = value;
    spec
}

fn keyless(more: Value) -> Value {
    let mut keyless = json!({"url": "https://fulcio.test", "identities": [{"issuer": "i", "subject": "s"}]});
    keyless.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    by(json!({"keyless": keyless}))
}

fn attesting(attestation: Value) -> Value {
    by(json!({"key": {"data": Key::default().public_pem()}, "attestations": [attestation]}))
}

fn attestation_policy(policy: Value) -> Value {
    attesting(json!({"name": "a", "predicateType": "https://x.test/v1", "policy": policy}))
}

/// Images, modes, matches, and what an authority is.
fn outlines() -> Vec<Row> {
    vec![
        (with("images", json!([])), "missing field(s): spec.images"),
        (with("images", json!([{"glob": ""}])), "missing field(s): spec.images[0].glob"),
        (
            with("images", json!([{"glob": "["}])),
            "invalid value: [: spec.images[0].glob\nglob is invalid: syntax error in pattern",
        ),
        (
            with("images", json!([{"glob": "$FOO*"}])),
            "invalid value: $FOO*: spec.images[0].glob\nglob is invalid: invalid glob \"$FOO*\"",
        ),
        (with("mode", json!("garbage")), "invalid value: garbage: spec.mode\nunsupported mode"),
        (with("authorities", json!([])), "missing field(s): spec.authorities"),
        (
            with("match", json!([{"version": "v1", "resource": "apple"}])),
            "invalid value: apple: spec.match[0].resource\nunsupported resource name",
        ),
        (
            with("match", json!([{"selector": {"matchLabels": {"a": "b"}}}])),
            "invalid value: : spec.match[0].selector\nselector requires a resource type to match the labels",
        ),
        (
            by(json!({"name": "nothing"})),
            "expected exactly one, got neither: spec.authorities[0].key, spec.authorities[0].keyless, \
             spec.authorities[0].static",
        ),
        (
            by(json!({"key": {}, "keyless": {}, "static": {}})),
            "expected exactly one, got both: spec.authorities[0].key, spec.authorities[0].keyless, \
             spec.authorities[0].static",
        ),
        (
            by(
                json!({"static": {"action": "pass"}, "attestations": [{"name": "a", "predicateType": "https://x.test"}],
                "source": [{}], "ctlog": {}, "rfc3161timestamp": {}}),
            ),
            "expected exactly one, got both: spec.authorities[0].attestations, spec.authorities[0].ctlog, \
             spec.authorities[0].rfc3161timestamp, spec.authorities[0].source, spec.authorities[0].static",
        ),
        (by(json!({"static": {}})), "missing field(s): spec.authorities[0].static.action"),
        (
            by(json!({"static": {"action": "garbage"}})),
            "invalid value: garbage: spec.authorities[0].static.action\nunsupported action",
        ),
    ]
}

/// Keys and where signatures are.
fn keys() -> Vec<Row> {
    let pem = Key::default().public_pem();
    let at = |source: Value| by(json!({"key": {"data": pem}, "source": source}));
    let kms = |uri: &str| by(json!({"key": {"kms": uri}}));
    vec![
        (
            by(json!({"key": {}})),
            "expected exactly one, got neither: spec.authorities[0].key.data, spec.authorities[0].key.kms, \
             spec.authorities[0].key.secretref",
        ),
        (
            by(json!({"key": {"data": pem, "kms": "gcpkms://x", "secretRef": {"name": "s"}}})),
            "expected exactly one, got both: spec.authorities[0].key.data, spec.authorities[0].key.kms, \
             spec.authorities[0].key.secretref",
        ),
        (by(json!({"key": {"data": "---somedata---"}})), "invalid value: ---somedata---: spec.authorities[0].key.data"),
        (
            by(json!({"key": {"data": pem, "hashAlgorithm": "shaINVALID"}})),
            "invalid value: shaINVALID: spec.authorities[0].key.hashAlgorithm",
        ),
        (
            by(json!({"key": {"secretRef": {"name": "s", "namespace": "other"}}})),
            "invalid value: other: spec.authorities[0].key.secretref.namespace\nsecretref.namespace is invalid. If set, \
             it should use the same namespace where the policy-controller was deployed",
        ),
        (
            kms("foo://x"),
            "invalid value: foo://x: spec.authorities[0].key.kms\nmalformed KMS format, should be prefixed by any of \
             the supported providers: [awskms:// azurekms:// hashivault:// gcpkms://]",
        ),
        (
            kms("awskms://x"),
            "invalid value: awskms://x: spec.authorities[0].key.kms\nmalformed AWS KMS format \
             'awskms://$ENDPOINT/$KEYID', should be conformant with KMS standard documented here: \
             https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id",
        ),
        (
            kms("awskms:///no-key"),
            "invalid value: awskms:///no-key: spec.authorities[0].key.kms\nkms key should be in the format \
             awskms://[ENDPOINT]/[ID/ALIAS/ARN] (endpoint optional)",
        ),
        (
            kms("awskms:///alias/a"),
            "invalid value: awskms:///alias/a: spec.authorities[0].key.kms\nfailed to parse either key or alias arn: \
             arn: invalid prefix",
        ),
        (
            kms("awskms://host/arn:aws:kms:eu-1:111122223333:alias/a"),
            "invalid value: awskms://host/arn:aws:kms:eu-1:111122223333:alias/a: spec.authorities[0].key.kms\n\
             malformed endpoint: address host: missing port in address",
        ),
        (
            at(json!([{"oci": "r.test/a"}, {"oci": "re@gistry/x"}])),
            "invalid value: source: spec.authorities[0].source\nonly single source is supported",
        ),
        (
            at(json!([{"oci": "re@gistry/reponame"}])),
            "invalid value: re@gistry/reponame: spec.authorities[0].source[0].oci\nregistries must be valid RFC 3986 \
             URI authorities: re@gistry/reponame",
        ),
        (
            at(json!([{"signaturePullSecrets": [{"name": "s"}, {"name": ""}]}])),
            "missing field(s): spec.authorities[0].source[0].signaturePullSecrets[1].name",
        ),
    ]
}

/// Identities.
fn identities() -> Vec<Row> {
    let identity = |identity: Value| keyless(json!({"identities": [identity]}));
    vec![
        (
            by(json!({"keyless": {"identities": [{"issuer": "i", "subject": "s"}]}})),
            "expected exactly one, got neither: spec.authorities[0].keyless.ca-cert, spec.authorities[0].keyless.url",
        ),
        (
            keyless(json!({"ca-cert": {"kms": "gcpkms://x"}})),
            "expected exactly one, got both: spec.authorities[0].keyless.ca-cert, spec.authorities[0].keyless.url",
        ),
        (keyless(json!({"identities": null})), "missing field(s): spec.authorities[0].keyless.identities"),
        (
            identity(json!({"issuer": "i", "issuerRegExp": "i", "subject": "s", "subjectRegExp": "s"})),
            "expected exactly one, got both: spec.authorities[0].keyless.identities[0].issuer, \
             spec.authorities[0].keyless.identities[0].issuerRegExp, \
             spec.authorities[0].keyless.identities[0].subject, \
             spec.authorities[0].keyless.identities[0].subjectRegExp",
        ),
        (
            identity(json!({"subject": "s"})),
            "missing field(s): spec.authorities[0].keyless.identities[0].issuer, \
             spec.authorities[0].keyless.identities[0].issuerRegExp",
        ),
        (
            identity(json!({"issuer": "i"})),
            "missing field(s): spec.authorities[0].keyless.identities[0].subject, \
             spec.authorities[0].keyless.identities[0].subjectRegExp",
        ),
        (
            identity(json!({"issuerRegExp": "****", "subject": "s"})),
            "invalid value: ****: spec.authorities[0].keyless.identities[0].issuerRegExp\nregex is invalid: error \
             parsing regexp: missing argument to repetition operator: `*`",
        ),
        (
            identity(json!({"issuer": "i", "subjectRegExp": "****"})),
            "invalid value: ****: spec.authorities[0].keyless.identities[0].subjectRegExp\nregex is invalid: error \
             parsing regexp: missing argument to repetition operator: `*`",
        ),
    ]
}

/// Attestations, and policies over them and over everything.
fn documents() -> Vec<Row> {
    vec![
        (
            attesting(json!({})),
            "missing field(s): spec.authorities[0].attestations.name, spec.authorities[0].attestations.predicateType",
        ),
        (
            attestation_policy(json!({"type": "X", "data": "d"})),
            "invalid value: X: spec.authorities[0].attestations.policy.type\nonly [cue,rego] are supported at the moment",
        ),
        (
            attestation_policy(json!({"type": "cue"})),
            "missing field(s): spec.authorities[0].attestations.policy.configMapRef, \
             spec.authorities[0].attestations.policy.data, spec.authorities[0].attestations.policy.remote",
        ),
        (
            attestation_policy(json!({"type": "cue", "data": "a: 1", "configMapRef": {"name": "n", "key": "k"}})),
            "expected exactly one, got both: spec.authorities[0].attestations.policy.configMapRef, \
             spec.authorities[0].attestations.policy.data, spec.authorities[0].attestations.policy.remote",
        ),
        (
            attestation_policy(json!({"type": "cue", "data": "a: 1", "fetchConfigFile": true, "includeSpec": true,
                "includeObjectMeta": true, "includeTypeMeta": true})),
            "must not set the field(s): spec.authorities[0].attestations.policy.fetchConfigFile, \
             spec.authorities[0].attestations.policy.includeObjectMeta, \
             spec.authorities[0].attestations.policy.includeSpec, \
             spec.authorities[0].attestations.policy.includeTypeMeta",
        ),
        (
            with("policy", json!({"type": "cue", "remote": {"url": "http://x.test/p", "sha256sum": "s"}})),
            "invalid value: http://x.test/p: spec.remote.url\nurl valid is invalid. host and https scheme are expected",
        ),
        (
            with("policy", json!({"type": "cue", "remote": {"sha256sum": "s"}})),
            "invalid value: : spec.remote.url\nurl valid is invalid. host and https scheme are expected",
        ),
        (
            with("policy", json!({"type": "cue", "remote": {"url": "https://x.test/p"}})),
            "missing field(s): spec.remote.sha256sum",
        ),
        (
            with("policy", json!({"type": "cue", "configMapRef": {}})),
            "missing field(s): spec.configMapRef.key, spec.configMapRef.name",
        ),
        (
            with("policy", json!({})),
            "invalid value: : spec.type\nonly [cue,rego] are supported at the moment\n\
             missing field(s): spec.configMapRef, spec.data, spec.remote",
        ),
    ]
}

fn object(version: &str, kind: &str, spec: &Value) -> Value {
    let api_version = format!("policy.sigstore.dev/{version}");
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "refused"}, "spec": spec})
}

/// The text of a refusal, whose form is that of all refusals.
#[track_caller]
fn refusal(program: &Program, request: Value) -> String {
    let judged = Judged::of(program.post("/validating", &review(request)));
    let status = &judged.review["response"]["status"];
    assert!(!judged.allowed, "allowed: {}", judged.review);
    assert_eq!(
        (&status["status"], &status["reason"], &status["code"]),
        (&json!("Failure"), &json!("BadRequest"), &json!(400))
    );
    judged.message.strip_prefix("validation failed: ").unwrap_or_else(|| panic!("{}", judged.message)).to_owned()
}

#[test]
fn policies_are_refused_in_both_versions_with_upstreams_texts() {
    let scene = Scene::new();
    let program = scene.start();
    let good = by(json!({"static": {"action": "pass"}}));
    for version in ["v1alpha1", "v1beta1"] {
        let policy = |spec: &Value| object(version, "ClusterImagePolicy", spec);
        Judged::of(program.post("/validating", &review(create(policy(&good))))).assert_allowed();
        for (spec, text) in [outlines(), keys(), identities(), documents()].concat() {
            assert_eq!(refusal(&program, create(policy(&spec))), text, "{version} {spec}");
            assert_eq!(refusal(&program, update(policy(&good), policy(&spec))), text, "{version} {spec}");
        }
    }
}

/// What may be without authorities is what the configuration says, and that alone.
#[test]
fn policies_without_authorities_are_taken_where_the_configuration_says_so() {
    let scene = Scene::new();
    scene.put(
        "config",
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"fail-on-empty-authorities": "false"},
        "metadata": {"name": "config-policy-controller", "namespace": "cosign-system"}}),
    );
    let program = scene.start();
    for version in ["v1alpha1", "v1beta1"] {
        let policy = |spec: &Value| create(object(version, "ClusterImagePolicy", spec));
        Judged::of(program.post("/validating", &review(policy(&with("authorities", json!([])))))).assert_allowed();
        assert_eq!(refusal(&program, policy(&with("images", json!([])))), "missing field(s): spec.images");
    }
}

/// A TrustRoot of servers or of archives.
fn repositories() -> Vec<Row> {
    let root = b64(TufRepo::new("{}").initial_root());
    let remote = |root: &str| json!({"remote": {"root": root, "mirror": "https://tuf.test"}});
    let repository = |root: &str| json!({"repository": {"root": root, "targets": "targets", "mirrorFS": b64("text")}});
    vec![
        (json!({}), "expected exactly one, got neither: spec.remote, spec.repository, spec.sigstoreKeys"),
        (
            json!({"remote": {}, "sigstoreKeys": {}}),
            "expected exactly one, got both: spec.remote, spec.repository, spec.sigstoreKeys",
        ),
        (json!({"remote": {"root": root}}), "missing field(s): spec.remote.mirror"),
        (json!({"remote": {"mirror": "https://tuf.test"}}), "missing field(s): spec.remote.root"),
        (
            remote(&b64("x")),
            "invalid value: failed to unmarshal: spec.remote.root\ninvalid character 'x' looking for beginning of value",
        ),
        (remote(&b64("{}")), "invalid value: missing signatures in root.json: spec.remote.root\nno signatures"),
        (
            json!({"repository": {}}),
            "missing field(s): spec.repository.repository, spec.repository.root, spec.repository.targets",
        ),
        (repository(&b64("{}")), "invalid value: missing signatures in root.json: spec.repository.root\nno signatures"),
        (
            repository(&root),
            "invalid value: failed to construct a TUF client: spec.repository.mirrorFS\nfailed to uncompress: gzip: \
             invalid header",
        ),
    ]
}

/// A TrustRoot of keys. The first entry of each list is the bad one: upstream says what is wrong with the last alone.
fn given_keys() -> Vec<Row> {
    let sigstore = Sigstore::new();
    let chain = b64(chain_pem(&sigstore.tsa.chain()));
    let twice = b64(format!("{0}{0}", chain_pem(&sigstore.tsa.chain())));
    let subject = json!({"organization": "o", "commonName": "c"});
    let authority = |chain: &str| json!({"subject": subject, "uri": "https://x.test", "certChain": chain});
    let log = json!({"baseURL": "https://x.test", "hashAlgorithm": "sha-256", "publicKey": b64(sigstore.rekor_pem())});
    let keys = |field: &str, list: Value| {
        let mut keys = json!({"timestampAuthorities": [authority(&chain)]});
        keys[field] = list;
        json!({"sigstoreKeys": keys})
    };
    vec![
        (
            json!({"sigstoreKeys": {}}),
            "expected exactly one, got neither: spec.sigstoreKeys.certificateAuthority, \
             spec.sigstoreKeys.timestampAuthorities",
        ),
        (
            keys("certificateAuthorities", json!([{}, authority(&chain)])),
            "missing field(s): spec.sigstoreKeys.certificateAuthority[0].certchain, \
             spec.sigstoreKeys.certificateAuthority[0].subject.commonName, \
             spec.sigstoreKeys.certificateAuthority[0].subject.organization, \
             spec.sigstoreKeys.certificateAuthority[0].uri",
        ),
        (
            keys("timestampAuthorities", json!([{}, authority(&chain)])),
            "missing field(s): spec.sigstoreKeys.timestampAuthorities[0].certchain, \
             spec.sigstoreKeys.timestampAuthorities[0].subject.commonName, \
             spec.sigstoreKeys.timestampAuthorities[0].subject.organization, \
             spec.sigstoreKeys.timestampAuthorities[0].uri",
        ),
        (
            keys("tLogs", json!([{}, log])),
            "missing field(s): spec.sigstoreKeys.tLogs[0].baseURL, spec.sigstoreKeys.tLogs[0].hashAlgorithm, \
             spec.sigstoreKeys.tLogs[0].publicKey",
        ),
        (
            keys("ctLogs", json!([{}, log])),
            "missing field(s): spec.sigstoreKeys.ctLogs[0].baseURL, spec.sigstoreKeys.ctLogs[0].hashAlgorithm, \
             spec.sigstoreKeys.ctLogs[0].publicKey",
        ),
        (
            keys("timestampAuthorities", json!([authority(&twice), authority(&chain)])),
            "invalid value: certificate chain must contain at most one TSA certificate: \
             spec.sigstoreKeys.timestampAuthorities[0].certChain",
        ),
    ]
}

#[test]
fn trust_roots_are_refused_with_upstreams_texts() {
    let scene = Scene::new();
    let program = scene.start();
    for (spec, text) in [repositories(), given_keys()].concat() {
        let root = |spec: &Value| object("v1alpha1", "TrustRoot", spec);
        assert_eq!(refusal(&program, create(root(&spec))), text, "{spec}");
        assert_eq!(refusal(&program, update(root(&json!({})), root(&spec))), text, "{spec}");
    }
    // What follows is the reader's own.
    let mut chain = given_keys().remove(2).0;
    chain["sigstoreKeys"]["timestampAuthorities"] = json!([{"subject": {"organization": "o", "commonName": "c"}, "uri": "https://x.test", "certChain": b64("text")}]);
    let text = refusal(&program, create(object("v1alpha1", "TrustRoot", &chain)));
    let begin =
        "invalid value: error splitting the certificates: spec.sigstoreKeys.timestampAuthorities[0].certChain\n";
    assert!(text.starts_with(begin), "{text}");
}
