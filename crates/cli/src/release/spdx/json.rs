//! SPDX 2 in JSON (SPDX 2.3, `spdx-schema.json`): read as a whole, with limits on what is kept.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};

use super::{CHECKSUMS, ELEMENTS, JSON_BYTES, Keep, REFERENCES, SpdxDocument, SpdxFault, SpdxFile, SpdxPackage};

/// Takes the bytes of a document.
#[derive(Debug)]
pub(super) struct JsonReader {
    keep: Keep,
    bytes: Vec<u8>,
    too_large: bool,
}

impl JsonReader {
    /// A reader that keeps so much.
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, bytes: Vec::new(), too_large: false }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.too_large |= bytes.len() > JSON_BYTES.saturating_sub(self.bytes.len());
        if !self.too_large {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// The document.
    ///
    /// # Errors
    /// [`SpdxFault::TooLarge`], [`SpdxFault::Json`], [`SpdxFault::NotSpdx2`].
    pub(super) fn finish(self) -> Result<SpdxDocument, SpdxFault> {
        if self.too_large {
            return Err(SpdxFault::TooLarge);
        }
        let read: Document =
            serde_json::from_slice(&self.bytes).map_err(|error| SpdxFault::Json { reason: error.to_string() })?;
        let version = read.spdx_version.unwrap_or_default();
        if !version.starts_with("SPDX-2.") {
            return Err(SpdxFault::NotSpdx2 { found: format!("{version:?}") });
        }
        let mut document = SpdxDocument {
            name: read.name.unwrap_or_default(),
            namespace: read.document_namespace.unwrap_or_default(),
            external: read.external_document_refs.0.into_iter().filter_map(|other| other.spdx_document).collect(),
            ..SpdxDocument::default()
        };
        if self.keep == Keep::Everything {
            document.files = read.files.0.into_iter().map(SpdxFile::from).collect();
            document.packages = read.packages.0.into_iter().map(SpdxPackage::from).collect();
        }
        Ok(document)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    spdx_version: Option<String>,
    name: Option<String>,
    document_namespace: Option<String>,
    #[serde(default)]
    external_document_refs: Bounded<ExternalDocument, REFERENCES>,
    #[serde(default)]
    files: Bounded<File, ELEMENTS>,
    #[serde(default)]
    packages: Bounded<Package, ELEMENTS>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalDocument {
    spdx_document: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    file_name: Option<String>,
    #[serde(default)]
    checksums: Bounded<Checksum, CHECKSUMS>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    name: Option<String>,
    #[serde(rename = "SPDXID")]
    id: Option<String>,
    version_info: Option<String>,
    package_file_name: Option<String>,
    primary_package_purpose: Option<String>,
    #[serde(default)]
    checksums: Bounded<Checksum, CHECKSUMS>,
    #[serde(default)]
    external_refs: Bounded<ExternalReference, REFERENCES>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: Option<String>,
    checksum_value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalReference {
    reference_type: Option<String>,
    reference_locator: Option<String>,
}

impl From<File> for SpdxFile {
    fn from(file: File) -> Self {
        Self { name: file.file_name.unwrap_or_default(), checksums: pairs(file.checksums) }
    }
}

impl From<Package> for SpdxPackage {
    fn from(package: Package) -> Self {
        let purls = package.external_refs.0.into_iter();
        let purls = purls.filter(|other| other.reference_type.as_deref() == Some("purl"));
        Self {
            name: package.name.unwrap_or_default(),
            id: package.id.unwrap_or_default(),
            version: package.version_info.unwrap_or_default(),
            file_name: package.package_file_name.unwrap_or_default(),
            purpose: package.primary_package_purpose.unwrap_or_default(),
            checksums: pairs(package.checksums),
            purls: purls.filter_map(|other| other.reference_locator).collect(),
        }
    }
}

fn pairs(checksums: Bounded<Checksum, CHECKSUMS>) -> Vec<(String, String)> {
    let pair = |sum: Checksum| Some((sum.algorithm?, sum.checksum_value?.to_ascii_lowercase()));
    checksums.0.into_iter().filter_map(pair).collect()
}

/// A list that ends at a limit, before more is allocated. `null` is an empty one.
struct Bounded<T, const MOST: usize>(Vec<T>);

impl<T, const MOST: usize> Default for Bounded<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Bounded<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BoundedVisitor::<T, MOST>(PhantomData))
    }
}

