//! X.509 certificates, field by field.

use crate::der;
use crate::keys::{Hash, Key};

/// Extended key usages.
pub mod eku {
    /// Code signing: what Fulcio's leaves have.
    pub const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
    /// Time stamping: what a timestamp authority's leaf has, critical.
    pub const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
    /// TLS server.
    pub const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
    /// TLS client.
    pub const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
    /// Any.
    pub const ANY: &str = "2.5.29.37.0";
}

/// Key usage bits, as the first byte of the BIT STRING.
pub mod key_usage {
    /// digitalSignature.
    pub const DIGITAL_SIGNATURE: u8 = 0x80;
    /// keyCertSign.
    pub const CERT_SIGN: u8 = 0x04;
    /// cRLSign.
    pub const CRL_SIGN: u8 = 0x02;
}

/// The OID of embedded SCT lists.
pub const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.2";
/// Fulcio's arc; the issuer is `.1` (raw) and `.8` (UTF8String).
pub const FULCIO: &str = "1.3.6.1.4.1.57264.1";

/// One extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ext {
    /// Dotted OID.
    pub oid: String,
    /// Critical flag.
    pub critical: bool,
    /// What the OCTET STRING holds.
    pub value: Vec<u8>,
}

impl Ext {
    /// Any extension.
    pub fn new(oid: &str, critical: bool, value: Vec<u8>) -> Self {
        Self { oid: oid.to_owned(), critical, value }
    }

    /// KeyUsage, critical.
    pub fn key_usage(bits: u8) -> Self {
        Self::new("2.5.29.15", true, der::named_bits(bits))
    }

    /// ExtendedKeyUsage.
    pub fn extended_key_usage(critical: bool, oids: &[String]) -> Self {
        let usages: Vec<_> = oids.iter().map(|usage| der::oid(usage)).collect();
        Self::new("2.5.29.37", critical, der::seq(&usages))
    }

    /// BasicConstraints, critical.
    pub fn basic_constraints(ca: bool, path_len: Option<u64>) -> Self {
        let mut parts = Vec::new();
        if ca {
            parts.push(der::boolean(true));
        }
        parts.extend(path_len.map(der::integer));
        Self::new("2.5.29.19", true, der::seq(&parts))
    }

    /// SubjectKeyIdentifier of a key.
    pub fn subject_key_id(key: &Key) -> Self {
        Self::new("2.5.29.14", false, der::octets(&key_id(key)))
    }

    /// AuthorityKeyIdentifier that names a key.
    pub fn authority_key_id(issuer: &Key) -> Self {
        let id = der::context_primitive(0, &key_id(issuer));
        Self::new("2.5.29.35", false, der::seq(&[id]))
    }

    /// SubjectAlternativeName.
    pub fn subject_alt_name(critical: bool, names: &[San]) -> Self {
        let names: Vec<_> = names.iter().map(San::to_der).collect();
        Self::new("2.5.29.17", critical, der::seq(&names))
    }

    /// NameConstraints, critical; email and URI constraints hold the host or domain.
    pub fn name_constraints(permitted: &[San], excluded: &[San]) -> Self {
        let subtrees = |number, names: &[San]| {
            let parts: Vec<_> = names.iter().map(|n| der::seq(&[n.to_der()])).collect();
            der::context(number, &parts.concat())
        };
        let mut parts = Vec::new();
        if !permitted.is_empty() {
            parts.push(subtrees(0, permitted));
        }
        if !excluded.is_empty() {
            parts.push(subtrees(1, excluded));
        }
        Self::new("2.5.29.30", true, der::seq(&parts))
    }

    /// A Fulcio extension: `.1` to `.6` are raw text, all later ones a UTF8String.
    pub fn fulcio(arc: u8, text: &str) -> Self {
        let value = if arc <= 6 { text.as_bytes().to_vec() } else { der::utf8(text) };
        Self::new(&format!("{FULCIO}.{arc}"), false, value)
    }

    /// Its DER.
    pub fn to_der(&self) -> Vec<u8> {
        let mut parts = vec![der::oid(&self.oid)];
        if self.critical {
            parts.push(der::boolean(true));
        }
        parts.push(der::octets(&self.value));
        der::seq(&parts)
    }
}

