//! ClusterImagePolicies that must be refused or warned of, with the texts of policy-controller
//! (specs/policy-controller.md §1.5): one row for each condition.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a failed test")]

use serde_json::{Value, json};
use sigward_policy::cip::{self, ClusterImagePolicy, ValidationContext};
use sigward_policy::config::EmptyAuthorities;
use sigward_policy::field_error::FieldErrors;
use sigward_policy::object::{DecodeError, decode};

const CONTEXT: ValidationContext<'static> =
    ValidationContext { system_namespace: "cosign-system", empty_authorities: EmptyAuthorities::Refused };

const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaEOVJCFtduYr3xqTxeRWSW32CY/s\nTBNZj4oIUPl8JvhVPJ1TKDPlNcuT4YphSt6t3yOmMvkdQbCj8broX6vijw==\n-----END PUBLIC KEY-----\n";

fn read(spec: Value) -> ClusterImagePolicy {
    let object = json!({
        "apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy", "metadata": {"name": "x"}, "spec": spec,
    });
    decode(object.to_string().as_bytes()).unwrap()
}

fn validate(spec: Value) -> FieldErrors {
    cip::validate(&read(spec), CONTEXT)
}

fn denial(spec: Value) -> String {
    validate(spec).denial().unwrap_or_default()
}

/// One authority, for all images.
fn authority(authority: Value) -> String {
    denial(json!({"images": [{"glob": "**"}], "authorities": [authority]}))
}

fn key(key: Value) -> String {
    authority(json!({"key": key}))
}

fn keyless(identities: Value) -> String {
    authority(json!({"keyless": {"url": "https://fulcio.sigstore.dev", "identities": identities}}))
}

fn attestation(attestation: Value) -> String {
    authority(json!({"key": {"data": KEY}, "attestations": [attestation]}))
}

fn attestation_policy(policy: Value) -> String {
    attestation(json!({"name": "a", "predicateType": "https://slsa.dev/provenance/v1", "policy": policy}))
}

fn spec_policy(policy: Value) -> String {
    denial(json!({"images": [{"glob": "**"}], "authorities": [{"key": {"data": KEY}}], "policy": policy}))
}

fn matching(entry: Value) -> String {
    denial(json!({"images": [{"glob": "**"}], "authorities": [{"key": {"data": KEY}}], "match": [entry]}))
}

const P: &str = "spec.authorities[0]";

