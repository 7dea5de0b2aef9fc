//! The fields of a ClusterImagePolicy. Both versions have the same.

use std::collections::BTreeMap;

use crate::go::parse_url;
use crate::object::{Metadata, Url, records};

/// The API group of ClusterImagePolicy and TrustRoot.
pub const GROUP: &str = "policy.sigstore.dev";

/// The kind of a ClusterImagePolicy.
pub const KIND: &str = "ClusterImagePolicy";

/// The versions of ClusterImagePolicy; the first is stored.
pub const VERSIONS: [&str; 2] = ["v1alpha1", "v1beta1"];

records! {
    /// A policy for images in the whole cluster.
    pub struct ClusterImagePolicy {
        /// `policy.sigstore.dev/v1alpha1` or `policy.sigstore.dev/v1beta1`.
        pub api_version: String => "apiVersion",
        /// `ClusterImagePolicy`.
        pub kind: String => "kind",
        /// Name and labels.
        pub metadata: Metadata => "metadata" always,
        /// What is asked for.
        pub spec: ClusterImagePolicySpec => "spec" always,
        /// What the controller says about it.
        pub status: Status => "status" always,
    }

    /// What a policy asks for.
    pub struct ClusterImagePolicySpec {
        /// The images that the policy is for. One pattern that matches is enough.
        pub images: Vec<ImagePattern> => "images" always,
        /// Who may vouch for an image. One authority that does is enough.
        pub authorities: Vec<Authority> => "authorities",
        /// A policy over what the authorities found, and over the object that names the image.
        pub policy: Option<Policy> => "policy",
        /// What a failure does: `enforce` (the default) denies, `warn` lets the object pass with a warning.
        pub mode: String => "mode",
        /// The resources that the policy is for; all, where the list is empty. One entry that matches is enough.
        pub match_resources: Vec<MatchResource> => "match",
    }

    /// A pattern for names of images.
    pub struct ImagePattern {
        /// The pattern: `*` stands for anything but `/`, `**` for anything.
        pub glob: String => "glob" always,
    }

    /// Someone who may vouch for an image: exactly one of key, keyless and static.
    pub struct Authority {
        /// Its name; `authority-` and its index where none is given.
        pub name: String => "name" always,
        /// Signatures by this key.
        pub key: Option<KeyRef> => "key",
        /// Signatures by an identity whose certificate a certificate authority issued.
        pub keyless: Option<KeylessRef> => "keyless",
        /// A fixed answer, without looking at signatures.
        pub static_action: Option<StaticRef> => "static",
        /// Where signatures are, if not beside the image. At most one.
        pub sources: Vec<Source> => "source",
        /// The transparency log that must know the signature.
        pub ctlog: Option<TLog> => "ctlog",
        /// Attestations that must be there, all of them. The image itself need not be signed then.
        pub attestations: Vec<Attestation> => "attestations",
        /// The timestamp authority that must have seen the signature.
        pub rfc3161_timestamp: Option<Rfc3161Timestamp> => "rfc3161timestamp",
        /// The format of signatures: `legacy`, `bundle`, or nothing.
        pub signature_format: String => "signatureFormat",
    }

    /// A public key: exactly one of secretRef, data and kms.
    pub struct KeyRef {
        /// A Secret that holds the key as its only entry.
        pub secret_ref: Option<SecretReference> => "secretRef",
        /// The key in PEM.
        pub data: String => "data",
        /// The key's URI in a key management service.
        pub kms: String => "kms",
        /// The hash of signatures: sha224, sha256 (the default), sha384 or sha512.
        pub hash_algorithm: String => "hashAlgorithm",
    }

    /// A Secret in a namespace.
    pub struct SecretReference {
        /// Its name.
        pub name: String => "name",
        /// Its namespace; only the controller's own is allowed.
        pub namespace: String => "namespace",
    }

    /// Signers with certificates.
    pub struct KeylessRef {
        /// The certificate authority's URL.
        pub url: Option<Url> => "url",
        /// The identities that are accepted. One that matches is enough.
        pub identities: Vec<Identity> => "identities" always,
        /// The certificate authority's key, instead of its URL.
        pub ca_cert: Option<KeyRef> => "ca-cert",
        /// The TrustRoot that holds the certificate authority and the certificate logs.
        pub trust_root_ref: String => "trustRootRef",
        /// Does not ask that a certificate log knows the certificate.
        pub insecure_ignore_sct: Option<bool> => "insecureIgnoreSCT",
    }

    /// An identity: one of issuer and issuerRegExp, and one of subject and subjectRegExp.
    pub struct Identity {
        /// The issuer of the signer's token.
        pub issuer: String => "issuer",
        /// The signer's name.
        pub subject: String => "subject",
        /// A regular expression for the issuer. It matches anywhere in it: write `^` and `$`.
        pub issuer_reg_exp: String => "issuerRegExp",
        /// A regular expression for the signer's name. It matches anywhere in it: write `^` and `$`.
        pub subject_reg_exp: String => "subjectRegExp",
    }

    /// A fixed answer.
    pub struct StaticRef {
        /// `pass` or `fail`.
        pub action: String => "action" always,
        /// What is said when it fails.
        pub message: String => "message",
    }

    /// Where signatures are.
    pub struct Source {
        /// The repository that holds them.
        pub oci: String => "oci",
        /// Secrets with credentials for it, in the namespace of the object that names the image.
        pub signature_pull_secrets: Vec<LocalObjectReference> => "signaturePullSecrets",
        /// What stands before `sha256-…` in the tags of signatures and attestations.
        pub tag_prefix: Option<String> => "tagPrefix",
    }

    /// An object in a namespace that is known otherwise.
    pub struct LocalObjectReference {
        /// Its name.
        pub name: String => "name",
    }

    /// A transparency log.
    pub struct TLog {
        /// Its URL.
        pub url: Option<Url> => "url",
        /// The TrustRoot that holds its key.
        pub trust_root_ref: String => "trustRootRef",
    }

    /// An attestation that must be there.
    pub struct Attestation {
        /// Its name in the policy over what the authorities found.
        pub name: String => "name" always,
        /// The type of its predicate.
        pub predicate_type: String => "predicateType" always,
        /// A policy over its statement.
        pub policy: Option<Policy> => "policy",
    }

    /// A timestamp authority.
    pub struct Rfc3161Timestamp {
        /// The TrustRoot that holds its certificates.
        pub trust_root_ref: String => "trustRootRef",
    }

    /// A policy in CUE or Rego: exactly one of data, remote and configMapRef.
    pub struct Policy {
        /// `cue` or `rego`.
        pub policy_type: String => "type" always,
        /// The policy itself.
        pub data: String => "data",
        /// A document that holds it.
        pub remote: Option<RemotePolicy> => "remote",
        /// A ConfigMap that holds it.
        pub config_map_ref: Option<ConfigMapReference> => "configMapRef",
        /// Gives the policy the image's configuration for each platform, as `config`.
        pub fetch_config_file: Option<bool> => "fetchConfigFile",
        /// Gives the policy the object's spec, as `spec`.
        pub include_spec: Option<bool> => "includeSpec",
        /// Gives the policy the object's metadata, as `metadata`.
        pub include_object_meta: Option<bool> => "includeObjectMeta",
        /// Gives the policy the object's kind and apiVersion, as `typemeta`.
        pub include_type_meta: Option<bool> => "includeTypeMeta",
    }

    /// A document with a known digest.
    pub struct RemotePolicy {
        /// Where it is; https only.
        pub url: Url => "url" always,
        /// Its SHA-256 in hex.
        pub sha256sum: String => "sha256sum",
    }

    /// An entry of a ConfigMap.
    pub struct ConfigMapReference {
        /// The ConfigMap's name.
        pub name: String => "name",
        /// Its namespace; the controller's own is used in any case.
        pub namespace: String => "namespace",
        /// The entry.
        pub key: String => "key",
    }

    /// Resources that a policy is for.
    pub struct MatchResource {
        /// Their API group; the core group where it is empty.
        pub group: String => "group" always,
        /// Their version, or `*`.
        pub version: String => "version" always,
        /// Their name in the plural, such as `pods`.
        pub resource: String => "resource" always,
        /// Labels that they must have.
        pub selector: Option<LabelSelector> => "selector",
    }

    /// Labels that an object must have: all that is said must hold.
    pub struct LabelSelector {
        /// Labels with these values.
        pub match_labels: BTreeMap<String, String> => "matchLabels",
        /// Other requirements.
        pub match_expressions: Vec<LabelSelectorRequirement> => "matchExpressions",
    }

    /// A requirement on one label.
    pub struct LabelSelectorRequirement {
        /// The label.
        pub key: String => "key" always,
        /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
        pub operator: String => "operator" always,
        /// The values for `In` and `NotIn`.
        pub values: Vec<String> => "values",
    }

    /// What the controller says about an object.
    pub struct Status {
        /// The generation that the conditions are about.
        pub observed_generation: i64 => "observedGeneration",
        /// What holds.
        pub conditions: Vec<Condition> => "conditions",
        /// What else there is to say.
        pub annotations: BTreeMap<String, String> => "annotations",
    }

    /// Whether something holds.
    pub struct Condition {
        /// What it is about, such as `Ready`.
        pub condition_type: String => "type" required,
        /// `True`, `False` or `Unknown`.
        pub status: String => "status" required,
        /// How bad it is when it does not hold; an error where it is empty.
        pub severity: String => "severity",
        /// When it last changed.
        pub last_transition_time: String => "lastTransitionTime",
        /// Why, as one word.
        pub reason: String => "reason",
        /// Why, as a sentence.
        pub message: String => "message",
    }
}