/// A subject alternative name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum San {
    /// rfc822Name.
    Email(String),
    /// dNSName.
    Dns(String),
    /// uniformResourceIdentifier.
    Uri(String),
    /// iPAddress: 4 or 16 bytes (8 or 32 in name constraints).
    Ip(Vec<u8>),
    /// otherName 1.3.6.1.4.1.57264.1.7 with a UTF8String: Fulcio's user names.
    OtherName(String),
    /// otherName of any type: OID and the DER inside `[0]`.
    OtherNameRaw(String, Vec<u8>),
    /// directoryName: the DER of the Name.
    Directory(Vec<u8>),
}

impl San {
    /// `Email`.
    pub fn email(text: &str) -> Self {
        Self::Email(text.to_owned())
    }

    /// `Uri`.
    pub fn uri(text: &str) -> Self {
        Self::Uri(text.to_owned())
    }

    /// `Dns`.
    pub fn dns(text: &str) -> Self {
        Self::Dns(text.to_owned())
    }

    /// GeneralName.
    pub fn to_der(&self) -> Vec<u8> {
        match self {
            Self::Email(text) => der::context_primitive(1, text.as_bytes()),
            Self::Dns(text) => der::context_primitive(2, text.as_bytes()),
            Self::Uri(text) => der::context_primitive(6, text.as_bytes()),
            Self::Ip(bytes) => der::context_primitive(7, bytes),
            Self::OtherName(text) => other_name(&format!("{FULCIO}.7"), &der::utf8(text)),
            Self::OtherNameRaw(oid, value) => other_name(oid, value),
            Self::Directory(name) => der::context(4, name),
        }
    }
}

/// A certificate to be signed.
#[derive(Debug, Clone)]
pub struct Cert {
    /// Serial number, big-endian.
    pub serial: Vec<u8>,
    /// Issuer: the DER of a Name.
    pub issuer: Vec<u8>,
    /// Subject: the DER of a Name.
    pub subject: Vec<u8>,
    /// First valid second.
    pub not_before: i64,
    /// Last valid second.
    pub not_after: i64,
    /// SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// Extensions in order.
    pub extensions: Vec<Ext>,
}

impl Cert {
    /// A certificate without extensions, with a random serial number.
    pub fn new(issuer: &[u8], subject: &[u8], validity: (i64, i64), key: &Key) -> Self {
        Self {
            serial: random_serial(),
            issuer: issuer.to_vec(),
            subject: subject.to_vec(),
            not_before: validity.0,
            not_after: validity.1,
            spki: key.spki(),
            extensions: Vec::new(),
        }
    }

    /// TBSCertificate, as a signature by `signer` over `hash` would have it.
    pub fn tbs(&self, signer: &Key, hash: Hash) -> Vec<u8> {
        let mut parts = vec![
            der::context(0, &der::integer(2)),
            der::integer_bytes(&self.serial),
            signer.signature_algorithm(hash),
            self.issuer.clone(),
            der::seq(&[der::x509_time(self.not_before), der::x509_time(self.not_after)]),
            self.subject.clone(),
            self.spki.clone(),
        ];
        if !self.extensions.is_empty() {
            let extensions: Vec<_> = self.extensions.iter().map(Ext::to_der).collect();
            parts.push(der::context(3, &der::seq(&extensions)));
        }
        der::seq(&parts)
    }

    /// The signed certificate, over the signer's default hash.
    pub fn sign(&self, signer: &Key) -> Vec<u8> {
        self.sign_with(signer, signer.default_hash())
    }

    /// The signed certificate.
    pub fn sign_with(&self, signer: &Key, hash: Hash) -> Vec<u8> {
        let tbs = self.tbs(signer, hash);
        let signature = signer.sign_with(hash, &tbs);
        der::seq(&[tbs, signer.signature_algorithm(hash), der::bits(&signature)])
    }
}

/// 19 random bytes with the top bit clear and never zero, as Fulcio's.
pub fn random_serial() -> Vec<u8> {
    let mut bytes = random_bytes(19);
    bytes[0] = bytes[0] & 0x7f | 0x40;
    bytes
}

/// Random bytes.
pub fn random_bytes(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    aws_lc_rs::rand::fill(&mut bytes).expect("randomness");
    bytes
}

fn other_name(oid: &str, value: &[u8]) -> Vec<u8> {
    let content = [der::oid(oid), der::context(0, value)].concat();
    der::context(0, &content)
}

/// RFC 7093: the first 20 bytes of a SHA-256. Nothing depends on the method.
fn key_id(key: &Key) -> Vec<u8> {
    Hash::Sha256.of(key.raw_public())[..20].to_vec()
}
