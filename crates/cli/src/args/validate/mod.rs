//! From flags to typed requests, with cosign's rules and their precedence (specs/cosign.md §2.2, §2.9).

pub(super) mod images;
pub(super) mod manifest;
pub(super) mod policy;
pub(super) mod release;

use std::ffi::{OsStr, OsString};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::error::{ArgumentCount, NotSupported, UsageErrorKind};
use super::flag::Flag;
use super::flags as f;
use super::generate::Shell;
use super::go;
use super::notice::Notice;
use super::request::{
    AttestationSubject, AuthorityFiles, BlobItem, BlobMaterial, BlobRef, BundleChain, EntryCache, Explain,
    ExportTarget, FormatChoice, IdentityRule, KeyRef, Location, LogLookup, OutputFormat, PredicateType, SctUse,
    SignatureDigest, Signer, SubjectDigestAlgorithm, TextRule, TimestampUse, TlogUse, TrustCommand, TrustRequest,
    TrustSource, TufRefresh, Verification, VerifyBlobAttestationRequest, VerifyBlobRequest, WorkflowRule,
};
use super::values::Values;

/// 14 days.
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(14 * 24 * 3600);
const DEFAULT_REKOR_URL: &str = "https://rekor.sigstore.dev";

pub(super) fn verify_blob(
    values: &Values,
    blobs: &[OsString],
    notices: &mut Vec<Notice>,
) -> Result<VerifyBlobRequest, UsageErrorKind> {
    if blobs.is_empty() {
        return Err(UsageErrorKind::ArgumentCount(ArgumentCount::Exactly(1, 0)));
    }
    exclusive(values)?;
    let digest = signature_digest(values)?;
    warn_of_skipped_log(values, "blob", notices);
    let has = |flag: &Flag| values.os_text(flag).is_some();
    let identity = has(&f::IDENTITY) || has(&f::IDENTITY_REGEXP);
    // Ours: without any of these, evidence is looked for beside the blob, if an identity says what it must prove.
    if !has(&f::KEY) && !has(&f::CERTIFICATE) && !has(&f::BUNDLE) && !values.switch(&f::SK) && !identity {
        return Err(UsageErrorKind::NoKeyMaterial);
    }
    let signer = signer(values, UsageErrorKind::KeyCertificateAndToken, notices)?;
    let verification = verification(values, signer, digest)?;
    if blobs.iter().filter(|blob| *blob == "-").count() > 1 {
        return Err(UsageErrorKind::StdinTwice);
    }
    let items = blobs.iter().map(|blob| blob_item(values, blob, blobs.len())).collect::<Result<_, _>>()?;
    Ok(VerifyBlobRequest { items, verification, jobs: values.count(&f::JOBS) })
}

pub(super) fn verify_blob_attestation(
    values: &Values,
    positionals: &[OsString],
    program: &'static str,
    notices: &mut Vec<Notice>,
) -> Result<VerifyBlobAttestationRequest, UsageErrorKind> {
    let blob = match positionals {
        [] => None,
        [one] => Some(one),
        several => return Err(UsageErrorKind::ArgumentCount(ArgumentCount::AtMost(1, several.len()))),
    };
    exclusive(values)?;
    let digest = signature_digest(values)?;
    let has = |flag: &Flag| values.os_text(flag).is_some();
    if values.switch(&f::CHECK_CLAIMS) && blob.is_none() && !(has(&f::DIGEST) && has(&f::DIGEST_ALG)) {
        return Err(UsageErrorKind::NoSubject(program));
    }
    warn_of_skipped_log(values, "blob attestation", notices);
    if !has(&f::ENVELOPE) && !has(&f::BUNDLE) {
        return Err(UsageErrorKind::NoEnvelope);
    }
    if !has(&f::KEY) && !has(&f::CERTIFICATE) && !has(&f::BUNDLE) && !values.switch(&f::SK) {
        return Err(UsageErrorKind::NoKeyMaterial);
    }
    let signer = signer(values, UsageErrorKind::KeyAndToken, notices)?;
    let verification = verification(values, signer, digest)?;
    let subject = attestation_subject(values, blob, program, notices)?;
    let name = blob.map(OsString::as_os_str);
    Ok(VerifyBlobAttestationRequest {
        subject,
        material: BlobMaterial {
            bundle: values.path(&f::BUNDLE),
            signature: values.path(&f::ENVELOPE).map(Location::File),
            certificate: location(values, &f::CERTIFICATE)?,
            rfc3161_timestamp: values.path(&f::RFC3161_TIMESTAMP),
            sct: values.path(&f::SCT),
        },
        predicate: predicate(values)?,
        verification,
        export_bundle: fill(values, &f::EXPORT_BUNDLE, name, 1, "sigstore.json")?,
    })
}

