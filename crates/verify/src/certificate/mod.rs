//! X.509 certificates as sigstore uses them: a view that keeps every byte, and what Fulcio puts into a leaf.

pub(crate) mod chain;
pub(crate) mod names;
pub(crate) mod sct;

use std::ops::Range;

use der::Tag;
use jiff::Timestamp;

use crate::asn1::{self, Element, Elements, Malformed, ObjectIdentifier};
use crate::encoding::{PemBlock, pem_all};
use crate::error::{Error, Input};
use crate::key::PublicKey;
use crate::limits;
use crate::time::{self, Window};

pub(crate) const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
pub(crate) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
pub(crate) const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
pub(crate) const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
pub(crate) const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
pub(crate) static CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
pub(crate) static TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// A parsed certificate. Equality is equality of bytes.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    /// Places within `der`.
    pub(crate) parts: TbsParts,
    validity: Window,
    version3: bool,
    extensions: Vec<Extension>,
    key: Result<PublicKey, String>,
}

/// Places inside the certificate's bytes.
#[derive(Debug, Clone)]
pub(crate) struct TbsParts {
    /// Content of the TBSCertificate up to the extensions' `[3]`.
    pub(crate) before_extensions: Range<usize>,
    pub(crate) serial: Range<usize>,
    pub(crate) issuer: Range<usize>,
    pub(crate) subject: Range<usize>,
    pub(crate) spki: Range<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Extension {
    pub(crate) oid: ObjectIdentifier,
    pub(crate) critical: bool,
    /// Content of the extension's OCTET STRING.
    pub(crate) value: Range<usize>,
    /// The whole Extension SEQUENCE.
    pub(crate) raw: Range<usize>,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({})", crate::digest::hex(&crate::digest::sha256(&self.der)))
    }
}

