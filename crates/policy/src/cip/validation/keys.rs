//! Keys, identities and places of signatures.

use sigward_verify::{Error, Pattern, PublicKey};

use super::ValidationContext;
use crate::cip::types::{Identity, KeyRef, KeylessRef, Source};
use crate::field_error::{FieldError, FieldErrors};
use crate::go::{parse_url, regexp_fault, split_host_port_fault};

pub(super) fn validate_key(key: &KeyRef, context: ValidationContext<'_>) -> FieldErrors {
    const PLACES: [&str; 3] = ["data", "kms", "secretref"];
    let mut errors = FieldErrors::none();
    let given = [!key.data.is_empty(), !key.kms.is_empty(), key.secret_ref.is_some()];
    match given.iter().filter(|given| **given).count() {
        0 => errors.push(FieldError::missing_one_of(&PLACES)),
        1 => {}
        _ => errors.push(FieldError::multiple_one_of(&PLACES)),
    }
    if !key.hash_algorithm.is_empty() && !is_hash_algorithm(&key.hash_algorithm) {
        errors.push(FieldError::invalid(&key.hash_algorithm, "hashAlgorithm"));
    }
    if !key.data.is_empty() {
        match PublicKey::from_pem(key.data.as_bytes()) {
            Ok(_) => {}
            // In PEM and yet of no use: policy-controller would take it, so say why we do not.
            Err(Error::Key { reason }) => {
                errors.push(FieldError::invalid(&key.data, "data").with_details(reason));
            }
            Err(_) => errors.push(FieldError::invalid(&key.data, "data")),
        }
    }
    if let Some(fault) = kms_fault(&key.kms).filter(|_| !key.kms.is_empty()) {
        errors.push(FieldError::invalid(&key.kms, "kms").with_details(fault));
    }
    if let Some(secret) = &key.secret_ref
        && !secret.namespace.is_empty()
        && secret.namespace != context.system_namespace
    {
        let details = "secretref.namespace is invalid. If set, it should use the same namespace where the \
                       policy-controller was deployed";
        errors.push(FieldError::invalid(&secret.namespace, "secretref.namespace").with_details(details));
    }
    errors
}

/// As policy-controller reads it: without surrounding space, in any case.
fn is_hash_algorithm(name: &str) -> bool {
    matches!(name.trim().to_lowercase().as_str(), "sha224" | "sha256" | "sha384" | "sha512")
}

pub(super) fn validate_keyless(keyless: &KeylessRef, context: ValidationContext<'_>) -> FieldErrors {
    const AUTHORITIES: [&str; 2] = ["url", "ca-cert"];
    let mut errors = FieldErrors::none();
    match (&keyless.url, &keyless.ca_cert) {
        (None, None) => errors.push(FieldError::missing_one_of(&AUTHORITIES)),
        (Some(_), Some(_)) => errors.push(FieldError::multiple_one_of(&AUTHORITIES)),
        _ => {}
    }
    if let Some(key) = &keyless.ca_cert {
        errors.also(validate_key(key, context).via_field("ca-cert"));
    }
    if keyless.identities.is_empty() {
        errors.push(FieldError::missing(&["identities"]));
    }
    for (at, identity) in keyless.identities.iter().enumerate() {
        errors.also(validate_identity(identity).via_index("identities", at));
    }
    errors
}

fn validate_identity(identity: &Identity) -> FieldErrors {
    let mut errors = FieldErrors::none();
    for (name, exact, pattern_name, pattern) in [
        ("issuer", &identity.issuer, "issuerRegExp", &identity.issuer_reg_exp),
        ("subject", &identity.subject, "subjectRegExp", &identity.subject_reg_exp),
    ] {
        match (exact.is_empty(), pattern.is_empty()) {
            (true, true) => errors.push(FieldError::missing(&[name, pattern_name])),
            (false, false) => errors.push(FieldError::multiple_one_of(&[name, pattern_name])),
            _ => {}
        }
        if !pattern.is_empty()
            && let Err(fault) = check_pattern(pattern)
        {
            let details = format!("regex is invalid: {fault}");
            errors.push(FieldError::invalid(pattern, pattern_name).with_details(details));
        }
    }
    errors
}

/// What is wrong with a pattern: Go's words where Go refuses it, ours where only we do.
fn check_pattern(pattern: &str) -> Result<(), String> {
    match (regexp_fault(pattern), Pattern::new(pattern)) {
        (Some(fault), _) => Err(fault),
        (None, Ok(_)) => Ok(()),
        (None, Err(Error::Regexp { reason, .. })) => Err(reason),
        (None, Err(other)) => Err(other.to_string()),
    }
}

