//! SPDX 2 documents, in the two forms that releases are described in: tag-value, as Kubernetes' `bom` writes it, and JSON.
//! They come piece by piece; only what a release is judged by is kept.

mod json;
mod tag_value;

/// Files or packages of one document. Kubernetes' release SBOM names about 400 files and, with the layers of its images,
/// some hundred packages.
const ELEMENTS: usize = 50_000;
/// Longest value that is kept, in bytes.
const VALUE: usize = 4 * 1024;
/// Checksums of one element. `bom` writes three.
const CHECKSUMS: usize = 16;
/// References of one package, or of the document. `bom` writes one.
const REFERENCES: usize = 32;
/// Largest document in JSON, in bytes: unlike tag-value it is read as a whole. Kubernetes' release SBOM has about 1 MB.
const JSON_BYTES: usize = 16 * 1024 * 1024;

/// Why a document cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SpdxFault {
    /// It does not begin as one.
    #[error("expected SPDXVersion: SPDX-2.x, found {found}")]
    NotSpdx2 {
        /// What is there.
        found: String,
    },
    /// It names more than is kept.
    #[error("it names more than {limit} {what}")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// A value that counts is too long.
    #[error("line {line}: {tag} has more than {VALUE} bytes")]
    TooLong {
        /// The line.
        line: u64,
        /// The tag.
        tag: String,
    },
    /// A checksum before anything that it could be of.
    #[error("line {line}: {tag} before any file or package")]
    Homeless {
        /// The line.
        line: u64,
        /// The tag.
        tag: String,
    },
    /// It ends within a text.
    #[error("it ends within <text>")]
    OpenText,
    /// A document in JSON that is none, or none of this kind.
    #[error("it is no SPDX 2 document in JSON: {reason}")]
    Json {
        /// What the reader says.
        reason: String,
    },
    /// A document in JSON that is too large.
    #[error("a document in JSON has more than {JSON_BYTES} bytes")]
    TooLarge,
}

/// What is read from a document.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SpdxDocument {
    /// `DocumentName`.
    pub name: String,
    /// `DocumentNamespace`.
    pub namespace: String,
    /// Namespaces of the documents that `ExternalDocumentRef` names.
    pub external: Vec<String>,
    /// The files; none if only the head was asked for.
    pub files: Vec<SpdxFile>,
    /// The packages; none if only the head was asked for.
    pub packages: Vec<SpdxPackage>,
}

/// A file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SpdxFile {
    /// `FileName`.
    pub name: String,
    /// `FileChecksum`: algorithm and value.
    pub checksums: Vec<(String, String)>,
}

/// A package.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SpdxPackage {
    /// `PackageName`.
    pub name: String,
    /// `SPDXID`.
    pub id: String,
    /// `PackageVersion`.
    pub version: String,
    /// `PackageFileName`.
    pub file_name: String,
    /// `PrimaryPackagePurpose`.
    pub purpose: String,
    /// `PackageChecksum`: algorithm and value.
    pub checksums: Vec<(String, String)>,
    /// Locators of `ExternalRef` of the type `purl`.
    pub purls: Vec<String>,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keep {
    /// Files and packages too.
    Everything,
    /// What says which document it is.
    Head,
}

/// Reads a document in pieces.
#[derive(Debug)]
pub struct SpdxReader {
    keep: Keep,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Only blanks were seen, with so many line breaks, or the start of a byte order mark.
    Unknown {
        start: Vec<u8>,
        lines: usize,
    },
    Json(json::JsonReader),
    TagValue(tag_value::TagValueReader),
}

/// U+FEFF in UTF-8. Some tools put it before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl SpdxReader {
    /// A reader that keeps so much.
    pub fn new(keep: Keep) -> Self {
        Self { keep, form: Form::Unknown { start: Vec::new(), lines: 0 } }
    }

    /// Takes the next bytes. After a fault nothing more is looked at.
    pub fn push(&mut self, bytes: &[u8]) {
        match &mut self.form {
            Form::Json(reader) => reader.push(bytes),
            Form::TagValue(reader) => reader.push(bytes),
            Form::Unknown { start, lines } => {
                start.extend_from_slice(bytes);
                if start.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(start) {
                    return;
                }
                let seen = std::mem::take(start);
                let text = seen.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&seen);
                self.form = Form::of(text, *lines, self.keep);
            }
        }
    }

    /// The document.
    ///
    /// # Errors
    /// The first [`SpdxFault`].
    pub fn finish(self) -> Result<SpdxDocument, SpdxFault> {
        match self.form {
            Form::Json(reader) => reader.finish(),
            Form::TagValue(reader) => reader.finish(),
            Form::Unknown { start, .. } => {
                let mut reader = tag_value::TagValueReader::new(self.keep);
                reader.push(&start);
                reader.finish()
            }
        }
    }
}