fn blob_item(values: &Values, blob: &OsStr, count: usize) -> Result<BlobItem, UsageErrorKind> {
    let reference = if blob == "-" {
        BlobRef::Stdin
    } else {
        BlobRef::At(Location::parse(blob).or_else(|scheme| digest_or_scheme(blob, scheme))?)
    };
    let name = (blob != "-").then_some(blob);
    let path = |flag: &'static Flag, extension| fill(values, flag, name, count, extension);
    let place = |flag: &'static Flag, extension| -> Result<Option<Location>, UsageErrorKind> {
        path(flag, extension)?
            .map(|p| Location::parse(p.as_os_str()).map_err(UsageErrorKind::UnknownScheme))
            .transpose()
    };
    Ok(BlobItem {
        blob: reference,
        material: BlobMaterial {
            bundle: path(&f::BUNDLE, "sigstore.json")?,
            signature: place(&f::SIGNATURE, "sig")?,
            certificate: place(&f::CERTIFICATE, "cert")?,
            rfc3161_timestamp: path(&f::RFC3161_TIMESTAMP, "tsr")?,
            sct: path(&f::SCT, "sct")?,
        },
        export_bundle: path(&f::EXPORT_BUNDLE, "sigstore.json")?,
    })
}

/// `sha256:HEX` has no scheme; anything with `://` that is unknown is an error.
fn digest_or_scheme(blob: &OsStr, scheme: String) -> Result<Location, UsageErrorKind> {
    match super::request::digest_reference(blob) {
        Some(_) => Ok(Location::File(PathBuf::from(blob))),
        None => Err(UsageErrorKind::UnknownScheme(scheme)),
    }
}

/// A path in which `{}` stands for the blob's name. One file for several blobs is a mistake.
fn fill(
    values: &Values,
    flag: &'static Flag,
    blob: Option<&OsStr>,
    count: usize,
    extension: &'static str,
) -> Result<Option<PathBuf>, UsageErrorKind> {
    let Some(path) = values.os_text(flag) else { return Ok(None) };
    let parts: Vec<&str> = path.to_str().unwrap_or_default().split("{}").collect();
    let [first, others @ ..] = parts.as_slice() else { return Ok(Some(PathBuf::from(path))) };
    if others.is_empty() {
        if count > 1 && flag.name != "certificate" {
            return Err(UsageErrorKind::OneFileForSeveralBlobs { flag: flag.name, blobs: count, extension });
        }
        return Ok(Some(PathBuf::from(path)));
    }
    let blob = blob.ok_or(UsageErrorKind::PlaceholderForStdin(flag.name))?;
    let mut filled = OsString::from(first);
    for part in others {
        filled.push(blob);
        filled.push(part);
    }
    Ok(Some(PathBuf::from(filled)))
}

fn location(values: &Values, flag: &Flag) -> Result<Option<Location>, UsageErrorKind> {
    values.os_text(flag).map(|text| Location::parse(&text).map_err(UsageErrorKind::UnknownScheme)).transpose()
}

/// cobra's groups of flags that exclude each other; they count as set even if empty.
fn exclusive(values: &Values) -> Result<(), UsageErrorKind> {
    // cobra looks at the groups in the order of their names.
    let groups: [[&Flag; 2]; 2] =
        [[&f::CA_INTERMEDIATES, &f::CERTIFICATE_CHAIN], [&f::CA_ROOTS, &f::CERTIFICATE_CHAIN]];
    for group in groups {
        if group.iter().all(|flag| values.is_set(flag)) {
            let names = group.map(|flag| flag.name).join(" ");
            return Err(UsageErrorKind::ExclusiveFlags { group: names.clone(), set: names });
        }
    }
    Ok(())
}

fn warn_of_skipped_log(values: &Values, artifact: &'static str, notices: &mut Vec<Notice>) {
    if values.switch(&f::IGNORE_TLOG) && !values.switch(&f::PRIVATE_INFRASTRUCTURE) {
        notices.push(Notice::TlogSkipped { artifact });
    }
}

