//! Layers of `.sig` and `.att` manifests: cosign keeps a signature's evidence in the annotations of its layer
//! (specs/cosign.md §2.7, §2.8). Nobody signs the annotations; each counts for what it proves.

use std::collections::BTreeMap;

use crate::bundle::legacy;
use crate::certificate::Certificate;
use crate::dsse::Envelope;
use crate::encoding::{base64_std, pem_all};
use crate::entity::{Content, SignedEntity, SignerMaterial};
use crate::error::{Error, Input};
use crate::limits;
use crate::profile::Profile;

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

impl SignedEntity {
    /// The signature in a layer of a `.sig` manifest. The message is the layer's blob, which is not needed yet.
    ///
    /// # Errors
    /// [`Error::LayerSignatureMissing`] without a signature, [`Error::RawKeyInEvidence`] if a bare key stands for the
    /// certificate, [`Error::TooLarge`] past the limit, others if an annotation is malformed.
    pub fn from_signature_layer(annotations: &BTreeMap<String, String>) -> Result<Self, Error> {
        let text = annotation(annotations, SIGNATURE)?.ok_or(Error::LayerSignatureMissing)?;
        let signature = base64_std(text.as_bytes()).ok_or(Error::Base64 { input: Input::Layer, field: SIGNATURE })?;
        let content = Content::Message { named_digest: None };
        from_layer(annotations, Profile::ImageSignature, content, signature)
    }

    /// The attestation in a layer of an `.att` manifest; `envelope_json` is the layer's blob. The signature annotation is
    /// not looked at: the signatures are in the envelope, and cosign leaves the annotation empty.
    ///
    /// # Errors
    /// As [`Self::from_signature_layer`] and [`Self::detached_envelope`].
    pub fn from_attestation_layer(annotations: &BTreeMap<String, String>, envelope_json: &[u8]) -> Result<Self, Error> {
        if envelope_json.len() > limits::BUNDLE_BYTES {
            return Err(Error::TooLarge { input: Input::Envelope, limit: limits::BUNDLE_BYTES });
        }
        let envelope = Envelope::from_json(envelope_json)?;
        let signature = envelope.signatures.first().cloned().ok_or(Error::EnvelopeSignatures { found: 0 })?;
        let content = Content::Envelope { envelope, json: Some(envelope_json.to_vec()) };
        from_layer(annotations, Profile::ImageAttestation, content, signature)
    }
}

fn from_layer(
    annotations: &BTreeMap<String, String>,
    profile: Profile,
    content: Content,
    signature: Vec<u8>,
) -> Result<SignedEntity, Error> {
    let entry = annotation(annotations, BUNDLE)?.map(|json| legacy::parse_entry(json.as_bytes())).transpose()?;
    let timestamp = annotation(annotations, TIMESTAMP)?.map(|json| legacy::parse_timestamp(json.as_bytes()));
    Ok(SignedEntity {
        profile,
        content,
        signature,
        signer: signer(annotations)?,
        log_entries: entry.into_iter().collect(),
        timestamps: timestamp.transpose()?.into_iter().collect(),
        detached_sct: None,
    })
}

/// The first certificate is the signer's, as in cosign. A bare key is refused even where a key was given: cosign reads
/// certificates alone here, and a key beside the evidence must never stand in for trust (GHSA-fx35-mq7g-6g98).
fn signer(annotations: &BTreeMap<String, String>) -> Result<SignerMaterial, Error> {
    let Some(pem) = annotation(annotations, CERTIFICATE)? else { return Ok(SignerMaterial::Unnamed) };
    if pem_all(pem.as_bytes()).0.iter().any(|block| block.label.ends_with("PUBLIC KEY")) {
        return Err(Error::RawKeyInEvidence);
    }
    let mut certificates = Certificate::many_from_pem(pem.as_bytes(), Input::Certificate)?;
    let chain = match annotation(annotations, CHAIN)? {
        Some(pem) => Certificate::many_from_pem(pem.as_bytes(), Input::CertificateChain)?,
        None => Vec::new(),
    };
    Ok(SignerMaterial::Certificate { leaf: Box::new(certificates.swap_remove(0)), chain })
}

/// An annotation's text; an empty one is none, as in cosign.
fn annotation<'a>(annotations: &'a BTreeMap<String, String>, name: &str) -> Result<Option<&'a str>, Error> {
    match annotations.get(name).map(String::as_str) {
        Some(text) if text.len() > limits::ANNOTATION_BYTES => {
            Err(Error::TooLarge { input: Input::Layer, limit: limits::ANNOTATION_BYTES })
        }
        text => Ok(text.filter(|text| !text.is_empty())),
    }
}
