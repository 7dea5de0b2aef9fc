//! What is written for others to read: `config-image-policies` and `config-sigstore-keys`, as policy-controller writes them
//! (specs/policy-controller.md §1.9). Nothing here is read back for decisions.

use serde_json::{Map, Value, json};

use crate::cip::{Attestation, Authority, ClusterImagePolicy, KeyRef, KeylessRef, Policy};
use crate::object::Field;

/// The ConfigMap of policies: an entry for each ClusterImagePolicy.
pub const IMAGE_POLICIES: &str = "config-image-policies";

/// The ConfigMap of keys: an entry for each TrustRoot, its `trusted_root`.
pub const SIGSTORE_KEYS: &str = "config-sigstore-keys";

/// A policy that refers to something whose content is not in its place. An entry without it would say less than the policy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field} refers to something outside: its content is expected in its place")]
pub struct NotInlined {
    /// The field.
    pub field: String,
}

/// The entry of a policy for [`IMAGE_POLICIES`], as JSON. Keys and policies stand in `data` already: what Secrets, ConfigMaps
/// and servers hold was put there by the caller, who also took the references away.
///
/// # Errors
/// [`NotInlined`] if a reference is left.
pub fn image_policy(policy: &ClusterImagePolicy) -> Result<String, NotInlined> {
    let spec = &policy.spec;
    let authority = |(at, authority): (usize, &Authority)| {
        authority_entry(authority)
            .map_err(|fault| NotInlined { field: format!("spec.authorities[{at}].{}", fault.field) })
    };
    let authorities = spec.authorities.iter().enumerate().map(authority).collect::<Result<Vec<_>, _>>()?;
    let mut entry = Map::new();
    entry.insert("uid".into(), policy.metadata.uid().into());
    entry.insert("resourceVersion".into(), policy.metadata.resource_version().into());
    entry.insert("images".into(), spec.images.to_json());
    entry.insert("authorities".into(), authorities.into());
    if let Some(found) = &spec.policy {
        let mut policy = json!({"name": "", "predicateType": ""});
        add_policy(&mut policy, found).map_err(|field| NotInlined { field: format!("spec.policy.{field}") })?;
        entry.insert("policy".into(), policy);
    }
    insert(&mut entry, "mode", &spec.mode);
    insert(&mut entry, "match", &spec.match_resources);
    Ok(Value::Object(entry).to_string())
}

fn authority_entry(authority: &Authority) -> Result<Value, NotInlined> {
    let not_inlined = |field: String| NotInlined { field };
    let mut entry = Map::new();
    entry.insert("name".into(), authority.name.clone().into());
    if let Some(key) = &authority.key {
        entry.insert("key".into(), key_entry(key).map_err(|field| not_inlined(format!("key.{field}")))?);
    }
    if let Some(keyless) = &authority.keyless {
        entry.insert("keyless".into(), keyless_entry(keyless).map_err(|f| not_inlined(format!("keyless.{f}")))?);
    }
    insert(&mut entry, "static", &authority.static_action);
    insert(&mut entry, "source", &authority.sources);
    insert(&mut entry, "ctlog", &authority.ctlog);
    let attestation = |(at, attestation): (usize, &Attestation)| {
        attestation_entry(attestation).map_err(|field| not_inlined(format!("attestations[{at}].policy.{field}")))
    };
    let attestations = authority.attestations.iter().enumerate().map(attestation).collect::<Result<Vec<_>, _>>()?;
    if !attestations.is_empty() {
        entry.insert("attestations".into(), attestations.into());
    }
    insert(&mut entry, "rfc3161timestamp", &authority.rfc3161_timestamp);
    insert(&mut entry, "signatureFormat", &authority.signature_format);
    Ok(Value::Object(entry))
}

fn key_entry(key: &KeyRef) -> Result<Value, &'static str> {
    match (&key.secret_ref, key.kms.is_empty()) {
        (Some(_), _) => return Err("secretRef"),
        (None, false) => return Err("kms"),
        (None, true) => {}
    }
    let hash = if key.hash_algorithm.is_empty() { "sha256" } else { &key.hash_algorithm };
    let mut entry = Map::new();
    insert(&mut entry, "data", &key.data);
    entry.insert("hashAlgorithm".into(), hash.into());
    Ok(Value::Object(entry))
}

fn keyless_entry(keyless: &KeylessRef) -> Result<Value, String> {
    let mut entry = Map::new();
    insert(&mut entry, "url", &keyless.url);
    insert(&mut entry, "identities", &keyless.identities);
    if let Some(key) = &keyless.ca_cert {
        entry.insert("ca-cert".into(), key_entry(key).map_err(|field| format!("ca-cert.{field}"))?);
    }
    insert(&mut entry, "trustRootRef", &keyless.trust_root_ref);
    insert(&mut entry, "insecureIgnoreSCT", &keyless.insecure_ignore_sct);
    Ok(Value::Object(entry))
}