impl Certificate {
    /// Parses one DER certificate.
    ///
    /// # Errors
    /// [`Error::Certificate`] if it is not a well-formed X.509 certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        parse(der).map_err(|Malformed| Error::Certificate { reason: "malformed X.509 certificate".into() })
    }

    /// Reads certificates in PEM, at most [`limits::CHAIN_CERTIFICATES`]. Blocks of other types and trailing bytes are
    /// errors, as in cosign.
    ///
    /// # Errors
    /// [`Error::Pem`] if the text holds no certificate or something else, [`Error::Certificate`] if one is malformed.
    pub fn many_from_pem(text: &[u8], input: Input) -> Result<Vec<Self>, Error> {
        read_pem(text, input, limits::CHAIN_CERTIFICATES)
    }

    /// As [`Self::many_from_pem`], for a file of roots that the caller trusts: at most [`limits::ROOT_CERTIFICATES`].
    ///
    /// # Errors
    /// The same.
    pub fn roots_from_pem(text: &[u8], input: Input) -> Result<Vec<Self>, Error> {
        read_pem(text, input, limits::ROOT_CERTIFICATES)
    }

    /// The certificate's bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The public key, if it is of a kind that can verify anything.
    ///
    /// # Errors
    /// [`Error::Key`] otherwise.
    pub fn public_key(&self) -> Result<&PublicKey, Error> {
        self.key.as_ref().map_err(|reason| Error::Key { reason: reason.clone() })
    }

    /// `notBefore` and `notAfter`.
    pub fn validity(&self) -> Window {
        self.validity
    }

    /// `notBefore`.
    pub fn not_before(&self) -> Timestamp {
        self.validity.start
    }

    /// Whether subject and issuer are the same name, as in a root.
    pub fn is_self_issued(&self) -> bool {
        self.subject() == self.issuer()
    }

    /// Whether its basic constraints call it an authority (RFC 5280 §4.2.1.9). What cannot be read calls it nothing.
    pub fn is_authority(&self) -> bool {
        matches!(self.basic_constraints(), Ok(Some((true, _))))
    }

    pub(crate) fn is_version3(&self) -> bool {
        self.version3
    }

    pub(crate) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }

    pub(crate) fn subject(&self) -> &[u8] {
        self.bytes(&self.parts.subject)
    }

    pub(crate) fn issuer(&self) -> &[u8] {
        self.bytes(&self.parts.issuer)
    }

    pub(crate) fn spki(&self) -> &[u8] {
        self.bytes(&self.parts.spki)
    }

    pub(crate) fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    pub(crate) fn extension(&self, oid: ObjectIdentifier) -> Option<&[u8]> {
        self.extensions.iter().find(|e| e.oid == oid).map(|e| self.bytes(&e.value))
    }

    pub(crate) fn is_critical(&self, oid: ObjectIdentifier) -> bool {
        self.extensions.iter().any(|e| e.oid == oid && e.critical)
    }

    /// The extension's value as text: Fulcio's first extensions hold raw bytes, without any ASN.1 string around them.
    pub(crate) fn raw_text(&self, oid: ObjectIdentifier) -> Option<String> {
        self.extension(oid).and_then(|v| String::from_utf8(v.to_vec()).ok())
    }

    /// The extension's value as text inside a DER UTF8String, as in Fulcio's newer extensions.
    pub(crate) fn utf8_text(&self, oid: ObjectIdentifier) -> Option<String> {
        let element = asn1::whole(self.extension(oid)?, Tag::Utf8String).ok()?;
        String::from_utf8(element.content.to_vec()).ok()
    }

    /// The listed extended key usages; `None` without the extension.
    pub(crate) fn extended_key_usage(&self) -> Result<Option<Vec<ObjectIdentifier>>, Malformed> {
        let Some(value) = self.extension(EXTENDED_KEY_USAGE) else { return Ok(None) };
        let mut list = Elements::new(asn1::whole(value, Tag::Sequence)?.content);
        let mut found = Vec::new();
        while !list.is_empty() && found.len() < limits::EXTENSIONS {
            found.push(list.oid()?);
        }
        Ok(Some(found))
    }

    /// `(cA, pathLenConstraint)`; `None` without the extension.
    pub(crate) fn basic_constraints(&self) -> Result<Option<(bool, Option<usize>)>, Malformed> {
        let Some(value) = self.extension(BASIC_CONSTRAINTS) else { return Ok(None) };
        let mut parts = Elements::new(asn1::whole(value, Tag::Sequence)?.content);
        let ca = parts.optional(Tag::Boolean)?.is_some_and(|b| b.content == [0xff]);
        let length = match parts.optional(Tag::Integer)? {
            None => None,
            Some(Element { content: [n @ 0..=0x7f], .. }) => Some(usize::from(*n)),
            // No chain is longer than limits::CHAIN_CERTIFICATES, so a larger limit is none.
            Some(Element { content: [0..=0x7f, _, ..], .. }) => Some(usize::MAX),
            Some(_) => return Err(Malformed),
        };
        parts.end()?;
        Ok(Some((ca, length)))
    }

    /// Whether the key usage allows to sign certificates; certificates without the extension may (RFC 5280 §4.2.1.3).
    pub(crate) fn may_sign_certificates(&self) -> Result<bool, Malformed> {
        let Some(value) = self.extension(KEY_USAGE) else { return Ok(true) };
        let bits = asn1::whole(value, Tag::BitString)?;
        // keyCertSign is bit 5 of the first byte; the byte before it counts unused bits.
        Ok(bits.content.get(1).is_some_and(|b| b & 0b0000_0100 != 0))
    }
}

fn read_pem(text: &[u8], input: Input, limit: usize) -> Result<Vec<Certificate>, Error> {
    let (blocks, rest) = pem_all(text.trim_ascii());
    if !rest.is_empty() {
        return Err(Error::Pem { input, found: "bytes after the last PEM block".into() });
    }
    if blocks.is_empty() {
        return Err(Error::Pem { input, found: "no certs found in pem file".into() });
    }
    if blocks.len() > limit {
        return Err(Error::TooMany { what: "certificates", limit, found: blocks.len() });
    }
    // OpenSSL's other labels for a certificate: cosign looks at none. The trust settings that OpenSSL writes after a
    // TRUSTED CERTIFICATE are no part of one, here as there.
    let read = |block: &PemBlock| match block.label.as_str() {
        "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => Certificate::from_der(&block.der),
        label => Err(Error::Pem { input, found: format!("a PEM block of type {label}") }),
    };
    blocks.iter().map(read).collect()
}

