//! From flags to requests about images (specs/cosign.md §1.3-1.5, §2.7, §2.8, §2.11).

use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::{exclusive, location, output, predicate_type, signature_digest, signer, verification, warn_of_skipped_log};
use crate::args::error::{ArgumentCount, NotSupported, UsageErrorKind};
use crate::args::flag::Flag;
use crate::args::flags as f;
use crate::args::go;
use crate::args::notice::Notice;
use crate::args::request::{
    AttachmentKind, ClaimUse, DownloadAttestationRequest, DownloadSignatureRequest, ImageQuestionKind, ImageSource,
    OutputFormat, Platform, PolicyFile, PolicyLanguage, ReferrerUse, RegistryCredential, RegistryRequest,
    RegistryTransport, SignatureDemand, TreeRequest, TriangulateRequest, Verification, VerifyImagesRequest,
};
use crate::args::values::Values;

pub(in crate::args) fn verify(
    values: &Values,
    positionals: &[OsString],
    notices: &mut Vec<Notice>,
) -> Result<VerifyImagesRequest, UsageErrorKind> {
    verify_any(values, images(positionals)?, notices)
}

/// The flags of `verify`, whatever the images are.
pub(super) fn verify_any(
    values: &Values,
    images: Vec<String>,
    notices: &mut Vec<Notice>,
) -> Result<VerifyImagesRequest, UsageErrorKind> {
    exclusive(values)?;
    let annotations = annotations(values, notices)?;
    let digest = signature_digest(values)?;
    let workers = workers(values)?;
    warn_of_skipped_log(values, "signature", notices);
    refuse_attachments(values, notices)?;
    let signer = signer(values, UsageErrorKind::KeyAndToken, notices)?;
    let format =
        if values.text(&f::IMAGE_OUTPUT)?.as_deref() == Some("text") { OutputFormat::Text } else { OutputFormat::Json };
    let verification = Verification { output: format, ..verification(values, signer, digest)? };
    let what = ImageQuestionKind::Signature { annotations, demand: demand(values)? };
    verify_images(values, images, what, verification, workers, notices)
}

pub(in crate::args) fn verify_attestation(
    values: &Values,
    positionals: &[OsString],
    notices: &mut Vec<Notice>,
) -> Result<VerifyImagesRequest, UsageErrorKind> {
    let images = images(positionals)?;
    exclusive(values)?;
    let digest = signature_digest(values)?;
    let workers = workers(values)?;
    warn_of_skipped_log(values, "attestation", notices);
    let signer = signer(values, UsageErrorKind::KeyAndToken, notices)?;
    let verification = Verification { output: OutputFormat::Json, ..verification(values, signer, digest)? };
    let what = ImageQuestionKind::Attestation { predicate: super::predicate(values)?, policies: policies(values)? };
    verify_images(values, images, what, verification, workers, notices)
}

fn verify_images(
    values: &Values,
    images: Vec<String>,
    what: ImageQuestionKind,
    verification: Verification,
    workers: NonZeroUsize,
    notices: &mut Vec<Notice>,
) -> Result<VerifyImagesRequest, UsageErrorKind> {
    let certificate = location(values, &f::CERTIFICATE)?;
    Ok(VerifyImagesRequest {
        images,
        source: if values.switch(&f::LOCAL_IMAGE) { ImageSource::LocalLayout } else { ImageSource::Registry },
        what,
        claims: if values.switch(&f::CHECK_CLAIMS) { ClaimUse::Checked } else { ClaimUse::SkippedUnsafe },
        verification,
        sct: partner(values, &f::SCT, &f::CERTIFICATE, notices).map(PathBuf::from),
        certificate,
        registry: registry(values, notices)?,
        workers,
    })
}

pub(in crate::args) fn tree(
    values: &Values,
    positionals: &[OsString],
    notices: &mut Vec<Notice>,
) -> Result<TreeRequest, UsageErrorKind> {
    Ok(TreeRequest {
        image: one_image(positionals)?,
        registry: registry(values, notices)?,
        referrers: if values.switch(&f::TREE_OCI11) { ReferrerUse::Listed } else { ReferrerUse::Omitted },
        output: output(values),
    })
}

pub(in crate::args) fn triangulate(
    values: &Values,
    positionals: &[OsString],
    notices: &mut Vec<Notice>,
) -> Result<TriangulateRequest, UsageErrorKind> {
    let image = one_image(positionals)?;
    let typed = values.given(&f::TRIANGULATE_TYPE).unwrap_or(OsStr::new("signature"));
    let kind = match typed.to_str() {
        Some("attestation") => AttachmentKind::Attestation,
        Some("digest") => AttachmentKind::Digest,
        Some("sbom") => {
            notices.push(Notice::SbomAttachment);
            AttachmentKind::Sbom
        }
        Some("signature") => AttachmentKind::Signature,
        _ => return Err(UsageErrorKind::AttachmentKind(typed.to_string_lossy().into_owned())),
    };
    Ok(TriangulateRequest { image, kind, registry: registry(values, notices)? })
}

