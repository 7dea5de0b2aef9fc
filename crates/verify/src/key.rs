//! Public keys and signature checks. All curve and RSA arithmetic is aws-lc's; Ed25519ph and streamed Ed25519, which
//! aws-lc-rs lacks, are ed25519-dalek's.

use aws_lc_rs::signature::{self as lc, UnparsedPublicKey, VerificationAlgorithm};
use der::Tag;

use crate::asn1::{self, Elements, Malformed, ObjectIdentifier};
use crate::digest::{Digest, HashAlgorithm, sha256};
use crate::encoding::{pem_all, pem_encode};
use crate::error::{Error, Input};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ML_DSA_44: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17");
const ML_DSA_65: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18");
const ML_DSA_87: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19");

/// Smallest RSA modulus, in bits: below it aws-lc's and sigstore's own key checks refuse.
const RSA_MIN_BITS: usize = 2048;
const RSA_MAX_BITS: usize = 8192;

/// What kind of key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on NIST P-256.
    EcdsaP256,
    /// ECDSA on NIST P-384.
    EcdsaP384,
    /// ECDSA on NIST P-521.
    EcdsaP521,
    /// RSA with a modulus of this many bits.
    Rsa {
        /// Length of the modulus in bits.
        bits: usize,
    },
    /// Ed25519, pure or prehashed.
    Ed25519,
    /// ML-DSA-44 (FIPS 204).
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
}

impl std::fmt::Display for KeyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::EcdsaP256 => f.write_str("ECDSA P-256"),
            Self::EcdsaP384 => f.write_str("ECDSA P-384"),
            Self::EcdsaP521 => f.write_str("ECDSA P-521"),
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::MlDsa44 => f.write_str("ML-DSA-44"),
            Self::MlDsa65 => f.write_str("ML-DSA-65"),
            Self::MlDsa87 => f.write_str("ML-DSA-87"),
        }
    }
}

impl KeyKind {
    /// The hash that goes with the key where nothing else is said (sigstore's algorithm registry).
    pub fn default_hash(self) -> HashAlgorithm {
        match self {
            Self::EcdsaP384 => HashAlgorithm::Sha384,
            Self::EcdsaP521 => HashAlgorithm::Sha512,
            _ => HashAlgorithm::Sha256,
        }
    }
}

/// A public key that was read, and whose algorithm is known.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: KeyKind,
    /// SubjectPublicKeyInfo, DER, exactly as read.
    spki: Vec<u8>,
    /// The key itself: EC point, RSAPublicKey, Ed25519 or ML-DSA bytes.
    raw: Vec<u8>,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({} {})", self.kind, crate::digest::hex(&self.fingerprint()))
    }
}

/// How an RSA signature is padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RsaPadding {
    Pkcs1,
    Pss,
}

/// A signature that does not fit its key and message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureFault {
    /// The check was made and failed.
    Invalid,
    /// Key and hash cannot be combined.
    Unsupported,
}

impl PublicKey {
    /// Reads a DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// [`Error::Key`] if it is malformed, of an unknown kind, or too weak.
    pub fn from_spki(der: &[u8]) -> Result<Self, Error> {
        parse_spki(der).map_err(|reason| Error::Key { reason })
    }

    /// Reads a DER RSAPublicKey (RFC 8017, A.1.1).
    ///
    /// # Errors
    /// [`Error::Key`] if it is malformed or too weak.
    pub fn from_pkcs1(der: &[u8]) -> Result<Self, Error> {
        let kind = rsa_kind(der).map_err(|reason| Error::Key { reason })?;
        // AlgorithmIdentifier { rsaEncryption, NULL } as RFC 3279 §2.3.1 asks.
        let algorithm = [&asn1::header(0x06, RSA.as_bytes().len())[..], RSA.as_bytes(), &[5, 0]].concat();
        let algorithm = [asn1::header(0x30, algorithm.len()), algorithm].concat();
        let bits = [asn1::header(0x03, der.len() + 1), vec![0], der.to_vec()].concat();
        let spki = [asn1::header(0x30, algorithm.len() + bits.len()), algorithm, bits].concat();
        Ok(Self { kind, spki, raw: der.to_vec() })
    }