pub(super) fn validate_source(source: &Source) -> FieldErrors {
    let mut errors = FieldErrors::none();
    if !source.oci.is_empty()
        && let Err(fault) = check_oci(&source.oci)
    {
        errors.push(FieldError::invalid(&source.oci, "oci").with_details(fault));
    }
    for (at, secret) in source.signature_pull_secrets.iter().enumerate() {
        if secret.name.is_empty() {
            errors.also(FieldErrors::from(FieldError::missing(&["name"])).via_index("signaturePullSecrets", at));
        }
    }
    errors
}

/// go-containerregistry's strict rules: a repository if something with a dot or a colon stands before the first `/`, else
/// a registry. So `repo/name` is refused: it might be meant for any registry.
fn check_oci(text: &str) -> Result<(), String> {
    const CHARACTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789_-./";
    let Some((registry, repository)) = text.split_once('/').filter(|(first, _)| first.contains(['.', ':'])) else {
        return check_registry(text);
    };
    if !(2..=255).contains(&repository.chars().count()) {
        return Err(format!("repository must be between 2 and 255 characters in length: {repository}"));
    }
    if !repository.chars().all(|c| CHARACTERS.contains(c)) {
        return Err(format!("repository can only contain the characters `{CHARACTERS}`: {repository}"));
    }
    check_registry(registry)?;
    if !repository.contains('/') && matches!(registry, "docker.io" | "index.docker.io") {
        return Err("strict validation requires the full repository path (missing 'library')".into());
    }
    Ok(())
}

fn check_registry(registry: &str) -> Result<(), String> {
    let is_authority = parse_url(&format!("//{registry}")).is_ok_and(|url| url.host == registry);
    if is_authority { Ok(()) } else { Err(format!("registries must be valid RFC 3986 URI authorities: {registry}")) }
}

const PROVIDERS: [&str; 4] = ["awskms://", "azurekms://", "hashivault://", "gcpkms://"];

const AWS_STANDARD: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id";

/// What is wrong with the URI of a key in a key management service. AWS's alone are looked at more closely, as upstream.
fn kms_fault(uri: &str) -> Option<String> {
    if !PROVIDERS.iter().any(|prefix| uri.starts_with(prefix)) {
        let providers = PROVIDERS.join(" ");
        return Some(format!(
            "malformed KMS format, should be prefixed by any of the supported providers: [{providers}]"
        ));
    }
    let aws = uri.strip_prefix("awskms://")?;
    let Some((endpoint, key)) = aws.split_once('/') else {
        return Some(format!(
            "malformed AWS KMS format 'awskms://$ENDPOINT/$KEYID', should be conformant with KMS standard documented \
             here: {AWS_STANDARD}"
        ));
    };
    if !is_aws_key(key) || endpoint.starts_with("arn") || endpoint.starts_with("alias") {
        return Some("kms key should be in the format awskms://[ENDPOINT]/[ID/ALIAS/ARN] (endpoint optional)".into());
    }
    if let Some(fault) = split_host_port_fault(endpoint).filter(|_| !endpoint.is_empty()) {
        return Some(format!("malformed endpoint: {fault}"));
    }
    // Only whole resource names pass: upstream's rule, since an id alone needs more configuration.
    (!key.starts_with("arn:")).then(|| "failed to parse either key or alias arn: arn: invalid prefix".into())
}

/// An id, an alias, or the resource name of either (upstream's four expressions).
fn is_aws_key(key: &str) -> bool {
    if is_aws_key_id(key) || is_alias(key) {
        return true;
    }
    let Some(rest) = key.strip_prefix("arn:") else { return false };
    let mut parts = rest.splitn(5, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (partition, service, region, account, resource) = (next(), next(), next(), next(), next());
    let in_region = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    matches!(partition, "aws" | "aws-us-gov" | "aws-cn")
        && service == "kms"
        && !region.is_empty()
        && region.bytes().all(in_region)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && (is_alias(resource) || resource.strip_prefix("key/").is_some_and(is_aws_key_id))
}

/// Go's `.` is no line end.
fn is_alias(text: &str) -> bool {
    text.strip_prefix("alias/").is_some_and(|name| !name.contains('\n'))
}

/// A UUID whose dashes may be left out, perhaps after `mrk-` or a part of it.
fn is_aws_key_id(text: &str) -> bool {
    let mut rest = text;
    for prefix in ["m", "r", "k", "-"] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    for length in [8, 4, 4, 4, 12] {
        if length != 8 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        match rest.split_at_checked(length) {
            Some((digits, after)) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}
