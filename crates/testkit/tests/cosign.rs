//! What the real cosign says of minted evidence; without it the tests say so and pass.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is a failed test")]

mod parts;

use std::path::PathBuf;
use std::process::Command;

use sigward_testkit::ca::{Ca, CaSpec};
use sigward_testkit::ct::{CtLog, SctLog, SctSpec};
use sigward_testkit::note::Checkpoint;
use sigward_testkit::text::b64;
use sigward_testkit::time::SIGNING_TIME;
use sigward_testkit::tsa::{Bag, Stamp, TsaLeaf};
use sigward_testkit::x509::eku;
use sigward_testkit::{
    Bundle, FileServer, IDENTITY, ISSUER, Key, KeyKind, Leaf, Rekor, RekorServer, Sigstore, Tsa, TufRepo, damage,
};

const BLOB: &[u8] = b"hello";

/// A folder to call cosign in; it goes with the test.
struct Cosign {
    binary: PathBuf,
    folder: PathBuf,
}

impl Cosign {
    fn find(name: &str) -> Option<Self> {
        let binary = parts::cosign_3()?;
        let folder = std::env::temp_dir().join(format!("sigward-testkit-cosign-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let cosign = Self { binary, folder };
        cosign.put("blob", BLOB);
        Some(cosign)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.folder.join(name), bytes).unwrap();
    }

    /// Writes the PEM files of the `SIGSTORE_*` variables.
    fn put_keys(&self, s: &Sigstore) {
        self.put("root.pem", s.root_pem());
        self.put("rekor.pub", s.rekor_pem());
        self.put("ct.pub", s.ct_pem());
        self.put("tsa.pem", s.tsa_pem());
    }

    fn run(&self, args: &str, with_keys: bool) -> (bool, String) {
        let mut command = Command::new(&self.binary);
        command.args(args.split_whitespace()).current_dir(&self.folder).env("HOME", &self.folder);
        if with_keys {
            command
                .env("SIGSTORE_ROOT_FILE", "root.pem")
                .env("SIGSTORE_REKOR_PUBLIC_KEY", "rekor.pub")
                .env("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", "ct.pub")
                .env("SIGSTORE_TSA_CERTIFICATE_FILE", "tsa.pem");
        }
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn bundle(&self, s: &Sigstore, bundle: &Bundle) -> (bool, String) {
        self.put("trusted_root.json", s.trusted_root().to_json());
        self.put("bundle.json", bundle.to_json());
        let who = format!("--certificate-identity {IDENTITY} --certificate-oidc-issuer {ISSUER}");
        self.run(&format!("verify-blob --bundle bundle.json --trusted-root trusted_root.json {who} blob"), false)
    }

    fn accepts(&self, why: &str, s: &Sigstore, bundle: &Bundle) {
        let (ok, text) = self.bundle(s, bundle);
        assert!(ok, "{why}: {text}");
    }

    fn rejects(&self, why: &str, s: &Sigstore, bundle: &Bundle) {
        let (ok, text) = self.bundle(s, bundle);
        assert!(!ok, "{why}: accepted: {text}");
        println!("{why}: {}", text.lines().last().unwrap_or_default());
    }
}

impl Drop for Cosign {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

#[test]
fn cosign_accepts_every_bundle() {
    let Some(cosign) = Cosign::find("bundles") else { return };
    let s = Sigstore::new();
    let signed = s.sign_blob(BLOB, Leaf::default());
    cosign.accepts("v0.1", &s, &signed.bundle_v01());
    cosign.accepts("v0.2", &s, &signed.bundle_v02());
    cosign.accepts("v0.3", &s, &signed.bundle_v03());
    cosign.accepts("v0.3, old spelling", &s, &signed.bundle_v03_old());
    cosign.accepts("Rekor v2", &s, &signed.bundle_v03_rekor2());
    cosign.accepts("timestamp", &s, &signed.bundle_v03_tsa());
    let mut bare = signed.bundle_v03_rekor2();
    bare.timestamps = vec![s.tsa.response(&signed.signature, &Stamp { certs: Bag::Empty, ..Stamp::default() })];
    cosign.accepts("timestamp without certificates", &s, &bare);
}

#[test]
fn cosign_accepts_other_instances() {
    let Some(cosign) = Cosign::find("instances") else { return };
    let p256_v2 = Rekor::v2_with_key("https://log2026-1.rekor.sigstore.test", Key::default());
    let tsa_intermediate = Tsa::new(&CaSpec::tsa_root(), &[CaSpec::tsa_intermediate()], &TsaLeaf::default());
    let tsa_rsa = Tsa::new(&CaSpec::tsa_root(), &[], &TsaLeaf { key: KeyKind::Rsa2048, ..TsaLeaf::default() });
    let tsa_p384 = Tsa::new(&CaSpec::tsa_root(), &[], &TsaLeaf { key: KeyKind::P384, ..TsaLeaf::default() });
    let rsa_ct = CtLog::with_kind("https://ct.test", KeyKind::Rsa2048);
    for (why, s) in [
        ("a root that signs leaves", Sigstore { ca: Ca::root_only(), ..Sigstore::new() }),
        ("an RSA CT log", Sigstore { ct: vec![rsa_ct], ..Sigstore::new() }),
        ("an ECDSA Rekor v2", Sigstore { rekor2: p256_v2, ..Sigstore::new() }),
        ("a TSA with an intermediate", Sigstore { tsa: tsa_intermediate, ..Sigstore::new() }),
        ("an RSA TSA", Sigstore { tsa: tsa_rsa, ..Sigstore::new() }),
        ("a P-384 TSA", Sigstore { tsa: tsa_p384, ..Sigstore::new() }),
    ] {
        let signed = s.sign_blob(BLOB, Leaf::default());
        cosign.accepts(why, &s, &signed.bundle_v03());
        cosign.accepts(why, &s, &signed.bundle_v03_rekor2());
    }
    let s = Sigstore::new();
    for key in [KeyKind::P384, KeyKind::P521, KeyKind::Rsa2048] {
        let signed = s.sign_blob(BLOB, Leaf { key, ..Leaf::default() });
        cosign.accepts("a leaf's key", &s, &signed.bundle_v03());
    }
    let two = vec![SctSpec { log: SctLog::Unknown, ..SctSpec::default() }, SctSpec::static_ct(77)];
    let signed = s.sign_blob(BLOB, Leaf { scts: two, ..Leaf::default() });
    cosign.accepts("an unknown SCT, and one with an extension", &s, &signed.bundle_v03());
}

#[test]
fn cosign_accepts_cosigned_checkpoints() {
    let Some(cosign) = Cosign::find("witnesses") else { return };
    let s = Sigstore::new();
    let mut bundle = s.sign_blob(BLOB, Leaf::default()).bundle_v03_rekor2();
    let proof = bundle.entries[0].proof.as_mut().unwrap();
    let witness = Key::new(KeyKind::Ed25519);
    let right: Checkpoint = s.rekor2.checkpoint(proof.tree_size, &proof.root_hash);
    let cosigned = right.clone().cosign("witness.example", &witness, 1_793_534_401).unknown_line("stranger.example");
    proof.checkpoint = Some(cosigned.to_note());
    cosign.accepts("log first", &s, &bundle);
    let mut reversed = cosigned;
    reversed.signatures.reverse();
    bundle.entries[0].proof.as_mut().unwrap().checkpoint = Some(reversed.to_note());
    cosign.accepts("log last", &s, &bundle);
}

#[test]
fn cosign_rejects_damage() {
    let Some(cosign) = Cosign::find("damage") else { return };
    let s = Sigstore::new();
    let (signed, other) = (s.sign_blob(BLOB, Leaf::default()), s.sign_blob(b"other", Leaf::default()));
    let change = |why: &str, change: &dyn Fn(&mut Bundle)| {
        let mut bundle = signed.bundle_v03();
        change(&mut bundle);
        cosign.rejects(why, &s, &bundle);
    };
    change("foreign entry", &|b| damage::foreign_entry(b, &other));
    change("other content", &|b| damage::other_content(b, &other.bundle_v03()));
    change("other certificate", &|b| damage::other_certificate(b, &other.bundle_v03()));
    change("unsigned time", &|b| damage::unsigned_time(&mut b.entries[0], SIGNING_TIME));
    change("moved time", &|b| damage::moved_time(&mut b.entries[0], SIGNING_TIME + 1));
    change("checkpoint of another tree", &|b| damage::checkpoint_of_other_tree(&mut b.entries[0], &s.rekor));
    change("checkpoint by a stranger", &|b| damage::checkpoint_by_stranger(&mut b.entries[0], &s.rekor));
    change("tree of one", &|b| damage::tree_of_one(&mut b.entries[0]));
    change("entry twice", &damage::entry_twice);
    for (why, leaf) in [
        ("no SCT", Leaf { scts: Vec::new(), ..Leaf::default() }),
        ("bad SCT", Leaf { scts: vec![SctSpec { bad_signature: true, ..SctSpec::default() }], ..Leaf::default() }),
        (
            "unknown CT log",
            Leaf { scts: vec![SctSpec { log: SctLog::Unknown, ..SctSpec::default() }], ..Leaf::default() },
        ),
        ("no code signing", Leaf { eku: vec![eku::SERVER_AUTH.to_owned()], ..Leaf::default() }),
        ("expired leaf", Leaf { validity: Some((SIGNING_TIME - 900, SIGNING_TIME - 300)), ..Leaf::default() }),
        ("another identity", Leaf::email("eve@example.com")),
        ("another issuer", Leaf::default().issued_by("https://evil.example")),
    ] {
        cosign.rejects(why, &s, &s.sign_blob(BLOB, leaf).bundle_v03());
    }
    for (why, stamp) in [
        ("another imprint", Stamp { imprint: Some(vec![0; 32]), ..Stamp::default() }),
        ("a wrong message digest", Stamp { message_digest: Some(vec![0; 32]), ..Stamp::default() }),
        ("a stranger's timestamp", Stamp { signer: Some(Key::default()), ..Stamp::default() }),
        ("a late timestamp", Stamp::at(SIGNING_TIME + 3600)),
    ] {
        let mut bundle = signed.bundle_v03_rekor2();
        bundle.timestamps = vec![s.tsa.response(&signed.signature, &stamp)];
        cosign.rejects(why, &s, &bundle);
    }
}

#[test]
fn cosign_accepts_legacy_formats_offline_and_online() {
    let Some(cosign) = Cosign::find("legacy") else { return };
    let s = Sigstore::new();
    let signed = s.sign_blob(BLOB, Leaf::default());
    cosign.put_keys(&s);
    cosign.put("legacy.json", signed.legacy_bundle().to_json());
    cosign.put("blob.sig", signed.sig());
    cosign.put("blob.cert", signed.cert_b64());
    cosign.put("blob.rfc3161.json", signed.rfc3161_json());
    let who = format!("--certificate-identity {IDENTITY} --certificate-oidc-issuer {ISSUER}");
    let legacy = format!("verify-blob --bundle legacy.json --new-bundle-format=false --offline {who} blob");
    let pair = "--signature blob.sig --certificate blob.cert";
    let server = RekorServer::start(&s.rekor);
    let online = format!("verify-blob {pair} --rekor-url {} {who} blob", server.url());
    let stamped = format!(
        "verify-blob {pair} --rfc3161-timestamp blob.rfc3161.json --use-signed-timestamps --insecure-ignore-tlog {who} blob"
    );
    for args in [&legacy, &online, &stamped] {
        let (ok, text) = cosign.run(args, true);
        assert!(ok, "{args}: {text}");
    }
    assert_eq!(server.count_of("/retrieve"), 1);
    cosign.put("blob", b"other");
    let (ok, text) = cosign.run(&online, true);
    assert!(!ok && text.contains("searchLogQueryBadRequest {\"code\":400"), "{text}");
}

#[test]
fn cosign_accepts_managed_keys() {
    let Some(cosign) = Cosign::find("keys") else { return };
    let s = Sigstore::new();
    cosign.put("trusted_root.json", s.trusted_root().to_json());
    for kind in [KeyKind::P256, KeyKind::Rsa2048] {
        let key = Key::new(kind);
        let signed = s.sign_blob_with_key(BLOB, &key);
        cosign.put("key.pub", key.public_pem());
        cosign.put("blob.sig", b64(&signed.signature));
        for bundle in [signed.bundle_v03(), signed.bundle_v03_rekor2()] {
            cosign.put("bundle.json", bundle.to_json());
            let args = "verify-blob --key key.pub --bundle bundle.json --trusted-root trusted_root.json blob";
            let (ok, text) = cosign.run(args, false);
            assert!(ok, "{kind:?}: {text}");
        }
        let args = "verify-blob --key key.pub --signature blob.sig --insecure-ignore-tlog blob";
        let (ok, text) = cosign.run(args, false);
        assert!(ok, "{kind:?}: {text}");
    }
}

#[test]
fn cosign_initializes_from_the_tuf_repository() {
    let Some(cosign) = Cosign::find("tuf") else { return };
    let s = Sigstore::new();
    let mut repo = TufRepo::new(&s.trusted_root().to_json());
    cosign.put("root.json", repo.initial_root());
    repo.rotate_root();
    repo.rotate_online();
    let server = FileServer::start(repo.files.clone());
    let (ok, text) = cosign.run(&format!("initialize --mirror {} --root root.json", server.url()), false);
    assert!(ok, "{text}");
    cosign.put("bundle.json", s.sign_blob(BLOB, Leaf::default()).bundle_v03().to_json());
    let who = format!("--certificate-identity {IDENTITY} --certificate-oidc-issuer {ISSUER}");
    let verify = format!("verify-blob --bundle bundle.json {who} blob");
    let (ok, text) = cosign.run(&verify, false);
    assert!(ok, "{text}");
    let mut forged = repo;
    forged.timestamp.signers = Some(vec![Key::default()]);
    forged.bump();
    server.set(forged.files);
    let (ok, text) = cosign.run(&verify, false);
    assert!(!ok, "a timestamp signed by a stranger: {text}");
}