    /// Reads the first PEM block: `PUBLIC KEY` or `RSA PUBLIC KEY`, as cosign's `--key` takes them.
    ///
    /// # Errors
    /// [`Error::Pem`] if there is no such block, [`Error::Key`] if the key inside is not usable.
    pub fn from_pem(text: &[u8]) -> Result<Self, Error> {
        let (blocks, _) = pem_all(text);
        let block = blocks.first().ok_or(Error::Pem { input: Input::Key, found: "no PEM block".into() })?;
        match block.label.as_str() {
            "PUBLIC KEY" => Self::from_spki(&block.der),
            "RSA PUBLIC KEY" => Self::from_pkcs1(&block.der),
            label => Err(Error::Pem { input: Input::Key, found: format!("a PEM block of type {label}") }),
        }
    }

    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The DER SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The raw key bytes (for Ed25519 the 32 bytes that key hints are made of).
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the id of a log, the hash of an issuer key.
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&self.spki)
    }

    /// The key as PEM, as Go writes it.
    pub fn to_pem(&self) -> String {
        pem_encode("PUBLIC KEY", &self.spki)
    }

    /// Checks a signature over a message in memory, hashed with `hash` where the algorithm hashes separately.
    pub(crate) fn verify(&self, hash: HashAlgorithm, message: &[u8], signature: &[u8]) -> Result<(), SignatureFault> {
        match self.kind {
            KeyKind::Ed25519 => self.verify_whole(&lc::ED25519, message, signature),
            KeyKind::MlDsa44 => self.verify_whole(&lc::ML_DSA_44, message, signature),
            KeyKind::MlDsa65 => self.verify_whole(&lc::ML_DSA_65, message, signature),
            KeyKind::MlDsa87 => self.verify_whole(&lc::ML_DSA_87, message, signature),
            _ => self.verify_digest(&hash.digest(message), signature),
        }
    }

    /// Checks an ECDSA or RSA (PKCS#1 v1.5) signature over a digest.
    pub(crate) fn verify_digest(&self, digest: &Digest, signature: &[u8]) -> Result<(), SignatureFault> {
        self.verify_padded(RsaPadding::Pkcs1, digest, signature)
    }

    /// As [`Self::verify_digest`], with RSA-PSS where the key is RSA.
    pub(crate) fn verify_padded(
        &self,
        padding: RsaPadding,
        digest: &Digest,
        signature: &[u8],
    ) -> Result<(), SignatureFault> {
        use HashAlgorithm as H;
        let padded;
        let digest = if digest.algorithm() == H::Sha224 && !matches!(self.kind, KeyKind::Rsa { .. }) {
            // ECDSA reads a digest shorter than the group order as an integer (SEC 1 §4.1.4), so leading zeros
            // change nothing; aws-lc-rs offers no curve with SHA-224.
            padded = widen(digest).ok_or(SignatureFault::Unsupported)?;
            &padded
        } else {
            digest
        };
        let algorithm: &'static dyn VerificationAlgorithm = match (self.kind, digest.algorithm(), padding) {
            (KeyKind::EcdsaP256, H::Sha256, _) => &lc::ECDSA_P256_SHA256_ASN1,
            (KeyKind::EcdsaP256, H::Sha384, _) => &lc::ECDSA_P256_SHA384_ASN1,
            (KeyKind::EcdsaP256, H::Sha512, _) => &lc::ECDSA_P256_SHA512_ASN1,
            (KeyKind::EcdsaP384, H::Sha256, _) => &lc::ECDSA_P384_SHA256_ASN1,
            (KeyKind::EcdsaP384, H::Sha384, _) => &lc::ECDSA_P384_SHA384_ASN1,
            (KeyKind::EcdsaP384, H::Sha512, _) => &lc::ECDSA_P384_SHA512_ASN1,
            (KeyKind::EcdsaP521, H::Sha256, _) => &lc::ECDSA_P521_SHA256_ASN1,
            (KeyKind::EcdsaP521, H::Sha384, _) => &lc::ECDSA_P521_SHA384_ASN1,
            (KeyKind::EcdsaP521, H::Sha512, _) => &lc::ECDSA_P521_SHA512_ASN1,
            (KeyKind::Rsa { .. }, H::Sha256, RsaPadding::Pkcs1) => &lc::RSA_PKCS1_2048_8192_SHA256,
            (KeyKind::Rsa { .. }, H::Sha384, RsaPadding::Pkcs1) => &lc::RSA_PKCS1_2048_8192_SHA384,
            (KeyKind::Rsa { .. }, H::Sha512, RsaPadding::Pkcs1) => &lc::RSA_PKCS1_2048_8192_SHA512,
            (KeyKind::Rsa { .. }, H::Sha256, RsaPadding::Pss) => &lc::RSA_PSS_2048_8192_SHA256,
            (KeyKind::Rsa { .. }, H::Sha384, RsaPadding::Pss) => &lc::RSA_PSS_2048_8192_SHA384,
            (KeyKind::Rsa { .. }, H::Sha512, RsaPadding::Pss) => &lc::RSA_PSS_2048_8192_SHA512,
            _ => return Err(SignatureFault::Unsupported),
        };
        UnparsedPublicKey::new(algorithm, &self.raw)
            .verify_digest(digest.lc(), signature)
            .map_err(|_| SignatureFault::Invalid)
    }

    /// Checks an Ed25519ph signature (RFC 8032 §5.1, empty context) over a SHA-512 digest.
    pub(crate) fn verify_ed25519ph(&self, digest: &Digest, signature: &[u8]) -> Result<(), SignatureFault> {
        let (Ok(key), Ok(signature)) = (
            <&[u8; 32]>::try_from(self.raw.as_slice()),
            <&[u8; 64]>::try_from(signature).map(ed25519_dalek::Signature::from_bytes),
        ) else {
            return Err(SignatureFault::Invalid);
        };
        let prehash = prehash::Ready::new(digest).ok_or(SignatureFault::Unsupported)?;
        ed25519_dalek::VerifyingKey::from_bytes(key)
            .and_then(|key| key.verify_prehashed_strict(prehash, None, &signature))
            .map_err(|_| SignatureFault::Invalid)
    }

    fn verify_whole(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureFault> {
        algorithm.verify_sig(&self.raw, message, signature).map_err(|_| SignatureFault::Invalid)
    }
}