fn attestation_entry(attestation: &Attestation) -> Result<Value, &'static str> {
    let mut entry = json!({"name": attestation.name, "predicateType": attestation.predicate_type});
    if let Some(policy) = &attestation.policy {
        add_policy(&mut entry, policy)?;
    }
    Ok(entry)
}

/// The parts of a policy stand beside the name and type that it belongs to.
fn add_policy(entry: &mut Value, policy: &Policy) -> Result<(), &'static str> {
    if policy.remote.is_some() {
        return Err("remote");
    }
    if policy.config_map_ref.is_some() {
        return Err("configMapRef");
    }
    let Some(entry) = entry.as_object_mut() else { return Ok(()) };
    insert(entry, "type", &policy.policy_type);
    insert(entry, "data", &policy.data);
    insert(entry, "fetchConfigFile", &policy.fetch_config_file);
    insert(entry, "includeSpec", &policy.include_spec);
    insert(entry, "includeObjectMeta", &policy.include_object_meta);
    insert(entry, "includeTypeMeta", &policy.include_type_meta);
    Ok(())
}

/// Go's `omitempty`.
fn insert<T: Field>(entry: &mut Map<String, Value>, name: &str, value: &T) {
    if !value.is_empty() {
        entry.insert(name.to_owned(), value.to_json());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::from_value;

    fn entry(spec: Value) -> Result<Value, NotInlined> {
        let metadata = json!({"name": "x", "uid": "u-1", "resourceVersion": "7"});
        let policy = from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
        image_policy(&policy).map(|text| serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn a_policy_is_published_in_the_internal_form() {
        let spec = json!({
            "images": [{"glob": "ghcr.io/**"}], "mode": "enforce",
            "match": [{"group": "", "version": "v1", "resource": "pods", "selector": {"matchLabels": {"a": "b"}}}],
            "authorities": [
                {"name": "k", "key": {"data": "PEM"}, "ctlog": {}, "source": [{"oci": "r.example/x", "tagPrefix": "p"}]},
                {"name": "l", "keyless": {"url": "https://f.example", "identities": [{"issuer": "i", "subject": "s"}],
                    "ca-cert": {"data": "C", "hashAlgorithm": "sha512"}, "trustRootRef": "t", "insecureIgnoreSCT": true},
                    "rfc3161timestamp": {"trustRootRef": "t"}, "signatureFormat": "bundle",
                    "attestations": [
                        {"name": "a", "predicateType": "https://x.example", "policy": {"type": "cue", "data": "b: 1"}},
                        {"name": "c", "predicateType": "https://x.example"},
                    ]},
                {"name": "s", "static": {"action": "fail", "message": "m"}},
            ],
            "policy": {"type": "rego", "data": "package sigstore", "includeSpec": true, "fetchConfigFile": false},
        });
        let expected = json!({
            "uid": "u-1", "resourceVersion": "7", "images": [{"glob": "ghcr.io/**"}], "mode": "enforce",
            "match": spec["match"],
            "authorities": [
                {"name": "k", "key": {"data": "PEM", "hashAlgorithm": "sha256"}, "ctlog": {},
                    "source": [{"oci": "r.example/x", "tagPrefix": "p"}]},
                {"name": "l", "keyless": {"url": "https://f.example", "identities": [{"issuer": "i", "subject": "s"}],
                    "ca-cert": {"data": "C", "hashAlgorithm": "sha512"}, "trustRootRef": "t", "insecureIgnoreSCT": true},
                    "rfc3161timestamp": {"trustRootRef": "t"}, "signatureFormat": "bundle",
                    "attestations": [
                        {"name": "a", "predicateType": "https://x.example", "type": "cue", "data": "b: 1"},
                        {"name": "c", "predicateType": "https://x.example"},
                    ]},
                {"name": "s", "static": {"action": "fail", "message": "m"}},
            ],
            "policy": {"name": "", "predicateType": "", "type": "rego", "data": "package sigstore", "includeSpec": true,
                "fetchConfigFile": false},
        });
        assert_eq!(entry(spec).unwrap(), expected);
        let least = json!({"uid": "u-1", "resourceVersion": "7", "images": [], "authorities": []});
        assert_eq!(entry(json!({})).unwrap(), least);
    }

    #[test]
    fn a_policy_with_a_reference_left_is_not_published_as_if_it_asked_for_less() {
        for (spec, field) in [
            (json!({"authorities": [{"key": {"secretRef": {"name": "s"}}}]}), "spec.authorities[0].key.secretRef"),
            (json!({"authorities": [{}, {"key": {"kms": "gcpkms://x"}}]}), "spec.authorities[1].key.kms"),
            (
                json!({"authorities": [{"keyless": {"ca-cert": {"secretRef": {}}}}]}),
                "spec.authorities[0].keyless.ca-cert.secretRef",
            ),
            (
                json!({"authorities": [{"attestations": [{}, {"policy": {"remote": {}}}]}]}),
                "spec.authorities[0].attestations[1].policy.remote",
            ),
            (json!({"policy": {"configMapRef": {}}}), "spec.policy.configMapRef"),
        ] {
            assert_eq!(entry(spec), Err(NotInlined { field: field.to_owned() }));
        }
    }
}
