//! A small DER writer. Everything is bytes, nothing is checked: tests must be able to write wrong things.

use crate::time::Civil;

/// One element: tag, length, content.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend(length(content.len()));
    out.extend_from_slice(content);
    out
}

/// SEQUENCE of already encoded parts.
pub fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// SET of already encoded parts, in the given order.
pub fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x31, &parts.concat())
}

/// SET OF, sorted as DER wants.
pub fn set_of(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut sorted = parts.to_vec();
    sorted.sort();
    set(&sorted)
}

/// Context specific constructed tag (EXPLICIT, or IMPLICIT over a constructed type).
pub fn context(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, content)
}

/// Context specific primitive tag (IMPLICIT over a primitive type).
pub fn context_primitive(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x80 | number, content)
}

/// OBJECT IDENTIFIER from dotted text.
pub fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().expect("an OID arc is a number")).collect();
    let mut content = base128(arcs[0] * 40 + arcs[1]);
    for arc in &arcs[2..] {
        content.extend(base128(*arc));
    }
    tlv(0x06, &content)
}

/// INTEGER from big-endian unsigned bytes.
pub fn integer_bytes(unsigned: &[u8]) -> Vec<u8> {
    let mut rest = unsigned;
    while rest.len() > 1 && rest[0] == 0 {
        rest = &rest[1..];
    }
    let mut content = Vec::new();
    if rest.first().is_none_or(|first| first & 0x80 != 0) {
        content.push(0);
    }
    content.extend_from_slice(rest);
    tlv(0x02, &content)
}

/// INTEGER, not negative.
pub fn integer(value: u64) -> Vec<u8> {
    integer_bytes(&value.to_be_bytes())
}

/// BOOLEAN.
pub fn boolean(value: bool) -> Vec<u8> {
    tlv(0x01, &[if value { 0xff } else { 0 }])
}

/// NULL.
pub fn null() -> Vec<u8> {
    tlv(0x05, &[])
}

/// OCTET STRING.
pub fn octets(content: &[u8]) -> Vec<u8> {
    tlv(0x04, content)
}

/// BIT STRING without unused bits.
pub fn bits(content: &[u8]) -> Vec<u8> {
    let mut with_count = vec![0];
    with_count.extend_from_slice(content);
    tlv(0x03, &with_count)
}

/// BIT STRING of named bits in one byte: trailing zero bits are left out.
pub fn named_bits(byte: u8) -> Vec<u8> {
    if byte == 0 {
        return tlv(0x03, &[0]);
    }
    let unused = u8::try_from(byte.trailing_zeros()).expect("at most 8");
    tlv(0x03, &[unused, byte])
}

/// UTF8String.
pub fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0c, text.as_bytes())
}

/// PrintableString.
pub fn printable(text: &str) -> Vec<u8> {
    tlv(0x13, text.as_bytes())
}

/// GeneralizedTime in whole seconds.
pub fn generalized_time(unix: i64) -> Vec<u8> {
    let c = Civil::from_unix(unix);
    let text = format!("{:04}{:02}{:02}{:02}{:02}{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second);
    tlv(0x18, text.as_bytes())
}

/// UTCTime.
pub fn utc_time(unix: i64) -> Vec<u8> {
    let c = Civil::from_unix(unix);
    let text =
        format!("{:02}{:02}{:02}{:02}{:02}{:02}Z", c.year.rem_euclid(100), c.month, c.day, c.hour, c.minute, c.second);
    tlv(0x17, text.as_bytes())
}

/// X.509 Time: UTCTime until 2049, GeneralizedTime from 2050.
pub fn x509_time(unix: i64) -> Vec<u8> {
    let year = Civil::from_unix(unix).year;
    if (1950..2050).contains(&year) { utc_time(unix) } else { generalized_time(unix) }
}

/// Name of `organization` and `common name`, as PrintableString, empty parts left out.
pub fn name(organization: &str, common_name: &str) -> Vec<u8> {
    let mut rdns = Vec::new();
    for (arc, text) in [("2.5.4.10", organization), ("2.5.4.3", common_name)] {
        if !text.is_empty() {
            rdns.push(set(&[seq(&[oid(arc), printable(text)])]));
        }
    }
    seq(&rdns)
}

fn length(len: usize) -> Vec<u8> {
    if len < 0x80 {
        return vec![len as u8];
    }
    let bytes: Vec<u8> = len.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![0x80 | bytes.len() as u8];
    out.extend(bytes);
    out
}

fn base128(value: u64) -> Vec<u8> {
    let mut out = vec![(value & 0x7f) as u8];
    let mut rest = value >> 7;
    while rest > 0 {
        out.insert(0, 0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    out
}
