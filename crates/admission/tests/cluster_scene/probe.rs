//! HTTPS as the kubelet speaks it: whatever the certificate is.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, Stream};

#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The status of an answer.
pub fn get(mut stream: TcpStream, path: &str) -> Result<u16, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(|error| text(&error))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from("webhook.cosign-system.svc").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(|error| text(&error))?;
    let mut tls = Stream::new(&mut connection, &mut stream);
    write!(tls, "GET {path} HTTP/1.1\r\nHost: webhook\r\nConnection: close\r\n\r\n").map_err(|error| text(&error))?;
    let mut head = [0; 12];
    tls.read_exact(&mut head).map_err(|error| text(&error))?;
    std::str::from_utf8(&head[9..]).ok().and_then(|code| code.parse().ok()).ok_or_else(|| "no status".to_owned())
}