fn parse(der: &[u8]) -> Result<Certificate, Malformed> {
    let base = der.as_ptr_range();
    // Elements are slices of `der`; their place is found by address, without arithmetic on lengths.
    let place = |part: &[u8]| -> Result<Range<usize>, Malformed> {
        let start = part.as_ptr().addr().checked_sub(base.start.addr()).ok_or(Malformed)?;
        let end = start.checked_add(part.len()).filter(|e| *e <= der.len()).ok_or(Malformed)?;
        Ok(start..end)
    };
    let mut certificate = Elements::new(asn1::whole(der, Tag::Sequence)?.content);
    let tbs = certificate.expect(Tag::Sequence)?;
    let outer_algorithm = certificate.expect(Tag::Sequence)?;
    certificate.expect(Tag::BitString)?;
    certificate.end()?;

    let mut fields = Elements::new(tbs.content);
    let version3 = match fields.optional(asn1::context(0))? {
        Some(version) => asn1::whole(version.content, Tag::Integer)?.content == [2],
        None => false,
    };
    let serial = fields.expect(Tag::Integer)?;
    let inner_algorithm = fields.expect(Tag::Sequence)?;
    if inner_algorithm.raw != outer_algorithm.raw {
        return Err(Malformed);
    }
    let issuer = fields.expect(Tag::Sequence)?;
    let mut validity = fields.sequence()?;
    let validity = Window { start: read_time(&mut validity)?, end: Some(read_time(&mut validity)?) };
    let subject = fields.expect(Tag::Sequence)?;
    let spki = fields.expect(Tag::Sequence)?;
    fields.optional(asn1::context_primitive(1))?;
    fields.optional(asn1::context_primitive(2))?;
    let extensions = fields.optional(asn1::context(3))?;
    fields.end()?;

    let content = place(tbs.content)?;
    let before_end = match &extensions {
        Some(e) => place(e.raw)?.start,
        None => content.end,
    };
    Ok(Certificate {
        der: der.to_vec(),
        parts: TbsParts {
            before_extensions: content.start..before_end,
            serial: place(serial.content)?,
            issuer: place(issuer.raw)?,
            subject: place(subject.raw)?,
            spki: place(spki.raw)?,
        },
        validity,
        version3,
        extensions: match extensions {
            Some(element) => parse_extensions(element, place)?,
            None => Vec::new(),
        },
        key: PublicKey::from_spki(spki.raw).map_err(|e| match e {
            Error::Key { reason } => reason,
            other => other.to_string(),
        }),
    })
}

fn read_time(elements: &mut Elements<'_>) -> Result<Timestamp, Malformed> {
    let element = elements.next()?;
    match element.tag {
        Tag::UtcTime => time::utc_time(element.content),
        Tag::GeneralizedTime => time::generalized_time(element.content),
        _ => None,
    }
    .ok_or(Malformed)
}

fn parse_extensions(
    explicit: Element<'_>,
    place: impl Fn(&[u8]) -> Result<Range<usize>, Malformed>,
) -> Result<Vec<Extension>, Malformed> {
    let mut list = Elements::new(asn1::whole(explicit.content, Tag::Sequence)?.content);
    let mut found: Vec<Extension> = Vec::new();
    while !list.is_empty() {
        let element = list.expect(Tag::Sequence)?;
        let mut fields = Elements::new(element.content);
        let oid = fields.oid()?;
        let critical = match fields.optional(Tag::Boolean)? {
            None => false,
            Some(Element { content: [0xff], .. }) => true,
            Some(Element { content: [0], .. }) => false,
            Some(_) => return Err(Malformed),
        };
        let value = fields.expect(Tag::OctetString)?;
        fields.end()?;
        // RFC 5280 §4.2: no extension twice; otherwise two readers could see two identities.
        if found.len() >= limits::EXTENSIONS || found.iter().any(|e| e.oid == oid) {
            return Err(Malformed);
        }
        found.push(Extension { oid, critical, value: place(value.content)?, raw: place(element.raw)? });
    }
    Ok(found)
}
