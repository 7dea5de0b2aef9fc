//! A timestamp authority (RFC 3161): tokens in CMS, and responses around them.

use crate::ca::{Authority, CaSpec};
use crate::der;
use crate::keys::{Hash, Key, KeyKind, sha256};
use crate::time::{KEYS_END, KEYS_START};
use crate::x509::{Cert, Ext, eku, key_usage, random_bytes};

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";

/// How the authority's leaf looks.
#[derive(Debug, Clone)]
pub struct TsaLeaf {
    /// Key kind.
    pub key: KeyKind,
    /// Extended key usages.
    pub eku: Vec<String>,
    /// Is the EKU critical? It must be.
    pub eku_critical: bool,
    /// First and last valid second.
    pub validity: (i64, i64),
    /// More extensions.
    pub extra: Vec<Ext>,
}

impl Default for TsaLeaf {
    fn default() -> Self {
        Self {
            key: KeyKind::P256,
            eku: vec![eku::TIME_STAMPING.to_owned()],
            eku_critical: true,
            validity: (KEYS_START, KEYS_END),
            extra: Vec::new(),
        }
    }
}

/// A timestamp authority.
#[derive(Debug, Clone)]
pub struct Tsa {
    /// Root.
    pub root: Authority,
    /// Intermediates, the one below the root first.
    pub intermediates: Vec<Authority>,
    /// The leaf that signs.
    pub leaf: Authority,
    /// The leaf's serial number.
    pub serial: Vec<u8>,
    /// URI in the trusted root.
    pub url: String,
}

/// Which certificates a token carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bag {
    /// No such field.
    Absent,
    /// The field is there and empty, as Sigstore's authority writes it when nobody asks for certificates.
    Empty,
    /// The leaf alone.
    Leaf,
    /// Leaf, intermediates, root.
    Chain,
    /// These, in this order (not sorted).
    These(Vec<Vec<u8>>),
}

/// How a timestamp looks; the default is right.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// genTime.
    pub time: i64,
    /// Hash of the imprint.
    pub imprint_hash: Hash,
    /// An imprint in place of the message's.
    pub imprint: Option<Vec<u8>>,
    /// Digest algorithm of the signer info.
    pub digest: Hash,
    /// Hash of the signature algorithm.
    pub signature_hash: Hash,
    /// Policy OID.
    pub policy: String,
    /// Nonce.
    pub nonce: Option<u64>,
    /// Accuracy in seconds.
    pub accuracy: Option<u64>,
    /// Name the authority in the `tsa` field?
    pub tsa_name: bool,
    /// Certificates.
    pub certs: Bag,
    /// Write the signing-certificate-v2 attribute?
    pub signing_certificate: bool,
    /// Sign with another key than the leaf's.
    pub signer: Option<Key>,
    /// A message-digest attribute in place of the right one.
    pub message_digest: Option<Vec<u8>>,
    /// How many times the signer info is repeated; 1 is right.
    pub signer_infos: usize,
    /// PKIStatus of the response; 0 is granted.
    pub status: u64,
}

impl Default for Stamp {
    fn default() -> Self {
        Self::at(crate::time::SIGNING_TIME)
    }
}

impl Stamp {
    /// A right timestamp at a time.
    pub fn at(time: i64) -> Self {
        Self {
            time,
            imprint_hash: Hash::Sha256,
            imprint: None,
            digest: Hash::Sha256,
            signature_hash: Hash::Sha256,
            policy: "1.3.6.1.4.1.57264.2".to_owned(),
            nonce: None,
            accuracy: Some(1),
            tsa_name: true,
            certs: Bag::Leaf,
            signing_certificate: true,
            signer: None,
            message_digest: None,
            signer_infos: 1,
            status: 0,
        }
    }
}

impl Default for Tsa {
    fn default() -> Self {
        Self::new(&CaSpec::tsa_root(), &[], &TsaLeaf::default())
    }
}

impl CaSpec {
    /// A timestamp authority's root.
    pub fn tsa_root() -> Self {
        Self { common_name: "sigstore-tsa-root".to_owned(), ..Self::root() }
    }

    /// A timestamp authority's intermediate.
    pub fn tsa_intermediate() -> Self {
        Self {
            common_name: "sigstore-tsa-intermediate".to_owned(),
            basic_constraints: Some((true, Some(0))),
            eku: vec![eku::TIME_STAMPING.to_owned()],
            ..Self::root()
        }
    }
}

impl Tsa {
    /// An authority from specifications.
    pub fn new(root: &CaSpec, intermediates: &[CaSpec], leaf: &TsaLeaf) -> Self {
        let root = Authority::new(root, None);
        let mut chain: Vec<Authority> = Vec::new();
        for spec in intermediates {
            chain.push(Authority::new(spec, Some(chain.last().unwrap_or(&root))));
        }
        let issuer = chain.last().unwrap_or(&root);
        let key = Key::new(leaf.key);
        let subject = der::name("sigstore.test", "sigstore-tsa");
        let mut cert = Cert::new(&issuer.subject, &subject, leaf.validity, &key);
        cert.extensions = vec![
            Ext::key_usage(key_usage::DIGITAL_SIGNATURE),
            Ext::subject_key_id(&key),
            Ext::authority_key_id(&issuer.key),
        ];
        if !leaf.eku.is_empty() {
            cert.extensions.push(Ext::extended_key_usage(leaf.eku_critical, &leaf.eku));
        }
        cert.extensions.extend(leaf.extra.iter().cloned());
        let leaf = Authority { der: cert.sign(&issuer.key), key, subject };
        Self {
            serial: cert.serial,
            leaf,
            intermediates: chain,
            root,
            url: "https://timestamp.sigstore.test/api/v1/timestamp".to_owned(),
        }
    }

