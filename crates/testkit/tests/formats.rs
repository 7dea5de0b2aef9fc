//! What can be said of the minted formats without a verifier: shapes, proofs, canonical forms, damage.

#![expect(clippy::unwrap_used, clippy::as_conversions, reason = "a panic is a failed test")]

use serde_json::{Value, json};
use sigward_testkit::merkle::{inclusion_proof, leaf_hash, node_hash, root};
use sigward_testkit::note::rekor2_log_id;
use sigward_testkit::text::{b64, hex, jcs, olpc, pem, unb64, unhex};
use sigward_testkit::tuf::{key_id, key_value};
use sigward_testkit::{
    How, Key, KeyKind, Leaf, LogAs, Release, ReleaseSpec, Sigstore, Statement, TufRepo, damage, der, sha256,
};

/// RFC 6962 section 2.1.1, from the leaf up.
fn root_from_path(leaf: &[u8], mut index: usize, mut size: usize, path: &[Vec<u8>]) -> Vec<u8> {
    let mut hash = leaf.to_vec();
    let mut path = path.iter();
    while size > 1 {
        if index % 2 == 1 {
            hash = node_hash(path.next().unwrap(), &hash);
        } else if index + 1 < size {
            hash = node_hash(&hash, path.next().unwrap());
        }
        index /= 2;
        size = size.div_ceil(2);
    }
    assert!(path.next().is_none(), "path too long");
    hash
}

#[test]
fn inclusion_proofs_lead_to_the_root() {
    let leaves: Vec<_> = (0..33_u8).map(|at| leaf_hash(&[at])).collect();
    for size in 1..=leaves.len() {
        let leaves = &leaves[..size];
        for (index, leaf) in leaves.iter().enumerate() {
            let path = inclusion_proof(leaves, index);
            assert_eq!(root_from_path(leaf, index, size, &path), root(leaves), "{index} of {size}");
        }
    }
}

#[test]
fn an_entry_is_found_where_it_says() {
    let s = Sigstore::new();
    let signed = s.sign_blob(b"hello", Leaf::default());
    for entry in [&signed.entry, &signed.entry_v2] {
        let proof = entry.proof.as_ref().unwrap();
        let (index, size) = (proof.log_index as usize, proof.tree_size as usize);
        assert_eq!(root_from_path(&leaf_hash(&entry.body), index, size, &proof.hashes), proof.root_hash);
        let note = proof.checkpoint.as_ref().unwrap();
        assert!(note.contains(&format!("\n{size}\n{}\n\n\u{2014} ", b64(&proof.root_hash))), "{note}");
    }
    let body: Value = serde_json::from_slice(&signed.entry.body).unwrap();
    assert_eq!(jcs(&body), signed.entry.body);
    assert_eq!(body["spec"]["data"]["hash"]["value"], hex(sha256(b"hello")));
}

/// The ids of two logs in the public staging trusted root.
#[test]
fn a_rekor_v2_log_id_is_that_of_the_real_logs() {
    let spki = unb64("MCowBQYDK2VwAyEAPn+AREHoBaZ7wgS1zBqpxmLSGnyhxXj4lFxSdWVB8o8=");
    let mut input = b"log2025-alpha1.rekor.sigstage.dev\n\x01".to_vec();
    input.extend_from_slice(&spki[12..]);
    assert_eq!(b64(sha256(input)), "8w1amZ2S5mJIQkQmPxdMuOrL/oJkvFg9MnQXmeOCXck=");
    let key = Key::new(KeyKind::Ed25519);
    let mut input = b"log.example\n\x01".to_vec();
    input.extend(key.raw_public());
    assert_eq!(rekor2_log_id("log.example", &key), sha256(input));
}

#[test]
fn bundles_have_the_shape_of_their_version() {
    let s = Sigstore::new();
    let signed = s.sign_blob(b"hello", Leaf::default());
    let v01 = signed.bundle_v01().to_value();
    assert_eq!(
        v01.pointer("/verificationMaterial/x509CertificateChain/certificates").unwrap().as_array().unwrap().len(),
        2
    );
    assert!(v01.pointer("/verificationMaterial/tlogEntries/0/inclusionPromise").is_some());
    assert!(v01.pointer("/verificationMaterial/tlogEntries/0/inclusionProof").is_none());
    let v03 = signed.bundle_v03().to_value();
    assert!(v03.pointer("/verificationMaterial/certificate/rawBytes").is_some());
    assert!(v03.pointer("/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope").is_some());
    let v2 = signed.bundle_v03_rekor2().to_value();
    assert!(v2.pointer("/verificationMaterial/tlogEntries/0/integratedTime").is_none());
    assert!(
        v2.pointer("/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp").is_some()
    );
}

#[test]
fn attestations_are_logged_as_asked() {
    let s = Sigstore::new();
    let payload = Statement::slsa("a", b"a").to_json();
    for (log_as, kind, version) in
        [(LogAs::Usual, "dsse", "0.0.1"), (LogAs::Intoto001, "intoto", "0.0.1"), (LogAs::Intoto002, "intoto", "0.0.2")]
    {
        let how = How { log_as, dsse_v002: true, ..How::default() };
        let signed = s.attest_as(b"a", &payload, &Leaf::default(), &how);
        assert_eq!((signed.entry.kind.as_str(), signed.entry.version.as_str()), (kind, version));
        assert_eq!(signed.entry_v2.kind, "dsse");
        let body: Value = serde_json::from_slice(&signed.entry.body).unwrap();
        assert_eq!(body["kind"], kind);
    }
}

