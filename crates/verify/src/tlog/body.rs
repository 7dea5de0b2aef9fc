//! What the bodies of log entries say, and whether it is about this signature, this key and this artifact.

use serde::Deserialize;

use crate::digest::{Digest, HashAlgorithm};
use crate::encoding::{base64_any, pem_encode, pem_next, to_base64};
use crate::error::LogFault;

/// Which Rekor writes such entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    V1,
    V2,
}

/// The signer as an entry must name it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verifier<'a> {
    /// DER of the certificate.
    Certificate(&'a [u8]),
    /// DER SubjectPublicKeyInfo.
    Key(&'a [u8]),
}

/// What an entry must be about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Claim<'a> {
    /// A signature over an artifact.
    Message {
        /// Every digest of the artifact that is known.
        digests: &'a [Digest],
        /// The digest that the signature was checked over, if the key signs a digest.
        signed: Option<&'a Digest>,
    },
    /// A signature in a DSSE envelope.
    Envelope {
        /// The decoded payload.
        payload: &'a [u8],
        /// The bytes that were signed (the pre-authentication encoding).
        pae: &'a [u8],
        /// The envelope's JSON as it came, if it came as a file of its own.
        json: Option<&'a [u8]>,
    },
}

#[derive(Deserialize)]
struct Head {
    kind: String,
    #[serde(rename = "apiVersion")]
    api_version: String,
}

#[derive(Deserialize)]
struct Body<S> {
    spec: S,
}

#[derive(Deserialize)]
struct HexHash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    content: String,
}

#[derive(Deserialize)]
struct RecordSignature {
    content: String,
    #[serde(rename = "publicKey")]
    public_key: Content,
}

#[derive(Deserialize)]
struct RecordData {
    hash: HexHash,
}

/// hashedrekord 0.0.1 and rekord 0.0.1.
#[derive(Deserialize)]
struct Record {
    data: RecordData,
    signature: RecordSignature,
}

