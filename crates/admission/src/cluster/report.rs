//! What became of policies and trust roots, for those who look at the cluster and not into the controller.

use std::collections::BTreeMap;

use serde_json::Value;
use sigward_policy::cip::{ClusterImagePolicy, KeyRef, Policy};
use sigward_policy::object::ObjectKind;
use sigward_policy::plan::TrustSource as _;
use sigward_policy::publish::image_policy;
use sigward_policy::resolve::{ContentSource, TrustRef, key_text, policy_text};

use super::status::Outcome;
use crate::content::Contents;
use crate::state::Snapshot;

/// What the leader writes down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// By the name of the ClusterImagePolicy.
    pub(crate) policies: BTreeMap<String, Told>,
    /// By the name of the TrustRoot.
    pub(crate) trust_roots: BTreeMap<String, Told>,
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Whether its keys and certificates could be had.
    pub(crate) keys: Result<(), String>,
    /// Whether its policies could be had; a trust root has none.
    pub(crate) policies: Option<Result<(), String>>,
    /// Its entry in the ConfigMap that others read; none for what cannot be had.
    pub(crate) entry: Option<String>,
}

impl Told {
    pub(crate) fn outcome(&self, published: &Result<(), String>) -> Outcome {
        Outcome { keys: self.keys.clone(), policies: self.policies.clone(), published: published.clone() }
    }
}

impl Report {
    /// Of what is in force.
    pub(crate) fn of(snapshot: &Snapshot, contents: &Contents<'_>) -> Self {
        let faults: BTreeMap<_, _> = snapshot.policies.iter().map(|policy| (policy.name(), policy.faults())).collect();
        let policies = contents.store.list(ObjectKind::ClusterImagePolicy);
        let policies = policies.into_iter().map(|(key, object)| {
            let faults = faults.get(key.name.as_str()).cloned().unwrap_or_default();
            let told = of_policy(&object, &faults, contents);
            (key.name, told)
        });
        let roots = contents.store.list(ObjectKind::TrustRoot);
        let roots = roots.into_iter().map(|(key, _)| {
            let told = of_trust_root(snapshot, &key.name);
            (key.name, told)
        });
        Self { policies: policies.collect(), trust_roots: roots.collect() }
    }
}

fn of_policy(object: &Value, faults: &[String], contents: &dyn ContentSource) -> Told {
    let mut policy: ClusterImagePolicy = match sigward_policy::object::decode(object.to_string().as_bytes()) {
        Ok(policy) => policy,
        Err(error) => {
            let reason = error.to_string();
            return Told { keys: Err(reason.clone()), policies: Some(Err(reason)), entry: None };
        }
    };
    let keys = inline_keys(&mut policy, contents);
    let mut policies = inline_policies(&mut policy, contents);
    // What else is wrong denies too, and must be seen: a policy that does not compile, a key that is not supported.
    if keys.is_ok() && policies.is_ok() && !faults.is_empty() {
        policies = Err(faults.join("; "));
    }
    let entry = if keys.is_ok() && policies.is_ok() { image_policy(&policy).ok() } else { None };
    Told { keys, policies: Some(policies), entry }
}

fn inline_keys(policy: &mut ClusterImagePolicy, contents: &dyn ContentSource) -> Result<(), String> {
    for authority in &mut policy.spec.authorities {
        let keyless = authority.keyless.as_mut().and_then(|keyless| keyless.ca_cert.as_mut());
        for key in authority.key.as_mut().into_iter().chain(keyless) {
            inline_key(key, contents)?;
        }
    }
    Ok(())
}

fn inline_key(key: &mut KeyRef, contents: &dyn ContentSource) -> Result<(), String> {
    if !key.kms.is_empty() {
        return Err("a key in a key management service (key.kms) is not supported".to_owned());
    }
    let Some(reference) = &key.secret_ref else { return Ok(()) };
    let data = key_text(key, contents).map_err(|missing| missing.reason)?;
    let invalid = |_| format!("secret {:?} contains an invalid public key", reference.name);
    key.data = String::from_utf8(data).map_err(invalid)?;
    key.secret_ref = None;
    Ok(())
}

fn inline_policies(policy: &mut ClusterImagePolicy, contents: &dyn ContentSource) -> Result<(), String> {
    let attestations = policy.spec.authorities.iter_mut().flat_map(|authority| &mut authority.attestations);
    let attested = attestations.filter_map(|attestation| attestation.policy.as_mut());
    for policy in attested.chain(policy.spec.policy.as_mut()) {
        inline_policy(policy, contents)?;
    }
    Ok(())
}

fn inline_policy(policy: &mut Policy, contents: &dyn ContentSource) -> Result<(), String> {
    policy.data = policy_text(policy, contents).map_err(|missing| missing.reason)?;
    (policy.config_map_ref, policy.remote) = (None, None);
    Ok(())
}

