//! What Rekor does with a proposed entry: checks its signature, and makes the canonical body.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature::{self as s, UnparsedPublicKey, VerificationAlgorithm};
use serde_json::Value;

use crate::body::{self, Verifier};
use crate::dsse::{Envelope, EnvelopeSignature};
use crate::keys::Hash;
use crate::text::{unb64, unhex};

/// Rekor's words for a signature that is wrong.
pub const BAD_SIGNATURE: &str = "verifying signature: invalid signature when validating ASN.1 encoded signature";

/// The canonical body of a proposed entry.
///
/// # Errors
/// Rekor's message.
pub fn canonical_body(proposal: &Value) -> Result<Vec<u8>, String> {
    let spec = &proposal["spec"];
    match proposal["kind"].as_str() {
        Some("hashedrekord") => hashedrekord(spec),
        Some("dsse") => {
            let content = &spec["proposedContent"];
            let envelope = parse_envelope(&content["envelope"])?;
            let verifier = parse_pem(&decode(&content["verifiers"][0])?)?;
            Ok(body::dsse_v001(&envelope, &verifier))
        }
        Some("intoto") => {
            let envelope = parse_envelope(&spec["content"]["envelope"])?;
            let verifier = parse_pem(&decode(&spec["publicKey"])?)?;
            Ok(body::intoto_v001(&envelope, &verifier))
        }
        other => Err(format!("unsupported entry kind {other:?}")),
    }
}

fn hashedrekord(spec: &Value) -> Result<Vec<u8>, String> {
    let hash_spec = &spec["data"]["hash"];
    let hash = match hash_spec["algorithm"].as_str() {
        Some("sha256") => Hash::Sha256,
        Some("sha384") => Hash::Sha384,
        Some("sha512") => Hash::Sha512,
        other => return Err(format!("unsupported hash {other:?}")),
    };
    let digest = unhex(hash_spec["value"].as_str().unwrap_or_default());
    let signature = decode(&spec["signature"]["content"])?;
    let verifier = parse_pem(&decode(&spec["signature"]["publicKey"]["content"])?)?;
    if !verifies(&verifier, hash, &digest, &signature) {
        return Err(BAD_SIGNATURE.to_owned());
    }
    Ok(body::hashedrekord_v001(hash, &digest, &signature, &verifier))
}

fn parse_envelope(value: &Value) -> Result<Envelope, String> {
    let text = value.as_str().ok_or("no envelope")?;
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let signatures = value["signatures"].as_array().ok_or("no signatures")?;
    Ok(Envelope {
        payload_type: value["payloadType"].as_str().unwrap_or_default().to_owned(),
        payload: decode(&value["payload"])?,
        signatures: signatures
            .iter()
            .map(|sig| {
                Ok(EnvelopeSignature { keyid: sig["keyid"].as_str().map(str::to_owned), sig: decode(&sig["sig"])? })
            })
            .collect::<Result<_, String>>()?,
    })
}

fn parse_pem(bytes: &[u8]) -> Result<Verifier, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = unb64(&body);
    if text.contains("-----BEGIN CERTIFICATE-----") {
        Ok(Verifier::Certificate(der, String::new()))
    } else if text.contains("-----BEGIN PUBLIC KEY-----") {
        Ok(Verifier::PublicKey(der, String::new()))
    } else {
        Err("neither certificate nor public key".to_owned())
    }
}

fn decode(value: &Value) -> Result<Vec<u8>, String> {
    let text = value.as_str().ok_or("a field is missing")?;
    Ok(unb64(text))
}

/// Does the signature hold for the digest? Any curve and RSA; Rekor takes Ed25519 here only prehashed.
fn verifies(verifier: &Verifier, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
    let spki = match verifier {
        Verifier::Certificate(der, _) => spki_of(der),
        Verifier::PublicKey(spki, _) => spki.clone(),
    };
    let algorithm = match hash {
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    };
    let Ok(digest) = Digest::import_less_safe(digest, algorithm) else {
        return false;
    };
    let candidates: [&'static dyn VerificationAlgorithm; 4] = match hash {
        Hash::Sha256 => [
            &s::ECDSA_P256_SHA256_ASN1,
            &s::ECDSA_P384_SHA256_ASN1,
            &s::ECDSA_P521_SHA256_ASN1,
            &s::RSA_PKCS1_2048_8192_SHA256,
        ],
        Hash::Sha384 => [
            &s::ECDSA_P256_SHA384_ASN1,
            &s::ECDSA_P384_SHA384_ASN1,
            &s::ECDSA_P521_SHA384_ASN1,
            &s::RSA_PKCS1_2048_8192_SHA384,
        ],
        Hash::Sha512 => [
            &s::ECDSA_P256_SHA512_ASN1,
            &s::ECDSA_P384_SHA512_ASN1,
            &s::ECDSA_P521_SHA512_ASN1,
            &s::RSA_PKCS1_2048_8192_SHA512,
        ],
    };
    candidates
        .into_iter()
        .any(|algorithm| UnparsedPublicKey::new(algorithm, &spki).verify_digest(&digest, signature).is_ok())
}

/// SubjectPublicKeyInfo of a certificate: the seventh element of its first, after the version.
fn spki_of(cert: &[u8]) -> Vec<u8> {
    let (_, outer, _) = element(cert);
    let (_, mut rest, _) = element(outer);
    for _ in 0..6 {
        rest = element(rest).2;
    }
    let (whole, _, _) = element(rest);
    whole.to_vec()
}

/// The first element: all of it, its content, and what follows. Panics on nonsense, as only minted bytes come here.
fn element(der: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let first = usize::from(der[1]);
    let (len, header) = if first < 0x80 {
        (first, 2)
    } else {
        let count = first & 0x7f;
        let len = der[2..2 + count].iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
        (len, 2 + count)
    };
    (&der[..header + len], &der[header..header + len], &der[header + len..])
}
