//! Certificates of the controller's own: an authority that signs one serving certificate and is forgotten. Its key is
//! never stored; what is stored cannot sign anything else.

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::error::ClusterError;

/// Clocks differ; the API server's may be a little behind.
const BACKDATED: Duration = Duration::from_secs(60 * 60);

/// A serving certificate and the authority to trust, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServingPair {
    /// The private key.
    pub key: String,
    /// The certificate.
    pub certificate: String,
    /// The authority's certificate; after a renewal, its predecessors' too.
    pub authorities: String,
}

/// Makes an authority and a certificate for these host names, valid from now on.
///
/// # Errors
/// [`ClusterError::Certificate`] if a name is no host name, or there is no randomness.
pub fn make(host_names: &[String], now: Timestamp, lifetime: Duration) -> Result<ServingPair, ClusterError> {
    let bad = |error: rcgen::Error| ClusterError::Certificate(error.to_string());
    let authority_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(bad)?;
    let mut authority = parameters(&[], "sigward-admission authority", now, lifetime)?;
    // It signs no other authorities.
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let authority_certificate = authority.self_signed(&authority_key).map_err(bad)?;

    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(bad)?;
    let mut server = parameters(host_names, "sigward-admission", now, lifetime)?;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let certificate = server.signed_by(&key, &Issuer::new(authority, authority_key)).map_err(bad)?;
    Ok(ServingPair {
        key: key.serialize_pem(),
        certificate: certificate.pem(),
        authorities: authority_certificate.pem(),
    })
}

fn parameters(
    host_names: &[String],
    name: &str,
    now: Timestamp,
    lifetime: Duration,
) -> Result<CertificateParams, ClusterError> {
    let bad = |error: &dyn std::fmt::Display| ClusterError::Certificate(error.to_string());
    let mut parameters = CertificateParams::new(host_names).map_err(|error| bad(&error))?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    let since_epoch = u64::try_from(now.as_second()).map_err(|error| bad(&error))?;
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    parameters.not_before = epoch + Duration::from_secs(since_epoch.saturating_sub(BACKDATED.as_secs()));
    parameters.not_after = epoch + Duration::from_secs(since_epoch.saturating_add(lifetime.as_secs()));
    Ok(parameters)
}

impl ServingPair {
    /// Whether it still serves these host names at a time: the chain holds, the names are in it, the key is its key.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, host_names: &[String], at: Timestamp) -> Result<(), String> {
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes());
        let certificate = certificate.map_err(|error| format!("the certificate: {error}"))?;
        let authorities: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.authorities.as_bytes()).collect();
        let authorities = authorities.map_err(|error| format!("the authority: {error}"))?;
        let anchors: Result<Vec<_>, _> = authorities.iter().map(anchor_from_trusted_cert).collect();
        let anchors = anchors.map_err(|error| format!("the authority: {error}"))?;
        let entity = EndEntityCert::try_from(&certificate).map_err(|error| format!("the certificate: {error}"))?;
        let since_epoch = u64::try_from(at.as_second()).map_err(|_| "a time before 1970".to_owned())?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(since_epoch));
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        let path = entity.verify_for_usage(algorithms, &anchors, &[], time, KeyUsage::server_auth(), None, None);
        path.map_err(|error| format!("the certificate: {error}"))?;
        for host_name in host_names {
            let name = ServerName::try_from(host_name.as_str()).map_err(|error| format!("{host_name}: {error}"))?;
            entity.verify_is_valid_for_subject_name(&name).map_err(|error| format!("{host_name}: {error}"))?;
        }
        let pair = crate::server::tls::certified_key(self.certificate.as_bytes(), self.key.as_bytes());
        pair.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Adds the authorities of a predecessor that are good at a time, so that replicas that still show its certificate
    /// are trusted too.
    pub fn trust_also(&mut self, predecessor: &Self, host_names: &[String], at: Timestamp) {
        // Only the newest of its authorities has signed what it shows; older ones would pile up.
        let newest = first_certificate(&predecessor.authorities);
        let alone = Self { authorities: newest.clone(), ..predecessor.clone() };
        if alone.check(host_names, at).is_ok() && !self.authorities.contains(&newest) {
            self.authorities.push_str(&newest);
        }
    }
}

fn first_certificate(pem: &str) -> String {
    const END: &str = "-----END CERTIFICATE-----";
    pem.find(END).and_then(|at| pem.get(..at + END.len())).map(|text| format!("{text}\n")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn names() -> Vec<String> {
        vec!["webhook".to_owned(), "webhook.ns.svc".to_owned()]
    }

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    #[test]
    fn a_fresh_certificate_is_good_for_its_names_and_its_time() {
        let made = make(&names(), now(), DAY).unwrap();
        assert_eq!(made.check(&names(), now()), Ok(()));
        assert_eq!(made.check(&names(), now() - Duration::from_secs(60)), Ok(()));
        let late = made.check(&names(), now() + 2 * DAY).unwrap_err();
        assert!(late.contains("CertExpired"), "{late}");
        let early = made.check(&names(), now() - 2 * DAY).unwrap_err();
        assert!(early.contains("CertNotValidYet"), "{early}");
        let other = made.check(&["webhook.other.svc".to_owned()], now()).unwrap_err();
        assert!(other.contains("webhook.other.svc"), "{other}");
    }

    #[test]
    fn parts_of_different_certificates_do_not_fit() {
        let (one, two) = (make(&names(), now(), DAY).unwrap(), make(&names(), now(), DAY).unwrap());
        let mixed_key = ServingPair { key: two.key.clone(), ..one.clone() };
        assert!(mixed_key.check(&names(), now()).is_err());
        let mixed_authority = ServingPair { authorities: two.authorities.clone(), ..one.clone() };
        assert!(mixed_authority.check(&names(), now()).is_err());
        for broken in [
            ServingPair { key: String::new(), ..one.clone() },
            ServingPair { certificate: String::new(), ..one.clone() },
            ServingPair { authorities: String::new(), ..one.clone() },
        ] {
            assert!(broken.check(&names(), now()).is_err());
        }
    }

    #[test]
    fn a_successor_trusts_its_predecessor_and_not_its_forefathers() {
        let first = make(&names(), now(), DAY).unwrap();
        let mut second = make(&names(), now(), DAY).unwrap();
        second.trust_also(&first, &names(), now());
        assert_eq!(second.authorities.matches("BEGIN").count(), 2);
        assert_eq!(second.check(&names(), now()), Ok(()));
        let still_shown = ServingPair { authorities: second.authorities.clone(), ..first.clone() };
        assert_eq!(still_shown.check(&names(), now()), Ok(()));

        let mut third = make(&names(), now(), DAY).unwrap();
        third.trust_also(&second, &names(), now());
        assert_eq!(third.authorities.matches("BEGIN").count(), 2);
        let forgotten = ServingPair { authorities: third.authorities.clone(), ..first };
        assert!(forgotten.check(&names(), now()).is_err());
    }

    #[test]
    fn an_expired_or_broken_predecessor_is_not_trusted() {
        let old = make(&names(), now() - 10 * DAY, DAY).unwrap();
        let mut new = make(&names(), now(), DAY).unwrap();
        new.trust_also(&old, &names(), now());
        new.trust_also(&ServingPair { certificate: "x".into(), ..old }, &names(), now());
        assert_eq!(new.authorities.matches("BEGIN").count(), 1);
    }
}