fn verification(
    values: &Values,
    signer: Signer,
    signature_digest: SignatureDigest,
) -> Result<Verification, UsageErrorKind> {
    let one = NonZeroU32::MIN;
    let skips = [&f::IGNORE_TLOG, &f::PRIVATE_INFRASTRUCTURE].into_iter().find(|flag| values.switch(flag));
    let tlog = match (skips, values.threshold(&f::MIN_LOGS)) {
        (Some(skips), Some(_)) => {
            return Err(UsageErrorKind::Contradiction { one: f::MIN_LOGS.name, other: skips.name });
        }
        (Some(_), None) => TlogUse::SkippedUnsafe,
        (None, threshold) => TlogUse::Required { threshold: threshold.unwrap_or(one) },
    };
    let timestamp_chain = values.path(&f::TIMESTAMP_CHAIN);
    let minimum = values.threshold(&f::MIN_TIMESTAMPS);
    let timestamps = if values.switch(&f::USE_TIMESTAMPS) || timestamp_chain.is_some() || minimum.is_some() {
        TimestampUse::Required { threshold: minimum.unwrap_or(one) }
    } else if values.os_text(&f::RFC3161_TIMESTAMP).is_some() {
        return Err(UsageErrorKind::UnusedTimestamp);
    } else {
        TimestampUse::IfNeeded
    };
    Ok(Verification {
        signer,
        format: if values.switch(&f::NEW_BUNDLE_FORMAT) { FormatChoice::Detect } else { FormatChoice::LegacyOnly },
        signature_digest,
        trust: TrustRequest { source: trust_source(values), authorities: authorities(values)?, timestamp_chain },
        tlog,
        lookup: lookup(values)?,
        timestamps,
        sct: if values.switch(&f::IGNORE_SCT) { SctUse::SkippedUnsafe } else { SctUse::Required },
        bundle_chain: if values.switch(&f::ALLOW_CHAIN) { BundleChain::Allowed } else { BundleChain::Refused },
        output: output(values),
        explain: if values.switch(&f::EXPLAIN) { Explain::EveryCheck } else { Explain::ResultOnly },
    })
}

/// cosign's order: key and identity exclude each other, then the sources of keys, then what keyless needs.
/// `several_keys` is the error of the command for the second of these rules.
fn signer(values: &Values, several_keys: UsageErrorKind, notices: &mut Vec<Notice>) -> Result<Signer, UsageErrorKind> {
    let (exact, regexp) = (values.text(&f::IDENTITY)?, values.text(&f::IDENTITY_REGEXP)?);
    let key = values.os_text(&f::KEY);
    if [key.is_some(), exact.is_some(), regexp.is_some()].iter().filter(|set| **set).count() > 1 {
        return Err(UsageErrorKind::KeyAndIdentity);
    }
    let token = values.switch(&f::SK);
    let certificate = values.os_text(&f::CERTIFICATE).is_some();
    if key.is_some() && token || token && certificate && several_keys == UsageErrorKind::KeyCertificateAndToken {
        return Err(several_keys);
    }
    // For attestations cosign takes the key and leaves the certificate unread; refusing cannot hide a mistake.
    if key.is_some() && certificate {
        return Err(UsageErrorKind::KeyCertificateAndToken);
    }
    if token {
        return Err(UsageErrorKind::NotSupported(NotSupported::HardwareToken("sk")));
    }
    if let Some(key) = key {
        warn_of_demands_on_certificates(values, notices);
        return Ok(Signer::ManagedKey(key_reference(&key)?));
    }
    let rule = |exact, regexp| match (exact, regexp) {
        (Some(exact), Some(regexp)) => Some(TextRule::Both { exact, regexp }),
        (Some(exact), None) => Some(TextRule::Exact(exact)),
        (None, Some(regexp)) => Some(TextRule::Regexp(regexp)),
        (None, None) => None,
    };
    let subject = rule(exact, regexp).ok_or(UsageErrorKind::IdentityMissing)?;
    let issuer =
        rule(values.text(&f::ISSUER)?, values.text(&f::ISSUER_REGEXP)?).ok_or(UsageErrorKind::IssuerMissing)?;
    let workflow = WorkflowRule {
        trigger: values.text(&f::WORKFLOW_TRIGGER)?,
        sha: values.text(&f::WORKFLOW_SHA)?,
        name: values.text(&f::WORKFLOW_NAME)?,
        repository: values.text(&f::WORKFLOW_REPOSITORY)?,
        reference: values.text(&f::WORKFLOW_REF)?,
    };
    Ok(Signer::Keyless(IdentityRule { subject, issuer, workflow }))
}

