//! Key pairs of every kind that sigstore knows, and what they sign.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair, RsaKeyPair};

use crate::der;
use crate::text::{b64, pem};

/// Which kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyKind {
    /// ECDSA on P-256, what sigstore uses for nearly everything.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// RSA with 2048 bits, PKCS#1 v1.5.
    Rsa2048,
    /// RSA with 3072 bits, PKCS#1 v1.5.
    Rsa3072,
    /// RSA with 4096 bits, PKCS#1 v1.5. Slow to make.
    Rsa4096,
    /// Ed25519, pure.
    Ed25519,
    /// ML-DSA-65.
    MlDsa65,
}

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Hash {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// Digest of `bytes`.
    pub fn of(self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        digest::digest(self.algorithm(), bytes.as_ref()).as_ref().to_vec()
    }

    /// `sha256`: Rekor's and in-toto's spelling.
    pub fn lower(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// `SHA2_256`: the protobuf enum's spelling.
    pub fn proto(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA2_256",
            Self::Sha384 => "SHA2_384",
            Self::Sha512 => "SHA2_512",
        }
    }

    /// The object identifier.
    pub fn oid(self) -> &'static str {
        match self {
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        }
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    Hash::Sha256.of(bytes)
}

/// A key pair. Clones share the same key.
#[derive(Clone)]
pub struct Key {
    /// Its kind.
    pub kind: KeyKind,
    pair: Arc<Pair>,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed(Ed25519KeyPair),
    Pq(Box<PqdsaKeyPair>),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::new(KeyKind::P256)
    }
}