    /// Leaf first, root last: the order of trusted roots.
    pub fn chain(&self) -> Vec<Vec<u8>> {
        let mut chain = vec![self.leaf.der.clone()];
        chain.extend(self.intermediates.iter().rev().map(|ca| ca.der.clone()));
        chain.push(self.root.der.clone());
        chain
    }

    /// A TimeStampResp over a message (a signature, for sigstore).
    pub fn response(&self, message: &[u8], stamp: &Stamp) -> Vec<u8> {
        let status = der::seq(&[der::integer(stamp.status)]);
        der::seq(&[status, self.token(message, stamp)])
    }

    /// The bare TimeStampToken: a ContentInfo with SignedData.
    pub fn token(&self, message: &[u8], stamp: &Stamp) -> Vec<u8> {
        let info = self.tst_info(message, stamp);
        let content = der::seq(&[der::oid(TST_INFO), der::context(0, &der::octets(&info))]);
        let signer_info = self.signer_info(&info, stamp);
        let mut parts = vec![der::integer(3), der::set(&[algorithm(stamp.digest)]), content];
        let certs = match &stamp.certs {
            Bag::Absent => None,
            Bag::Empty => Some(Vec::new()),
            Bag::Leaf => Some(self.leaf.der.clone()),
            Bag::Chain => Some(self.chain().concat()),
            Bag::These(certs) => Some(certs.concat()),
        };
        parts.extend(certs.map(|certs| der::context(0, &certs)));
        parts.push(der::set(&vec![signer_info; stamp.signer_infos]));
        der::seq(&[der::oid(SIGNED_DATA), der::context(0, &der::seq(&parts))])
    }

    fn tst_info(&self, message: &[u8], stamp: &Stamp) -> Vec<u8> {
        let imprint = stamp.imprint.clone().unwrap_or_else(|| stamp.imprint_hash.of(message));
        let mut serial = random_bytes(20);
        serial[0] = serial[0] & 0x7f | 0x40;
        let mut parts = vec![
            der::integer(1),
            der::oid(&stamp.policy),
            der::seq(&[der::seq(&[der::oid(stamp.imprint_hash.oid()), der::null()]), der::octets(&imprint)]),
            der::integer_bytes(&serial),
            der::generalized_time(stamp.time),
        ];
        parts.extend(stamp.accuracy.map(|secs| der::seq(&[der::integer(secs)])));
        parts.extend(stamp.nonce.map(der::integer));
        if stamp.tsa_name {
            parts.push(der::context(0, &der::context(4, &self.leaf.subject)));
        }
        der::seq(&parts)
    }

    fn signer_info(&self, info: &[u8], stamp: &Stamp) -> Vec<u8> {
        let issuer = self.intermediates.last().unwrap_or(&self.root);
        let digest = stamp.message_digest.clone().unwrap_or_else(|| stamp.digest.of(info));
        let mut attributes = vec![
            attribute(CONTENT_TYPE, der::oid(TST_INFO)),
            attribute(SIGNING_TIME, der::utc_time(stamp.time)),
            attribute(MESSAGE_DIGEST, der::octets(&digest)),
        ];
        if stamp.signing_certificate {
            let names = der::seq(&[der::context(4, &issuer.subject)]);
            let issuer_serial = der::seq(&[names, der::integer_bytes(&self.serial)]);
            let id = der::seq(&[der::octets(&sha256(&self.leaf.der)), issuer_serial]);
            attributes.push(attribute(SIGNING_CERTIFICATE_V2, der::seq(&[der::seq(&[id])])));
        }
        let attributes = der::set_of(&attributes);
        let key = stamp.signer.as_ref().unwrap_or(&self.leaf.key);
        let signature = key.sign_with(stamp.signature_hash, &attributes);
        // The attributes are signed as a SET and stored under an implicit [0].
        let mut stored = attributes;
        stored[0] = 0xa0;
        der::seq(&[
            der::integer(1),
            der::seq(&[issuer.subject.clone(), der::integer_bytes(&self.serial)]),
            algorithm(stamp.digest),
            stored,
            key.signature_algorithm(stamp.signature_hash),
            der::octets(&signature),
        ])
    }
}

fn attribute(oid: &str, value: Vec<u8>) -> Vec<u8> {
    der::seq(&[der::oid(oid), der::set(&[value])])
}

fn algorithm(hash: Hash) -> Vec<u8> {
    der::seq(&[der::oid(hash.oid())])
}
