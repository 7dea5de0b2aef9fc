//! The text encodings of evidence: base64 as protojson and Go read it, and PEM.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

// Unused bits of the last character must be zero, unlike in Go: otherwise several texts would stand for the same bytes,
// and a flipped bit would go unseen.
const PADDED: GeneralPurposeConfig = GeneralPurposeConfig::new();
const UNPADDED: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDED);
const STANDARD_UNPADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, UNPADDED);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDED);
const URL_SAFE_UNPADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, UNPADDED);

/// Decodes base64 exactly as protojson does (google.golang.org/protobuf, `unmarshalBytes`): the URL-safe alphabet where
/// one of its characters stands, no padding where the length is no multiple of four; line breaks are skipped but counted.
pub(crate) fn base64_any(text: &str) -> Option<Vec<u8>> {
    let engine = match (text.contains(['-', '_']), text.len().is_multiple_of(4)) {
        (false, true) => &STANDARD,
        (false, false) => &STANDARD_UNPADDED,
        (true, true) => &URL_SAFE,
        (true, false) => &URL_SAFE_UNPADDED,
    };
    if text.contains(['\r', '\n']) {
        return engine.decode(text.replace(['\r', '\n'], "")).ok();
    }
    engine.decode(text).ok()
}

/// Decodes base64 as Go's `base64.StdEncoding` does: standard alphabet, padded; line breaks are skipped.
pub fn base64_std(text: &[u8]) -> Option<Vec<u8>> {
    let engine = base64::engine::general_purpose::STANDARD;
    if let Ok(bytes) = engine.decode(text) {
        return Some(bytes);
    }
    let text: Vec<u8> = text.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    engine.decode(text).ok()
}

/// Encodes as standard, padded base64.
pub fn to_base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// One block of a PEM text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PemBlock {
    /// The label, such as `CERTIFICATE`.
    pub label: String,
    /// The decoded content.
    pub der: Vec<u8>,
}

/// Reads the next PEM block as Go's `pem.Decode` does: text before a block is skipped, RFC 1421 headers are allowed.
/// Returns the block and what follows it; `None` if no further whole block is there.
pub(crate) fn pem_next(text: &[u8]) -> Option<(PemBlock, &[u8])> {
    let mut rest = text;
    loop {
        let start = find_line(rest, b"-----BEGIN ")?;
        let after = rest.get(start + 11..)?;
        if let Some((block, remaining)) = pem_body(after) {
            return Some((block, remaining));
        }
        rest = after;
    }
}

/// All PEM blocks of a text, and the bytes that follow the last one.
pub fn pem_all(text: &[u8]) -> (Vec<PemBlock>, &[u8]) {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((block, remaining)) = pem_next(rest) {
        blocks.push(block);
        rest = remaining;
    }
    (blocks, rest)
}

fn pem_body(after_begin: &[u8]) -> Option<(PemBlock, &[u8])> {
    let line_end = after_begin.iter().position(|b| *b == b'\n').unwrap_or(after_begin.len());
    let label = std::str::from_utf8(after_begin.get(..line_end)?).ok()?.trim_end().strip_suffix("-----")?;
    let body = after_begin.get(line_end..)?;
    // The next mark of any kind must end this block. Looking further would make many marks cost their square.
    let end_mark = format!("-----END {label}-----");
    let end = find(body, b"-----").filter(|at| body.get(*at..).is_some_and(|b| b.starts_with(end_mark.as_bytes())))?;
    let mut remaining = body.get(end + end_mark.len()..)?;
    // The rest of the END line belongs to the block.
    while let Some((b' ' | b'\t' | b'\r', tail)) = remaining.split_first() {
        remaining = tail;
    }
    remaining = remaining.strip_prefix(b"\n").unwrap_or(remaining);
    let mut base64 = Vec::with_capacity(end);
    for line in body.get(..end)?.split(|b| *b == b'\n').filter(|line| !line.contains(&b':')) {
        base64.extend(line.iter().filter(|b| !b.is_ascii_whitespace()));
    }
    let der = base64_std(&base64)?;
    Some((PemBlock { label: label.to_owned(), der }, remaining))
}

fn find_line(text: &[u8], prefix: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + find(text.get(from..)?, prefix)?;
        if at == 0 || text.get(at - 1) == Some(&b'\n') {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Where `mark` stands first. Marks of PEM begin with a dash, which base64 does not have.
fn find(text: &[u8], mark: &[u8]) -> Option<usize> {
    let (first, mut from) = (mark.first()?, 0);
    loop {
        let at = from + text.get(from..)?.iter().position(|b| b == first)?;
        if text.get(at..)?.starts_with(mark) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Writes one PEM block as Go's `pem.Encode` does: 64 columns, a line break after the END line.
pub fn pem_encode(label: &str, der: &[u8]) -> String {
    let base64 = to_base64(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_round_trip_and_leftovers() {
        let text = pem_encode("CERTIFICATE", &[7; 100]);
        let both = format!("leading words\n{text}{text}tail");
        let (blocks, rest) = pem_all(both.as_bytes());
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[0], PemBlock { label: "CERTIFICATE".into(), der: vec![7; 100] });
        assert_eq!(rest, b"tail");
    }

    #[test]
    fn pem_without_end_is_no_block() {
        assert_eq!(pem_all(b"-----BEGIN CERTIFICATE-----\nAAAA\n").0, vec![]);
        assert_eq!(pem_all(b"-----BEGIN X-----\n!!!!\n-----END X-----\n").0, vec![]);
        assert_eq!(pem_all(b"").0, vec![]);
    }

    #[test]
    fn marks_without_end_cost_their_length_and_not_its_square() {
        let marks = b"-----BEGIN A-----\n".repeat(500_000);
        assert_eq!(pem_all(&marks).0, vec![]);
        let both = [marks.as_slice(), pem_encode("A", b"found").as_bytes()].concat();
        assert_eq!(pem_all(&both).0, vec![PemBlock { label: "A".into(), der: b"found".to_vec() }]);
    }

    #[test]
    fn pem_headers_are_skipped() {
        let text = b"-----BEGIN A-----\r\nProc-Type: 4,X\r\n\r\nAA==\r\n-----END A-----\r\n";
        assert_eq!(pem_all(text).0, vec![PemBlock { label: "A".into(), der: vec![0] }]);
    }

    #[test]
    fn base64_has_one_text_per_value_but_for_line_breaks_and_padding() {
        assert_eq!(base64_any("AA=="), Some(vec![0]));
        assert_eq!(base64_any("AA"), Some(vec![0]));
        assert_eq!(base64_any("AB=="), None);
        assert_eq!(base64_any("_-8="), Some(vec![0xff, 0xef]));
        assert_eq!(base64_any("AA==\n"), None);
        assert_eq!(base64_std(b"AA=\n=\r\n"), Some(vec![0]));
        assert_eq!(base64_std(b"AA"), None);
        assert_eq!(base64_std(b"_-8="), None);
    }
}