fn widen(digest: &Digest) -> Option<Digest> {
    let mut wide = vec![0; HashAlgorithm::Sha256.output_len().checked_sub(digest.as_bytes().len())?];
    wide.extend_from_slice(digest.as_bytes());
    Digest::new(HashAlgorithm::Sha256, &wide)
}

fn parse_spki(der: &[u8]) -> Result<PublicKey, String> {
    let malformed = |_: Malformed| "malformed SubjectPublicKeyInfo".to_owned();
    let outer = asn1::whole(der, Tag::Sequence).map_err(malformed)?;
    let mut outer = Elements::new(outer.content);
    let mut algorithm = outer.sequence().map_err(malformed)?;
    let oid = algorithm.oid().map_err(malformed)?;
    let bits = outer.expect(Tag::BitString).map_err(malformed)?;
    let raw = asn1::bit_string_bytes(&bits).map_err(malformed)?;
    outer.end().map_err(malformed)?;
    let kind = match oid {
        EC_PUBLIC_KEY => {
            let curve = algorithm.oid().map_err(|_| "an EC key without a named curve".to_owned())?;
            ec_kind(curve, raw)?
        }
        RSA => {
            algorithm.optional(Tag::Null).map_err(malformed)?;
            rsa_kind(raw)?
        }
        ED25519 if raw.len() == 32 => KeyKind::Ed25519,
        ML_DSA_44 if raw.len() == 1312 => KeyKind::MlDsa44,
        ML_DSA_65 if raw.len() == 1952 => KeyKind::MlDsa65,
        ML_DSA_87 if raw.len() == 2592 => KeyKind::MlDsa87,
        ED25519 | ML_DSA_44 | ML_DSA_65 | ML_DSA_87 => {
            return Err(format!("a key of {} bytes does not fit its algorithm {oid}", raw.len()));
        }
        other => return Err(format!("unsupported key algorithm {other}")),
    };
    algorithm.end().map_err(malformed)?;
    Ok(PublicKey { kind, spki: der.to_vec(), raw: raw.to_vec() })
}

fn ec_kind(curve: ObjectIdentifier, point: &[u8]) -> Result<KeyKind, String> {
    let (kind, length) = match curve {
        P256 => (KeyKind::EcdsaP256, 65),
        P384 => (KeyKind::EcdsaP384, 97),
        P521 => (KeyKind::EcdsaP521, 133),
        other => return Err(format!("unsupported curve {other}")),
    };
    // Only uncompressed points, as Go's crypto/x509.
    if point.len() == length && point.first() == Some(&4) {
        Ok(kind)
    } else {
        Err(format!("not an uncompressed point of {kind}"))
    }
}

