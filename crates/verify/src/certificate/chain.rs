//! Chains to a trusted authority. rustls-webpki builds and checks the path; what it leaves to its caller is here: the
//! leaf's own usage, the anchor's window, key usage and path length, and every window at every proven time.

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::{CODE_SIGNING, Certificate, EXTENDED_KEY_USAGE, TIME_STAMPING};
use crate::asn1::Malformed;
use crate::error::{ChainFault, Error};
use crate::material::CertificateAuthority;

/// What a leaf must be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Sign code: Fulcio's leaves.
    CodeSigning,
    /// Sign time: RFC 3161 §2.3 wants this usage alone, and critical.
    TimeStamping,
}

impl Purpose {
    fn oid(self) -> &'static [u8] {
        match self {
            Self::CodeSigning => CODE_SIGNING.as_bytes(),
            Self::TimeStamping => TIME_STAMPING.as_bytes(),
        }
    }
}

/// A checked path: the leaf's issuer is known by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrustedPath {
    /// SubjectPublicKeyInfo of the certificate that issued the leaf.
    pub(crate) issuer_spki: Vec<u8>,
    /// URI of the authority, for reports.
    pub(crate) authority: String,
}

/// The signature algorithms that issuers may use: those of sigstore and of Go.
const SIGNATURES: &[&dyn SignatureVerificationAlgorithm] = &[
    webpki::aws_lc_rs::ECDSA_P256_SHA256,
    webpki::aws_lc_rs::ECDSA_P256_SHA384,
    webpki::aws_lc_rs::ECDSA_P256_SHA512,
    webpki::aws_lc_rs::ECDSA_P384_SHA256,
    webpki::aws_lc_rs::ECDSA_P384_SHA384,
    webpki::aws_lc_rs::ECDSA_P384_SHA512,
    webpki::aws_lc_rs::ECDSA_P521_SHA256,
    webpki::aws_lc_rs::ECDSA_P521_SHA384,
    webpki::aws_lc_rs::ECDSA_P521_SHA512,
    webpki::aws_lc_rs::ED25519,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA384,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA512,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// Checks that `leaf` chains to one of `authorities`, and that at each of `times` the authority's window and the
/// window of every certificate of the path is open. The first authority that serves wins; if none does, the error that
/// got furthest is told.
///
/// `times` must not be empty: a path that was valid at no time proves nothing.
pub(crate) fn check(
    leaf: &Certificate,
    extra: &[Certificate],
    authorities: &[CertificateAuthority],
    times: &[Timestamp],
    purpose: Purpose,
) -> Result<TrustedPath, Error> {
    check_leaf(leaf, purpose)?;
    let mut best = ChainFault::UnknownIssuer;
    for authority in authorities {
        match check_authority(leaf, extra, authority, times, purpose) {
            Ok(path) => return Ok(path),
            Err(fault) if fault.rank() > best.rank() => best = fault,
            Err(_) => {}
        }
    }
    Err(Error::Chain(best))
}

/// The leaf's own usage, which webpki would take as optional.
fn check_leaf(leaf: &Certificate, purpose: Purpose) -> Result<(), Error> {
    let malformed = |Malformed| Error::Certificate { reason: "malformed extended key usage".into() };
    let usages = leaf.extended_key_usage().map_err(malformed)?.unwrap_or_default();
    let allowed = match purpose {
        Purpose::CodeSigning => usages.contains(&CODE_SIGNING),
        Purpose::TimeStamping => usages == [TIME_STAMPING] && leaf.is_critical(EXTENDED_KEY_USAGE),
    };
    if allowed {
        return Ok(());
    }
    Err(Error::ExtendedKeyUsage {
        expected: match purpose {
            Purpose::CodeSigning => "code signing",
            Purpose::TimeStamping => "time stamping alone, marked critical",
        },
        found: usages.iter().map(ToString::to_string).collect(),
    })
}

fn check_authority(
    leaf: &Certificate,
    extra: &[Certificate],
    authority: &CertificateAuthority,
    times: &[Timestamp],
    purpose: Purpose,
) -> Result<TrustedPath, ChainFault> {
    let Some((anchor, own)) = authority.chain.split_last() else { return Err(ChainFault::UnknownIssuer) };
    let Some(first) = times.first() else { return Err(ChainFault::NoTime) };
    let anchor_der = CertificateDer::from(anchor.der());
    let trust_anchor = webpki::anchor_from_trusted_cert(&anchor_der).map_err(ChainFault::from_webpki)?;
    let intermediates: Vec<_> =
        own.iter().chain(extra).filter(|c| *c != leaf).map(|c| CertificateDer::from(c.der())).collect();
    let leaf_der = CertificateDer::from(leaf.der());
    let end_entity = EndEntityCert::try_from(&leaf_der).map_err(ChainFault::from_webpki)?;
    check_window("leaf certificate", leaf, *first)?;
    let used = build(&end_entity, &trust_anchor, &intermediates, *first, purpose)?;
    let path: Vec<&Certificate> =
        used.iter().filter_map(|der| own.iter().chain(extra).find(|c| c.der() == der.as_slice())).collect();
    check_anchor(anchor, path.len())?;
    for issuer in &path {
        check_issuer(issuer)?;
    }
    for time in times {
        if !authority.valid_for.contains(*time) {
            return Err(ChainFault::OutsideAuthorityValidity {
                authority: authority.name(),
                time: *time,
                window: authority.valid_for,
            });
        }
        check_window("leaf certificate", leaf, *time)?;
        for issuer in path.iter().copied().chain([anchor]) {
            check_window("issuing CA certificate", issuer, *time)?;
        }
    }
    let issuer_spki = path.first().copied().unwrap_or(anchor).spki().to_vec();
    Ok(TrustedPath { issuer_spki, authority: authority.name() })
}

/// One path, one pass over its signatures. Returns the intermediates used, leaf-most first.
fn build(
    leaf: &EndEntityCert<'_>,
    anchor: &TrustAnchor<'_>,
    intermediates: &[CertificateDer<'_>],
    time: Timestamp,
    purpose: Purpose,
) -> Result<Vec<Vec<u8>>, ChainFault> {
    let seconds = u64::try_from(time.as_second()).map_err(|_| ChainFault::NoTime)?;
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let usage = KeyUsage::required_if_present(purpose.oid());
    let path = leaf
        .verify_for_usage(SIGNATURES, std::slice::from_ref(anchor), intermediates, time, usage, None, None)
        .map_err(ChainFault::from_webpki)?;
    Ok(path.intermediate_certificates().map(|c| c.der().to_vec()).collect())
}

/// What Go's `CheckSignatureFrom` asks of every issuer, the anchor included; webpki takes an anchor as it is.
fn check_issuer(issuer: &Certificate) -> Result<(), ChainFault> {
    let malformed = |Malformed| ChainFault::Rejected { reason: "malformed CA certificate".into() };
    if issuer.is_version3() && !issuer.basic_constraints().map_err(malformed)?.is_some_and(|(ca, _)| ca) {
        return Err(ChainFault::IssuerNotCa);
    }
    if !issuer.may_sign_certificates().map_err(malformed)? {
        return Err(ChainFault::IssuerMayNotSign);
    }
    Ok(())
}

fn check_anchor(anchor: &Certificate, intermediates: usize) -> Result<(), ChainFault> {
    check_issuer(anchor)?;
    let constraints = anchor.basic_constraints().ok().flatten();
    if let Some((_, Some(limit))) = constraints
        && intermediates > limit
    {
        return Err(ChainFault::PathTooLong { limit, found: intermediates });
    }
    Ok(())
}

fn check_window(what: &'static str, certificate: &Certificate, time: Timestamp) -> Result<(), ChainFault> {
    let window = certificate.validity();
    if window.contains(time) { Ok(()) } else { Err(ChainFault::OutsideValidity { what, time, window }) }
}
