//! RFC 3161 timestamps: a CMS SignedData over a TSTInfo, checked against trusted timestamp authorities.

use der::Tag;
use jiff::Timestamp;

use crate::asn1::{self, Element, Elements, Malformed, ObjectIdentifier};
use crate::certificate::chain::{self, Purpose};
use crate::certificate::{Certificate, SUBJECT_KEY_IDENTIFIER};
use crate::digest::HashAlgorithm;
use crate::error::{Error, TimestampFault};
use crate::key::{KeyKind, PublicKey};
use crate::limits;
use crate::material::CertificateAuthority;
use crate::time;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

/// What a timestamp authority proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedTimestamp {
    /// The time.
    pub time: Timestamp,
    /// Name of the authority.
    pub authority: String,
    /// The timestamp, as it came (DER).
    pub der: Vec<u8>,
    /// By which authorities are told apart: the address that the trust root gives, or else the signing certificate. An
    /// authority that renews its certificate is still one.
    pub(crate) identity: Vec<u8>,
}

/// A timestamp as it was read; its slices borrow from the token.
struct Token<'a> {
    tst_info: &'a [u8],
    certificates: Vec<Certificate>,
    signer: SignerInfo<'a>,
}

struct SignerInfo<'a> {
    id: SignerId<'a>,
    hash: HashAlgorithm,
    /// The signed attributes with their implicit tag `[0]`.
    attributes: Element<'a>,
    signature_algorithm: ObjectIdentifier,
    signature: &'a [u8],
}

enum SignerId<'a> {
    IssuerAndSerial { issuer: &'a [u8], serial: &'a [u8] },
    KeyIdentifier(&'a [u8]),
}

struct TstInfo<'a> {
    hash: HashAlgorithm,
    imprint: &'a [u8],
    time: Timestamp,
}

/// Verifies one timestamp over `message` against the authorities.
pub(crate) fn verify(
    der: &[u8],
    message: &[u8],
    authorities: &[CertificateAuthority],
) -> Result<ProvedTimestamp, TimestampFault> {
    let token = parse_token(der)?;
    let info = parse_tst_info(token.tst_info).map_err(|Malformed| TimestampFault::Malformed { part: "TSTInfo" })?;
    let expected = info.hash.digest(message);
    if expected.as_bytes() != info.imprint {
        return Err(TimestampFault::Imprint {
            expected: expected.to_string(),
            found: format!("{}:{}", info.hash.name(), crate::digest::hex(info.imprint)),
        });
    }
    let mut fault = TimestampFault::UnknownAuthority;
    for authority in authorities {
        match verify_with(&token, info.time, authority) {
            Ok(signer) => {
                let identity = if authority.uri.is_empty() { signer } else { authority.uri.clone().into_bytes() };
                let authority = authority.name();
                return Ok(ProvedTimestamp { time: info.time, authority, der: der.to_vec(), identity });
            }
            Err(TimestampFault::UnknownAuthority) => {}
            Err(other) => fault = other,
        }
    }
    Err(fault)
}

fn verify_with(
    token: &Token<'_>,
    time: Timestamp,
    authority: &CertificateAuthority,
) -> Result<Vec<u8>, TimestampFault> {
    // Signers that the trusted root names come first. If it names one, no embedded certificate can take its place.
    let is_leaf = |c: &&Certificate| !c.basic_constraints().ok().flatten().is_some_and(|(ca, _)| ca);
    let named: Vec<_> = authority.chain.iter().filter(is_leaf).collect();
    let candidates: Vec<_> = if named.is_empty() { token.certificates.iter().collect() } else { named };
    // CVE-2026-39984: the signer is the certificate that the SignerInfo names, not the first of the bag.
    let signer = candidates.into_iter().find(|c| names(&token.signer.id, c)).ok_or(TimestampFault::UnknownAuthority)?;
    check_signature(token, signer)?;
    let extra: Vec<_> = token.certificates.iter().filter(|c| *c != signer).cloned().collect();
    let without_leaf = CertificateAuthority {
        uri: authority.uri.clone(),
        chain: authority.chain.iter().filter(|c| *c != signer).cloned().collect(),
        valid_for: authority.valid_for,
    };
    // A chain of one certificate is its own anchor.
    let authority = if without_leaf.chain.is_empty() { authority } else { &without_leaf };
    match chain::check(signer, &extra, std::slice::from_ref(authority), &[time], Purpose::TimeStamping) {
        Ok(_) => Ok(signer.der().to_vec()),
        Err(Error::Chain(crate::error::ChainFault::UnknownIssuer)) => Err(TimestampFault::UnknownAuthority),
        Err(error) => Err(TimestampFault::Certificate(Box::new(error))),
    }
}