#[test]
fn valid_policies_are_accepted_without_a_word() {
    for spec in [
        json!({"images": [{"glob": "gcr.io/*"}], "authorities": [{"key": {"data": KEY, "hashAlgorithm": " SHA512 "}}]}),
        json!({"images": [{"glob": "*"}], "mode": "warn", "authorities": [{"static": {"action": "pass"}}]}),
        json!({"images": [{"glob": "**"}], "authorities": [{
            "key": {"secretRef": {"name": "s", "namespace": "cosign-system"}},
            "source": [{"oci": "registry.example/org/repo", "tagPrefix": "x-", "signaturePullSecrets": [{"name": "s"}]}],
            "ctlog": {}, "rfc3161timestamp": {"trustRootRef": "t"}, "signatureFormat": "whatever",
        }]}),
        json!({"images": [{"glob": "**"}], "authorities": [{"keyless": {"url": "https://f.example", "identities": [
            {"issuer": "i", "subjectRegExp": "^https://github\\.com/org/.*$"},
        ]}, "attestations": [{"name": "a", "predicateType": "https://slsa.dev/provenance/v1", "policy": {
            "type": "cue", "data": "predicate: builder: id: \"x\"",
        }}]}], "policy": {"type": "rego", "configMapRef": {"name": "n", "key": "k"}, "fetchConfigFile": true,
            "includeSpec": true, "includeObjectMeta": false, "includeTypeMeta": true,
        }, "match": [{"group": "apps", "version": "v1", "resource": "deployments", "selector": {"matchLabels": {"a": "b"}}}]}),
        json!({"images": [{"glob": "**"}], "authorities": [{"key": {"kms":
            "awskms:///arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}}]}),
        json!({"images": [{"glob": "**"}], "authorities": [{"key": {"kms":
            "awskms://localhost:4566/arn:aws:kms:us-east-2:111122223333:alias/ExampleAlias"}}]}),
        json!({"images": [{"glob": "**"}], "authorities": [{"key": {"kms": "hashivault://anything"}}]}),
    ] {
        assert_eq!(validate(spec.clone()), FieldErrors::none(), "{spec}");
    }
}

#[test]
fn images() {
    let key = json!([{"key": {"data": KEY}}]);
    for (images, expected) in [
        (json!([]), "missing field(s): spec.images"),
        (Value::Null, "missing field(s): spec.images"),
        (json!([{"glob": "**"}, {}]), "missing field(s): spec.images[1].glob"),
        (json!([{"glob": "["}]), "invalid value: [: spec.images[0].glob\nglob is invalid: syntax error in pattern"),
        (
            json!([{"glob": "$FOO*"}]),
            "invalid value: $FOO*: spec.images[0].glob\nglob is invalid: invalid glob \"$FOO*\"",
        ),
    ] {
        assert_eq!(denial(json!({"images": images, "authorities": key})), expected);
    }
}

#[test]
fn authorities_may_be_absent_only_where_the_configuration_says_so() {
    let spec = json!({"images": [{"glob": "**"}]});
    assert_eq!(denial(spec.clone()), "missing field(s): spec.authorities");
    let lenient = ValidationContext { empty_authorities: EmptyAuthorities::Accepted, ..CONTEXT };
    assert_eq!(cip::validate(&read(spec), lenient), FieldErrors::none());
}

#[test]
fn an_authority_is_exactly_one_thing() {
    let paths = format!("{P}.key, {P}.keyless, {P}.static");
    assert_eq!(authority(json!({})), format!("expected exactly one, got neither: {paths}"));
    // Nothing else is said about such an authority.
    assert_eq!(authority(json!({"attestations": [{}]})), format!("expected exactly one, got neither: {paths}"));
    for both in [
        json!({"key": {}, "keyless": {}}),
        json!({"key": {}, "static": {}}),
        json!({"keyless": {}, "static": {}}),
        json!({"key": {}, "keyless": {}, "static": {}}),
    ] {
        assert_eq!(authority(both), format!("expected exactly one, got both: {paths}"));
    }
}

#[test]
fn a_fixed_answer_asks_for_nothing_else() {
    assert_eq!(
        authority(json!({
            "static": {"action": "pass"}, "attestations": [{"name": "a", "predicateType": "https://x.example"}],
            "source": [{}], "ctlog": {}, "rfc3161timestamp": {},
        })),
        format!(
            "expected exactly one, got both: {P}.attestations, {P}.ctlog, {P}.rfc3161timestamp, {P}.source, {P}.static"
        )
    );
    assert_eq!(
        authority(json!({"static": {"action": "fail"}, "ctlog": {}})),
        format!("expected exactly one, got both: {P}.ctlog, {P}.static")
    );
    assert_eq!(authority(json!({"static": {}})), format!("missing field(s): {P}.static.action"));
    assert_eq!(
        authority(json!({"static": {"action": "garbage"}})),
        format!("invalid value: garbage: {P}.static.action\nunsupported action")
    );
}

#[test]
fn mode() {
    let spec = json!({"images": [{"glob": "**"}], "authorities": [{"key": {"data": KEY}}], "mode": "garbage"});
    assert_eq!(denial(spec), "invalid value: garbage: spec.mode\nunsupported mode");
}

#[test]
fn sources() {
    let source = |source: Value| authority(json!({"key": {"data": KEY}, "source": source}));
    assert_eq!(
        source(json!([{"oci": "re@gistry/reponame"}, {}])),
        format!("invalid value: source: {P}.source\nonly single source is supported")
    );
    for (oci, fault) in [
        ("re@gistry/reponame", "registries must be valid RFC 3986 URI authorities: re@gistry/reponame"),
        ("repo/name", "registries must be valid RFC 3986 URI authorities: repo/name"),
        ("localhost/x", "registries must be valid RFC 3986 URI authorities: localhost/x"),
        ("a b", "registries must be valid RFC 3986 URI authorities: a b"),
        ("r.example/x", "repository must be between 2 and 255 characters in length: x"),
        (
            "r.example/Upper",
            "repository can only contain the characters `abcdefghijklmnopqrstuvwxyz0123456789_-./`: Upper",
        ),
        ("index.docker.io/app", "strict validation requires the full repository path (missing 'library')"),
        ("r.exa mple/app", "registries must be valid RFC 3986 URI authorities: r.exa mple"),
    ] {
        assert_eq!(source(json!([{"oci": oci}])), format!("invalid value: {oci}: {P}.source[0].oci\n{fault}"));
    }
    for oci in ["registry.example", "registry.example:5000", "registry.example/a/b", "host", ""] {
        assert_eq!(source(json!([{"oci": oci}])), "", "{oci}");
    }
    // Each by its own path: policy-controller would name the first one as a part of the second.
    assert_eq!(
        source(json!([{"signaturePullSecrets": [{}, {"name": "x"}, {"name": ""}]}])),
        format!(
            "missing field(s): {P}.source[0].signaturePullSecrets[0].name, {P}.source[0].signaturePullSecrets[2].name"
        )
    );
}

#[test]
fn keys() {
    let paths = format!("{P}.key.data, {P}.key.kms, {P}.key.secretref");
    assert_eq!(key(json!({})), format!("expected exactly one, got neither: {paths}"));
    let kms = "gcpkms://x";
    for several in [
        json!({"data": KEY, "kms": kms}),
        json!({"data": KEY, "secretRef": {"name": "s"}}),
        json!({"kms": kms, "secretRef": {"name": "s"}}),
        json!({"data": KEY, "kms": kms, "secretRef": {"name": "s"}}),
    ] {
        assert_eq!(key(several), format!("expected exactly one, got both: {paths}"));
    }
    assert_eq!(key(json!({"data": "---some key---"})), format!("invalid value: ---some key---: {P}.key.data"));
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(key(json!({"data": certificate})), format!("invalid value: {certificate}: {P}.key.data"));
    assert_eq!(
        key(json!({"data": KEY, "hashAlgorithm": "shaINVALID"})),
        format!("invalid value: shaINVALID: {P}.key.hashAlgorithm")
    );
    assert_eq!(
        key(json!({"secretRef": {"name": "s", "namespace": "other"}})),
        format!(
            "invalid value: other: {P}.key.secretref.namespace\nsecretref.namespace is invalid. If set, it should use \
             the same namespace where the policy-controller was deployed"
        )
    );
}

#[test]
fn keys_in_key_management_services() {
    const FORM: &str = "kms key should be in the format awskms://[ENDPOINT]/[ID/ALIAS/ARN] (endpoint optional)";
    const PREFIX: &str = "failed to parse either key or alias arn: arn: invalid prefix";
    let arn = "arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    for (kms, fault) in [
        (
            "foo://x",
            "malformed KMS format, should be prefixed by any of the supported providers: [awskms:// azurekms:// \
             hashivault:// gcpkms://]",
        ),
        (
            "awskms://x",
            "malformed AWS KMS format 'awskms://$ENDPOINT/$KEYID', should be conformant with KMS standard documented \
             here: https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id",
        ),
        ("awskms://localhost:4566/x", FORM),
        ("awskms:///arn:aws:kms:us-east-2:1:key/1234abcd-12ab-34cd-56ef-1234567890ab", FORM),
        ("awskms:///arn:aws:s3:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", FORM),
        ("awskms:///arn:other:kms:us-east-2:111122223333:alias/a", FORM),
        ("awskms://arn:aws/alias/a", FORM),
        ("awskms://alias/alias/a", FORM),
        ("awskms:///1234abcd-12ab-34cd-56ef-1234567890ab", PREFIX),
        ("awskms:///mrk-1234abcd12ab34cd56ef1234567890ab", PREFIX),
        ("awskms:///alias/ExampleAlias", PREFIX),
        (&*format!("awskms://localhost/{arn}"), "malformed endpoint: address localhost: missing port in address"),
    ] {
        assert_eq!(key(json!({"kms": kms})), format!("invalid value: {kms}: {P}.key.kms\n{fault}"));
    }
}

#[test]
fn keyless_authorities() {
    let identity = json!([{"issuer": "i", "subject": "s"}]);
    assert_eq!(
        authority(json!({"keyless": {"identities": identity}})),
        format!("expected exactly one, got neither: {P}.keyless.ca-cert, {P}.keyless.url")
    );
    assert_eq!(
        authority(json!({"keyless": {"url": "https://x.example", "ca-cert": {"data": KEY}, "identities": identity}})),
        format!("expected exactly one, got both: {P}.keyless.ca-cert, {P}.keyless.url")
    );
    assert_eq!(
        authority(json!({"keyless": {"ca-cert": {}, "identities": identity}})),
        format!(
            "expected exactly one, got neither: {P}.keyless.ca-cert.data, {P}.keyless.ca-cert.kms, \
             {P}.keyless.ca-cert.secretref"
        )
    );
}

#[test]
fn identities_name_an_issuer_and_a_subject() {
    let i = format!("{P}.keyless.identities");
    assert_eq!(keyless(json!([])), format!("missing field(s): {i}"));
    assert_eq!(keyless(Value::Null), format!("missing field(s): {i}"));
    let ok = json!({"issuer": "i", "subject": "s"});
    for (identity, expected) in [
        (
            json!({"issuer": "i", "issuerRegExp": "i", "subject": "s"}),
            format!("expected exactly one, got both: {i}[1].issuer, {i}[1].issuerRegExp"),
        ),
        (
            json!({"issuer": "i", "subjectRegExp": "s", "subject": "s"}),
            format!("expected exactly one, got both: {i}[1].subject, {i}[1].subjectRegExp"),
        ),
        (json!({"subject": "s"}), format!("missing field(s): {i}[1].issuer, {i}[1].issuerRegExp")),
        (json!({"issuer": "i"}), format!("missing field(s): {i}[1].subject, {i}[1].subjectRegExp")),
        (
            json!({"issuerRegExp": "****", "subject": "s"}),
            format!(
                "invalid value: ****: {i}[1].issuerRegExp\nregex is invalid: error parsing regexp: missing argument \
                 to repetition operator: `*`"
            ),
        ),
        (
            // Ours would take it.
            json!({"issuerRegExp": "a{1001}", "subject": "s"}),
            format!(
                "invalid value: a{{1001}}: {i}[1].issuerRegExp\nregex is invalid: error parsing regexp: invalid repeat \
                 count: `{{1001}}`"
            ),
        ),
        (
            json!({"issuer": "i", "subjectRegExp": "(?=x)"}),
            format!(
                "invalid value: (?=x): {i}[1].subjectRegExp\nregex is invalid: error parsing regexp: invalid or \
                 unsupported Perl syntax: `(?=`"
            ),
        ),
    ] {
        assert_eq!(keyless(json!([ok, identity])), expected);
    }
}

#[test]
fn attestations() {
    assert_eq!(
        attestation(json!({})),
        format!("missing field(s): {P}.attestations.name, {P}.attestations.predicateType")
    );
    let disallowed = format!("{P}.attestations.policy");
    assert_eq!(
        attestation_policy(json!({
            "type": "cue", "data": "a: 1", "fetchConfigFile": false, "includeSpec": true, "includeObjectMeta": true,
            "includeTypeMeta": true,
        })),
        format!(
            "must not set the field(s): {disallowed}.fetchConfigFile, {disallowed}.includeObjectMeta, \
             {disallowed}.includeSpec, {disallowed}.includeTypeMeta"
        )
    );
}

#[test]
fn short_predicate_types_are_warned_of() {
    let deprecated = |wanted: &str| {
        let attestation = json!({"name": "a", "predicateType": wanted});
        let authority = json!({"key": {"data": KEY}, "attestations": [attestation]});
        let errors = validate(json!({"images": [{"glob": "**"}], "authorities": [authority]}));
        assert_eq!(errors.denial(), None, "{wanted}");
        errors.warnings()
    };
    for wanted in ["custom", "slsaprovenance", "spdx", "spdxjson", "cyclonedx", "link", "vuln", "openvex", "a b"] {
        let first = format!("invalid value: {wanted}: {P}.attestations.predicateType");
        let second = "deprecated value, please use RFC 3986 conformant values".to_owned();
        assert_eq!(deprecated(wanted), [first, second]);
    }
    assert!(deprecated("https://cosign.sigstore.dev/attestation/v1").is_empty());
    assert!(deprecated("/absolute/path").is_empty());
}

/// The same texts in both places; that of `spec.policy` has no `policy.` in its path, as upstream.
#[test]
fn policies() {
    let at_attestation = format!("{P}.attestations.policy");
    type Check = fn(Value) -> String;
    let places: [(Check, &str); 2] = [(attestation_policy, &at_attestation), (spec_policy, "spec")];
    for (check, at) in places {
        for (policy, expected) in [
            (
                json!({"type": "X", "data": "d"}),
                format!("invalid value: X: {at}.type\nonly [cue,rego] are supported at the moment"),
            ),
            (json!({"type": "cue"}), format!("missing field(s): {at}.configMapRef, {at}.data, {at}.remote")),
            (
                json!({"type": "cue", "data": "a: 1", "configMapRef": {"name": "n", "key": "k"}}),
                format!("expected exactly one, got both: {at}.configMapRef, {at}.data, {at}.remote"),
            ),
            (
                json!({"type": "rego", "remote": {"url": "http://x.example", "sha256sum": "s"}}),
                format!(
                    "invalid value: http://x.example: {at}.remote.url\nurl valid is invalid. host and https scheme are \
                     expected"
                ),
            ),
            (
                json!({"type": "rego", "remote": {"url": "https:///path", "sha256sum": "s"}}),
                format!(
                    "invalid value: https:///path: {at}.remote.url\nurl valid is invalid. host and https scheme are \
                     expected"
                ),
            ),
            (
                json!({"type": "rego", "remote": {"url": "https://x.example"}}),
                format!("missing field(s): {at}.remote.sha256sum"),
            ),
            (
                json!({"type": "cue", "configMapRef": {}}),
                format!("missing field(s): {at}.configMapRef.key, {at}.configMapRef.name"),
            ),
        ] {
            assert_eq!(check(policy), expected);
        }
    }
}

#[test]
fn a_policy_that_does_not_compile_is_warned_of_and_not_refused() {
    for (language, text) in
        [("cue", "a: {"), ("cue", "a: unknown"), ("rego", "no rego"), ("rego", "package sigstore\nx {")]
    {
        let policy = json!({"type": language, "data": text});
        let spec = json!({"images": [{"glob": "**"}], "authorities": [{"key": {"data": KEY}}], "policy": policy});
        let errors = validate(spec);
        assert_eq!(errors.denial(), None, "{text}");
        let first = errors.warnings().into_iter().next();
        assert_eq!(first.as_deref(), Some("the policy cannot be loaded, and denies every image: spec.data"), "{text}");
    }
}

#[test]
fn matches() {
    assert_eq!(
        matching(json!({"version": "v1", "resource": "apple"})),
        "invalid value: apple: spec.match[0].resource\nunsupported resource name"
    );
    assert_eq!(
        matching(json!({"selector": {}})),
        "invalid value: : spec.match[0].selector\nselector requires a resource type to match the labels"
    );
    for resource in ["replicasets", "deployments", "pods", "cronjobs", "jobs", "statefulsets", "daemonsets", ""] {
        assert_eq!(matching(json!({"version": "v1", "resource": resource})), "");
    }
}

/// It is obeyed by leaving its images to what no policy is for.
#[test]
fn a_match_that_is_for_no_object_is_warned_of_and_not_refused() {
    let with =
        |entry: &Value| json!({"images": [{"glob": "**"}], "authorities": [{"key": {"data": KEY}}], "match": [entry]});
    for entry in [
        json!({}),
        json!({"version": "v1"}),
        json!({"resource": "pods"}),
        json!({"group": "apps", "version": "v1", "resource": "pods"}),
        json!({"version": "v1", "resource": "deployments", "selector": {}}),
        json!({"group": "*", "version": "v1", "resource": "jobs"}),
    ] {
        let errors = validate(with(&entry));
        assert_eq!(errors.denial(), None, "{entry}");
        let first = errors.warnings().into_iter().next();
        assert_eq!(first.as_deref(), Some("this is for no object: spec.match[0]"), "{entry}");
    }
    for entry in [
        json!({"version": "v1", "resource": "pods"}),
        json!({"group": "", "version": "*", "resource": "pods"}),
        json!({"group": "apps", "version": "v1", "resource": "deployments"}),
        json!({"group": "batch", "version": "v1beta1", "resource": "cronjobs"}),
    ] {
        assert!(validate(with(&entry)).is_empty(), "{entry}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once_sorted_and_merged() {
    let spec = json!({
        "images": [{}, {"glob": "$"}],
        "authorities": [{"static": {"action": "x"}}, {"keyless": {"url": "https://x.example"}}, {}],
        "mode": "m",
    });
    assert_eq!(
        denial(spec),
        "expected exactly one, got neither: spec.authorities[2].key, spec.authorities[2].keyless, \
         spec.authorities[2].static\n\
         invalid value: $: spec.images[1].glob\nglob is invalid: invalid glob \"$\"\n\
         invalid value: m: spec.mode\nunsupported mode\n\
         invalid value: x: spec.authorities[0].static.action\nunsupported action\n\
         missing field(s): spec.authorities[1].keyless.identities, spec.images[0].glob"
    );
}

#[test]
fn a_policy_of_too_many_entries_is_refused_before_any_work() {
    let identity = json!({"issuerRegExp": "x", "subjectRegExp": "y"});
    let text = keyless(Value::Array(vec![identity; 2_001]));
    assert!(text.starts_with("a policy has at most 2000 entries in all its lists, found 2003: spec"), "{text}");
}

#[test]
fn what_is_no_policy_is_not_read() {
    fn fault(json: &str) -> DecodeError {
        decode::<ClusterImagePolicy>(json.as_bytes()).unwrap_err()
    }
    let unknown = fault(r#"{"spec":{"authorities":[{"keyles":{}}]}}"#);
    assert_eq!(unknown, DecodeError::UnknownField { name: "keyles".into() });
    assert_eq!(unknown.to_string(), "json: unknown field \"keyles\"");
    // Go would take another case of a known name.
    assert_eq!(fault(r#"{"spec":{"Images":[]}}"#), DecodeError::UnknownField { name: "Images".into() });
    for (json, text) in [
        (
            r#"{"spec":{"images":{"glob":"x"}}}"#,
            "json: cannot unmarshal object into Go struct field ClusterImagePolicySpec.spec.images of type []ImagePattern",
        ),
        (
            r#"{"spec":{"images":[{"glob":true}]}}"#,
            "json: cannot unmarshal bool into Go struct field ImagePattern.spec.images.glob of type string",
        ),
        (
            // A list in a struct's place: a lax reader would take its elements for the fields.
            r#"{"spec":{"images":[["**"]]}}"#,
            "json: cannot unmarshal array into Go struct field ClusterImagePolicySpec.spec.images of type ImagePattern",
        ),
        ("[]", "json: cannot unmarshal array into Go value of type ClusterImagePolicy"),
        ("null", "json: cannot unmarshal null into Go value of type ClusterImagePolicy"),
        (
            r#"{"metadata":{"labels":{"a":1}}}"#,
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            r#"{"spec":{"authorities":[{"ctlog":{"url":{}}}]}}"#,
            "json: cannot unmarshal object into Go struct field TLog.spec.authorities.ctlog.url of type string",
        ),
    ] {
        assert_eq!(fault(json).to_string(), text, "{json}");
    }
    let url = fault(r#"{"spec":{"authorities":[{"keyless":{"url":"http://a b"}}]}}"#);
    assert!(matches!(url, DecodeError::Invalid { ref field, .. } if field == "spec.authorities.keyless.url"), "{url}");
}

#[test]
fn a_name_that_stands_twice_is_refused_since_either_could_count() {
    for json in [
        r#"{"spec":{"mode":"enforce","mode":"warn"}}"#,
        r#"{"spec":{},"spec":{}}"#,
        r#"{"metadata":{"annotations":{"a":"1","a":"2"}}}"#,
        r#"{"spec":{"match":[{"selector":{"matchLabels":{"a":"1","a":"2"}}}]}}"#,
    ] {
        let fault = decode::<ClusterImagePolicy>(json.as_bytes()).unwrap_err();
        assert!(matches!(fault, DecodeError::Syntax { ref reason } if reason.contains("stands twice")), "{fault}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = format!("{}{}", r#"{"metadata":{"x":"#.to_owned() + &"[".repeat(100_000), "]".repeat(100_000) + "}}");
    assert!(matches!(decode::<ClusterImagePolicy>(deep.as_bytes()), Err(DecodeError::Syntax { .. })));
    let long = vec![b' '; sigward_policy::limits::MAX_OBJECT_BYTES + 1];
    assert!(matches!(decode::<ClusterImagePolicy>(&long), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn null_is_nothing_and_what_is_empty_is_kept() {
    let policy =
        read(json!({"mode": null, "images": [null], "authorities": [{"ctlog": {}, "key": null, "source": null,
        "rfc3161timestamp": {}, "keyless": {"url": null, "identities": null}}]}));
    let authority = policy.spec.authorities.first().unwrap();
    assert!(authority.ctlog.is_some() && authority.rfc3161_timestamp.is_some() && authority.key.is_none());
    assert_eq!(policy.spec.images.len(), 1);
    let written = serde_json::to_value(&policy).unwrap();
    let expected = json!({"images": [{"glob": ""}], "authorities": [{"name": "", "ctlog": {}, "rfc3161timestamp": {},
        "keyless": {"identities": []}}]});
    assert_eq!(written["spec"], expected);
    assert_eq!(serde_json::from_value::<ClusterImagePolicy>(written).unwrap(), policy);
}