pub(in crate::args) fn download_signature(
    values: &Values,
    positionals: &[OsString],
    notices: &mut Vec<Notice>,
) -> Result<DownloadSignatureRequest, UsageErrorKind> {
    Ok(DownloadSignatureRequest { image: one_image(positionals)?, registry: registry(values, notices)? })
}

pub(in crate::args) fn download_attestation(
    values: &Values,
    positionals: &[OsString],
    notices: &mut Vec<Notice>,
) -> Result<DownloadAttestationRequest, UsageErrorKind> {
    let image = one_image(positionals)?;
    let platform = values.text(&f::PLATFORM)?.map(|text| {
        Platform::parse(&text).ok_or_else(|| UsageErrorKind::FlagValue {
            value: go::quote(text.as_bytes()),
            flag: f::PLATFORM.spelled(),
            reason: "expected OS[/ARCHITECTURE[/VARIANT]][:VERSION]".to_owned(),
        })
    });
    Ok(DownloadAttestationRequest {
        image,
        predicate: values.text(&f::PREDICATE_TYPE)?.map(predicate_type).transpose()?,
        platform: platform.transpose()?,
        registry: registry(values, notices)?,
    })
}

fn images(positionals: &[OsString]) -> Result<Vec<String>, UsageErrorKind> {
    if positionals.is_empty() {
        return Err(UsageErrorKind::ArgumentCount(ArgumentCount::AtLeast(1, 0)));
    }
    positionals.iter().map(|image| image_name(image)).collect()
}

fn one_image(positionals: &[OsString]) -> Result<String, UsageErrorKind> {
    match positionals {
        [image] => image_name(image),
        other => Err(UsageErrorKind::ArgumentCount(ArgumentCount::Exactly(1, other.len()))),
    }
}

fn image_name(typed: &OsStr) -> Result<String, UsageErrorKind> {
    let unreadable = || UsageErrorKind::ImageName(go::quote(typed.as_encoded_bytes()));
    typed.to_str().map(str::to_owned).ok_or_else(unreadable)
}

fn annotations(values: &Values, notices: &mut Vec<Notice>) -> Result<Vec<(String, String)>, UsageErrorKind> {
    let mut annotations: Vec<(String, String)> = Vec::new();
    if values.is_set(&f::ANNOTATIONS) && values.list(&f::ANNOTATIONS).is_empty() {
        notices.push(Notice::NoAnnotations);
    }
    for typed in values.list(&f::ANNOTATIONS) {
        let (key, value) = typed.split_once('=').ok_or_else(|| UsageErrorKind::Annotation(typed.clone()))?;
        match annotations.iter_mut().find(|(known, _)| known == key) {
            None => annotations.push((key.to_owned(), value.to_owned())),
            Some((_, old)) if old == value => {}
            Some((_, old)) => {
                value.clone_into(old);
                notices.push(Notice::AnnotationReplaced { key: go::quote(key.as_bytes()) });
            }
        }
    }
    Ok(annotations)
}

/// Fewer than one cannot work; cosign refuses only zero before it starts.
fn workers(values: &Values) -> Result<NonZeroUsize, UsageErrorKind> {
    const DEFAULT: NonZeroUsize = NonZeroUsize::new(10).unwrap();
    match values.number(&f::WORKERS) {
        None => Ok(DEFAULT),
        Some(_) => values.count(&f::WORKERS).ok_or(UsageErrorKind::Workers),
    }
}

fn refuse_attachments(values: &Values, notices: &mut Vec<Notice>) -> Result<(), UsageErrorKind> {
    if let Some(attachment) = values.os_text(&f::ATTACHMENT) {
        if attachment == "sbom" {
            notices.push(Notice::SbomAttachment);
        }
        let typed = attachment.to_string_lossy().into_owned();
        return Err(UsageErrorKind::NotSupported(NotSupported::Attachment(typed)));
    }
    let detached = [&f::IMAGE_SIGNATURE, &f::PAYLOAD].into_iter().find(|flag| values.os_text(flag).is_some());
    match detached {
        Some(flag) => Err(UsageErrorKind::NotSupported(NotSupported::DetachedImageSignature(flag.name))),
        None => Ok(()),
    }
}

fn demand(values: &Values) -> Result<SignatureDemand, UsageErrorKind> {
    let attestation = match values.list(&f::REQUIRE_ATTESTATION) {
        _ if !values.is_set(&f::REQUIRE_ATTESTATION) => None,
        [] => return Err(UsageErrorKind::PredicateType(String::new())),
        [one] => Some(predicate_type(one.clone())?),
        _ => return Err(UsageErrorKind::SeveralAttestations),
    };
    match (values.switch(&f::REQUIRE_SIGNATURE), attestation) {
        (true, Some(_)) => {
            Err(UsageErrorKind::Contradiction { one: f::REQUIRE_SIGNATURE.name, other: f::REQUIRE_ATTESTATION.name })
        }
        (true, None) => Ok(SignatureDemand::ImageSignature),
        (false, Some(predicate)) => Ok(SignatureDemand::Attestation(predicate)),
        (false, None) => Ok(SignatureDemand::AsCosign),
    }
}

