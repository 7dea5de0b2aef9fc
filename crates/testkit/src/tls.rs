//! A certificate for `localhost`.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::ca::{Authority, CaSpec};
use crate::text::chain_pem;
use crate::x509::{Cert, Ext, San, eku, key_usage};
use crate::{Key, KeyKind};

/// A certificate for `localhost`, and who vouches for it.
#[derive(Debug)]
pub struct Localhost {
    /// The authority, DER.
    pub root: Vec<u8>,
    /// The certificate, PEM.
    pub chain: String,
    /// Its key, PEM.
    pub key: String,
}

impl Localhost {
    /// Good from an hour ago to an hour from now: clients look at the clock.
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
        let now = i64::try_from(now).expect("a time");
        let validity = (now - 3600, now + 3600);
        let root = Authority::new(&CaSpec { validity, key: KeyKind::P256, ..CaSpec::root() }, None);
        let key = Key::new(KeyKind::P256);
        let mut leaf = Cert::new(&root.subject, &root.subject, validity, &key);
        leaf.extensions = vec![
            Ext::key_usage(key_usage::DIGITAL_SIGNATURE),
            Ext::extended_key_usage(false, &[eku::SERVER_AUTH.to_owned()]),
            Ext::subject_alt_name(false, &[San::dns("localhost")]),
        ];
        Self { chain: chain_pem([&leaf.sign(&root.key)]), key: key.private_pem(), root: root.der }
    }

    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.chain.as_bytes()).collect();
        let private = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain.expect("certificates"), private));
        Arc::new(config.expect("a certificate and its key"))
    }
}

impl Default for Localhost {
    fn default() -> Self {
        Self::new()
    }
}
