//! Certificates, their transparency, and timestamps.

use super::*;

/// Verifies with another authority.
fn with_ca(ca: Ca) -> Result<Verified, Error> {
    let sigstore = Sigstore { ca, ..Sigstore::new() };
    let bundle = signed(&sigstore).bundle_v03();
    verify(&sigstore.trusted_root(), &bundle.to_json(), &strict())
}

/// Verifies a timestamped bundle whose timestamp is changed.
fn with_stamp(change: impl FnOnce(&mut Stamp)) -> Result<Verified, Error> {
    let sigstore = Sigstore::new();
    let signed = signed(&sigstore);
    let mut stamp = Stamp::at(signed.time);
    change(&mut stamp);
    let mut bundle = signed.bundle_v03_tsa();
    bundle.timestamps = vec![sigstore.tsa.response(&signed.signature, &stamp)];
    verify(&sigstore.trusted_root(), &bundle.to_json(), &with_timestamps())
}

#[test]
fn signed_after_the_certificate_had_expired() {
    let time = sigward_testkit::time::SIGNING_TIME;
    let leaf = Leaf { validity: Some((time - 7200, time - 3600)), ..Leaf::default() };
    refused!(with_leaf(leaf), Error::IntegratedTimeOutsideCertificate { .. });
}

#[test]
fn leaf_for_another_purpose() {
    for usages in [vec![], vec!["1.3.6.1.5.5.7.3.1".to_owned()]] {
        refused!(with_leaf(Leaf { eku: usages, ..Leaf::default() }), Error::ExtendedKeyUsage { .. });
    }
}

#[test]
fn leaf_of_an_unknown_authority() {
    let stranger = Sigstore::new();
    let sigstore = Sigstore::new();
    let mut root = sigstore.trusted_root();
    root.cas = stranger.trusted_root().cas;
    refused!(
        verify(&root, &signed(&sigstore).bundle_v03().to_json(), &strict()),
        Error::Chain(ChainFault::UnknownIssuer | ChainFault::SignatureInvalid)
    );
}

#[test]
fn critical_extension_nobody_knows() {
    let extra = vec![Ext::new("1.2.3.4", true, vec![5, 0])];
    refused!(with_leaf(Leaf { extra, ..Leaf::default() }), Error::Chain(ChainFault::Rejected { .. }));
}

#[test]
fn ca_certificate_as_a_leaf() {
    let leaf = Leaf { basic_constraints: Some((true, None)), ..Leaf::default() };
    refused!(with_leaf(leaf), Error::Chain(ChainFault::Rejected { .. }));
}

#[test]
fn issuer_that_is_no_ca_or_may_not_sign() {
    let intermediate = |change: &dyn Fn(&mut CaSpec)| {
        let mut spec = CaSpec::intermediate();
        change(&mut spec);
        Ca::new(&CaSpec::root(), &[spec])
    };
    refused!(
        with_ca(intermediate(&|s| s.basic_constraints = Some((false, None)))),
        Error::Chain(ChainFault::Rejected { .. } | ChainFault::IssuerNotCa)
    );
    refused!(
        with_ca(intermediate(&|s| s.key_usage = Some(key_usage::DIGITAL_SIGNATURE))),
        Error::Chain(ChainFault::IssuerMayNotSign)
    );
    refused!(
        with_ca(intermediate(&|s| s.eku = vec![eku::TIME_STAMPING.to_owned()])),
        Error::Chain(ChainFault::Rejected { .. })
    );
    let anchor = |change: &dyn Fn(&mut CaSpec)| {
        let mut spec = CaSpec::root();
        change(&mut spec);
        Ca::new(&spec, &[CaSpec::intermediate()])
    };
    refused!(
        with_ca(anchor(&|s| s.key_usage = Some(key_usage::DIGITAL_SIGNATURE))),
        Error::Chain(ChainFault::IssuerMayNotSign)
    );
    refused!(
        with_ca(anchor(&|s| s.basic_constraints = Some((true, Some(0))))),
        Error::Chain(ChainFault::PathTooLong { limit: 0, found: 1 } | ChainFault::Rejected { .. })
    );
}

