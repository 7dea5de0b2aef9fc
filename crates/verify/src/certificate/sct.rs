//! Signed certificate timestamps (RFC 6962): proof that a certificate was handed to a certificate transparency log.

use der::Tag;
use jiff::Timestamp;
use serde::Deserialize;

use super::Certificate;
use crate::asn1::{self, ObjectIdentifier};
use crate::digest::{HashAlgorithm, hex, sha256};
use crate::encoding::base64_std;
use crate::error::{Error, Input, SctFault};
use crate::limits;
use crate::material::TransparencyLog;
use crate::wire::from_json;

const EMBEDDED_SCTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// One timestamp of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sct {
    log_id: Vec<u8>,
    /// Milliseconds since 1970.
    timestamp: u64,
    extensions: Vec<u8>,
    /// TLS SignatureAndHashAlgorithm.
    algorithm: [u8; 2],
    signature: Vec<u8>,
}

/// What the log signed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SignedCertificate<'a> {
    /// The precertificate: the certificate without its SCT list, under the hash of the issuer's key.
    Precertificate { leaf: &'a Certificate, issuer_key_hash: [u8; 32] },
    /// The certificate as it is, for detached SCTs.
    Final { leaf: &'a Certificate },
}

impl Sct {
    /// The SCTs embedded in a certificate; empty without the extension.
    pub(crate) fn embedded(certificate: &Certificate) -> Result<Vec<Self>, Error> {
        let Some(value) = certificate.extension(EMBEDDED_SCTS) else { return Ok(Vec::new()) };
        let list = asn1::whole(value, Tag::OctetString).map_err(|_| Error::Sct(SctFault::Malformed))?;
        parse_list(list.content).ok_or(Error::Sct(SctFault::Malformed))
    }

    /// A detached SCT: the JSON answer of a log's `add-chain` (RFC 6962 §4.1), as cosign's `--sct` takes it.
    pub(crate) fn from_add_chain_response(json: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct AddChainResponse {
            sct_version: u8,
            id: String,
            timestamp: u64,
            #[serde(default)]
            extensions: String,
            signature: String,
        }
        let answer: AddChainResponse =
            from_json(json).map_err(|e| Error::Json { input: Input::Sct, reason: e.to_string() })?;
        let bytes = |text: &str| base64_std(text.as_bytes()).ok_or(Error::Sct(SctFault::Malformed));
        if answer.sct_version != 0 {
            return Err(Error::Sct(SctFault::Malformed));
        }
        let signature = bytes(&answer.signature)?;
        let mut reader = Tls(&signature);
        let parsed = (|| Some((reader.array()?, reader.vector(2)?.to_vec())))();
        let (algorithm, signature) = parsed.filter(|_| reader.0.is_empty()).ok_or(Error::Sct(SctFault::Malformed))?;
        Ok(Self {
            log_id: bytes(&answer.id)?,
            timestamp: answer.timestamp,
            extensions: bytes(&answer.extensions)?,
            algorithm,
            signature,
        })
    }

    /// Checks the SCT against the log that it names.
    pub(crate) fn verify(&self, what: SignedCertificate<'_>, logs: &[TransparencyLog]) -> Result<Timestamp, SctFault> {
        let log_id = hex(&self.log_id);
        let millis = i64::try_from(self.timestamp).map_err(|_| SctFault::Malformed)?;
        let time = Timestamp::from_millisecond(millis).map_err(|_| SctFault::Malformed)?;
        let named: Vec<_> = logs.iter().filter(|log| log.id == self.log_id).collect();
        let Some(first) = named.first() else { return Err(SctFault::UnknownLog { log_id }) };
        let Some(log) = named.iter().find(|log| log.valid_for.contains(time)) else {
            return Err(SctFault::OutsideLogValidity { log_id, time, window: first.valid_for });
        };
        // TLS HashAlgorithm sha256(4) with rsa(1), ecdsa(3); ed25519 is intrinsic(8), ed25519(7) in RFC 8422.
        let hash = match self.algorithm {
            [4, 1 | 3] | [8, 7] => HashAlgorithm::Sha256,
            [5, 1 | 3] => HashAlgorithm::Sha384,
            [6, 1 | 3] => HashAlgorithm::Sha512,
            _ => return Err(SctFault::SignatureInvalid { log_id }),
        };
        let message = self.signed_message(what).ok_or(SctFault::Malformed)?;
        log.key.verify(hash, &message, &self.signature).map_err(|_| SctFault::SignatureInvalid { log_id })?;
        Ok(time)
    }

    pub(crate) fn log_id(&self) -> &[u8] {
        &self.log_id
    }

    /// The `digitally-signed` struct of RFC 6962 §3.2.
    fn signed_message(&self, what: SignedCertificate<'_>) -> Option<Vec<u8>> {
        // v1(0), certificate_timestamp(0)
        let mut message = vec![0, 0];
        message.extend_from_slice(&self.timestamp.to_be_bytes());
        match what {
            SignedCertificate::Final { leaf } => {
                message.extend_from_slice(&[0, 0]);
                push_vector(&mut message, leaf.der(), 3)?;
            }
            SignedCertificate::Precertificate { leaf, issuer_key_hash } => {
                message.extend_from_slice(&[0, 1]);
                message.extend_from_slice(&issuer_key_hash);
                push_vector(&mut message, &precertificate_tbs(leaf), 3)?;
            }
        }
        push_vector(&mut message, &self.extensions, 2)?;
        Some(message)
    }
}

/// Hash of an issuer's key as RFC 6962 §3.2 wants it.
pub(crate) fn issuer_key_hash(issuer_spki: &[u8]) -> [u8; 32] {
    sha256(issuer_spki)
}

/// The TBSCertificate without the SCT list. Spliced from the certificate's own bytes, never encoded anew: a certificate
/// in unusual (but signed) encoding keeps it.
fn precertificate_tbs(leaf: &Certificate) -> Vec<u8> {
    let kept = leaf.extensions().iter().filter(|e| e.oid != EMBEDDED_SCTS);
    let extensions = kept.map(|e| leaf.bytes(&e.raw)).collect::<Vec<_>>().concat();
    let before = leaf.bytes(&leaf.parts.before_extensions);
    let tail = if extensions.is_empty() {
        Vec::new()
    } else {
        let list = [asn1::header(0x30, extensions.len()), extensions].concat();
        [asn1::header(0xa3, list.len()), list].concat()
    };
    let content_length = before.len() + tail.len();
    [&asn1::header(0x30, content_length)[..], before, &tail].concat()
}

fn parse_list(bytes: &[u8]) -> Option<Vec<Sct>> {
    let mut outer = Tls(bytes);
    let mut list = Tls(outer.vector(2)?);
    if !outer.0.is_empty() {
        return None;
    }
    let mut scts = Vec::new();
    while !list.0.is_empty() {
        if scts.len() >= limits::SCTS {
            return None;
        }
        let mut sct = Tls(list.vector(2)?);
        let [version] = sct.array()?;
        let log_id: [u8; 32] = sct.array()?;
        let timestamp = u64::from_be_bytes(sct.array()?);
        let extensions = sct.vector(2)?.to_vec();
        let algorithm = sct.array()?;
        let signature = sct.vector(2)?.to_vec();
        if version != 0 || !sct.0.is_empty() {
            return None;
        }
        scts.push(Sct { log_id: log_id.to_vec(), timestamp, extensions, algorithm, signature });
    }
    Some(scts)
}

/// A reader of TLS presentation language.
struct Tls<'a>(&'a [u8]);

impl<'a> Tls<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    fn vector(&mut self, length_bytes: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length_bytes)?;
        let length = head.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b));
        let (body, tail) = tail.split_at_checked(length)?;
        self.0 = tail;
        Some(body)
    }
}

fn push_vector(out: &mut Vec<u8>, body: &[u8], length_bytes: usize) -> Option<()> {
    let length = u32::try_from(body.len()).ok()?.to_be_bytes();
    let (zeros, used) = length.split_at_checked(4_usize.checked_sub(length_bytes)?)?;
    if zeros.iter().any(|b| *b != 0) {
        return None;
    }
    out.extend_from_slice(used);
    out.extend_from_slice(body);
    Some(())
}
