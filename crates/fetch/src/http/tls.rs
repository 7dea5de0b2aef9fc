//! TLS: which servers are believed, and what we show them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::Uri;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::connect::ConnectError;

/// Which certificate authorities servers are checked against.
#[derive(Debug, Clone, Default)]
pub enum TlsRoots {
    /// Those of the system; `SSL_CERT_FILE` and `SSL_CERT_DIR` replace them.
    #[default]
    System,
    /// Only these, DER.
    Only(Vec<CertificateDer<'static>>),
}

/// Whether the certificate of a server is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Verification {
    #[default]
    Checked,
    /// Whoever answers is believed to be the server.
    SkippedUnsafe,
}

/// How a connection is protected.
#[derive(Clone, Default)]
pub(crate) struct TlsSettings {
    pub(crate) roots: TlsRoots,
    pub(crate) verification: Verification,
    /// Our certificate, for servers that want one.
    pub(crate) client: Option<Arc<CertifiedKey>>,
    /// The name that certificates must have, in place of the URL's host.
    pub(crate) server_name: Option<ServerName<'static>>,
    /// Authorities of single hosts (`HOST` or `HOST:PORT`), in place of the others.
    pub(crate) per_host: Arc<BTreeMap<String, Vec<CertificateDer<'static>>>>,
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("verification", &self.verification)
            .field("client", &self.client.is_some())
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl TlsSettings {
    /// Servers are checked, with these authorities.
    pub(crate) fn of(roots: TlsRoots) -> Self {
        Self { roots, ..Self::default() }
    }

    /// The name under which a host has authorities of its own.
    pub(crate) fn own_host(&self, dst: &Uri) -> Option<&str> {
        let authority = dst.authority()?.as_str().to_ascii_lowercase();
        let host = dst.host()?.to_ascii_lowercase();
        let found = self.per_host.get_key_value(&authority).or_else(|| self.per_host.get_key_value(&host));
        found.map(|(name, _)| name.as_str())
    }

    /// The same for a host that has authorities of its own.
    pub(crate) fn of_host(&self, name: &str) -> Self {
        let roots = self.per_host.get(name).cloned().unwrap_or_default();
        Self { roots: TlsRoots::Only(roots), ..self.clone() }
    }

    /// The configuration of the TLS library. Reads the system's store where that is asked for.
    pub(crate) fn config(&self) -> Result<ClientConfig, ConnectError> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| ConnectError::NoRoots { reason: error.to_string() })?;
        let builder = match self.verification {
            Verification::Checked => builder.with_root_certificates(self.store()?),
            Verification::SkippedUnsafe => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(BelieveAnyone(provider)))
            }
        };
        Ok(match &self.client {
            Some(client) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(client)))),
            None => builder.with_no_client_auth(),
        })
    }

    fn store(&self) -> Result<RootCertStore, ConnectError> {
        let mut store = RootCertStore::empty();
        let mut reason = "the system's store is empty".to_owned();
        match &self.roots {
            TlsRoots::Only(certificates) => {
                store.add_parsable_certificates(certificates.iter().cloned());
            }
            TlsRoots::System => {
                let found = rustls_native_certs::load_native_certs();
                store.add_parsable_certificates(found.certs);
                if let Some(error) = found.errors.first() {
                    reason = error.to_string();
                }
            }
        }
        if store.is_empty() { Err(ConnectError::NoRoots { reason }) } else { Ok(store) }
    }
}

/// The one cryptographic library.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Takes any certificate. The handshake must still be signed with its key, as Go's `InsecureSkipVerify` has it.
#[derive(Debug)]
struct BelieveAnyone(Arc<CryptoProvider>);

impl ServerCertVerifier for BelieveAnyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
