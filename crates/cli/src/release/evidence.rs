//! What speaks for a file of a release: `.sig` and `.cert` or a bundle, and the sums.

use sigward_verify::{
    ChainPolicy, Digest, Error, HashAlgorithm, Input, SignedEntity, SignerMaterial, bundle, limits,
    parse_certificate_file, parse_signature, unhex,
};

use super::fault::Fault;
use super::folder::Folder;
use super::layout::ArtifactPath;
use super::markers::Version;
use super::server::Server;
use crate::failure::Failure;

/// Largest file with a sum, in bytes. SHA-512 has 128 digits; some mirrors add the file's name.
const SUM_BYTES: usize = 1024;
/// Endings in the order of their preference where both lie beside a file: a bundle has its log entry with it.
pub const BUNDLE: &str = ".sigstore.json";

/// What speaks for one file.
#[derive(Debug)]
pub struct Evidence {
    /// The signature and who made it.
    pub entity: SignedEntity,
    /// Sums that its publisher put beside it: the file's name and the digest. They are not signed.
    pub sums: Vec<(String, Digest)>,
    /// The files as they came, with their endings.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

/// The files beside one, as they came.
struct Beside {
    signature: Option<Vec<u8>>,
    certificate: Option<Vec<u8>>,
    bundle: Option<Vec<u8>>,
    sums: [Option<Vec<u8>>; 2],
}

const SUMS: [(&str, HashAlgorithm); 2] = [(".sha256", HashAlgorithm::Sha256), (".sha512", HashAlgorithm::Sha512)];

impl Evidence {
    /// Asks a server for it.
    ///
    /// # Errors
    /// [`Fault::Missing`] or [`Fault::NoSignature`] if there is none, others if it cannot be used.
    pub fn from_server(server: &Server<'_>, path: &ArtifactPath, version: &Version) -> Result<Self, Fault> {
        let file = path.in_release(version);
        let [signature, certificate, sha256, sha512] = server.smalls([
            (format!("{file}.sig"), limits::SIGNATURE_BYTES),
            (format!("{file}.cert"), limits::PEM_BYTES),
            (format!("{file}.sha256"), SUM_BYTES),
            (format!("{file}.sha512"), SUM_BYTES),
        ])?;
        let bundle = match (&signature, &certificate) {
            (Some(_), Some(_)) => None,
            _ => server.small(&format!("{file}{BUNDLE}"), limits::BUNDLE_BYTES)?,
        };
        let beside = Beside { signature, certificate, bundle, sums: [sha256, sha512] };
        match beside.read(path) {
            Err(Fault::NoSignature { .. }) if !server.has(&file)? => Err(Fault::Missing { url: server.url(&file) }),
            read => read,
        }
    }

    /// Reads it from the folder of the file.
    ///
    /// # Errors
    /// [`Fault::NoSignature`] if there is none, others if it cannot be used.
    pub fn from_folder(folder: &Folder, path: &ArtifactPath) -> Result<Self, Fault> {
        let read = |ending: &str, limit| folder.read(&format!("{}{ending}", path.name()), limit);
        let beside = Beside {
            bundle: read(BUNDLE, limits::BUNDLE_BYTES)?,
            signature: read(".sig", limits::SIGNATURE_BYTES)?,
            certificate: read(".cert", limits::PEM_BYTES)?,
            sums: [read(".sha256", SUM_BYTES)?, read(".sha512", SUM_BYTES)?],
        };
        beside.read(path)
    }

    /// Whether it has its log entry with it, so that it holds without a network.
    pub fn is_bundle(&self) -> bool {
        self.files.iter().any(|(ending, _)| *ending == BUNDLE)
    }

    /// Compares the sums with what was read.
    ///
    /// # Errors
    /// [`Fault::Checksum`].
    pub fn check_sums(&self, digests: &[Digest]) -> Result<(), Fault> {
        for (sum, expected) in &self.sums {
            let found = digests.iter().find(|found| found.algorithm() == expected.algorithm());
            if found != Some(expected) {
                let found = found.map_or("no digest".to_owned(), ToString::to_string);
                return Err(Fault::Checksum { sum: sum.clone(), expected: expected.to_string(), found });
            }
        }
        Ok(())
    }
}

impl Beside {
    fn read(self, path: &ArtifactPath) -> Result<Evidence, Fault> {
        let name = path.name();
        let mut files = Vec::new();
        let mut sums = Vec::new();
        for ((ending, algorithm), bytes) in SUMS.into_iter().zip(self.sums) {
            if let Some(bytes) = bytes {
                sums.push((format!("{name}{ending}"), sum(&bytes, algorithm, &format!("{name}{ending}"))?));
                files.push((ending, bytes));
            }
        }
        let entity = match (self.bundle, self.signature, self.certificate) {
            (Some(json), ..) => {
                let entity = bundle::parse(&json, ChainPolicy::Reject).map_err(|e| unusable(name, BUNDLE, e))?;
                files.push((BUNDLE, json));
                entity
            }
            (None, Some(signature), Some(certificate)) => {
                if signature.trim_ascii().is_empty() {
                    let error = Error::Base64 { input: Input::Signature, field: "content" };
                    return Err(unusable(name, ".sig", error));
                }
                let leaf = parse_certificate_file(&certificate).map_err(|e| unusable(name, ".cert", e))?;
                let signer = SignerMaterial::Certificate { leaf: Box::new(leaf), chain: Vec::new() };
                let entity = SignedEntity::detached(parse_signature(&signature), signer);
                files.extend([(".sig", signature), (".cert", certificate)]);
                entity
            }
            (None, signature, certificate) => {
                let missing = [(".sig", signature.is_none()), (".cert", certificate.is_none()), (BUNDLE, true)];
                let tried = missing.iter().filter(|(_, missing)| *missing).map(|(e, _)| format!("{name}{e}"));
                return Err(Fault::NoSignature { tried: tried.collect::<Vec<_>>().join(", ") });
            }
        };
        Ok(Evidence { entity, sums, files })
    }
}

fn unusable(name: &str, ending: &str, error: Error) -> Fault {
    Failure::Evidence { what: format!("{name}{ending}: "), error }.into()
}

/// Hexadecimal digits, alone as Kubernetes has them or before a file's name.
fn sum(bytes: &[u8], algorithm: HashAlgorithm, name: &str) -> Result<Digest, Fault> {
    let text = String::from_utf8_lossy(bytes);
    let word = text.split_ascii_whitespace().next().unwrap_or_default();
    unhex(word).and_then(|digest| Digest::new(algorithm, &digest)).ok_or_else(|| Fault::Checksum {
        sum: name.to_owned(),
        expected: format!("{:?}", text.chars().take(32).collect::<String>()),
        found: format!("no {} digest", algorithm.name()),
    })
}