fn names(id: &SignerId<'_>, certificate: &Certificate) -> bool {
    match id {
        SignerId::IssuerAndSerial { issuer, serial } => {
            certificate.issuer() == *issuer && certificate.bytes(&certificate.parts.serial) == *serial
        }
        SignerId::KeyIdentifier(id) => certificate
            .extension(SUBJECT_KEY_IDENTIFIER)
            .and_then(|value| asn1::whole(value, Tag::OctetString).ok())
            .is_some_and(|found| found.content == *id),
    }
}

/// The signature is over the signed attributes, and they hold the digest of the content (RFC 5652 §5.4).
fn check_signature(token: &Token<'_>, signer: &Certificate) -> Result<(), TimestampFault> {
    let attributes = Attributes::parse(token.signer.attributes.content)
        .map_err(|Malformed| TimestampFault::Malformed { part: "signed attributes" })?;
    if attributes.content_type != Some(TST_INFO) {
        return Err(TimestampFault::Malformed { part: "content type attribute" });
    }
    let digest = token.signer.hash.digest(token.tst_info);
    if attributes.message_digest != Some(digest.as_bytes()) {
        return Err(TimestampFault::MessageDigest);
    }
    if let Some((hash, found)) = attributes.signing_certificate
        && hash.digest(signer.der()).as_bytes() != found
    {
        return Err(TimestampFault::SigningCertificate);
    }
    // For the signature the implicit [0] becomes SET OF, the bytes stay.
    let raw = token.signer.attributes.raw.get(1..).unwrap_or_default();
    let signed = [&[0x31], raw].concat();
    let key = signer.public_key().map_err(|e| TimestampFault::Certificate(Box::new(e)))?;
    verify_cms(key, &token.signer, &signed)
}

/// The signature algorithm names its own hash, if any (RFC 5754 §3); it need not be that of the content.
fn verify_cms(key: &PublicKey, signer: &SignerInfo<'_>, signed: &[u8]) -> Result<(), TimestampFault> {
    let unsupported = |oid: ObjectIdentifier| TimestampFault::Algorithm { found: oid.to_string() };
    let outcome = match (signer.signature_algorithm, key.kind()) {
        (RSA_PSS, KeyKind::Rsa { .. }) => {
            key.verify_padded(crate::key::RsaPadding::Pss, &signer.hash.digest(signed), signer.signature)
        }
        (RSA_ENCRYPTION, KeyKind::Rsa { .. }) => key.verify_digest(&signer.hash.digest(signed), signer.signature),
        // RFC 8419: pure Ed25519 over the attributes.
        (ED25519, KeyKind::Ed25519) => key.verify(signer.hash, signed, signer.signature),
        (other, KeyKind::Rsa { .. } | KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521) => {
            let hash = hash_of_signature(other).ok_or_else(|| unsupported(other))?;
            key.verify_digest(&hash.digest(signed), signer.signature)
        }
        (other, _) => return Err(unsupported(other)),
    };
    outcome.map_err(|_| TimestampFault::SignatureInvalid)
}