#[test]
fn cve_2026_24122_expired_intermediate_or_anchor() {
    let expired = (sigward_testkit::time::KEYS_START, sigward_testkit::time::SIGNING_TIME - 1);
    refused!(
        with_ca(Ca::new(&CaSpec::root(), &[CaSpec { validity: expired, ..CaSpec::intermediate() }])),
        Error::Chain(ChainFault::OutsideValidity { .. } | ChainFault::Rejected { .. })
    );
    refused!(
        with_ca(Ca::new(&CaSpec { validity: expired, ..CaSpec::root() }, &[CaSpec::intermediate()])),
        Error::Chain(ChainFault::OutsideValidity { what: "issuing CA certificate", .. })
    );
}

#[test]
fn authority_outside_its_window() {
    let sigstore = Sigstore::new();
    let signed = signed(&sigstore);
    let mut root = sigstore.trusted_root();
    root.cas[0].valid_for = Some((Some(0), Some(signed.time - 1)));
    let faulty = |result| refused!(result, Error::Chain(ChainFault::OutsideAuthorityValidity { .. }));
    faulty(verify(&root, &signed.bundle_v03().to_json(), &strict()));
    // Legacy formats also ask when the certificate was issued, five seconds before.
    root.cas[0].valid_for = Some((Some(signed.time), None));
    verify(&root, &signed.bundle_v03().to_json(), &strict()).unwrap();
    faulty(verify(&root, &signed.legacy_bundle().to_json(), &strict()));
}

#[test]
fn name_constraints_are_never_ignored() {
    let spec =
        CaSpec { extra: vec![Ext::name_constraints(&[San::email("other.example")], &[])], ..CaSpec::intermediate() };
    refused!(with_ca(Ca::new(&CaSpec::root(), &[spec])), Error::Chain(ChainFault::Rejected { .. }));
}

#[test]
fn expired_certificate_without_log_or_timestamp() {
    let sigstore = Sigstore::new();
    let ignored = Requirements { log: LogUse::SkippedUnsafe, ..strict() };
    refused!(
        verify(&sigstore.trusted_root(), &signed(&sigstore).bundle_v03().to_json(), &ignored),
        Error::Chain(ChainFault::OutsideValidity { .. })
    );
}

// Certificate transparency.

#[test]
fn certificate_that_no_ct_log_has_seen() {
    refused!(with_leaf(Leaf { scts: vec![], ..Leaf::default() }), Error::Sct(SctFault::Missing));
    let bad = |spec: SctSpec| match with_leaf(Leaf { scts: vec![spec], ..Leaf::default() }) {
        Err(Error::SctThreshold { faults, .. }) => faults.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(bad(SctSpec { bad_signature: true, ..SctSpec::default() }), SctFault::SignatureInvalid { .. }));
    let stranger = SctLog::Unknown;
    assert!(matches!(bad(SctSpec { log: stranger, ..SctSpec::default() }), SctFault::UnknownLog { .. }));
    let early = Some(1_000);
    assert!(matches!(bad(SctSpec { timestamp_ms: early, ..SctSpec::default() }), SctFault::OutsideLogValidity { .. }));
}

#[test]
fn one_ct_log_counted_twice() {
    let sigstore = Sigstore::new();
    let leaf = Leaf { scts: vec![SctSpec::default(), SctSpec::default()], ..Leaf::default() };
    let two = Requirements { sct: SctUse::Required { threshold: 2 }, ..strict() };
    let json = sigstore.sign_blob(BLOB, leaf).bundle_v03().to_json();
    refused!(verify(&sigstore.trusted_root(), &json, &two), Error::SctThreshold { needed: 2, found: 1, .. });
}

