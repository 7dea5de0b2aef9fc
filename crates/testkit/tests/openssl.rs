//! What `openssl` says of minted certificates, keys and timestamps. Without it on this machine the tests say so and pass.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is a failed test")]

use std::path::PathBuf;
use std::process::Command;

use sigward_testkit::ca::{Ca, CaSpec};
use sigward_testkit::ct::CtLog;
use sigward_testkit::text::{cert_pem, chain_pem};
use sigward_testkit::time::SIGNING_TIME;
use sigward_testkit::tsa::{Bag, Stamp, Tsa, TsaLeaf};
use sigward_testkit::x509::{Ext, eku};
use sigward_testkit::{Hash, Key, KeyKind, Leaf, San, Sigstore};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sigward-testkit-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }

    /// Output of a command in the folder, or `None` without openssl.
    fn openssl(&self, args: &str) -> Option<(bool, String)> {
        let output = Command::new("openssl").args(args.split_whitespace()).current_dir(&self.0).output();
        let Ok(output) = output else {
            println!("skipped: no openssl on this machine");
            return None;
        };
        let text = [output.stdout, output.stderr].concat();
        Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn openssl_reads_every_field_of_a_leaf() {
    let folder = Folder::new("fields");
    let leaf = Leaf {
        sans: vec![
            San::email("jane@example.com"),
            San::uri("https://example.com/x"),
            San::dns("example.com"),
            San::Ip(vec![192, 0, 2, 1]),
            San::OtherName("jane!example.com".to_owned()),
        ],
        ..Leaf::workflow()
    };
    let sigstore = Sigstore { ct: vec![CtLog::with_kind("https://ct", KeyKind::Rsa2048)], ..Sigstore::new() };
    folder.put("leaf.pem", cert_pem(&sigstore.issue(&leaf, SIGNING_TIME).der));
    let Some((ok, text)) = folder.openssl("x509 -in leaf.pem -noout -text") else { return };
    assert!(ok, "{text}");
    for part in [
        "Not Before: Nov  1 11:59:55 2026 GMT",
        "Not After : Nov  1 12:09:55 2026 GMT",
        "Issuer: O = sigstore.test, CN = sigstore-intermediate",
        "X509v3 Subject Alternative Name: critical",
        "email:jane@example.com, URI:https://example.com/x, DNS:example.com, IP Address:192.0.2.1, othername:",
        "1.3.6.1.4.1.57264.1.1: \n                https://token.actions.githubusercontent.com",
        "1.3.6.1.4.1.57264.1.22: \n                ..public",
        "Code Signing",
        "Digital Signature",
        "Signature : sha256WithRSAEncryption",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[test]
fn openssl_builds_the_chain_of_every_kind_of_leaf() {
    let folder = Folder::new("chain");
    let two = Ca::default();
    let root_only = Ca::root_only();
    let three = Ca::new(
        &CaSpec::root(),
        &[CaSpec { basic_constraints: Some((true, Some(1))), ..CaSpec::intermediate() }, CaSpec::intermediate()],
    );
    for ca in [&two, &root_only, &three] {
        folder.put("root.pem", cert_pem(&ca.root.der));
        folder.put("chain.pem", chain_pem(&ca.chain()));
        for key in [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa2048, KeyKind::Ed25519] {
            let issued = ca.issue(&Leaf { key, ..Leaf::default() }, SIGNING_TIME, &[CtLog::new("https://ct")]);
            folder.put("leaf.pem", cert_pem(&issued.der));
            let args = format!("verify -attime {SIGNING_TIME} -CAfile root.pem -untrusted chain.pem leaf.pem");
            let Some((ok, text)) = folder.openssl(&args) else { return };
            assert!(ok, "{key:?}: {text}");
        }
    }
}

#[test]
fn openssl_refuses_what_was_minted_wrong() {
    let folder = Folder::new("wrong");
    let expired = CaSpec { validity: (0, SIGNING_TIME - 1), ..CaSpec::intermediate() };
    let no_cert_sign = CaSpec { key_usage: Some(0x02), ..CaSpec::intermediate() };
    let not_a_ca = CaSpec { basic_constraints: Some((false, None)), ..CaSpec::intermediate() };
    let other_mail =
        CaSpec { extra: vec![Ext::name_constraints(&[San::email("other.example")], &[])], ..CaSpec::intermediate() };
    let unknown_critical = CaSpec { extra: vec![Ext::new("1.2.3.4", true, vec![5, 0])], ..CaSpec::intermediate() };
    for (why, spec) in [
        ("certificate has expired", expired),
        ("invalid CA certificate", no_cert_sign),
        ("invalid CA certificate", not_a_ca),
        ("permitted subtree violation", other_mail),
        ("unhandled critical extension", unknown_critical),
    ] {
        let ca = Ca::new(&CaSpec::root(), &[spec]);
        folder.put("root.pem", cert_pem(&ca.root.der));
        folder.put("chain.pem", chain_pem(&ca.chain()));
        folder
            .put("leaf.pem", cert_pem(&ca.issue(&Leaf { scts: Vec::new(), ..Leaf::default() }, SIGNING_TIME, &[]).der));
        let args = format!("verify -attime {SIGNING_TIME} -CAfile root.pem -untrusted chain.pem leaf.pem");
        let Some((ok, text)) = folder.openssl(&args) else { return };
        assert!(!ok && text.contains(why), "{why}: {text}");
    }
}

#[test]
fn openssl_verifies_timestamps_of_every_kind() {
    let folder = Folder::new("stamps");
    folder.put("message", b"a signature");
    let authorities = [
        Tsa::default(),
        Tsa::new(&CaSpec::tsa_root(), &[CaSpec::tsa_intermediate()], &TsaLeaf::default()),
        Tsa::new(&CaSpec::tsa_root(), &[], &TsaLeaf { key: KeyKind::P384, ..TsaLeaf::default() }),
        Tsa::new(&CaSpec::tsa_root(), &[], &TsaLeaf { key: KeyKind::Rsa2048, ..TsaLeaf::default() }),
    ];
    for tsa in &authorities {
        folder.put("root.pem", cert_pem(&tsa.root.der));
        folder.put("chain.pem", chain_pem(&tsa.chain()));
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            for certs in [Bag::Absent, Bag::Empty, Bag::Leaf, Bag::Chain] {
                let stamp = Stamp { imprint_hash: hash, signature_hash: hash, digest: hash, certs, ..Stamp::default() };
                folder.put("reply.tsr", tsa.response(b"a signature", &stamp));
                folder.put("token.der", tsa.token(b"a signature", &stamp));
                for input in ["-in reply.tsr", "-token_in -in token.der"] {
                    let args = format!("ts -verify {input} -data message -CAfile root.pem -untrusted chain.pem");
                    let Some((ok, text)) = folder.openssl(&args) else { return };
                    assert!(ok, "{:?} {stamp:?}: {text}", tsa.leaf.key.kind);
                }
            }
        }
    }
}

#[test]
fn openssl_refuses_wrong_timestamps() {
    let folder = Folder::new("wrong-stamps");
    folder.put("message", b"a signature");
    let right = Tsa::default();
    let soft = Tsa::new(&CaSpec::tsa_root(), &[], &TsaLeaf { eku_critical: false, ..TsaLeaf::default() });
    let code = TsaLeaf { eku: vec![eku::CODE_SIGNING.to_owned()], ..TsaLeaf::default() };
    let code = Tsa::new(&CaSpec::tsa_root(), &[], &code);
    let stamp = Stamp::default();
    for (tsa, stamp) in [
        (&soft, stamp.clone()),
        (&code, stamp.clone()),
        (&right, Stamp { imprint: Some(vec![0; 32]), ..stamp.clone() }),
        (&right, Stamp { message_digest: Some(vec![0; 32]), ..stamp.clone() }),
        (&right, Stamp { signer: Some(Key::default()), ..stamp.clone() }),
        (&right, Stamp { signing_certificate: false, ..stamp.clone() }),
        (&right, Stamp { signer_infos: 2, ..stamp.clone() }),
        (&right, Stamp { status: 2, ..stamp.clone() }),
    ] {
        folder.put("chain.pem", chain_pem(&tsa.chain()));
        folder.put("reply.tsr", tsa.response(b"a signature", &stamp));
        let Some((ok, text)) = folder.openssl("ts -verify -in reply.tsr -data message -CAfile chain.pem") else {
            return;
        };
        assert!(!ok, "{stamp:?}: {text}");
    }
}

#[test]
fn openssl_checks_signatures_of_managed_keys() {
    let folder = Folder::new("keys");
    folder.put("message", b"hello");
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa2048] {
        let key = Key::new(kind);
        folder.put("key.pub", key.public_pem());
        folder.put("key.pem", key.private_pem());
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            folder.put("sig", key.sign_with(hash, b"hello"));
            let args = format!("dgst -{} -verify key.pub -signature sig message", hash.lower());
            let Some((ok, text)) = folder.openssl(&args) else { return };
            assert!(ok, "{kind:?} {hash:?}: {text}");
        }
        let Some((ok, text)) = folder.openssl("pkey -in key.pem -check -noout") else { return };
        assert!(ok, "{kind:?}: {text}");
    }
    let key = Key::new(KeyKind::Ed25519);
    folder.put("key.pub", key.public_pem());
    folder.put("sig", key.sign(b"hello"));
    let args = "pkeyutl -verify -pubin -inkey key.pub -rawin -in message -sigfile sig";
    let Some((ok, text)) = folder.openssl(args) else { return };
    assert!(ok, "Ed25519: {text}");
}