/// A key has no issuer and no workflow: cosign forgets what was demanded of them, and says nothing.
fn warn_of_demands_on_certificates(values: &Values, notices: &mut Vec<Notice>) {
    let demands: [&Flag; 7] = [
        &f::ISSUER,
        &f::ISSUER_REGEXP,
        &f::WORKFLOW_TRIGGER,
        &f::WORKFLOW_SHA,
        &f::WORKFLOW_NAME,
        &f::WORKFLOW_REPOSITORY,
        &f::WORKFLOW_REF,
    ];
    let set = demands.into_iter().filter(|flag| values.os_text(flag).is_some());
    notices.extend(set.map(|flag| Notice::FlagIgnored { flag: flag.name, beside: f::KEY.name }));
}

/// The forms of `--key` (specs/cosign.md §1.6).
fn key_reference(key: &OsStr) -> Result<KeyRef, UsageErrorKind> {
    let text = key.to_string_lossy();
    let service = ["awskms://", "azurekms://", "gcpkms://", "hashivault://", "gitlab://", "pkcs11:"];
    if let Some(scheme) = service.iter().find(|scheme| text.starts_with(**scheme)) {
        return Err(UsageErrorKind::NotSupported(NotSupported::KeyService((*scheme).to_owned())));
    }
    if let Some(rest) = text.strip_prefix("k8s://") {
        return match rest.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(KeyRef::KubernetesSecret { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err(UsageErrorKind::KubernetesKey),
        };
    }
    Location::parse(key).map(KeyRef::At).map_err(UsageErrorKind::UnknownScheme)
}

fn signature_digest(values: &Values) -> Result<SignatureDigest, UsageErrorKind> {
    let typed = values.text(&f::SIGNATURE_DIGEST)?.unwrap_or_default();
    match typed.trim().to_lowercase().as_str() {
        "" | "sha256" => Ok(SignatureDigest::Sha256),
        "sha224" => Ok(SignatureDigest::Sha224),
        "sha384" => Ok(SignatureDigest::Sha384),
        "sha512" => Ok(SignatureDigest::Sha512),
        _ => Err(UsageErrorKind::SignatureDigestAlgorithm(typed)),
    }
}

fn lookup(values: &Values) -> Result<LogLookup, UsageErrorKind> {
    let cache = if values.switch(&f::NO_CACHE) { EntryCache::Unused } else { EntryCache::Used };
    let rekor_url = match values.given(&f::REKOR_URL) {
        None => DEFAULT_REKOR_URL.to_owned(),
        Some(_) => values.text(&f::REKOR_URL)?.unwrap_or_default(),
    };
    Ok(match (values.switch(&f::OFFLINE), rekor_url.is_empty()) {
        (true, _) => LogLookup::Forbidden { rekor_url, cache },
        (false, true) => LogLookup::NoLog,
        (false, false) => LogLookup::Allowed { rekor_url, cache },
    })
}

fn trust_source(values: &Values) -> TrustSource {
    match values.path(&f::TRUSTED_ROOT) {
        Some(path) => TrustSource::File(path),
        None => TrustSource::Tuf {
            refresh: match values.choice(&f::TUF) {
                Some("always") => TufRefresh::Always,
                Some("never") => TufRefresh::Never,
                _ => TufRefresh::Auto,
            },
            max_age: values.duration(&f::TRUST_MAX_AGE).unwrap_or(DEFAULT_MAX_AGE),
        },
    }
}

fn authorities(values: &Values) -> Result<Option<AuthorityFiles>, UsageErrorKind> {
    if let Some(chain) = values.path(&f::CERTIFICATE_CHAIN) {
        return Ok(Some(AuthorityFiles::Chain(chain)));
    }
    match (values.path(&f::CA_ROOTS), values.path(&f::CA_INTERMEDIATES)) {
        (Some(roots), intermediates) => Ok(Some(AuthorityFiles::Roots { roots, intermediates })),
        // cosign would ask its usual authorities, without a word.
        (None, Some(_)) => Err(UsageErrorKind::IntermediatesWithoutRoots),
        (None, None) => Ok(None),
    }
}

fn output(values: &Values) -> OutputFormat {
    if values.choice(&f::OUTPUT) == Some("json") { OutputFormat::Json } else { OutputFormat::Text }
}

fn attestation_subject(
    values: &Values,
    blob: Option<&OsString>,
    program: &'static str,
    notices: &mut Vec<Notice>,
) -> Result<AttestationSubject, UsageErrorKind> {
    let digest = values.text(&f::DIGEST)?;
    let algorithm = match values.text(&f::DIGEST_ALG)? {
        None => None,
        Some(name) => {
            let known = SubjectDigestAlgorithm::from_name(&name);
            Some(known.ok_or_else(|| UsageErrorKind::SubjectDigestAlgorithm(go::quote(name.as_bytes())))?)
        }
    };
    if !values.switch(&f::CHECK_CLAIMS) {
        return Ok(AttestationSubject::UncheckedUnsafe);
    }
    match (blob, digest, algorithm) {
        (Some(blob), digest, algorithm) => {
            if digest.is_some() {
                notices.push(Notice::DigestIgnored);
            }
            Ok(AttestationSubject::Blob(PathBuf::from(blob), algorithm))
        }
        (None, Some(digest), Some(algorithm)) => {
            let bytes = go::decode_hex(&digest).map_err(UsageErrorKind::DigestSyntax)?;
            if bytes.len() != algorithm.length() {
                let (expected, found) = (algorithm.length(), bytes.len());
                return Err(UsageErrorKind::DigestLength { algorithm: algorithm.name(), expected, found });
            }
            Ok(AttestationSubject::Digest(algorithm, bytes))
        }
        _ => Err(UsageErrorKind::NoSubject(program)),
    }
}

fn predicate(values: &Values) -> Result<PredicateType, UsageErrorKind> {
    match values.given(&f::TYPE) {
        None => predicate_type("custom".to_owned()),
        Some(_) => predicate_type(values.text(&f::TYPE)?.unwrap_or_default()),
    }
}

/// cosign's names for predicate types; anything else is a URI, verbatim.
fn predicate_type(typed: String) -> Result<PredicateType, UsageErrorKind> {
    let uri = match typed.as_str() {
        "custom" => "https://cosign.sigstore.dev/attestation/v1",
        "slsaprovenance" | "slsaprovenance02" => "https://slsa.dev/provenance/v0.2",
        "slsaprovenance1" => "https://slsa.dev/provenance/v1",
        "spdx" | "spdxjson" => "https://spdx.dev/Document",
        "cyclonedx" => "https://cyclonedx.org/bom",
        "link" => "https://in-toto.io/Link/v1",
        "vuln" => "https://cosign.sigstore.dev/attestation/vuln/v1",
        "openvex" => "https://openvex.dev/ns",
        other => other,
    };
    // Go's `url.ParseRequestURI`, as far as it catches names that nobody knows: a scheme or a slash comes first.
    let scheme = uri.split_once(':').map(|(scheme, _)| scheme);
    let is_uri = uri.starts_with('/')
        || scheme.is_some_and(|scheme| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        });
    if !is_uri || uri.chars().any(char::is_control) {
        return Err(UsageErrorKind::PredicateType(typed.escape_debug().to_string()));
    }
    Ok(PredicateType { uri: uri.to_owned(), typed })
}