/// dsse 0.0.1.
#[derive(Deserialize)]
struct Dsse {
    #[serde(rename = "payloadHash")]
    payload_hash: HexHash,
    #[serde(rename = "envelopeHash")]
    envelope_hash: HexHash,
    signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
struct DsseSignature {
    signature: String,
    verifier: String,
}

/// intoto 0.0.1 and 0.0.2.
#[derive(Deserialize)]
struct Intoto {
    content: IntotoContent,
    #[serde(rename = "publicKey")]
    public_key: Option<String>,
}

#[derive(Deserialize)]
struct IntotoContent {
    hash: Option<HexHash>,
    #[serde(rename = "payloadHash")]
    payload_hash: Option<HexHash>,
    envelope: Option<IntotoEnvelope>,
}

#[derive(Deserialize)]
struct IntotoEnvelope {
    signatures: Vec<IntotoSignature>,
}

#[derive(Deserialize)]
struct IntotoSignature {
    sig: String,
    #[serde(rename = "publicKey")]
    public_key: String,
}

#[derive(Deserialize)]
struct V2Digest {
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
struct RawBytes {
    #[serde(rename = "rawBytes")]
    raw_bytes: String,
}

#[derive(Deserialize)]
struct V2Verifier {
    #[serde(rename = "x509Certificate")]
    x509_certificate: Option<RawBytes>,
    #[serde(rename = "publicKey")]
    public_key: Option<RawBytes>,
}

#[derive(Deserialize)]
struct V2Signature {
    content: String,
    verifier: V2Verifier,
}

#[derive(Deserialize)]
struct HashedRekordV2 {
    data: V2Digest,
    signature: V2Signature,
}

#[derive(Deserialize)]
struct HashedRekordV2Spec {
    #[serde(rename = "hashedRekordV002")]
    inner: HashedRekordV2,
}

/// Kind and version of a body.
pub(crate) fn kind_version(body: &[u8]) -> Result<(String, String), LogFault> {
    let head: Head = parse(body)?;
    Ok((head.kind, head.api_version))
}

/// Which Rekor wrote the body, by its kind and version.
pub(crate) fn generation(body: &[u8]) -> Result<Generation, LogFault> {
    let (kind, version) = kind_version(body)?;
    match (kind.as_str(), version.as_str()) {
        ("hashedrekord" | "dsse", "0.0.2") => Ok(Generation::V2),
        _ => Ok(Generation::V1),
    }
}

/// Checks that the body is about exactly this signature, signer and artifact (CVE-2022-36056, CVE-2026-22703).
pub(crate) fn bind(body: &[u8], claim: Claim<'_>, signature: &[u8], signer: Verifier<'_>) -> Result<(), LogFault> {
    let (kind, version) = kind_version(body)?;
    match (kind.as_str(), version.as_str(), claim) {
        ("hashedrekord" | "rekord", "0.0.1", Claim::Message { digests, .. }) => {
            let record = parse::<Body<Record>>(body)?.spec;
            check_hash(&record.data.hash.algorithm, &record.data.hash.value, digests)?;
            check_signature(base64_any(&record.signature.content), signature)?;
            check_pem(&record.signature.public_key.content, signer)
        }
        ("hashedrekord", "0.0.2", Claim::Message { digests, signed }) => {
            let record = parse::<Body<HashedRekordV2Spec>>(body)?.spec.inner;
            check_v2_digest(&record.data, digests)?;
            // v2 names one digest, and it is the one that was signed (or, for Ed25519, a digest beside it).
            if let Some(signed) = signed {
                check_v2_digest(&record.data, std::slice::from_ref(signed))?;
            }
            check_v2_signature(&record.signature, signature, signer)
        }
        ("hashedrekord", "0.0.2", Claim::Envelope { pae, .. }) => {
            let record = parse::<Body<HashedRekordV2Spec>>(body)?.spec.inner;
            let algorithm = HashAlgorithm::from_protobuf_name(&record.data.algorithm)
                .ok_or_else(|| LogFault::HashAlgorithm { found: record.data.algorithm.clone() })?;
            check_v2_digest(&record.data, &[algorithm.digest(pae)])?;
            check_v2_signature(&record.signature, signature, signer)
        }
        ("dsse", "0.0.1", Claim::Envelope { payload, json, .. }) => bind_dsse(body, payload, json, signature, signer),
        // A dsse 0.0.2 entry is refused: Rekor v2 logs an attestation as hashedrekord (rekor-v2-spec §6.1.4).
        ("intoto", "0.0.1" | "0.0.2", Claim::Envelope { payload, json, .. }) => {
            bind_intoto(body, payload, json, signature, signer)
        }
        _ => Err(LogFault::Kind { found: format!("{kind} {version}") }),
    }
}

fn bind_dsse(
    body: &[u8],
    payload: &[u8],
    json: Option<&[u8]>,
    signature: &[u8],
    signer: Verifier<'_>,
) -> Result<(), LogFault> {
    let entry = parse::<Body<Dsse>>(body)?.spec;
    check_hash(&entry.payload_hash.algorithm, &entry.payload_hash.value, &[HashAlgorithm::Sha256.digest(payload)])?;
    if let Some(json) = json {
        let hash = &entry.envelope_hash;
        check_hash(&hash.algorithm, &hash.value, &[HashAlgorithm::Sha256.digest(json)])?;
    }
    let this = entry.signatures.iter().find(|s| base64_any(&s.signature).as_deref() == Some(signature));
    check_pem(&this.ok_or(LogFault::SignatureMismatch)?.verifier, signer)
}

fn bind_intoto(
    body: &[u8],
    payload: &[u8],
    json: Option<&[u8]>,
    signature: &[u8],
    signer: Verifier<'_>,
) -> Result<(), LogFault> {
    let entry = parse::<Body<Intoto>>(body)?.spec;
    let payload_hash = entry.content.payload_hash.as_ref();
    if let Some(hash) = payload_hash {
        check_hash(&hash.algorithm, &hash.value, &[HashAlgorithm::Sha256.digest(payload)])?;
    }
    if let Some(envelope) = &entry.content.envelope {
        // 0.0.2 repeats the envelope, with the signature's base64 text encoded once more.
        let inner = |text: &str| {
            let outer = base64_any(text)?;
            base64_any(std::str::from_utf8(&outer).ok()?)
        };
        let this = envelope.signatures.iter().find(|s| inner(&s.sig).as_deref() == Some(signature));
        payload_hash.ok_or(LogFault::BodyMalformed { reason: "no payload hash".into() })?;
        return check_pem(&this.ok_or(LogFault::SignatureMismatch)?.public_key, signer);
    }
    // 0.0.1 holds the hash of the envelope's JSON only, so the signature is bound by it or not at all.
    let (Some(json), Some(hash)) = (json, &entry.content.hash) else { return Err(LogFault::SignatureMismatch) };
    check_hash(&hash.algorithm, &hash.value, &[HashAlgorithm::Sha256.digest(json)])?;
    check_pem(entry.public_key.as_deref().unwrap_or_default(), signer)
}

/// The body that Rekor v1 writes for a signature over a SHA-256 digest: JCS of a hashedrekord 0.0.1, so its leaf hash
/// is known without asking.
pub(crate) fn canonical_hashedrekord(digest: &Digest, signature: &[u8], signer: Verifier<'_>) -> Vec<u8> {
    let pem = match signer {
        Verifier::Certificate(der) => pem_encode("CERTIFICATE", der),
        Verifier::Key(der) => pem_encode("PUBLIC KEY", der),
    };
    format!(
        concat!(
            r#"{{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{{"data":{{"hash":{{"algorithm":"{}","value":"{}"}}}},"#,
            r#""signature":{{"content":"{}","publicKey":{{"content":"{}"}}}}}}}}"#
        ),
        digest.algorithm().name(),
        digest.hex(),
        to_base64(signature),
        to_base64(pem.as_bytes())
    )
    .into_bytes()
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, LogFault> {
    serde_json::from_slice(body).map_err(|e| LogFault::BodyMalformed { reason: e.to_string() })
}

fn check_hash(algorithm: &str, value: &str, known: &[Digest]) -> Result<(), LogFault> {
    let algorithm =
        HashAlgorithm::from_name(algorithm).ok_or_else(|| LogFault::HashAlgorithm { found: algorithm.to_owned() })?;
    let bytes = crate::digest::unhex(value);
    compare(algorithm, bytes.as_deref(), value, known)
}

fn check_v2_digest(found: &V2Digest, known: &[Digest]) -> Result<(), LogFault> {
    let algorithm = HashAlgorithm::from_protobuf_name(&found.algorithm)
        .ok_or_else(|| LogFault::HashAlgorithm { found: found.algorithm.clone() })?;
    compare(algorithm, base64_any(&found.digest).as_deref(), &found.digest, known)
}

fn compare(algorithm: HashAlgorithm, bytes: Option<&[u8]>, text: &str, known: &[Digest]) -> Result<(), LogFault> {
    let Some(expected) = known.iter().find(|d| d.algorithm() == algorithm) else {
        return Err(LogFault::HashAlgorithm { found: algorithm.name().to_owned() });
    };
    if bytes == Some(expected.as_bytes()) {
        Ok(())
    } else {
        let found = format!("{}:{}", algorithm.name(), bytes.map_or_else(|| text.to_owned(), crate::digest::hex));
        Err(LogFault::DigestMismatch { expected: expected.to_string(), found })
    }
}

fn check_signature(found: Option<Vec<u8>>, expected: &[u8]) -> Result<(), LogFault> {
    if found.as_deref() == Some(expected) { Ok(()) } else { Err(LogFault::SignatureMismatch) }
}

/// An entry's key is base64 of PEM: one block, of the signer's kind, with nothing after it.
fn check_pem(base64: &str, signer: Verifier<'_>) -> Result<(), LogFault> {
    let pem = base64_any(base64).ok_or(LogFault::SignerMismatch)?;
    // Rekor writes keys as `pem_encode` does; only what was written otherwise is taken apart.
    let usual = match signer {
        Verifier::Certificate(der) => pem_encode("CERTIFICATE", der),
        Verifier::Key(spki) => pem_encode("PUBLIC KEY", spki),
    };
    if pem == usual.as_bytes() {
        return Ok(());
    }
    let (block, rest) = pem_next(&pem).ok_or(LogFault::SignerMismatch)?;
    if !rest.trim_ascii().is_empty() {
        return Err(LogFault::SignerMismatch);
    }
    let same = match (signer, block.label.as_str()) {
        (Verifier::Certificate(der), "CERTIFICATE") => block.der == der,
        (Verifier::Key(spki), "PUBLIC KEY") => block.der == spki,
        (Verifier::Key(spki), "RSA PUBLIC KEY") => {
            crate::key::PublicKey::from_pkcs1(&block.der).is_ok_and(|key| key.spki() == spki)
        }
        _ => false,
    };
    if same { Ok(()) } else { Err(LogFault::SignerMismatch) }
}

fn check_v2_signature(found: &V2Signature, signature: &[u8], signer: Verifier<'_>) -> Result<(), LogFault> {
    check_signature(base64_any(&found.content), signature)?;
    let bytes = |raw: &Option<RawBytes>| raw.as_ref().and_then(|r| base64_any(&r.raw_bytes));
    let same = match signer {
        Verifier::Certificate(der) => {
            found.verifier.public_key.is_none() && bytes(&found.verifier.x509_certificate).as_deref() == Some(der)
        }
        Verifier::Key(spki) => {
            found.verifier.x509_certificate.is_none() && bytes(&found.verifier.public_key).as_deref() == Some(spki)
        }
    };
    if same { Ok(()) } else { Err(LogFault::SignerMismatch) }
}

/// The hash algorithm that a body names for the artifact, if it is of a kind that names one: a hint which digests to
/// compute, never a proof.
pub(crate) fn named_hash(body: &[u8]) -> Option<HashAlgorithm> {
    let (kind, version) = kind_version(body).ok()?;
    match (kind.as_str(), version.as_str()) {
        ("hashedrekord" | "rekord", "0.0.1") => {
            HashAlgorithm::from_name(&parse::<Body<Record>>(body).ok()?.spec.data.hash.algorithm)
        }
        ("hashedrekord", "0.0.2") => {
            HashAlgorithm::from_protobuf_name(&parse::<Body<HashedRekordV2Spec>>(body).ok()?.spec.inner.data.algorithm)
        }
        _ => None,
    }
}
