//! From what the command line names to a [`SignedEntity`]: bundles, detached files, and what lies beside a blob.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sigward_verify::{
    Certificate, ChainPolicy, Error, Input, PublicKey, SignedEntity, SignerMaterial, base64_std, bundle, limits,
    parse_certificate_file, parse_signature, parse_timestamp_file,
};

use crate::args::request::{BlobMaterial, BlobRef, BundleChain, FormatChoice, KeyRef, Location, Verification};
use crate::failure::Failure;
use crate::input;
use crate::network::Network;

/// What an attestation or signature is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A signature over a blob, or a bundle with an attestation about it.
    Blob,
    /// An attestation: `--signature` names a DSSE envelope.
    Attestation,
}

/// Reads the managed key.
///
/// # Errors
/// If it cannot be read or used.
pub fn key(reference: &KeyRef, network: &Network) -> Result<PublicKey, Failure> {
    match reference {
        KeyRef::KubernetesSecret { namespace, name } => {
            Err(Failure::KeyReference { reference: format!("k8s://{namespace}/{name}") })
        }
        KeyRef::At(location) => {
            let pem = input::small(location, limits::PEM_BYTES, network)
                .map_err(prefixed("loading verifier from key opts: loading public key"))?;
            PublicKey::from_pem(&pem).map_err(|error| Failure::Evidence {
                what: "loading verifier from key opts: loading public key: pem to public key: ".into(),
                error,
            })
        }
    }
}

/// Puts cosign's words before a failure to read.
fn prefixed(words: &'static str) -> impl Fn(Failure) -> Failure {
    move |failure| match failure {
        Failure::Read { what, reason } => Failure::Read { what: format!("{words}: {what}"), reason },
        other => other,
    }
}

/// Reads the evidence for one blob.
///
/// # Errors
/// If a named piece cannot be read or parsed, or nothing is named and nothing lies beside the blob.
pub fn entity(
    blob: Option<&BlobRef>,
    material: &BlobMaterial,
    verification: &Verification,
    key: Option<&PublicKey>,
    wanted: Wanted,
    network: &Network,
) -> Result<SignedEntity, Failure> {
    let beside;
    let named = material.bundle.is_some() || material.signature.is_some();
    let material = match blob {
        Some(blob) if !named && wanted == Wanted::Blob => {
            beside = find_beside(blob, material, key.is_some())?;
            &beside
        }
        _ => material,
    };
    let mut entity = match &material.bundle {
        Some(path) => from_bundle(path, material, verification, network)?,
        None => detached(material, wanted, network)?,
    };
    if let Some(path) = &material.rfc3161_timestamp {
        entity.add_timestamp(timestamp(path)?);
    }
    if let Some(path) = &material.sct {
        entity.set_detached_sct(input::small_file(path, limits::PEM_BYTES)?);
    }
    Ok(entity)
}

fn from_bundle(
    path: &Path,
    material: &BlobMaterial,
    verification: &Verification,
    network: &Network,
) -> Result<SignedEntity, Failure> {
    let json = input::small_file(path, limits::BUNDLE_BYTES).map_err(|failure| match failure {
        Failure::Read { what, reason } => Failure::Read { what: format!("reading {}: {what}", path.display()), reason },
        other => other,
    })?;
    let chains = match verification.bundle_chain {
        BundleChain::Allowed => ChainPolicy::Allow,
        BundleChain::Refused => ChainPolicy::Reject,
    };
    let parsed = match verification.format {
        FormatChoice::Detect => bundle::parse(&json, chains),
        FormatChoice::LegacyOnly => bundle::parse_legacy(&json),
    };
    let mut entity =
        parsed.map_err(|error| Failure::Evidence { what: format!("reading bundle {}: ", path.display()), error })?;
    if entity.profile().is_sigstore_bundle() {
        if let Some(what) = unsupported_beside_bundle(material, verification) {
            return Err(Failure::UnsupportedWithBundle { what });
        }
        return Ok(entity);
    }
    if let Some(location) = &material.certificate {
        let given = certificate(location, network)?;
        match entity.signer() {
            SignerMaterial::Certificate { leaf, .. } if **leaf == given => {}
            SignerMaterial::Unnamed => {
                entity.set_signer(SignerMaterial::Certificate { leaf: Box::new(given), chain: Vec::new() });
            }
            _ => return Err(Failure::Evidence { what: String::new(), error: Error::CertificateMismatch }),
        }
    }
    if let Some(location) = &material.signature {
        entity.set_signature(signature(location, network)?);
    }
    Ok(entity)
}

/// Flags that cosign refuses beside a sigstore bundle, in its words (specs/cosign.md §2.6).
fn unsupported_beside_bundle(material: &BlobMaterial, verification: &Verification) -> Option<&'static str> {
    use crate::args::request::AuthorityFiles;
    if material.certificate.is_some() {
        return Some("certificate must be in bundle and may not be provided using --certificate");
    }
    match &verification.trust.authorities {
        Some(AuthorityFiles::Chain(_)) => {
            return Some("certificate chain must be in bundle and may not be provided using --certificate-chain");
        }
        Some(AuthorityFiles::Roots { .. }) => {
            return Some("CA roots/intermediates must be provided using --trusted-root");
        }
        None => {}
    }
    if verification.trust.timestamp_chain.is_some() {
        return Some("TSA certificate chain path may only be provided using --trusted-root");
    }
    if material.rfc3161_timestamp.is_some() {
        return Some("RFC3161 timestamp may not be provided using --rfc3161-timestamp");
    }
    if material.signature.is_some() {
        return Some("signature may not be provided using --signature");
    }
    material.sct.is_some().then_some("SCT may not be provided using --sct")
}