impl Key {
    /// A fresh key.
    pub fn new(kind: KeyKind) -> Self {
        let ec = |alg| Pair::Ec(EcdsaKeyPair::generate(alg).expect("an EC key"));
        let rsa = |size| Pair::Rsa(RsaKeyPair::generate(size).expect("an RSA key"));
        let pair = match kind {
            KeyKind::P256 => ec(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyKind::P384 => ec(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyKind::P521 => ec(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyKind::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyKind::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyKind::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyKind::Ed25519 => Pair::Ed(Ed25519KeyPair::generate().expect("an Ed25519 key")),
            KeyKind::MlDsa65 => {
                Pair::Pq(Box::new(PqdsaKeyPair::generate(&signature::ML_DSA_65_SIGNING).expect("an ML-DSA key")))
            }
        };
        Self { kind, pair: Arc::new(pair) }
    }

    /// The hash that goes with this kind unless something says otherwise. Ed25519 and ML-DSA hash by themselves;
    /// SHA-256 is what log entries and bundles then name for the artifact.
    pub fn default_hash(&self) -> Hash {
        match self.kind {
            KeyKind::P384 => Hash::Sha384,
            KeyKind::P521 => Hash::Sha512,
            _ => Hash::Sha256,
        }
    }

    /// Signs with the default hash.
    pub fn sign(&self, message: impl AsRef<[u8]>) -> Vec<u8> {
        self.sign_with(self.default_hash(), message)
    }

    /// Signs with a chosen hash (Ed25519 and ML-DSA ignore it). ECDSA signatures are DER.
    pub fn sign_with(&self, hash: Hash, message: impl AsRef<[u8]>) -> Vec<u8> {
        let message = message.as_ref();
        match &*self.pair {
            Pair::Ec(pair) => pair.sign_digest(&self.curve_digest(hash, message)).expect("signs").as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let padding = match hash {
                    Hash::Sha256 => &signature::RSA_PKCS1_SHA256,
                    Hash::Sha384 => &signature::RSA_PKCS1_SHA384,
                    Hash::Sha512 => &signature::RSA_PKCS1_SHA512,
                };
                rsa_sign(pair, padding, message)
            }
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Pq(pair) => {
                let mut out = vec![0; pair.algorithm().signature_len()];
                pair.sign(message, &mut out).expect("signs");
                out
            }
        }
    }

    /// RSA-PSS over SHA-256, which sigstore does not accept everywhere. Panics for other kinds.
    pub fn sign_pss(&self, message: impl AsRef<[u8]>) -> Vec<u8> {
        let Pair::Rsa(pair) = &*self.pair else {
            panic!("not an RSA key");
        };
        rsa_sign(pair, &signature::RSA_PSS_SHA256, message.as_ref())
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> Vec<u8> {
        let ec = |curve: &str| der::seq(&[der::oid("1.2.840.10045.2.1"), der::oid(curve)]);
        let algorithm = match self.kind {
            KeyKind::P256 => ec("1.2.840.10045.3.1.7"),
            KeyKind::P384 => ec("1.3.132.0.34"),
            KeyKind::P521 => ec("1.3.132.0.35"),
            KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096 => {
                der::seq(&[der::oid("1.2.840.113549.1.1.1"), der::null()])
            }
            KeyKind::Ed25519 => der::seq(&[der::oid("1.3.101.112")]),
            KeyKind::MlDsa65 => der::seq(&[der::oid("2.16.840.1.101.3.4.3.18")]),
        };
        der::seq(&[algorithm, der::bits(&self.raw_public())])
    }

    /// The public key without its algorithm: an EC point, PKCS#1 RSAPublicKey, or the plain bytes.
    pub fn raw_public(&self) -> Vec<u8> {
        match &*self.pair {
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Pq(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// `-----BEGIN PUBLIC KEY-----`.
    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki())
    }

    /// `-----BEGIN RSA PUBLIC KEY-----` (PKCS#1), for RSA keys.
    pub fn pkcs1_public_pem(&self) -> String {
        pem("RSA PUBLIC KEY", &self.raw_public())
    }

    /// `-----BEGIN PRIVATE KEY-----` (PKCS#8), to sign with other tools.
    pub fn private_pem(&self) -> String {
        let bytes = match &*self.pair {
            Pair::Ec(pair) => pair.to_pkcs8v1().expect("PKCS#8").as_ref().to_vec(),
            Pair::Ed(pair) => pair.to_pkcs8v1().expect("PKCS#8").as_ref().to_vec(),
            Pair::Pq(pair) => pair.to_pkcs8v1().expect("PKCS#8").as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let encoded: Pkcs8V1Der<'_> = pair.as_der().expect("PKCS#8");
                encoded.as_ref().to_vec()
            }
        };
        pem("PRIVATE KEY", &bytes)
    }

    /// SHA-256 of the SubjectPublicKeyInfo: Rekor v1's and CT's log id.
    pub fn id(&self) -> Vec<u8> {
        sha256(self.spki())
    }

    /// The hint that bundles give for a managed key: base64 of [`Key::id`].
    pub fn hint(&self) -> String {
        b64(self.id())
    }

    /// The protobuf `PublicKeyDetails` name.
    pub fn details(&self) -> &'static str {
        match self.kind {
            KeyKind::P256 => "PKIX_ECDSA_P256_SHA_256",
            KeyKind::P384 => "PKIX_ECDSA_P384_SHA_384",
            KeyKind::P521 => "PKIX_ECDSA_P521_SHA_512",
            KeyKind::Rsa2048 => "PKIX_RSA_PKCS1V15_2048_SHA256",
            KeyKind::Rsa3072 => "PKIX_RSA_PKCS1V15_3072_SHA256",
            KeyKind::Rsa4096 => "PKIX_RSA_PKCS1V15_4096_SHA256",
            KeyKind::Ed25519 => "PKIX_ED25519",
            KeyKind::MlDsa65 => "ML_DSA_65",
        }
    }

    /// AlgorithmIdentifier of a signature by this key.
    pub fn signature_algorithm(&self, hash: Hash) -> Vec<u8> {
        let ecdsa = match hash {
            Hash::Sha256 => "1.2.840.10045.4.3.2",
            Hash::Sha384 => "1.2.840.10045.4.3.3",
            Hash::Sha512 => "1.2.840.10045.4.3.4",
        };
        let rsa = match hash {
            Hash::Sha256 => "1.2.840.113549.1.1.11",
            Hash::Sha384 => "1.2.840.113549.1.1.12",
            Hash::Sha512 => "1.2.840.113549.1.1.13",
        };
        match self.kind {
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => der::seq(&[der::oid(ecdsa)]),
            KeyKind::Ed25519 => der::seq(&[der::oid("1.3.101.112")]),
            KeyKind::MlDsa65 => der::seq(&[der::oid("2.16.840.1.101.3.4.3.18")]),
            _ => der::seq(&[der::oid(rsa), der::null()]),
        }
    }

    /// The library ties each curve to one hash. ECDSA itself reads a digest as a number, cut to the order's length:
    /// a shorter digest with zeros before it, or a longer one cut off, is the same number.
    fn curve_digest(&self, hash: Hash, message: &[u8]) -> Digest {
        let native = self.default_hash();
        let digest = hash.of(message);
        let len = native.algorithm().output_len();
        let mut fitted = vec![0; len.saturating_sub(digest.len())];
        fitted.extend_from_slice(&digest[..digest.len().min(len)]);
        Digest::import_less_safe(&fitted, native.algorithm()).expect("of the right length")
    }
}

fn rsa_sign(pair: &RsaKeyPair, padding: &'static signature::RsaSignatureEncoding, message: &[u8]) -> Vec<u8> {
    let mut out = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut out).expect("signs");
    out
}
