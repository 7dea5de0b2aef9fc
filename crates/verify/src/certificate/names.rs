//! Subject alternative names and the claims that Fulcio writes into a leaf.

use der::Tag;

use super::{Certificate, SUBJECT_ALT_NAME};
use crate::asn1::{self, Elements, Malformed, ObjectIdentifier};
use crate::error::Error;
use crate::limits;

const FULCIO_OTHER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");
/// Issuer of the signer's token, raw text.
pub(crate) const ISSUER_V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
/// Issuer of the signer's token, DER UTF8String.
pub(crate) const ISSUER_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");
const WORKFLOW_TRIGGER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.2");
const WORKFLOW_SHA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.3");
const WORKFLOW_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.4");
const WORKFLOW_REPOSITORY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.5");
const WORKFLOW_REF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.6");

/// The kinds of subject alternative names that can be an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// dNSName.
    Dns,
    /// rfc822Name.
    Email,
    /// iPAddress, in its usual text form.
    Ip,
    /// Fulcio's otherName, 1.3.6.1.4.1.57264.1.7.
    Other,
    /// uniformResourceIdentifier.
    Uri,
}

/// One subject alternative name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Its kind.
    pub kind: NameKind,
    /// Its text.
    pub text: String,
}

/// What GitHub says of a workflow run, as Fulcio's extensions carry it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workflow {
    /// Event that started the run.
    pub trigger: Option<String>,
    /// Commit.
    pub sha: Option<String>,
    /// Name of the workflow.
    pub name: Option<String>,
    /// Repository, `owner/name`.
    pub repository: Option<String>,
    /// Git reference.
    pub reference: Option<String>,
}

impl Certificate {
    /// The subject alternative names in cosign's order: DNS, email, IP, URI, otherName.
    ///
    /// # Errors
    /// [`Error::Certificate`] if the extension is malformed or holds too many names.
    pub fn subject_names(&self) -> Result<Vec<Name>, Error> {
        let mut names = parse_names(self.extension(SUBJECT_ALT_NAME))
            .map_err(|Malformed| Error::Certificate { reason: "malformed subject alternative name".into() })?;
        names.sort_by_key(|n| match n.kind {
            NameKind::Dns => 0,
            NameKind::Email => 1,
            NameKind::Ip => 2,
            NameKind::Uri => 3,
            NameKind::Other => 4,
        });
        Ok(names)
    }

    /// The claims about a GitHub workflow.
    pub fn workflow(&self) -> Workflow {
        Workflow {
            trigger: self.raw_text(WORKFLOW_TRIGGER),
            sha: self.raw_text(WORKFLOW_SHA),
            name: self.raw_text(WORKFLOW_NAME),
            repository: self.raw_text(WORKFLOW_REPOSITORY),
            reference: self.raw_text(WORKFLOW_REF),
        }
    }
}

fn parse_names(extension: Option<&[u8]>) -> Result<Vec<Name>, Malformed> {
    let Some(extension) = extension else { return Ok(Vec::new()) };
    let mut list = Elements::new(asn1::whole(extension, Tag::Sequence)?.content);
    let mut names = Vec::new();
    while !list.is_empty() {
        if names.len() >= limits::ALTERNATIVE_NAMES {
            return Err(Malformed);
        }
        let element = list.next()?;
        let (kind, text) = match element.tag {
            t if t == asn1::context_primitive(1) => (NameKind::Email, ia5(element.content)?),
            t if t == asn1::context_primitive(2) => (NameKind::Dns, ia5(element.content)?),
            t if t == asn1::context_primitive(6) => (NameKind::Uri, ia5(element.content)?),
            t if t == asn1::context_primitive(7) => (NameKind::Ip, ip(element.content)?),
            t if t == asn1::context(0) => match other_name(element.content)? {
                Some(text) => (NameKind::Other, text),
                None => continue,
            },
            // x400Address, directoryName, ediPartyName, registeredID name no signer.
            _ => continue,
        };
        names.push(Name { kind, text });
    }
    Ok(names)
}

fn ia5(bytes: &[u8]) -> Result<String, Malformed> {
    // A NUL inside a name once made readers stop early (CVE-2009-2408); no identity holds control characters.
    let plain = bytes.iter().all(|b| b.is_ascii() && !b.is_ascii_control());
    if plain { String::from_utf8(bytes.to_vec()).map_err(|_| Malformed) } else { Err(Malformed) }
}

fn ip(bytes: &[u8]) -> Result<String, Malformed> {
    match bytes.len() {
        4 => Ok(std::net::Ipv4Addr::from(<[u8; 4]>::try_from(bytes).map_err(|_| Malformed)?).to_string()),
        16 => Ok(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(bytes).map_err(|_| Malformed)?).to_string()),
        _ => Err(Malformed),
    }
}

fn other_name(content: &[u8]) -> Result<Option<String>, Malformed> {
    let mut fields = Elements::new(content);
    if fields.oid()? != FULCIO_OTHER_NAME {
        return Ok(None);
    }
    let value = fields.expect(asn1::context(0))?;
    fields.end()?;
    let text = asn1::whole(value.content, Tag::Utf8String)?;
    String::from_utf8(text.content.to_vec()).map(Some).map_err(|_| Malformed)
}
