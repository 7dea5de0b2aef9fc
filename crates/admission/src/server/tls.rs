//! Certificates that change while serving.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{flag} {file}: {reason}")]
    File {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        file: String,
        /// What the system said, or what is wrong with it.
        reason: String,
    },
    /// The certificate and the key do not belong together, or are of no kind that is known.
    #[error("certificate and key: {0}")]
    Pair(rustls::Error),
    /// The settings as a whole.
    #[error("TLS settings: {0}")]
    Settings(rustls::Error),
}

/// The lowest version of TLS (`WEBHOOK_TLS_MIN_VERSION`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2.
    V12,
    /// 1.3.
    #[default]
    V13,
}

/// The certificate that is shown at present; clones share it. Empty, handshakes fail.
#[derive(Debug, Clone, Default)]
pub struct CertificateSlot {
    certificate: Arc<ArcSwapOption<CertifiedKey>>,
}

impl CertificateSlot {
    /// From now on this one is shown.
    pub fn set(&self, certificate: Arc<CertifiedKey>) {
        self.certificate.store(Some(certificate));
    }

    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        self.certificate.load().is_some()
    }

    /// Settings of a server that shows what is here.
    ///
    /// # Errors
    /// [`TlsError::Settings`].
    pub fn server_config(&self, lowest: TlsVersion) -> Result<ServerConfig, TlsError> {
        let versions: &[_] = match lowest {
            TlsVersion::V12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
            TlsVersion::V13 => &[&rustls::version::TLS13],
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(versions).map_err(TlsError::Settings)?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl ResolvesServerCert for CertificateSlot {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certificate.load_full()
    }
}

/// A certificate with its chain, and its key, both PEM.
///
/// # Errors
/// [`TlsError::Pair`] if they do not belong together; [`TlsError::File`] names `certificate` or `key` if one is none.
pub fn certified_key(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, TlsError> {
    let bad = |flag, reason: String| TlsError::File { flag, file: String::new(), reason };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let chain = chain.map_err(|error| bad("certificate", error.to_string()))?;
    if chain.is_empty() {
        return Err(bad("certificate", "expected certificates in PEM form, found none".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| bad("key", error.to_string()))?;
    CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider()).map_err(TlsError::Pair)
}

/// `--tls-cert` and `--tls-key`, read again when they change.
#[derive(Debug)]
pub struct CertificateFiles {
    certificate: PathBuf,
    key: PathBuf,
    seen: Option<(Vec<u8>, Vec<u8>)>,
}

impl CertificateFiles {
    /// Nothing is read yet.
    pub fn new(certificate: PathBuf, key: PathBuf) -> Self {
        Self { certificate, key, seen: None }
    }

    /// Reads the files, and fills the slot if they are new. While they do not belong together (one is written before the
    /// other) what was there before stays.
    ///
    /// # Errors
    /// [`TlsError`] if they are of no use.
    pub fn refresh(&mut self, slot: &CertificateSlot) -> Result<(), TlsError> {
        let found = (read("--tls-cert", &self.certificate)?, read("--tls-key", &self.key)?);
        if self.seen.as_ref() == Some(&found) {
            return Ok(());
        }
        let certificate = certified_key(&found.0, &found.1).map_err(|error| match error {
            TlsError::File { flag: "key", reason, .. } => {
                TlsError::File { flag: "--tls-key", file: self.key.display().to_string(), reason }
            }
            TlsError::File { reason, .. } => {
                TlsError::File { flag: "--tls-cert", file: self.certificate.display().to_string(), reason }
            }
            other => other,
        })?;
        slot.set(Arc::new(certificate));
        self.seen = Some(found);
        Ok(())
    }
}

fn read(flag: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    let bad =
        |error: std::io::Error| TlsError::File { flag, file: path.display().to_string(), reason: error.to_string() };
    std::fs::read(path).map_err(bad)
}