fn of_trust_root(snapshot: &Snapshot, name: &str) -> Told {
    match snapshot.trust.trust(&TrustRef::TrustRoot(name.to_owned())) {
        Ok(_) => {
            let published = snapshot.trust.published(name).and_then(|json| std::str::from_utf8(json).ok());
            Told { keys: Ok(()), policies: None, entry: published.map(str::to_owned) }
        }
        Err(missing) => Told { keys: Err(missing.reason), policies: None, entry: None },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sigward_policy::cip::RemotePolicy;
    use sigward_policy::resolve::Missing;

    use super::*;

    #[derive(Default)]
    struct Source {
        secrets: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
        maps: BTreeMap<String, BTreeMap<String, String>>,
    }

    impl ContentSource for Source {
        fn secret(&self, name: &str) -> Result<BTreeMap<String, Vec<u8>>, Missing> {
            self.secrets.get(name).cloned().ok_or_else(|| Missing::new(format!("secret {name:?} not found")))
        }

        fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, Missing> {
            self.maps.get(name).cloned().ok_or_else(|| Missing::new(format!("configmap {name:?} not found")))
        }

        fn remote(&self, remote: &RemotePolicy) -> Result<Vec<u8>, Missing> {
            match remote.url.as_str() {
                "https://x/other" => Ok(b"spec: {}".to_vec()),
                url => Err(Missing::new(format!("{url} has not been fetched yet"))),
            }
        }
    }

    fn policy(key: &Value, policy: &Value) -> Value {
        json!({
            "apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "ClusterImagePolicy", "metadata": {"name": "p"},
            "spec": {"images": [{"glob": "**"}], "authorities": [{"name": "a", "key": key}], "policy": policy},
        })
    }

    fn source() -> Source {
        let mut source = Source::default();
        source.secrets.insert("one".into(), BTreeMap::from([("k".into(), b"PEM".to_vec())]));
        source.secrets.insert("none".into(), BTreeMap::new());
        let two = ["k", "l"].map(|name| (name.to_owned(), b"PEM".to_vec()));
        source.secrets.insert("two".into(), BTreeMap::from(two));
        source.maps.insert("map".into(), BTreeMap::from([("key".into(), "spec: {}".into())]));
        source
    }

    #[test]
    fn content_stands_in_the_place_of_references() {
        let cue = json!({"type": "cue", "configMapRef": {"name": "map", "key": "key"}});
        let told = of_policy(&policy(&json!({"secretRef": {"name": "one"}}), &cue), &[], &source());
        assert_eq!((told.keys, told.policies), (Ok(()), Some(Ok(()))));
        let entry: Value = serde_json::from_str(&told.entry.unwrap()).unwrap();
        assert_eq!(entry["authorities"][0]["key"]["data"], "PEM");
        assert_eq!(entry["policy"]["data"], "spec: {}");
    }

    #[test]
    fn what_cannot_be_had_is_told_with_upstreams_words_and_not_published() {
        let key = |name: &str| json!({"secretRef": {"name": name}});
        for (key, text) in [
            (key("absent"), "secret \"absent\" not found"),
            (key("none"), "secret \"none\" contains no data"),
            (key("two"), "secret \"two\" contains multiple data entries, only one is supported"),
            (json!({"kms": "awskms:///x"}), "a key in a key management service (key.kms) is not supported"),
        ] {
            let told = of_policy(&policy(&key, &Value::Null), &[], &source());
            assert_eq!((told.keys, told.entry), (Err(text.to_owned()), None));
        }
        for (policy_ref, text) in [
            (json!({"configMapRef": {"name": "absent", "key": "key"}}), "configmap \"absent\" not found"),
            (json!({"configMapRef": {"name": "map", "key": "other"}}), "configmap \"map\" does not contain key other"),
            (json!({"remote": {"url": "https://x/y", "sha256sum": "ab"}}), "https://x/y has not been fetched yet"),
            // Others read what is published: it must be what the policy means.
            (
                json!({"remote": {"url": "https://x/other", "sha256sum": "ab"}}),
                "failed to check sha256sum from policy remote: ab got \
                 b171adef546482dfb1100b86eadad750db5768a4b2350c6f571ee3a210ce8c36",
            ),
            (
                json!({"remote": {"url": "http://x/other", "sha256sum": "ab"}}),
                "url valid is invalid. host and https \
                 scheme are expected",
            ),
        ] {
            let mut cue = policy_ref;
            cue["type"] = json!("cue");
            let told = of_policy(&policy(&json!({"data": "PEM"}), &cue), &[], &source());
            assert_eq!((told.policies, told.entry), (Some(Err(text.to_owned())), None));
        }
    }

    #[test]
    fn what_else_is_wrong_is_told_too() {
        let told = of_policy(&policy(&json!({"data": "PEM"}), &Value::Null), &["does not compile".into()], &source());
        assert_eq!((told.policies, told.entry), (Some(Err("does not compile".to_owned())), None));
        let unreadable = of_policy(&json!({"spec": 1}), &[], &source());
        assert!(unreadable.keys.is_err() && unreadable.entry.is_none());
    }
}