/// The annotation with which a policy asks that a field missing from the evidence rejects.
pub const STRICT_ANNOTATION: &str = "policy.sigward.dev/strict";

/// What a failure of a policy does.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Mode {
    /// It denies.
    #[default]
    Enforce,
    /// It warns.
    Warn,
}

/// The language of a policy.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PolicyType {
    /// CUE.
    Cue,
    /// Rego, in v0 syntax.
    Rego,
}

/// A fixed answer of an authority.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StaticAction {
    /// The image passes.
    Pass,
    /// The image fails.
    Fail,
}

/// Which formats of signatures an authority takes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum SignatureFormat {
    /// Nothing is said: both are tried.
    #[default]
    Any,
    /// cosign's own, in tags.
    Legacy,
    /// Sigstore bundles.
    Bundle,
}

impl ClusterImagePolicySpec {
    /// What a failure does; `None` for an unknown word, which no valid policy has.
    pub fn mode(&self) -> Option<Mode> {
        match self.mode.as_str() {
            "" | "enforce" => Some(Mode::Enforce),
            "warn" => Some(Mode::Warn),
            _ => None,
        }
    }
}

impl Policy {
    /// The language; `None` for an unknown word, which no valid policy has.
    pub fn language(&self) -> Option<PolicyType> {
        match self.policy_type.as_str() {
            "cue" => Some(PolicyType::Cue),
            "rego" => Some(PolicyType::Rego),
            _ => None,
        }
    }
}

impl RemotePolicy {
    /// Whether it is where it may be asked for. Its content counts under its digest alone; that of another place would
    /// still be a request that anybody on the way sees.
    pub fn is_https(&self) -> bool {
        parse_url(self.url.as_str()).is_ok_and(|url| url.scheme == "https" && !url.host.is_empty())
    }
}

impl StaticRef {
    /// The answer; `None` for an unknown word, which no valid policy has.
    pub fn action(&self) -> Option<StaticAction> {
        match self.action.as_str() {
            "pass" => Some(StaticAction::Pass),
            "fail" => Some(StaticAction::Fail),
            _ => None,
        }
    }
}

impl Authority {
    /// The formats of signatures. policy-controller checks no value here, and takes anything but `bundle` as `legacy`.
    pub fn signature_format(&self) -> SignatureFormat {
        match self.signature_format.as_str() {
            "" => SignatureFormat::Any,
            "bundle" => SignatureFormat::Bundle,
            _ => SignatureFormat::Legacy,
        }
    }
}