fn rsa_kind(der: &[u8]) -> Result<KeyKind, String> {
    let parse = || -> Result<usize, Malformed> {
        let outer = asn1::whole(der, Tag::Sequence)?;
        let mut elements = Elements::new(outer.content);
        let modulus = elements.expect(Tag::Integer)?.content;
        elements.expect(Tag::Integer)?;
        elements.end()?;
        let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
        let first = modulus.first().ok_or(Malformed)?;
        let unused = usize::try_from(first.leading_zeros()).map_err(|_| Malformed)?;
        Ok(modulus.len() * 8 - unused)
    };
    let bits = parse().map_err(|_| "malformed RSAPublicKey".to_owned())?;
    if (RSA_MIN_BITS..=RSA_MAX_BITS).contains(&bits) {
        Ok(KeyKind::Rsa { bits })
    } else {
        Err(format!("an RSA key of {bits} bits; at least {RSA_MIN_BITS} and at most {RSA_MAX_BITS} are allowed"))
    }
}

/// A finished SHA-512 in the shape that ed25519-dalek asks for: a hasher that was already fed.
mod prehash {
    use digest::generic_array::GenericArray;
    use digest::{FixedOutput, FixedOutputReset, HashMarker, Output, OutputSizeUser, Reset, Update, consts::U64};

    use crate::digest::{Digest, HashAlgorithm};

    #[derive(Clone, Default)]
    pub(super) struct Ready(Output<Self>);

    impl Ready {
        pub(super) fn new(digest: &Digest) -> Option<Self> {
            let ready = digest.algorithm() == HashAlgorithm::Sha512;
            ready.then(|| Self(GenericArray::clone_from_slice(digest.as_bytes())))
        }
    }

    impl OutputSizeUser for Ready {
        type OutputSize = U64;
    }

    impl HashMarker for Ready {}

    impl Update for Ready {
        /// The message was hashed elsewhere; dalek only finalizes.
        fn update(&mut self, _: &[u8]) {}
    }

    impl FixedOutput for Ready {
        fn finalize_into(self, out: &mut Output<Self>) {
            *out = self.0;
        }
    }

    impl Reset for Ready {
        fn reset(&mut self) {}
    }

    impl FixedOutputReset for Ready {
        fn finalize_into_reset(&mut self, out: &mut Output<Self>) {
            *out = self.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Digest as _, Sha512, SigningKey};

    use super::*;

    fn ed25519() -> (SigningKey, PublicKey) {
        let secret = SigningKey::from_bytes(&[7; 32]);
        let mut spki = vec![0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
        spki.extend_from_slice(secret.verifying_key().as_bytes());
        let key = PublicKey::from_spki(&spki).unwrap();
        (secret, key)
    }

    #[test]
    fn ed25519ph_is_over_the_digest() {
        let (secret, key) = ed25519();
        let signature = secret.sign_prehashed(Sha512::new().chain_update(b"message"), None).unwrap().to_bytes();
        let digest = |m: &[u8]| HashAlgorithm::Sha512.digest(m);
        assert_eq!(key.verify_ed25519ph(&digest(b"message"), &signature), Ok(()));
        assert_eq!(key.verify_ed25519ph(&digest(b"other"), &signature), Err(SignatureFault::Invalid));
        assert_eq!(key.verify_ed25519ph(&digest(b"message"), &signature[1..]), Err(SignatureFault::Invalid));
        let sha256 = HashAlgorithm::Sha256.digest(b"message");
        assert_eq!(key.verify_ed25519ph(&sha256, &signature), Err(SignatureFault::Unsupported));
        // A prehashed signature is no pure one (RFC 8032 §5.1: domain separation).
        assert_eq!(key.verify(HashAlgorithm::Sha512, b"message", &signature), Err(SignatureFault::Invalid));
    }

    #[test]
    fn keys_that_are_too_weak_or_malformed_are_refused() {
        let (_, key) = ed25519();
        let mut longer = key.spki().to_vec();
        longer.push(0);
        assert!(matches!(PublicKey::from_spki(&longer), Err(Error::Key { .. })));
        assert!(matches!(PublicKey::from_spki(b""), Err(Error::Key { .. })));
        // RSAPublicKey with a modulus of 1024 bits.
        let modulus = [&[2, 0x81, 0x81, 0][..], &[0xff; 128]].concat();
        let body = [modulus, vec![2, 3, 1, 0, 1]].concat();
        let weak = [vec![0x30, 0x81, u8::try_from(body.len()).unwrap()], body].concat();
        assert!(matches!(PublicKey::from_pkcs1(&weak), Err(Error::Key { .. })));
    }
}
