//! Settings for registries of images. They hold for nothing else.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;

use crate::http::{TlsRoots, TlsSettings, provider};
use crate::{Error, Keychain};

/// How registries are reached, and with which credentials.
#[derive(Debug, Clone, Default)]
pub struct RegistryOptions {
    /// Where credentials come from.
    pub keychain: Keychain,
    /// What protects the connection.
    pub transport: RegistryTransport,
    /// Certificates.
    pub tls: RegistryTls,
    /// Hosts (or `HOST:PORT`) of token servers that may see a password though their name is no relative of the
    /// registry's.
    pub trusted_realms: Vec<String>,
    /// What a registry's wish to be left alone means for later requests.
    pub rest: RestRule,
}

/// What a registry's wish to be left alone (429 or 503 with `Retry-After`) means for later requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RestRule {
    /// Nothing: each request finds out for itself. For programs that ask once.
    #[default]
    EachAsks,
    /// Nobody asks until then. For programs that go on asking.
    AllWait,
}

/// What protects the connection to a registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RegistryTransport {
    /// https with a certificate that is checked; http only for this machine and private networks, by the registry's
    /// name.
    #[default]
    Verified,
    /// `--allow-http-registry`: http where a registry does not speak TLS.
    HttpAllowed,
    /// `--allow-insecure-registry`: http, and https with any certificate.
    InsecureUnsafe,
}

/// Certificates for registries.
#[derive(Clone, Default)]
pub struct RegistryTls {
    roots: Option<Vec<CertificateDer<'static>>>,
    client: Option<Arc<CertifiedKey>>,
    server_name: Option<ServerName<'static>>,
    per_host: Arc<BTreeMap<String, Vec<CertificateDer<'static>>>>,
}

impl RegistryTls {
    /// `--registry-cacert`: the authorities that registries are checked against, in place of the system's (as in
    /// cosign, `getTLSConfig`).
    ///
    /// # Errors
    /// [`Error::BadFlag`] without any readable certificate.
    pub fn with_authorities(mut self, pem: &[u8]) -> Result<Self, Error> {
        self.roots = Some(certificates("--registry-cacert", pem)?);
        Ok(self)
    }

    /// `--registry-ca HOST=FILE`: the authorities of one registry (`HOST` or `HOST:PORT`) and of what else is served there,
    /// in place of all others. For other hosts they mean nothing.
    ///
    /// # Errors
    /// [`Error::BadFlag`] without any readable certificate.
    pub fn with_authorities_of(mut self, host: &str, pem: &[u8]) -> Result<Self, Error> {
        let found = certificates("--registry-ca", pem)?;
        Arc::make_mut(&mut self.per_host).insert(host.to_ascii_lowercase(), found);
        Ok(self)
    }

    /// `--registry-client-cert` and `--registry-client-key`: what we show to registries that want a certificate. Token
    /// servers and redirect targets on other hosts do not see it.
    ///
    /// # Errors
    /// [`Error::BadFlag`] for whichever cannot be read, or if they do not belong together.
    pub fn with_client(mut self, certificate_pem: &[u8], key_pem: &[u8]) -> Result<Self, Error> {
        let chain = certificates("--registry-client-cert", certificate_pem)?;
        let bad_key = |reason: String| Error::BadFlag { flag: "--registry-client-key", reason };
        let key = PrivateKeyDer::from_pem_slice(key_pem)
            .map_err(|_| bad_key("expected a private key in PEM form".to_owned()))?;
        let client = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| bad_key(error.to_string()))?;
        self.client = Some(Arc::new(client));
        Ok(self)
    }

    /// `--registry-server-name`: the name that a registry's certificate must have.
    ///
    /// # Errors
    /// [`Error::BadFlag`] if it is no name.
    pub fn with_server_name(mut self, name: &str) -> Result<Self, Error> {
        let bad = |_| Error::BadFlag {
            flag: "--registry-server-name",
            reason: format!("expected a host name, found {name:?}"),
        };
        self.server_name = Some(ServerName::try_from(name.to_owned()).map_err(bad)?);
        Ok(self)
    }

    pub(crate) fn has_roots(&self) -> bool {
        self.roots.is_some() || !self.per_host.is_empty()
    }

    /// Whether the registry itself is reached in another way than the hosts around it.
    pub(crate) fn is_own(&self) -> bool {
        self.client.is_some() || self.server_name.is_some()
    }

    pub(crate) fn roots(&self, usual: &TlsRoots) -> TlsRoots {
        self.roots.clone().map_or_else(|| usual.clone(), TlsRoots::Only)
    }

    pub(crate) fn per_host(&self) -> Arc<BTreeMap<String, Vec<CertificateDer<'static>>>> {
        Arc::clone(&self.per_host)
    }

    pub(crate) fn near(&self, usual: TlsSettings) -> TlsSettings {
        TlsSettings { client: self.client.clone(), server_name: self.server_name.clone(), ..usual }
    }
}

impl fmt::Debug for RegistryTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryTls")
            .field("roots", &self.roots.as_ref().map(Vec::len))
            .field("client", &self.client.is_some())
            .field("server_name", &self.server_name)
            .field("per_host", &self.per_host.keys())
            .finish()
    }
}

fn certificates(flag: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bad = |reason: String| Error::BadFlag { flag, reason };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| bad(error.to_string()))?;
    let mut store = rustls::RootCertStore::empty();
    let (read, _) = store.add_parsable_certificates(found.iter().cloned());
    if read == 0 {
        return Err(bad("expected certificates in PEM form, found none".to_owned()));
    }
    Ok(found)
}