#[test]
fn canonical_json_in_both_dialects() {
    let value = json!({"b": [1, true, null], "a\n": "x\"\\\n\u{e9}"});
    assert_eq!(String::from_utf8(jcs(&value)).unwrap(), "{\"a\\n\":\"x\\\"\\\\\\n\u{e9}\",\"b\":[1,true,null]}");
    assert_eq!(String::from_utf8(olpc(&value)).unwrap(), "{\"a\n\":\"x\\\"\\\\\n\u{e9}\",\"b\":[1,true,null]}");
}

/// A key of the public TUF root, without its surplus fields.
#[test]
fn tuf_keys_and_roles() {
    let key = Key::default();
    assert_eq!(key_value(&key)["keyval"]["public"], key.public_pem());
    let mut repo = TufRepo::new("{}");
    assert_eq!(repo.files.len(), 6, "{:?}", repo.files.keys());
    let target = format!("targets/{}.trusted_root.json", hex(sha256("{}")));
    assert!(repo.files.contains_key(&target));
    repo.rotate_root();
    let root: Value = serde_json::from_slice(&repo.files["2.root.json"]).unwrap();
    assert_eq!(root["signatures"].as_array().unwrap().len(), 10, "old and new keys sign");
    assert_eq!(root["signed"]["roles"]["root"]["keyids"][0], key_id(&repo.root.keys[0]));
    repo.set_target("trusted_root.json", b"{ }");
    for file in ["2.targets.json", "2.snapshot.json", "timestamp.json"] {
        let meta: Value = serde_json::from_slice(&repo.files[file]).unwrap();
        assert_eq!(meta["signed"]["version"], 2, "{file}");
    }
}

#[test]
fn a_release_is_laid_out_as_kubernetes_does() {
    let spec = ReleaseSpec {
        platforms: vec!["linux/amd64".to_owned(), "windows/amd64".to_owned()],
        client_binaries: vec!["kubectl".to_owned()],
        node_binaries: vec!["kubelet".to_owned()],
        ..ReleaseSpec::default()
    };
    let release = Release::new(&Sigstore::new(), &spec);
    for path in [
        "release/stable.txt",
        "release/stable-1.30.txt",
        "release/v1.30.0/bin/linux/amd64/kubectl",
        "release/v1.30.0/bin/linux/amd64/kubelet.cert",
        "release/v1.30.0/bin/windows/amd64/kubectl.exe.sig",
        "release/v1.30.0/kubernetes-release.spdx.sha512",
        "release/v1.30.0/SHA256SUMS",
    ] {
        assert!(release.files.contains_key(path), "{path}");
    }
    assert!(!release.files.contains_key("release/v1.30.0/bin/windows/amd64/kubelet.exe"));
    let sbom = String::from_utf8(release.files["release/v1.30.0/kubernetes-release.spdx"].clone()).unwrap();
    assert!(sbom.contains("SPDXID: SPDXRef-Package-registry.k8s.io-kube-apiserver-amd64-v1.30.0\n"));
    let kubectl = &release.files["release/v1.30.0/bin/linux/amd64/kubectl"];
    assert!(sbom.contains(&format!("FileChecksum: SHA256: {}\n", hex(sha256(kubectl)))));
}

#[test]
fn damage_is_done_where_it_is_asked_for() {
    let right = json!({"a": {"b": "AAAA", "n": 7}, "l": [1, 2]});
    let damaged = |damage: &dyn Fn(&mut Value)| {
        let mut value = right.clone();
        damage(&mut value);
        value
    };
    assert_eq!(damaged(&|v| damage::flip_base64(v, "/a/b", 2))["a"]["b"], "AAAB");
    assert_eq!(damaged(&|v| damage::flip_text(v, "/a/b", 0))["a"]["b"], "aAAA");
    assert_eq!(damaged(&|v| damage::drop_field(v, "/l/0"))["l"], json!([2]));
    assert_eq!(damaged(&|v| damage::drop_field(v, "/a/b"))["a"], json!({"n": 7}));
    assert_eq!(damaged(&|v| damage::rename(v, "/a/b", "B"))["a"]["B"], "AAAA");
    assert_eq!(damaged(&|v| damage::retype(v, "/a/n"))["a"]["n"], "7");
    assert_eq!(damaged(&|v| damage::repeat_element(v, "/l/1"))["l"], json!([1, 2, 2]));
    assert_eq!(damaged(&|v| damage::unknown_field(v, "/a"))["a"]["surplus"], 1);
    assert_eq!(damage::leaf_pointers(&right), ["/a/b", "/a/n", "/l/0", "/l/1"]);
    let twice = damage::duplicate_key(&right, "/a/b", &json!("BBBB"));
    assert!(twice.contains(r#""b":"AAAA","b":"BBBB""#), "{twice}");
}

#[test]
fn der_and_pem_to_the_byte() {
    assert_eq!(der::integer(128), [2, 2, 0, 128]);
    assert_eq!(der::integer(0), [2, 1, 0]);
    assert_eq!(der::oid("1.2.840.10045.2.1"), unhex("06072a8648ce3d0201"));
    assert_eq!(der::oid("2.5.29.37.0"), unhex("0604551d2500"));
    assert_eq!(der::named_bits(0x06), [3, 2, 1, 6]);
    assert_eq!(der::octets(&[0; 200])[..3], [4, 0x81, 200]);
    assert_eq!(der::octets(&[0; 300])[..4], [4, 0x82, 1, 44]);
    assert_eq!(pem("X", &[0; 48]), format!("-----BEGIN X-----\n{}\n-----END X-----\n", "A".repeat(64)));
}