fn policies(values: &Values) -> Result<Vec<PolicyFile>, UsageErrorKind> {
    let paths = values.list(&f::POLICIES);
    // An unset variable of a shell must not take the policy away, as it does in cosign.
    if values.is_set(&f::POLICIES) && paths.is_empty() {
        return Err(UsageErrorKind::PolicyLanguage);
    }
    paths.iter().map(|path| policy_file(path)).collect()
}

/// cosign looks at the ending only after everything is verified.
fn policy_file(path: &str) -> Result<PolicyFile, UsageErrorKind> {
    let language = match path.rsplit_once('.') {
        Some((_, "cue")) => PolicyLanguage::Cue,
        Some((_, "rego")) => PolicyLanguage::Rego,
        _ => return Err(UsageErrorKind::PolicyLanguage),
    };
    Ok(PolicyFile { path: PathBuf::from(path), language })
}

pub(super) fn registry(values: &Values, notices: &mut Vec<Notice>) -> Result<RegistryRequest, UsageErrorKind> {
    let transport = match (values.switch(&f::ALLOW_INSECURE), values.switch(&f::ALLOW_HTTP)) {
        (true, _) => RegistryTransport::InsecureUnsafe,
        (false, true) => RegistryTransport::HttpAllowed,
        (false, false) => RegistryTransport::Verified,
    };
    let client_cert = partner(values, &f::REGISTRY_CLIENT_CERT, &f::REGISTRY_CLIENT_KEY, notices);
    let client_key = partner(values, &f::REGISTRY_CLIENT_KEY, &f::REGISTRY_CLIENT_CERT, notices);
    Ok(RegistryRequest {
        transport,
        credential: credential(values, notices)?,
        ca_file: values.path(&f::REGISTRY_CA),
        client_cert: client_cert.map(PathBuf::from),
        client_key: client_key.map(PathBuf::from),
        server_name: values.text(&f::REGISTRY_SERVER_NAME)?,
        tag_prefix: values.text(&f::TAG_PREFIX)?.unwrap_or_default(),
        trusted_realms: values.list(&f::TRUSTED_REALM).iter().map(|host| realm(host)).collect::<Result<_, _>>()?,
    })
}

/// cosign's order: a keychain of its own, then name and password, then a token. What loses is said.
fn credential(values: &Values, notices: &mut Vec<Notice>) -> Result<RegistryCredential, UsageErrorKind> {
    let loses = |flags: &[&'static Flag], beside: &'static str| {
        let lost = flags.iter().filter(|flag| values.os_text(flag).is_some());
        lost.map(|flag| Notice::FlagIgnored { flag: flag.name, beside }).collect::<Vec<_>>()
    };
    if values.switch(&f::K8S_KEYCHAIN) {
        notices.push(Notice::KubernetesKeychain);
        notices
            .extend(loses(&[&f::REGISTRY_USERNAME, &f::REGISTRY_PASSWORD, &f::REGISTRY_TOKEN], f::K8S_KEYCHAIN.name));
        return Ok(RegistryCredential::DefaultKeychain);
    }
    let password = values.secret(&f::REGISTRY_PASSWORD)?;
    if let (Some(username), Some(password)) = (values.text(&f::REGISTRY_USERNAME)?, password) {
        notices.extend(loses(&[&f::REGISTRY_TOKEN], f::REGISTRY_USERNAME.name));
        return Ok(RegistryCredential::Basic { username, password });
    }
    partner(values, &f::REGISTRY_USERNAME, &f::REGISTRY_PASSWORD, notices);
    partner(values, &f::REGISTRY_PASSWORD, &f::REGISTRY_USERNAME, notices);
    Ok(values.secret(&f::REGISTRY_TOKEN)?.map_or(RegistryCredential::DefaultKeychain, RegistryCredential::Token))
}

/// The value of a flag that has an effect only beside another one.
fn partner(values: &Values, flag: &'static Flag, needed: &'static Flag, notices: &mut Vec<Notice>) -> Option<OsString> {
    let value = values.os_text(flag)?;
    if values.os_text(needed).is_some() {
        return Some(value);
    }
    notices.push(Notice::FlagWithoutPartner { flag: flag.name, missing: needed.name });
    None
}

/// A host, perhaps with a port; a URL would say more than is compared.
fn realm(typed: &str) -> Result<String, UsageErrorKind> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']');
    if typed.is_empty() || !typed.bytes().all(allowed) {
        return Err(UsageErrorKind::FlagValue {
            value: go::quote(typed.as_bytes()),
            flag: f::TRUSTED_REALM.spelled(),
            reason: "expected a host, as in auth.example.com or auth.example.com:8443".to_owned(),
        });
    }
    Ok(typed.to_ascii_lowercase())
}