struct BoundedVisitor<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for BoundedVisitor<T, MOST> {
    type Value = Bounded<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MOST}")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Bounded::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            if list.len() >= MOST {
                return Err(A::Error::custom(format!("a list has more than {MOST} elements")));
            }
            list.push(item);
        }
        Ok(Bounded(list))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    fn read(json: &str, keep: Keep) -> Result<SpdxDocument, SpdxFault> {
        let mut reader = JsonReader::new(keep);
        json.as_bytes().chunks(7).for_each(|bytes| reader.push(bytes));
        reader.finish()
    }

    const DOCUMENT: &str = r#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"Kubernetes Release v1.30.0",
        "documentNamespace":"https://sbom.k8s.io/v1.30.0/release","creationInfo":{"creators":["Tool: x"]},
        "externalDocumentRefs":[{"externalDocumentId":"DocumentRef-x","spdxDocument":"https://sbom.k8s.io/v1.30.0/source"}],
        "files":[{"fileName":"bin/linux/amd64/kubectl","SPDXID":"SPDXRef-1",
            "checksums":[{"algorithm":"SHA256","checksumValue":"AB"}],"comment":null},{"checksums":null}],
        "packages":[{"name":"kube-proxy","SPDXID":"SPDXRef-2","versionInfo":"v1.30.0","packageFileName":"NOASSERTION",
            "primaryPackagePurpose":"CONTAINER","externalRefs":[
                {"referenceCategory":"SECURITY","referenceType":"cpe23Type","referenceLocator":"cpe:2.3:x"},
                {"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:oci/kube-proxy"}]}]}"#;

    #[test]
    fn what_counts_is_read() {
        let document = read(DOCUMENT, Keep::Everything).unwrap();
        assert_eq!((document.name.as_str(), document.external.len()), ("Kubernetes Release v1.30.0", 1));
        assert_eq!(document.files[0].checksums, [("SHA256".to_owned(), "ab".to_owned())]);
        assert_eq!((document.files.len(), document.files[1].name.as_str()), (2, ""));
        let package = &document.packages[0];
        assert_eq!((package.version.as_str(), package.purpose.as_str()), ("v1.30.0", "CONTAINER"));
        assert_eq!(package.purls, ["pkg:oci/kube-proxy"]);
        let head = read(DOCUMENT, Keep::Head).unwrap();
        assert_eq!((head.namespace, head.files.len()), (document.namespace, 0));
    }

    #[test]
    fn what_is_no_document() {
        for bad in ["{", "{}{}", r#"{"files":{}}"#, r#"{"name":"a","name":"b"}"#, r#"{"name":1}"#] {
            assert!(matches!(read(bad, Keep::Everything), Err(SpdxFault::Json { .. })), "{bad}");
        }
        for other in ["{}", r#"{"spdxVersion":"SPDX-3.0"}"#, r#"{"bomFormat":"CycloneDX"}"#] {
            assert!(matches!(read(other, Keep::Everything), Err(SpdxFault::NotSpdx2 { .. })), "{other}");
        }
        let deep = format!(r#"{{"spdxVersion":"SPDX-2.3","x":{}"#, "[".repeat(100_000));
        assert!(matches!(read(&deep, Keep::Everything), Err(SpdxFault::Json { .. })));
    }

    #[test]
    fn limits() {
        let sums = r#"{"algorithm":"SHA256","checksumValue":"ab"},"#.repeat(CHECKSUMS + 1);
        let many =
            format!(r#"{{"spdxVersion":"SPDX-2.3","files":[{{"checksums":[{}]}}]}}"#, sums.trim_end_matches(','));
        assert!(
            matches!(read(&many, Keep::Everything), Err(SpdxFault::Json { reason }) if reason.contains("more than 16"))
        );
        let files = format!(r#"{{"files":[{}]}}"#, vec!["{}"; ELEMENTS + 1].join(","));
        assert!(matches!(read(&files, Keep::Everything), Err(SpdxFault::Json { .. })));
        let mut reader = JsonReader::new(Keep::Head);
        for _ in 0..17 {
            reader.push(&[b' '; 1024 * 1024]);
        }
        assert!(reader.bytes.len() <= JSON_BYTES);
        assert_eq!(reader.finish(), Err(SpdxFault::TooLarge));
    }
}
