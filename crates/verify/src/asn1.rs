//! A strict, zero-copy view of DER on top of the `der` crate's reader: every element keeps its exact bytes, because
//! signatures are over bytes and nothing here is ever encoded again.

use der::{Decode, Header, Reader, SliceReader, Tag};

pub(crate) use const_oid::ObjectIdentifier;

/// Why bytes are not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// One element: its tag, its content, and all of its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: Tag,
    pub(crate) content: &'a [u8],
    pub(crate) raw: &'a [u8],
}

/// The elements of a constructed value, one after another.
#[derive(Debug, Clone)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    pub(crate) fn new(content: &'a [u8]) -> Self {
        Self { rest: content }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element.
    pub(crate) fn next(&mut self) -> Result<Element<'a>, Malformed> {
        let mut reader = SliceReader::new(self.rest).map_err(|_| Malformed)?;
        let header = Header::decode(&mut reader).map_err(|_| Malformed)?;
        let content = reader.read_slice(header.length).map_err(|_| Malformed)?;
        let used = usize::try_from(reader.position()).map_err(|_| Malformed)?;
        let (raw, rest) = self.rest.split_at_checked(used).ok_or(Malformed)?;
        self.rest = rest;
        Ok(Element { tag: header.tag, content, raw })
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: Tag) -> Result<Element<'a>, Malformed> {
        let element = self.next()?;
        if element.tag == tag { Ok(element) } else { Err(Malformed) }
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: Tag) -> Result<Option<Element<'a>>, Malformed> {
        let mut ahead = self.clone();
        if ahead.is_empty() {
            return Ok(None);
        }
        let element = ahead.next()?;
        if element.tag != tag {
            return Ok(None);
        }
        *self = ahead;
        Ok(Some(element))
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    pub(crate) fn sequence(&mut self) -> Result<Elements<'a>, Malformed> {
        Ok(Elements::new(self.expect(Tag::Sequence)?.content))
    }

    pub(crate) fn oid(&mut self) -> Result<ObjectIdentifier, Malformed> {
        ObjectIdentifier::from_bytes(self.expect(Tag::ObjectIdentifier)?.content).map_err(|_| Malformed)
    }
}

/// The single element that makes up all of `bytes`.
pub(crate) fn whole(bytes: &[u8], tag: Tag) -> Result<Element<'_>, Malformed> {
    let mut elements = Elements::new(bytes);
    let element = elements.expect(tag)?;
    elements.end()?;
    Ok(element)
}

/// A context-specific, constructed tag such as `[0]`.
pub(crate) fn context(number: u8) -> Tag {
    Tag::ContextSpecific { constructed: true, number: der::TagNumber::new(number.min(30)) }
}

/// A context-specific, primitive tag such as `[1] IMPLICIT IA5String`.
pub(crate) fn context_primitive(number: u8) -> Tag {
    Tag::ContextSpecific { constructed: false, number: der::TagNumber::new(number.min(30)) }
}

/// The bits of a BIT STRING that holds whole bytes.
pub(crate) fn bit_string_bytes<'a>(element: &Element<'a>) -> Result<&'a [u8], Malformed> {
    match element.content.split_first() {
        Some((0, bytes)) if element.tag == Tag::BitString => Ok(bytes),
        _ => Err(Malformed),
    }
}

/// Writes a header: tag byte and DER length.
pub(crate) fn header(tag: u8, length: usize) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let skip = bytes.iter().take_while(|b| **b == 0).count();
            let significant = bytes.get(skip..).unwrap_or_default();
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
            out.extend_from_slice(significant);
        }
    }
    out
}
