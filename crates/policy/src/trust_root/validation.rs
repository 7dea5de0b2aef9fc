//! What a TrustRoot must fulfil (specs/policy-controller.md §1.6), in the words of policy-controller. All that is wrong is
//! said; upstream says only what is wrong with the last entry of each list.

use jiff::Timestamp;
use sigward_trust::tuf::CachedFiles;
use sigward_verify::{Certificate, Input};

use super::content::{TrustRootError, plan};
use super::types::{
    CertificateAuthority, Remote, Repository, SigstoreKeys, TransparencyLogInstance, TrustRoot, TrustRootSpec,
};
use crate::field_error::{FieldError, FieldErrors, Level};
use crate::go::json_fault;
use crate::limits::MAX_POLICY_ENTRIES;

/// Everything that is wrong with a TrustRoot. Changes of its status alone are not validated; that is for the caller to know.
/// A repository must be signed at `now`.
pub fn validate(trust_root: &TrustRoot, now: Timestamp) -> FieldErrors {
    validate_spec(&trust_root.spec, now).via_field("spec")
}

fn validate_spec(spec: &TrustRootSpec, now: Timestamp) -> FieldErrors {
    const SOURCES: [&str; 3] = ["repository", "remote", "sigstoreKeys"];
    match (&spec.remote, &spec.repository, &spec.sigstore_keys) {
        (None, None, None) => FieldError::missing_one_of(&SOURCES).into(),
        (Some(remote), None, None) => validate_remote(remote).via_field("remote"),
        (None, Some(repository), None) => validate_repository(repository, spec, now).via_field("repository"),
        (None, None, Some(keys)) => {
            let errors = validate_keys(keys).via_field("sigstoreKeys");
            if errors.is_empty() { usable(spec, now) } else { errors }
        }
        _ => FieldError::multiple_one_of(&SOURCES).into(),
    }
}

fn validate_remote(remote: &Remote) -> FieldErrors {
    let mut errors = validate_root(&remote.root.0);
    if remote.mirror.is_empty() {
        errors.push(FieldError::missing(&["mirror"]));
    }
    errors
}

fn validate_repository(repository: &Repository, spec: &TrustRootSpec, now: Timestamp) -> FieldErrors {
    let mut errors = validate_root(&repository.root.0);
    if repository.targets.is_empty() {
        errors.push(FieldError::missing(&["targets"]));
    }
    if repository.mirror_fs.0.is_empty() {
        // Upstream's name for mirrorFS.
        errors.push(FieldError::missing(&["repository"]));
    }
    if !errors.is_empty() {
        return errors;
    }
    let what = match plan(spec, CachedFiles::default(), now) {
        Ok(_) => return errors,
        Err(fault @ (TrustRootError::Archive(_) | TrustRootError::Source { .. })) => {
            ("failed to construct a TUF client", fault.to_string())
        }
        Err(TrustRootError::Tuf(fault @ sigward_trust::Error::BadStart { .. })) => {
            ("failed to construct a TUF client", format!("failed to create TUF client: {fault}"))
        }
        Err(fault) => ("failed to get targets from a TUF client", fault.to_string()),
    };
    FieldError::invalid(what.0, "mirrorFS").with_details(what.1).into()
}

fn validate_root(root: &[u8]) -> FieldErrors {
    if root.is_empty() {
        return FieldError::missing(&["root"]).into();
    }
    let json: serde_json::Value = match serde_json::from_slice(root) {
        Ok(json) => json,
        Err(fault) => {
            let details = json_fault(root).unwrap_or_else(|| fault.to_string());
            return FieldError::invalid("failed to unmarshal", "root").with_details(details).into();
        }
    };
    if json.get("signatures").is_none_or(serde_json::Value::is_null) {
        return FieldError::invalid("missing signatures in root.json", "root").with_details("no signatures").into();
    }
    FieldErrors::none()
}

fn validate_keys(keys: &SigstoreKeys) -> FieldErrors {
    let mut errors = FieldErrors::none();
    let lists = [keys.certificate_authorities.len(), keys.timestamp_authorities.len(), keys.ct_logs.len()];
    let entries = lists.iter().sum::<usize>() + keys.t_logs.len();
    if entries > MAX_POLICY_ENTRIES {
        let text = format!("a TrustRoot has at most {MAX_POLICY_ENTRIES} entries in all its lists, found {entries}");
        return FieldError::new(text, &[""]).into();
    }
    if keys.certificate_authorities.is_empty() && keys.timestamp_authorities.is_empty() {
        errors.push(FieldError::missing_one_of(&["certificateAuthority", "timestampAuthorities"]));
    }
    for (at, authority) in keys.certificate_authorities.iter().enumerate() {
        // The singular is upstream's.
        errors.also(validate_authority(authority).via_index("certificateAuthority", at));
    }
    for (at, authority) in keys.timestamp_authorities.iter().enumerate() {
        let mut found = validate_authority(authority);
        found.also(validate_timestamp_chain(&authority.cert_chain.0));
        errors.also(found.via_index("timestampAuthorities", at));
    }
    for (at, log) in keys.ct_logs.iter().enumerate() {
        errors.also(validate_log(log).via_index("ctLogs", at));
    }
    for (at, log) in keys.t_logs.iter().enumerate() {
        errors.also(validate_log(log).via_index("tLogs", at));
    }
    errors
}

fn validate_authority(authority: &CertificateAuthority) -> FieldErrors {
    missing(&[
        ("subject.organization", authority.subject.organization.is_empty()),
        ("subject.commonName", authority.subject.common_name.is_empty()),
        ("uri", authority.uri.is_empty()),
        ("certchain", authority.cert_chain.0.is_empty()),
    ])
}

fn validate_timestamp_chain(pem: &[u8]) -> FieldErrors {
    if pem.is_empty() {
        return FieldErrors::none();
    }
    match Certificate::many_from_pem(pem, Input::TimestampChain) {
        Err(fault) => {
            FieldError::invalid("error splitting the certificates", "certChain").with_details(fault.to_string()).into()
        }
        Ok(chain) if chain.iter().filter(|certificate| !certificate.is_authority()).count() > 1 => {
            FieldError::invalid("certificate chain must contain at most one TSA certificate", "certChain").into()
        }
        Ok(_) => FieldErrors::none(),
    }
}

fn validate_log(log: &TransparencyLogInstance) -> FieldErrors {
    missing(&[
        ("baseURL", log.base_url.is_empty()),
        ("hashAlgorithm", log.hash_algorithm.is_empty()),
        ("publicKey", log.public_key.0.is_empty()),
    ])
}

fn missing(fields: &[(&str, bool)]) -> FieldErrors {
    fields.iter().filter(|(_, is_missing)| *is_missing).map(|(name, _)| FieldError::missing(&[name])).collect()
}

/// Keys that cannot be used deny all images that need them. policy-controller takes them without a word; a warning keeps
/// whoever relies on that working.
fn usable(spec: &TrustRootSpec, now: Timestamp) -> FieldErrors {
    let warning = |details: String| {
        FieldError::new("keys that cannot be used", &["sigstoreKeys"]).with_details(details).at(Level::Warning)
    };
    match plan(spec, CachedFiles::default(), now) {
        Err(fault) => warning(fault.to_string()).into(),
        Ok(super::TrustRootPlan::Ask(_)) => FieldErrors::none(),
        Ok(super::TrustRootPlan::Ready(content)) => {
            let aside = content.material.warnings.iter();
            aside.map(|aside| warning(format!("{}: {}", aside.place, aside.reason))).collect()
        }
    }
}