/// The hash inside a combined signature algorithm.
fn hash_of_signature(oid: ObjectIdentifier) -> Option<HashAlgorithm> {
    match oid.to_string().as_str() {
        // ecdsa-with-SHA256, sha256WithRSAEncryption, and so on.
        "1.2.840.10045.4.3.2" | "1.2.840.113549.1.1.11" => Some(HashAlgorithm::Sha256),
        "1.2.840.10045.4.3.3" | "1.2.840.113549.1.1.12" => Some(HashAlgorithm::Sha384),
        "1.2.840.10045.4.3.4" | "1.2.840.113549.1.1.13" => Some(HashAlgorithm::Sha512),
        _ => None,
    }
}

#[derive(Default)]
struct Attributes<'a> {
    content_type: Option<ObjectIdentifier>,
    message_digest: Option<&'a [u8]>,
    /// Hash of the signer's certificate (RFC 5816); SHA-1 forms are not evaluated.
    signing_certificate: Option<(HashAlgorithm, &'a [u8])>,
}

impl<'a> Attributes<'a> {
    fn parse(content: &'a [u8]) -> Result<Self, Malformed> {
        let mut all = Elements::new(content);
        let mut found = Self::default();
        let mut seen = Vec::new();
        while !all.is_empty() {
            let mut attribute = all.sequence()?;
            let oid = attribute.oid()?;
            let values = attribute.expect(Tag::Set)?;
            attribute.end()?;
            if seen.contains(&oid) || seen.len() > 32 {
                return Err(Malformed);
            }
            seen.push(oid);
            let mut values = Elements::new(values.content);
            match oid {
                CONTENT_TYPE => found.content_type = Some(values.oid()?),
                MESSAGE_DIGEST => found.message_digest = Some(values.expect(Tag::OctetString)?.content),
                SIGNING_CERTIFICATE_V2 => found.signing_certificate = Some(first_ess_cert_id(values.next()?)?),
                SIGNING_CERTIFICATE => {
                    values.next()?;
                }
                _ => continue,
            }
            values.end()?;
        }
        Ok(found)
    }
}

/// `SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2, … }`; the first is the signer's (RFC 5035 §3).
fn first_ess_cert_id(value: Element<'_>) -> Result<(HashAlgorithm, &[u8]), Malformed> {
    let mut signing = Elements::new(value.content);
    let mut certificates = signing.sequence()?;
    let mut first = certificates.sequence()?;
    let hash = match first.optional(Tag::Sequence)? {
        None => HashAlgorithm::Sha256,
        Some(algorithm) => hash_algorithm(&mut Elements::new(algorithm.content))?,
    };
    Ok((hash, first.expect(Tag::OctetString)?.content))
}

/// A TimeStampResp (RFC 3161 §2.4.2) or the token alone.
fn parse_token(der: &[u8]) -> Result<Token<'_>, TimestampFault> {
    let malformed = |part| move |Malformed| TimestampFault::Malformed { part };
    let outer = asn1::whole(der, Tag::Sequence).map_err(malformed("response"))?;
    let mut fields = Elements::new(outer.content);
    let first = fields.next().map_err(malformed("response"))?;
    let content_info = if first.tag == Tag::ObjectIdentifier {
        outer.content
    } else {
        let status = Elements::new(first.content).expect(Tag::Integer).map_err(malformed("status"))?;
        // granted(0), grantedWithMods(1)
        if !matches!(status.content, [0 | 1]) {
            return Err(TimestampFault::NotGranted { status: crate::digest::hex(status.content) });
        }
        let token = fields.expect(Tag::Sequence).map_err(malformed("response"))?;
        fields.end().map_err(malformed("response"))?;
        token.content
    };
    parse_content_info(content_info).map_err(malformed("signed data"))
}

