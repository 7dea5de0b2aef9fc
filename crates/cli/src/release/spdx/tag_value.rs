//! SPDX 2 in tag-value form: piece by piece, so that a document of any size needs little memory.

use super::{CHECKSUMS, ELEMENTS, Keep, REFERENCES, SpdxDocument, SpdxFault, SpdxFile, SpdxPackage, VALUE};

/// Longest line that is looked at. License texts may be longer, and are passed over.
const LINE: usize = 16 * 1024;

/// Reads a document in pieces.
#[derive(Debug)]
pub(super) struct TagValueReader {
    keep: Keep,
    document: SpdxDocument,
    version: Option<String>,
    line: Vec<u8>,
    /// The present line is longer than is looked at.
    overlong: bool,
    number: u64,
    in_text: bool,
    current: Current,
    fault: Option<SpdxFault>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Current {
    Document,
    File,
    Package,
    /// Snippets, licenses and others.
    Other,
}

impl TagValueReader {
    /// A reader that keeps so much.
    pub(super) fn new(keep: Keep) -> Self {
        Self {
            keep,
            document: SpdxDocument::default(),
            version: None,
            line: Vec::new(),
            overlong: false,
            number: 0,
            in_text: false,
            current: Current::Document,
            fault: None,
        }
    }

    /// Takes the next bytes. After a fault nothing more is looked at.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while self.fault.is_none() && !bytes.is_empty() {
            let (part, ended) = match bytes.iter().position(|b| *b == b'\n') {
                Some(at) => (bytes.get(..at).unwrap_or_default(), true),
                None => (bytes, false),
            };
            let room = LINE.saturating_sub(self.line.len());
            self.overlong |= part.len() > room;
            self.line.extend_from_slice(part.get(..room).unwrap_or(part));
            bytes = bytes.get(part.len() + usize::from(ended)..).unwrap_or_default();
            if ended {
                self.end_line();
            }
        }
    }

    /// The document.
    ///
    /// # Errors
    /// The first [`SpdxFault`].
    pub(super) fn finish(mut self) -> Result<SpdxDocument, SpdxFault> {
        if self.fault.is_none() {
            self.end_line();
        }
        if self.fault.is_none() && self.in_text {
            self.fault = Some(SpdxFault::OpenText);
        }
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        match self.version {
            Some(version) if version.starts_with("SPDX-2.") => Ok(self.document),
            other => Err(SpdxFault::NotSpdx2 { found: other.map_or("nothing".into(), |v| format!("{v:?}")) }),
        }
    }

    fn end_line(&mut self) {
        self.number += 1;
        let line = std::mem::take(&mut self.line);
        let overlong = std::mem::take(&mut self.overlong);
        let text = String::from_utf8_lossy(line.trim_ascii());
        if let Err(fault) = self.take_line(&text, overlong) {
            self.fault = Some(fault);
        }
        // The room is kept for the next line.
        self.line = line;
        self.line.clear();
    }

    fn take_line(&mut self, line: &str, overlong: bool) -> Result<(), SpdxFault> {
        if self.in_text {
            self.in_text = !line.contains("</text>");
            return Ok(());
        }
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let Some((tag, value)) = line.split_once(':') else { return Ok(()) };
        let value = value.trim();
        if let Some((_, after)) = value.rsplit_once("<text>") {
            self.in_text = !after.contains("</text>");
        }
        let value = value.strip_prefix("<text>").map_or(value, |v| v.strip_suffix("</text>").unwrap_or(v).trim());
        if (overlong || value.len() > VALUE) && COUNTS.contains(&tag) {
            return Err(SpdxFault::TooLong { line: self.number, tag: tag.to_owned() });
        }
        self.take(tag, value)
    }

    fn take(&mut self, tag: &str, value: &str) -> Result<(), SpdxFault> {
        match tag {
            "SPDXVersion" => {
                self.version.get_or_insert_with(|| value.to_owned());
            }
            "DocumentName" => value.clone_into(&mut self.document.name),
            "DocumentNamespace" => value.clone_into(&mut self.document.namespace),
            "ExternalDocumentRef" => {
                if self.document.external.len() >= REFERENCES {
                    return Err(SpdxFault::TooMany { what: "external documents", limit: REFERENCES });
                }
                self.document.external.extend(value.split_whitespace().nth(1).map(str::to_owned));
            }
            "FileName" => {
                self.current = Current::File;
                if self.keep == Keep::Everything {
                    room(self.document.files.len(), "files")?;
                    self.document.files.push(SpdxFile { name: value.to_owned(), checksums: Vec::new() });
                }
            }
            "PackageName" => {
                self.current = Current::Package;
                if self.keep == Keep::Everything {
                    room(self.document.packages.len(), "packages")?;
                    self.document.packages.push(SpdxPackage { name: value.to_owned(), ..SpdxPackage::default() });
                }
            }
            "SnippetSPDXID" | "LicenseID" | "Relationship" | "Annotator" => self.current = Current::Other,
            _ if self.keep == Keep::Head => {}
            "FileChecksum" => {
                let line = self.number;
                let file = self.document.files.last_mut().ok_or_else(|| homeless(line, tag))?;
                add_checksum(&mut file.checksums, value)?;
            }
            _ => return self.take_of_package(tag, value),
        }
        Ok(())
    }

    fn take_of_package(&mut self, tag: &str, value: &str) -> Result<(), SpdxFault> {
        if !COUNTS.contains(&tag) || tag == "SPDXID" && self.current != Current::Package {
            return Ok(());
        }
        let line = self.number;
        let package = self.document.packages.last_mut().ok_or_else(|| homeless(line, tag))?;
        match tag {
            "SPDXID" => value.clone_into(&mut package.id),
            "PackageVersion" => value.clone_into(&mut package.version),
            "PackageFileName" => value.clone_into(&mut package.file_name),
            "PrimaryPackagePurpose" => value.clone_into(&mut package.purpose),
            "PackageChecksum" => add_checksum(&mut package.checksums, value)?,
            "ExternalRef" => {
                let mut words = value.split_whitespace().skip(1);
                if let (Some("purl"), Some(locator)) = (words.next(), words.next()) {
                    if package.purls.len() >= REFERENCES {
                        return Err(SpdxFault::TooMany { what: "references of one package", limit: REFERENCES });
                    }
                    package.purls.push(locator.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Tags whose value counts.
const COUNTS: [&str; 13] = [
    "ExternalDocumentRef",
    "SPDXVersion",
    "DocumentName",
    "DocumentNamespace",
    "FileName",
    "FileChecksum",
    "PackageName",
    "SPDXID",
    "PackageVersion",
    "PackageFileName",
    "PrimaryPackagePurpose",
    "PackageChecksum",
    "ExternalRef",
];

fn homeless(line: u64, tag: &str) -> SpdxFault {
    SpdxFault::Homeless { line, tag: tag.to_owned() }
}

fn room(count: usize, what: &'static str) -> Result<(), SpdxFault> {
    if count < ELEMENTS { Ok(()) } else { Err(SpdxFault::TooMany { what, limit: ELEMENTS }) }
}

/// `SHA256: 0f…`
fn add_checksum(checksums: &mut Vec<(String, String)>, value: &str) -> Result<(), SpdxFault> {
    if checksums.len() >= CHECKSUMS {
        return Err(SpdxFault::TooMany { what: "checksums of one element", limit: CHECKSUMS });
    }
    if let Some((algorithm, hex)) = value.split_once(':') {
        checksums.push((algorithm.trim().to_owned(), hex.trim().to_ascii_lowercase()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    const DOCUMENT: &str = "\
SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: Kubernetes Release v1.30.0
DocumentNamespace: https://sbom.k8s.io/v1.30.0/release
ExternalDocumentRef:DocumentRef-kubernetes-v1.30.0 https://sbom.k8s.io/v1.30.0/source SHA1: aa
Creator: Tool: bom-v0.6.0


##### Files independent of packages

FileName: bin/linux/amd64/kubectl
SPDXID: SPDXRef-File-1
FileChecksum: SHA1: 01
FileChecksum: SHA256: AB
FileType: BINARY
LicenseConcluded: Apache-2.0
LicenseComments: <text>It says
FileName: not/a/file
FileChecksum: SHA256: ff
</text>
LicenseInfoInFile: NONE
FileCopyrightText: <text>one line</text>

Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-File-1

##### Package: kube-proxy.tar

PackageName: kube-proxy.tar
SPDXID: SPDXRef-Package-registry.k8s.io-kube-proxy-amd64-v1.30.0
PackageChecksum: SHA256: cd
PackageFileName: /x/release-images/amd64/kube-proxy.tar
ExternalRef: PACKAGE-MANAGER purl pkg:oci/kube-proxy@sha256:ef?tag=v1.30.0
";

    fn read(text: &str, keep: Keep, piece: usize) -> Result<SpdxDocument, SpdxFault> {
        let mut reader = TagValueReader::new(keep);
        text.as_bytes().chunks(piece).for_each(|bytes| reader.push(bytes));
        reader.finish()
    }

    #[test]
    fn as_bom_writes_it() {
        let document = read(DOCUMENT, Keep::Everything, 7).unwrap();
        assert_eq!(document.name, "Kubernetes Release v1.30.0");
        assert_eq!(document.external, ["https://sbom.k8s.io/v1.30.0/source"]);
        assert_eq!(document.files.len(), 1);
        assert_eq!(document.files[0].name, "bin/linux/amd64/kubectl");
        let sums = [("SHA1".to_owned(), "01".to_owned()), ("SHA256".to_owned(), "ab".to_owned())];
        assert_eq!(document.files[0].checksums, sums);
        let package = &document.packages[0];
        assert_eq!(package.id, "SPDXRef-Package-registry.k8s.io-kube-proxy-amd64-v1.30.0");
        assert_eq!(package.checksums, [("SHA256".to_owned(), "cd".to_owned())]);
        assert_eq!(package.purls, ["pkg:oci/kube-proxy@sha256:ef?tag=v1.30.0"]);
        for piece in [1, 2, 64, 100_000] {
            assert_eq!(read(DOCUMENT, Keep::Everything, piece).unwrap(), document);
            assert_eq!(read(&DOCUMENT.replace('\n', "\r\n"), Keep::Everything, piece).unwrap(), document);
        }
        let head = read(DOCUMENT, Keep::Head, 64).unwrap();
        assert_eq!((head.namespace, head.files.len()), (document.namespace, 0));
    }

    proptest::proptest! {
        /// Documents are strangers' until they are verified: any bytes, in any pieces, mean the same and do no harm.
        #[test]
        fn any_bytes_in_any_pieces(lines in proptest::collection::vec("(FileName|SPDXID|PackageName|FileChecksum|ExternalRef|<text>|</text>|#)?:?[ -~]{0,20}", 0..40), piece in 1_usize..50) {
            let text = format!("SPDXVersion: SPDX-2.3\n{}", lines.join("\n"));
            proptest::prop_assert_eq!(read(&text, Keep::Everything, piece), read(&text, Keep::Everything, 100_000));
        }
    }

    #[test]
    fn what_is_no_document() {
        for text in ["", "{\"spdxVersion\": \"SPDX-2.3\"}", "SPDXVersion: SPDX-3.0\n", "<html>\n<a>\n"] {
            assert!(matches!(read(text, Keep::Everything, 64), Err(SpdxFault::NotSpdx2 { .. })), "{text:?}");
        }
        let open = format!("{DOCUMENT}PackageComment: <text>never closed\n");
        assert_eq!(read(&open, Keep::Everything, 64), Err(SpdxFault::OpenText));
    }

    #[test]
    fn odd_order_and_endless_documents() {
        let early = "SPDXVersion: SPDX-2.3\nFileChecksum: SHA256: aa\nFileName: a\n";
        assert!(matches!(read(early, Keep::Everything, 64), Err(SpdxFault::Homeless { line: 2, .. })));
        let long = format!("SPDXVersion: SPDX-2.3\nFileName: {}\n", "a".repeat(VALUE + 1));
        assert!(matches!(read(&long, Keep::Everything, 64), Err(SpdxFault::TooLong { line: 2, .. })));
        let endless = format!("SPDXVersion: SPDX-2.3\nFileName: {}", "a".repeat(10 * LINE));
        assert!(matches!(read(&endless, Keep::Everything, 64), Err(SpdxFault::TooLong { line: 2, .. })));
        let comment = format!("SPDXVersion: SPDX-2.3\nLicenseComments: {}\n", "a".repeat(10 * LINE));
        assert!(read(&comment, Keep::Everything, 64).is_ok());
        let many = format!("SPDXVersion: SPDX-2.3\n{}", "FileName: a\n".repeat(ELEMENTS + 1));
        assert!(matches!(read(&many, Keep::Everything, 4096), Err(SpdxFault::TooMany { what: "files", .. })));
    }
}
