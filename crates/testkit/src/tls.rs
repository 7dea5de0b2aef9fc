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

/// How a server shows who it is.
pub(crate) struct Identity {
    pub(crate) config: Arc<ServerConfig>,
    /// Who vouches for it, PEM.
    pub(crate) authority: String,
}

/// A server of this machine, from an hour ago to an hour from now: clients look at the clock.
pub(crate) fn for_localhost() -> Identity {
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
    let certificate = CertificateDer::from(leaf.sign(&root.key));
    let private = PrivateKeyDer::from_pem_slice(key.private_pem().as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], private))
        .expect("a certificate and its key");
    Identity { config: Arc::new(config), authority: chain_pem([&root.der]) }
}