fn parse_content_info(content: &[u8]) -> Result<Token<'_>, Malformed> {
    let mut content_info = Elements::new(content);
    if content_info.oid()? != SIGNED_DATA {
        return Err(Malformed);
    }
    let explicit = content_info.expect(asn1::context(0))?;
    content_info.end()?;
    let mut signed_data = Elements::new(asn1::whole(explicit.content, Tag::Sequence)?.content);
    signed_data.expect(Tag::Integer)?;
    signed_data.expect(Tag::Set)?;
    let mut encapsulated = signed_data.sequence()?;
    if encapsulated.oid()? != TST_INFO {
        return Err(Malformed);
    }
    let wrapped = encapsulated.expect(asn1::context(0))?;
    encapsulated.end()?;
    let tst_info = asn1::whole(wrapped.content, Tag::OctetString)?.content;
    let certificates = match signed_data.optional(asn1::context(0))? {
        None => Vec::new(),
        Some(bag) => parse_bag(bag.content)?,
    };
    signed_data.optional(asn1::context(1))?;
    let mut signers = Elements::new(signed_data.expect(Tag::Set)?.content);
    signed_data.end()?;
    let signer = parse_signer(signers.sequence()?)?;
    // RFC 3161 §2.4.2: the signature of the TSA and no other.
    signers.end()?;
    Ok(Token { tst_info, certificates, signer })
}

fn parse_bag(content: &[u8]) -> Result<Vec<Certificate>, Malformed> {
    let mut bag = Elements::new(content);
    let mut certificates = Vec::new();
    while !bag.is_empty() {
        if certificates.len() >= limits::TIMESTAMP_CERTIFICATES {
            return Err(Malformed);
        }
        certificates.push(Certificate::from_der(bag.expect(Tag::Sequence)?.raw).map_err(|_| Malformed)?);
    }
    Ok(certificates)
}

fn parse_signer(mut fields: Elements<'_>) -> Result<SignerInfo<'_>, Malformed> {
    fields.expect(Tag::Integer)?;
    let id = fields.next()?;
    let id = if id.tag == Tag::Sequence {
        let mut parts = Elements::new(id.content);
        let issuer = parts.expect(Tag::Sequence)?.raw;
        let serial = parts.expect(Tag::Integer)?.content;
        parts.end()?;
        SignerId::IssuerAndSerial { issuer, serial }
    } else if id.tag == asn1::context_primitive(0) {
        SignerId::KeyIdentifier(id.content)
    } else {
        return Err(Malformed);
    };
    let hash = hash_algorithm(&mut fields.sequence()?)?;
    // Signed attributes are mandatory: the content type is not id-data (RFC 5652 §5.3).
    let attributes = fields.expect(asn1::context(0))?;
    let signature_algorithm = fields.sequence()?.oid()?;
    let signature = fields.expect(Tag::OctetString)?.content;
    // Unsigned attributes prove nothing.
    fields.optional(asn1::context(1))?;
    fields.end()?;
    Ok(SignerInfo { id, hash, attributes, signature_algorithm, signature })
}

fn hash_algorithm(algorithm: &mut Elements<'_>) -> Result<HashAlgorithm, Malformed> {
    let hash = match algorithm.oid()? {
        SHA256 => HashAlgorithm::Sha256,
        SHA384 => HashAlgorithm::Sha384,
        SHA512 => HashAlgorithm::Sha512,
        _ => return Err(Malformed),
    };
    algorithm.optional(Tag::Null)?;
    algorithm.end()?;
    Ok(hash)
}

fn parse_tst_info(der: &[u8]) -> Result<TstInfo<'_>, Malformed> {
    let mut fields = Elements::new(asn1::whole(der, Tag::Sequence)?.content);
    if fields.expect(Tag::Integer)?.content != [1] {
        return Err(Malformed);
    }
    fields.oid()?;
    let mut imprint = fields.sequence()?;
    let hash = hash_algorithm(&mut imprint.sequence()?)?;
    let digest = imprint.expect(Tag::OctetString)?.content;
    imprint.end()?;
    fields.expect(Tag::Integer)?;
    let time = time::generalized_time(fields.expect(Tag::GeneralizedTime)?.content).ok_or(Malformed)?;
    // Accuracy, ordering, nonce, tsa and extensions do not change the time.
    Ok(TstInfo { hash, imprint: digest, time })
}