fn detached(material: &BlobMaterial, wanted: Wanted, network: &Network) -> Result<SignedEntity, Failure> {
    let signer = match &material.certificate {
        Some(location) => {
            SignerMaterial::Certificate { leaf: Box::new(certificate(location, network)?), chain: Vec::new() }
        }
        None => SignerMaterial::Unnamed,
    };
    let Some(location) = &material.signature else {
        return Err(Failure::Read { what: "missing flag".into(), reason: "'--signature'".into() });
    };
    match wanted {
        Wanted::Blob => Ok(SignedEntity::detached(signature(location, network)?, signer)),
        Wanted::Attestation => {
            let json = input::small(location, limits::BUNDLE_BYTES, network)?;
            SignedEntity::detached_envelope(&json, signer)
                .map_err(|error| Failure::Evidence { what: "reading the attestation: ".into(), error })
        }
    }
}

/// Reads a certificate that was given apart.
///
/// # Errors
/// If it cannot be read or used.
pub fn certificate(location: &Location, network: &Network) -> Result<Certificate, Failure> {
    let bytes = input::small(location, limits::PEM_BYTES, network)
        .map_err(prefixed("loading verifier from key opts: loading cert"))?;
    parse_certificate_file(&bytes)
        .map_err(|error| Failure::Evidence { what: "loading verifier from key opts: loading cert: ".into(), error })
}

/// A path, a URL, `env://`; where no such file exists, the argument is the signature itself.
fn signature(location: &Location, network: &Network) -> Result<Vec<u8>, Failure> {
    let bytes = match location {
        Location::File(path) if !path.exists() => {
            use std::os::unix::ffi::OsStrExt as _;
            let literal = path.as_os_str().as_bytes();
            if base64_std(literal).is_none_or(|decoded| decoded.is_empty()) {
                // Neither a file nor a signature: the likelier mistake is the path.
                let reason = "no such file or directory, and the text is no signature in base64".into();
                return Err(Failure::Read { what: format!("open {}", path.display()), reason });
            }
            literal.to_vec()
        }
        _ => input::small(location, limits::SIGNATURE_BYTES, network)?,
    };
    if bytes.is_empty() {
        let error = Error::Base64 { input: Input::Signature, field: "content" };
        return Err(Failure::Evidence { what: format!("{}: ", location.typed().to_string_lossy()), error });
    }
    Ok(parse_signature(&bytes))
}

/// cosign's JSON around an RFC 3161 timestamp, or the timestamp itself (DER).
fn timestamp(path: &Path) -> Result<Vec<u8>, Failure> {
    parse_timestamp_file(&input::small_file(path, limits::PEM_BYTES)?)
        .map_err(|error| Failure::Evidence { what: format!("{}: ", path.display()), error })
}

/// Names under which the evidence of a blob usually lies beside it, bundles first: they need no network.
const BUNDLES_BESIDE: [&str; 4] = [".sigstore.json", ".sigstore", ".cosign.bundle", ".bundle"];
const SIGNATURES_BESIDE: [&str; 1] = [".sig"];
const CERTIFICATES_BESIDE: [&str; 3] = [".cert", ".pem", ".crt"];

fn find_beside(blob: &BlobRef, material: &BlobMaterial, has_key: bool) -> Result<BlobMaterial, Failure> {
    let nothing = |blob: String, tried: &[&str]| Failure::NothingBeside { blob, tried: tried.join(", ") };
    let BlobRef::At(Location::File(path)) = blob else {
        let name = match blob {
            BlobRef::At(location) => location.typed().to_string_lossy().into_owned(),
            BlobRef::Stdin => "-".into(),
        };
        return Err(nothing(name, &["nothing: only files have neighbours"]));
    };
    // A blob that is not there has no neighbours either; a digest in its place is no file.
    if crate::args::request::digest_reference(path.as_os_str()).is_none()
        && let Err(error) = path.metadata()
    {
        return Err(Failure::open(path, &error));
    }
    let with = |suffix: &str| {
        let mut name: OsString = path.clone().into_os_string();
        name.push(suffix);
        Some(PathBuf::from(name)).filter(|p| p.is_file())
    };
    let mut found = material.clone();
    if material.certificate.is_none() {
        found.bundle = BUNDLES_BESIDE.iter().find_map(|s| with(s));
        if found.bundle.is_some() {
            return Ok(found);
        }
    }
    found.signature = SIGNATURES_BESIDE.iter().find_map(|s| with(s)).map(Location::File);
    if found.certificate.is_none() && !has_key {
        found.certificate = CERTIFICATES_BESIDE.iter().find_map(|s| with(s)).map(Location::File);
    }
    if found.signature.is_some() && (found.certificate.is_some() || has_key) {
        return Ok(found);
    }
    let tried = [&BUNDLES_BESIDE[..], &SIGNATURES_BESIDE, if has_key { &[] } else { &CERTIFICATES_BESIDE }].concat();
    Err(nothing(path.display().to_string(), &tried))
}