impl Form {
    /// JSON begins with a brace, and no tag does. Blanks before either are only told as so many line breaks, so that the
    /// place that a fault names does not depend on where the text was cut.
    fn of(start: &[u8], lines: usize, keep: Keep) -> Self {
        let text = start.trim_ascii_start();
        let before = start.len().saturating_sub(text.len());
        let more = start.iter().take(before).filter(|byte| **byte == b'\n').count();
        let lines = lines.saturating_add(more);
        match text.first() {
            None => Self::Unknown { start: vec![b' '], lines },
            Some(b'{') => {
                let mut reader = json::JsonReader::new(keep);
                (0..lines).for_each(|_| reader.push(b"\n"));
                reader.push(text);
                Self::Json(reader)
            }
            Some(_) => {
                let mut reader = tag_value::TagValueReader::new(keep);
                (0..lines).for_each(|_| reader.push(b"\n"));
                reader.push(text);
                Self::TagValue(reader)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(bytes: &[u8], keep: Keep, piece: usize) -> Result<SpdxDocument, SpdxFault> {
        let mut reader = SpdxReader::new(keep);
        bytes.chunks(piece).for_each(|bytes| reader.push(bytes));
        reader.finish()
    }

    const JSON: &str = r#"{"spdxVersion":"SPDX-2.3","name":"a","files":[{"fileName":"f"}]}"#;
    const TAG_VALUE: &str = "SPDXVersion: SPDX-2.3\nDocumentName: a\nFileName: f\n";

    #[test]
    fn the_line_of_a_fault_does_not_depend_on_pieces() {
        let tag_value = "\n \n\n\nSPDXVersion: SPDX-2.3\nFileChecksum: SHA256: 00\n";
        for text in [tag_value, "\n{", "  {", "\n \n  {]"] {
            let text = text.as_bytes();
            let whole = read(text, Keep::Everything, text.len()).unwrap_err();
            for piece in 1..text.len() {
                assert_eq!(read(text, Keep::Everything, piece).unwrap_err(), whole, "{piece}");
            }
        }
    }

    #[test]
    fn both_forms_say_the_same() {
        let document = read(TAG_VALUE.as_bytes(), Keep::Everything, 1).unwrap();
        assert_eq!((document.name.as_str(), document.files.len()), ("a", 1));
        for text in [JSON, TAG_VALUE] {
            for before in ["", "\u{feff}", "\n \r\n", "\u{feff}\n"] {
                for piece in [1, 2, 3, 100] {
                    let text = format!("{before}{text}");
                    assert_eq!(
                        read(text.as_bytes(), Keep::Everything, piece),
                        Ok(document.clone()),
                        "{text:?} {piece}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_neither() {
        for text in ["", " ", "\u{feff}", "\u{fe}", "[]", "<html>", "\n\u{feff}{}", "SPDXVersion: SPDX-3.0"] {
            let fault = read(text.as_bytes(), Keep::Everything, 1).unwrap_err();
            assert!(matches!(fault, SpdxFault::NotSpdx2 { .. }), "{text:?} {fault}");
        }
        // No blank is kept for the next.
        let mut reader = SpdxReader::new(Keep::Head);
        for _ in 0..1000 {
            reader.push(&[b' '; 4096]);
        }
        assert!(matches!(&reader.form, Form::Unknown { start, .. } if start.len() == 1));
        reader.push(TAG_VALUE.as_bytes());
        assert_eq!(reader.finish().unwrap().name, "a");
    }

    proptest::proptest! {
        /// Documents are strangers' until they are verified: any bytes, in any pieces, mean the same and do no harm.
        #[test]
        fn any_bytes_in_any_pieces(
            parts in proptest::collection::vec(
                "\u{feff}|[{}\\[\\],:]|\"(spdxVersion|name|files|fileName|checksums|packages|SPDXID|externalRefs)\"|\"SPDX-2.3\"|null|[ -~\n]{0,9}",
                0..40,
            ),
            piece in 1_usize..50,
        ) {
            for text in [parts.concat(), format!("{{\"spdxVersion\":\"SPDX-2.3\",{}", parts.concat())] {
                let whole = read(text.as_bytes(), Keep::Everything, 100_000);
                proptest::prop_assert_eq!(&read(text.as_bytes(), Keep::Everything, piece), &whole);
                let head = read(text.as_bytes(), Keep::Head, piece);
                if let (Ok(whole), Ok(head)) = (whole, head) {
                    proptest::prop_assert_eq!((whole.name, whole.namespace), (head.name, head.namespace));
                }
            }
        }
    }
}
