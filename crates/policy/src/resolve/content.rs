//! What a policy needs from outside of itself, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use sigward_verify::{hex, sha256};

use crate::cip::{Authority, ClusterImagePolicySpec, KeyRef, NOT_HTTPS, Policy, RemotePolicy};
use crate::limits::MAX_POLICY_BYTES;

/// Content that could not be had.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct Missing {
    /// Why, as it is to be told.
    pub reason: String,
}

impl Missing {
    /// With this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// The content of what policies refer to, all of it in the namespace of the controller. Where a refresh fails, the last
/// good content is the answer: which one that is, the source knows.
pub trait ContentSource {
    /// The entries of a Secret.
    ///
    /// # Errors
    /// [`Missing`] if there is none.
    fn secret(&self, name: &str) -> Result<BTreeMap<String, Vec<u8>>, Missing>;

    /// The entries of a ConfigMap.
    ///
    /// # Errors
    /// [`Missing`] if there is none.
    fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, Missing>;

    /// The document at a URL. Its digest is checked by whoever asks; under one URL there may be several documents in turn.
    ///
    /// # Errors
    /// [`Missing`] if it was never had.
    fn remote(&self, remote: &RemotePolicy) -> Result<Vec<u8>, Missing>;
}

/// Everything that a policy refers to, by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct References {
    /// Secrets with keys.
    pub secrets: BTreeSet<String>,
    /// ConfigMaps with policies.
    pub config_maps: BTreeSet<String>,
    /// Documents with policies: https URL and expected SHA-256 in hex.
    pub remotes: BTreeSet<(String, String)>,
    /// TrustRoots.
    pub trust_roots: BTreeSet<String>,
}

impl References {
    /// What a policy refers to.
    pub fn of(spec: &ClusterImagePolicySpec) -> Self {
        let mut references = Self::default();
        spec.authorities.iter().for_each(|authority| references.add_authority(authority));
        spec.policy.iter().for_each(|policy| references.add_policy(policy));
        references
    }

    fn add_authority(&mut self, authority: &Authority) {
        let keyless = authority.keyless.as_ref();
        let keys = authority.key.iter().chain(keyless.and_then(|keyless| keyless.ca_cert.as_ref()));
        self.secrets.extend(keys.filter_map(|key| key.secret_ref.as_ref()).map(|secret| secret.name.clone()));
        let roots = [
            keyless.map(|keyless| &keyless.trust_root_ref),
            authority.ctlog.as_ref().map(|log| &log.trust_root_ref),
            authority.rfc3161_timestamp.as_ref().map(|stamp| &stamp.trust_root_ref),
        ];
        self.trust_roots.extend(roots.into_iter().flatten().filter(|name| !name.is_empty()).cloned());
        authority.attestations.iter().filter_map(|wanted| wanted.policy.as_ref()).for_each(|p| self.add_policy(p));
    }

    fn add_policy(&mut self, policy: &Policy) {
        self.config_maps.extend(policy.config_map_ref.iter().map(|reference| reference.name.clone()));
        let remotes = policy.remote.iter().filter(|remote| remote.is_https());
        self.remotes.extend(remotes.map(|remote| (remote.url.to_string(), remote.sha256sum.clone())));
    }
}

/// The only entry of the Secret that a key refers to (specs/policy-controller.md §1.10).
///
/// # Errors
/// [`Missing`] if there is none, or if there are several.
pub fn key_text(key: &KeyRef, source: &dyn ContentSource) -> Result<Vec<u8>, Missing> {
    let Some(reference) = &key.secret_ref else { return Ok(key.data.clone().into_bytes()) };
    let name = &reference.name;
    let mut entries = source.secret(name)?.into_values();
    match (entries.next(), entries.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Missing::new(format!("secret {name:?} contains no data"))),
        (Some(_), Some(_)) => {
            Err(Missing::new(format!("secret {name:?} contains multiple data entries, only one is supported")))
        }
    }
}

/// The text of a policy, wherever it is. More than one place would leave open which of them counts.
///
/// # Errors
/// [`Missing`] if it was never had, or is not the expected one.
pub fn policy_text(policy: &Policy, source: &dyn ContentSource) -> Result<String, Missing> {
    let text = match (policy.data.as_str(), &policy.remote, &policy.config_map_ref) {
        (data, None, None) if !data.is_empty() => data.to_owned(),
        ("", Some(remote), None) => {
            if !remote.is_https() {
                return Err(Missing::new(NOT_HTTPS));
            }
            let body = source.remote(remote)?;
            let found = hex(&sha256(&body));
            // The digest says which document is meant, whoever served it.
            if !found.eq_ignore_ascii_case(&remote.sha256sum) {
                let expected = &remote.sha256sum;
                return Err(Missing::new(format!(
                    "failed to check sha256sum from policy remote: {expected} got {found}"
                )));
            }
            String::from_utf8(body).map_err(|_| Missing::new("the policy from the remote URL is not UTF-8"))?
        }
        ("", None, Some(reference)) => {
            let (name, key) = (&reference.name, &reference.key);
            let mut entries = source.config_map(name)?;
            if entries.is_empty() {
                return Err(Missing::new(format!("configmap {name:?} contains no data")));
            }
            let absent = || Missing::new(format!("configmap {name:?} does not contain key {key}"));
            entries.remove(key).ok_or_else(absent)?
        }
        ("", None, None) => return Err(Missing::new("the policy has neither data, nor remote, nor configMapRef")),
        _ => {
            return Err(Missing::new(
                "the policy has several of data, remote and configMapRef; exactly one is allowed",
            ));
        }
    };
    if text.len() > MAX_POLICY_BYTES {
        return Err(Missing::new(format!("a policy of {} bytes; at most {MAX_POLICY_BYTES} are read", text.len())));
    }
    Ok(text)
}