pub(super) fn trust_show(values: &Values) -> TrustCommand {
    TrustCommand::Show { source: at_hand(values), output: output(values) }
}

pub(super) fn trust_update(values: &Values) -> TrustCommand {
    TrustCommand::Update { refresh: TufRefresh::Always, output: output(values) }
}

pub(super) fn trust_export(values: &Values, positionals: &[OsString]) -> Result<TrustCommand, UsageErrorKind> {
    let target = match positionals {
        [] => ExportTarget::Stdout,
        [one] if one == "-" => ExportTarget::Stdout,
        [one] => ExportTarget::Path(PathBuf::from(one)),
        several => return Err(UsageErrorKind::ArgumentCount(ArgumentCount::AtMost(1, several.len()))),
    };
    Ok(TrustCommand::Export { source: at_hand(values), target })
}

/// What is at hand: a file, or what TUF has stored; nothing is fetched.
fn at_hand(values: &Values) -> TrustSource {
    match values.path(&f::TRUSTED_ROOT) {
        Some(path) => TrustSource::File(path),
        None => TrustSource::Tuf { refresh: TufRefresh::Never, max_age: DEFAULT_MAX_AGE },
    }
}

pub(super) fn shell(positionals: &[OsString], program: &'static str) -> Result<Shell, UsageErrorKind> {
    let [name] = positionals else {
        return Err(UsageErrorKind::ArgumentCount(ArgumentCount::Exactly(1, positionals.len())));
    };
    name.to_str().and_then(Shell::from_name).ok_or_else(|| UsageErrorKind::CommandArgument {
        value: go::quote(name.as_encoded_bytes()),
        command: format!("{program} completion"),
    })
}