// Timestamps.

#[test]
fn timestamp_over_something_else() {
    let fault = |result: Result<Verified, Error>| match result {
        Err(Error::TimestampThreshold { faults, .. }) => faults.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    };
    let imprint = with_stamp(|s| s.imprint = Some(vec![7; 32]));
    assert!(matches!(fault(imprint), TimestampFault::Imprint { .. }));
    let content = with_stamp(|s| s.message_digest = Some(vec![7; 32]));
    assert!(matches!(fault(content), TimestampFault::MessageDigest));
    let key = with_stamp(|s| s.signer = Some(Key::new(KeyKind::P256)));
    assert!(matches!(fault(key), TimestampFault::SignatureInvalid));
    let twice = with_stamp(|s| s.signer_infos = 2);
    assert!(matches!(fault(twice), TimestampFault::Malformed { .. }));
    let rejected = with_stamp(|s| s.status = 2);
    assert!(matches!(fault(rejected), TimestampFault::NotGranted { .. }));
}

#[test]
fn timestamp_outside_the_certificate() {
    refused!(with_stamp(|s| s.time += 3600), Error::Chain(ChainFault::OutsideValidity { .. }));
}

#[test]
fn timestamp_of_an_unknown_or_wrong_authority() {
    let check = |tsa: Tsa, root_of: Option<&Tsa>| {
        let sigstore = Sigstore::new();
        let signed = signed(&sigstore);
        let mut bundle = signed.bundle_v03_tsa();
        let stamp = Stamp { certs: Bag::Chain, ..Stamp::at(signed.time) };
        bundle.timestamps = vec![tsa.response(&signed.signature, &stamp)];
        let mut root = sigstore.trusted_root();
        if let Some(tsa) = root_of {
            root.tsas = vec![tsa.into()];
        }
        match verify(&root, &bundle.to_json(), &with_timestamps()) {
            Err(Error::TimestampThreshold { faults, .. }) => faults.into_iter().next().unwrap(),
            other => panic!("{other:?}"),
        }
    };
    // Its own chain, embedded, convinces nobody.
    assert!(matches!(check(Tsa::default(), None), TimestampFault::UnknownAuthority));
    let tsa = |leaf: TsaLeaf| Tsa::new(&CaSpec::tsa_root(), &[CaSpec::tsa_intermediate()], &leaf);
    let optional = tsa(TsaLeaf { eku_critical: false, ..TsaLeaf::default() });
    assert!(matches!(check(optional.clone(), Some(&optional)), TimestampFault::Certificate(e)
        if matches!(*e, Error::ExtendedKeyUsage { .. })));
    let more = vec![eku::TIME_STAMPING.to_owned(), eku::CODE_SIGNING.to_owned()];
    let more = tsa(TsaLeaf { eku: more, ..TsaLeaf::default() });
    assert!(matches!(check(more.clone(), Some(&more)), TimestampFault::Certificate(_)));
    let time = sigward_testkit::time::SIGNING_TIME;
    let expired = tsa(TsaLeaf { validity: (time - 7200, time - 3600), ..TsaLeaf::default() });
    assert!(matches!(check(expired.clone(), Some(&expired)), TimestampFault::Certificate(_)));
}

#[test]
fn one_authority_counted_twice() {
    let sigstore = Sigstore::new();
    let signed = signed(&sigstore);
    let mut bundle = signed.bundle_v03_tsa();
    let second = sigstore.tsa.response(&signed.signature, &Stamp { nonce: Some(9), ..Stamp::at(signed.time) });
    bundle.timestamps.push(second);
    let two = Requirements { time: TimeUse::Signed { threshold: 2 }, ..strict() };
    refused!(
        verify(&sigstore.trusted_root(), &bundle.to_json(), &two),
        Error::TimestampThreshold { needed: 2, found: 1, .. }
    );
}
