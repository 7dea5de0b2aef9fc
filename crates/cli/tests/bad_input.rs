//! Inputs that are missing, wrong or hostile: one message that names them, exit code 1, nothing left behind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use sigward_testkit::text::{b64, pem};
use sigward_testkit::{Hash, How, Key, KeyKind, Leaf, Signed, Sigstore, Statement, damage};
use support::{Place, Run, SIGWARD, put_signed, who};

const TEN_GIB: u64 = 10 << 30;
/// Of these there is one in a command line; the texts are cosign's, which say what it is and not where.
const NAMELESS: [&str; 3] = ["signature", "certificate", "key"];

/// A blob with a bundle, a legacy bundle, detached files and a key, all of which verify.
struct Scene {
    place: Place,
    sigstore: Sigstore,
    signed: Signed,
}

impl Scene {
    fn new() -> Self {
        let (place, sigstore) = (Place::new(), Sigstore::new());
        let signed = sigstore.sign_blob(b"a file\n", Leaf::default());
        place.put("blob", &signed.artifact);
        place.put("bundle", signed.bundle_v03().to_json());
        place.put("legacy", signed.legacy_bundle().to_json());
        place.put("sig", signed.sig());
        place.put("cert", signed.cert_b64());
        let key = Key::new(KeyKind::P256);
        let keyed = sigstore.sign_blob_with_key(b"a file\n", &key);
        place.put("key", key.public_pem());
        place.put("keysig", keyed.sig());
        place.trust(&sigstore);
        place.put("root", sigstore.trusted_root().to_json());
        Self { place, sigstore, signed }
    }

    fn verify(&self, words: &str) -> Run {
        self.place.run(&format!("verify-blob {words}"))
    }

    /// Each kind of input in turn, taken from `name`, with little memory.
    fn each_kind(&self, name: &str) -> Vec<(&'static str, Run)> {
        let who = who();
        [
            ("bundle", format!("--bundle {name} --trusted-root root {who} blob")),
            ("legacy bundle", format!("--new-bundle-format=false --bundle {name} --trusted-root root {who} blob")),
            ("signature", format!("--signature {name} --certificate cert --trusted-root root {who} --offline blob")),
            ("certificate", format!("--signature sig --certificate {name} --trusted-root root {who} --offline blob")),
            ("key", format!("--signature keysig --key {name} --insecure-ignore-tlog blob")),
            ("trusted root", format!("--bundle bundle --trusted-root {name} {who} blob")),
            ("certificate chain", format!("--bundle legacy --certificate-chain {name} --offline {who} blob")),
            ("CA roots", format!("--bundle legacy --ca-roots {name} --offline {who} blob")),
            (
                "timestamp chain",
                format!("--bundle legacy --timestamp-certificate-chain {name} --trusted-root root {who} blob"),
            ),
            (
                "timestamp",
                format!("--signature sig --certificate cert --rfc3161-timestamp {name} --use-signed-timestamps --trusted-root root {who} blob"),
            ),
        ]
        .into_iter()
        .map(|(kind, words)| (kind, self.place.run_bounded(&format!("verify-blob {words}"))))
        .collect()
    }
}

#[test]
fn the_inputs_that_the_others_damage_are_good() {
    let scene = Scene::new();
    let who = who();
    scene.verify(&format!("--bundle bundle --trusted-root root {who} blob")).verified();
    scene.verify(&format!("--bundle legacy --trusted-root root {who} --offline blob")).verified();
    scene.verify("--signature keysig --key key --insecure-ignore-tlog blob").verified();
}

#[test]
fn missing_files_and_folders() {
    let scene = Scene::new();
    for (kind, run) in scene.each_kind("no-such-file") {
        let run = run.failed("no-such-file");
        // Where a signature is not a file, its text is tried.
        assert!(run.err.contains("no such file or directory"), "{kind}: {run:?}");
    }
    std::fs::create_dir(scene.place.path("work/folder")).unwrap();
    for (kind, run) in scene.each_kind("folder") {
        let run = run.failed("folder");
        assert!(run.err.contains("is a directory"), "{kind}: {run:?}");
    }
    let flags = format!("--bundle bundle --trusted-root root {}", who());
    scene.verify(&format!("{flags} no-such-file")).failed("open no-such-file: no such file or directory");
    scene.verify(&format!("{flags} folder")).failed("read folder: is a directory");
    let words = format!("verify-blob-attestation {flags}");
    scene.place.run(&format!("{words} no-such-file")).failed("attestation");
    scene.verify(&format!("{} no-such-file", who())).failed("open no-such-file: no such file or directory");
    scene.verify(&format!("{} blob", who())).failed("blob: no signature found beside it").said("hint: ");
}

#[test]
fn empty_files() {
    let scene = Scene::new();
    scene.place.put("empty", "");
    for (kind, run) in scene.each_kind("empty") {
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{kind}: {run:?}");
        run.failed("Error: ");
    }
    // An empty blob is a blob.
    let signed = scene.sigstore.sign_blob(b"", Leaf::default());
    scene.place.put("empty.json", signed.bundle_v03().to_json());
    let flags = format!("--bundle empty.json --trusted-root root {}", who());
    scene.verify(&format!("{flags} empty")).verified();
    scene.place.run_with_input(&format!("verify-blob {flags} -"), b"").verified();
    scene.verify(&format!("{flags} blob")).failed("does not match");
}

#[test]
fn huge_files_are_refused_in_little_memory_and_time() {
    let scene = Scene::new();
    File::create(scene.place.path("work/huge")).unwrap().set_len(TEN_GIB).unwrap();
    for (kind, run) in scene.each_kind("huge") {
        let run = run.failed("huge");
        assert!(run.err.contains("larger than"), "{kind}: {run:?}");
        run.within(20);
    }
    let endless = scene.place.run_bounded("verify-blob --key /dev/zero --signature sig blob");
    endless.failed("read /dev/zero: the file is larger than");
    scene.place.run_bounded("trust show --trusted-root huge").failed("huge");
}

#[test]
fn random_bytes_and_wrong_kinds() {
    let scene = Scene::new();
    let noise: Vec<u8> = (0..2000u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    let private = scene.signed.key.private_pem();
    let inputs: [(&str, Vec<u8>); 9] = [
        ("noise", noise),
        ("nul", vec![0; 100]),
        ("text", b"This is not what you are looking for.\n".to_vec()),
        ("null-json", b"null".to_vec()),
        ("array-json", b"[]".to_vec()),
        ("object-json", b"{}".to_vec()),
        ("deep-json", "[".repeat(1_000_000).into_bytes()),
        ("deep-object", "{\"a\":".repeat(500_000).into_bytes()),
        ("private", private.into_bytes()),
    ];
    for (name, bytes) in inputs {
        scene.place.put(name, bytes);
        for (kind, run) in scene.each_kind(name) {
            assert_eq!((run.code, run.out.as_str()), (1, ""), "{name} as {kind}: {run:?}");
            assert!(run.err.contains(name) || NAMELESS.contains(&kind), "{name} as {kind}: {run:?}");
            assert!(run.err.len() < 4000, "{name} as {kind}: {} bytes of text", run.err.len());
            let plain = |c: char| !c.is_control() || c == '\n';
            assert!(run.err.chars().all(plain), "{name} as {kind}: {run:?}");
            run.failed("Error: ").within(20);
        }
    }
}

#[test]
fn truncated_inputs() {
    let scene = Scene::new();
    for (flags, name) in [("--bundle", "bundle"), ("--bundle", "legacy")] {
        let whole = std::fs::read(scene.place.path("work").join(name)).unwrap();
        for length in [1, whole.len() / 2, whole.len() - 1] {
            scene.place.put("cut", &whole[..length]);
            scene.verify(&format!("{flags} cut --trusted-root root {} --offline blob", who())).failed("Error: ");
        }
    }
    let root = std::fs::read(scene.place.path("work/root")).unwrap();
    scene.place.put("cut", &root[..root.len() / 2]);
    scene.verify(&format!("--bundle bundle --trusted-root cut {} blob", who())).failed("loading trusted root: ");
}

#[test]
fn duplicate_keys_are_refused() {
    let scene = Scene::new();
    let bundle = scene.signed.bundle_v03().to_value();
    let legacy = scene.signed.legacy_bundle().to_value();
    let root = scene.sigstore.trusted_root().to_value();
    let twice = |value: &serde_json::Value, pointer: &str| {
        let second = value.pointer(pointer).unwrap();
        damage::duplicate_key(value, pointer, second)
    };
    let who = who();
    for pointer in ["/mediaType", "/messageSignature", "/verificationMaterial", "/messageSignature/signature"] {
        scene.place.put("twice", twice(&bundle, pointer));
        let words = format!("--bundle twice --trusted-root root {who} --output json blob");
        scene.verify(&words).failed_with_code("json-invalid");
    }
    for pointer in ["/base64Signature", "/cert", "/rekorBundle", "/rekorBundle/Payload"] {
        scene.place.put("twice", twice(&legacy, pointer));
        let words = format!("--bundle twice --trusted-root root {who} --offline --output json blob");
        scene.verify(&words).failed_with_code("json-invalid");
    }
    for pointer in ["/mediaType", "/tlogs", "/certificateAuthorities"] {
        scene.place.put("twice", twice(&root, pointer));
        scene
            .verify(&format!("--bundle bundle --trusted-root twice {who} --output json blob"))
            .failed_with_code("json-invalid");
    }
}

#[test]
fn certificates_that_prove_nothing() {
    let scene = Scene::new();
    let leaves = [
        ("no name", Leaf { sans: Vec::new(), ..Leaf::default() }),
        ("no usage", Leaf { eku: Vec::new(), ..Leaf::default() }),
        ("no SCT", Leaf { scts: Vec::new(), ..Leaf::default() }),
        ("another", Leaf::email("mallory@example.com")),
    ];
    for (what, leaf) in leaves {
        let signed = scene.sigstore.sign_blob(b"a file\n", leaf);
        scene.place.put("other", signed.bundle_v03().to_json());
        for who in [who(), "--certificate-identity-regexp jane --certificate-oidc-issuer-regexp .*".to_owned()] {
            let run = scene.verify(&format!("--bundle other --trusted-root root {who} blob"));
            assert_eq!(run.code, 1, "{what}: {run:?}");
            run.failed("Error: ");
        }
    }
    let leaf = Leaf { issuer_v1: None, issuer_v2: None, ..Leaf::default() };
    scene.place.put("other", scene.sigstore.sign_blob(b"a file\n", leaf).bundle_v03().to_json());
    let flags = "--bundle other --trusted-root root --certificate-identity jane@example.com";
    for rule in ["--certificate-oidc-issuer x", "--certificate-oidc-issuer-regexp ."] {
        scene.verify(&format!("{flags} {rule} blob")).failed("Error: ");
    }
}

#[test]
fn trusted_roots_that_do_not_count() {
    let scene = Scene::new();
    let before = sigward_testkit::time::SIGNING_TIME - 1000;
    let ended = Some((Some(0), Some(before)));
    let verify = |root: &sigward_testkit::TrustedRoot| {
        scene.place.put("other", root.to_json());
        scene.verify(&format!("--bundle bundle --trusted-root other {} blob", who())).failed("Error: ");
    };
    let whole = scene.sigstore.trusted_root();
    let mut root = whole.clone();
    root.tlogs[0].valid_for = ended;
    verify(&root);
    let mut root = whole.clone();
    root.cas[0].valid_for = ended;
    verify(&root);
    let mut root = whole.clone();
    root.ctlogs[0].valid_for = ended;
    verify(&root);
    verify(&sigward_testkit::TrustedRoot { tlogs: Vec::new(), ..whole.clone() });
    verify(&sigward_testkit::TrustedRoot { cas: Vec::new(), ..whole.clone() });
    verify(&sigward_testkit::TrustedRoot { ctlogs: Vec::new(), ..whole });
    verify(&Sigstore::new().trusted_root());
}

#[test]
fn keys_that_are_none() {
    let scene = Scene::new();
    let verify = |key: &str| scene.verify(&format!("--signature keysig --key {key} --insecure-ignore-tlog blob"));
    let key = Key::new(KeyKind::P256);
    scene.place.put("private", key.private_pem());
    verify("private").failed("loading public key: ").did_not_say(key.private_pem().lines().nth(1).unwrap());
    scene.place.put("certificate", scene.signed.cert_pem());
    verify("certificate").failed("loading public key: ");
    scene.place.put("weak", pem("PUBLIC KEY", &weak_rsa()));
    verify("weak").failed("loading public key: ");
    let mut spki = key.spki();
    spki.truncate(spki.len() - 1);
    scene.place.put("short", pem("PUBLIC KEY", &spki));
    verify("short").failed("loading public key: ");
    scene.place.put("stranger", key.public_pem());
    verify("stranger").failed("invalid signature");
    scene.place.put("two", format!("{}{}", Key::new(KeyKind::P256).public_pem(), key.public_pem()));
    verify("two").failed("Error: ");
    verify("env://NO_SUCH_VARIABLE").failed("NO_SUCH_VARIABLE");
    verify("ftp://example.com/key").failed("ftp://");
    verify("http://127.0.0.1:1/key").failed("127.0.0.1:1");
    for service in
        ["awskms:///alias", "gcpkms://a", "azurekms://a", "hashivault://a", "k8s://a/b", "pkcs11:a", "gitlab://1"]
    {
        verify(service).failed(service.split(':').next().unwrap());
    }
}

/// RSA with 1024 bits: SPKI of a modulus of ones.
fn weak_rsa() -> Vec<u8> {
    let tlv = |tag: u8, content: &[u8]| {
        let length = content.len();
        let mut out = vec![tag];
        match length {
            0..128 => out.push(u8::try_from(length).unwrap()),
            _ => out.extend([0x82, u8::try_from(length >> 8).unwrap(), u8::try_from(length & 0xff).unwrap()]),
        }
        out.extend_from_slice(content);
        out
    };
    let mut modulus = vec![0];
    modulus.extend([0xff; 128]);
    let numbers = tlv(0x30, &[tlv(0x02, &modulus), tlv(0x02, &[1, 0, 1])].concat());
    let algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    tlv(0x30, &[algorithm.to_vec(), tlv(0x03, &[vec![0], numbers].concat())].concat())
}

#[test]
fn a_key_that_cannot_be_read_is_told_in_json_too() {
    let scene = Scene::new();
    scene.place.put("private", scene.signed.key.private_pem());
    let more = "--signature {}.sig --insecure-ignore-tlog --output json";
    let run = scene.verify(&format!("--key no-such-file {more} blob other")).failed_with_code("read-failed");
    let blobs = run.json()["blobs"].as_array().unwrap().clone();
    assert_eq!((blobs.len(), &blobs[1]["blob"]), (2, &serde_json::json!("other")), "{run:?}");
    scene.verify(&format!("--key private {more} blob")).failed_with_code("pem-invalid");
    let words = "verify-blob-attestation --key private --bundle bundle --output json blob";
    scene.place.run(words).failed_with_code("pem-invalid");
}

#[test]
fn signatures_that_are_none() {
    let scene = Scene::new();
    let verify = |sig: &str| scene.verify(&format!("--key key --signature {sig} --insecure-ignore-tlog blob"));
    verify("keysig").verified();
    for (name, bytes) in [
        ("zero", b64(vec![0; 70])),
        ("half", b64(&scene.signed.signature[..20])),
        ("twice", format!("{0}{0}", scene.signed.sig())),
        ("spaces", "   \n".to_owned()),
    ] {
        scene.place.put(name, bytes);
        verify(name).failed("Error: ");
    }
    verify("not/base64!").failed("open not/base64!: no such file or directory");
    let trust = format!("--trusted-root root {}", who());
    scene.verify(&format!("{trust} --certificate cert --signature keysig --offline blob")).failed("invalid signature");
}

#[test]
fn homes_and_caches_that_cannot_be_used() {
    let mut scene = Scene::new();
    let flags = format!("--trusted-root root {}", who());
    let log = sigward_testkit::RekorServer::start(&scene.sigstore.rekor);
    put_signed(&scene.place, "blob", &scene.signed);
    let online = format!("{flags} --rekor-url {} blob", log.url());
    let bundle = format!("{flags} --bundle bundle blob");
    // A file where a folder should be stops everybody, root included.
    scene.place.set("HOME", scene.place.path("work/sig"));
    scene.verify(&bundle).verified();
    scene.verify(&online).verified();
    scene.place.set("HOME", "/nonexistent/home");
    scene.verify(&bundle).verified();
    scene.verify(&online).verified();
    scene.place.unset("HOME");
    scene.verify(&bundle).verified();
    scene.verify(&online).verified();
    scene.place.set("HOME", scene.place.path("home"));
    std::fs::set_permissions(scene.place.path("home"), std::fs::Permissions::from_mode(0o000)).unwrap();
    scene.verify(&bundle).verified();
    scene.verify(&online).verified();
    std::fs::set_permissions(scene.place.path("home"), std::fs::Permissions::from_mode(0o700)).unwrap();
    scene.place.set("SIGWARD_CACHE", "/dev/null");
    scene.verify(&online).verified();
    // A folder that others can replace is no place for a cache, and one that is a link leads elsewhere.
    scene.place.set("SIGWARD_CACHE", scene.place.path("cache"));
    std::fs::create_dir_all(scene.place.path("cache")).unwrap();
    std::os::unix::fs::symlink(scene.place.path("trust"), scene.place.path("cache/rekor")).unwrap();
    let before = scene.place.tree("trust");
    scene.verify(&online).verified();
    assert_eq!(scene.place.tree("trust"), before);
}

#[test]
fn closed_outputs() {
    let scene = Scene::new();
    let words = format!("verify-blob --bundle bundle --trusted-root root {} blob", who());
    let shell = |script: &str| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, SIGWARD]);
        let mut command = scene.place.prepared(command);
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, _, err) = shell(&format!("\"$0\" {words} >/dev/full"));
    assert_eq!(code, Some(0), "nothing is printed there: {err}");
    let (code, _, err) = shell(&format!("\"$0\" {words} --output json >/dev/full"));
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("writing standard output: no space left on device") && !err.contains("Verified OK"), "{err}");
    let (code, out, _) = shell(&format!("\"$0\" {words} --output json 2>/dev/full"));
    assert_eq!((code, out.is_empty()), (Some(0), false));
    // Rust's runtime puts /dev/null in the place of a closed output before `main`, so that it is no failure.
    let (_, _, err) = shell(&format!("\"$0\" {words} --output json >&-"));
    assert!(err.ends_with("Verified OK\n"), "{err}");
    let (code, _, err) = shell("\"$0\" trust show >/dev/full");
    assert_eq!(code, Some(1), "{err}");
    let (code, _, err) = shell("\"$0\" version >/dev/full");
    assert_eq!(code, Some(1), "{err}");
    let (code, _, err) = shell(&format!("\"$0\" {words} <&- 2>&-"));
    assert_eq!(code, Some(0), "{err}");
}

#[test]
fn readers_that_have_gone() {
    let scene = Scene::new();
    let words = format!("verify-blob --bundle bundle --trusted-root root {} --output json blob", who());
    let run = |words: &str| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = scene.place.prepared(Command::new(SIGWARD));
        command.args(words.split_whitespace()).stdin(Stdio::null()).stdout(writer);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, err) = run(&words);
    assert_eq!(code, Some(1), "a result that nobody gets is no success: {err}");
    assert!(err.contains("Error: writing standard output: broken pipe") && !err.contains("Verified OK"), "{err}");
    let (code, err) = run("trust show");
    assert_eq!((code, err.contains("writing standard output")), (Some(1), true), "{err}");
    // Help and the like are for people, who may have seen enough.
    for words in ["help", "version", "completion bash", "man", "verify-blob --help"] {
        assert_eq!(run(words), (Some(0), String::new()), "{words}");
    }
}

#[test]
fn standard_input() {
    let scene = Scene::new();
    let flags = format!("--bundle bundle --trusted-root root {}", who());
    scene.place.run_with_input(&format!("verify-blob {flags} -"), b"a file\n").verified();
    scene.place.run_with_input(&format!("verify-blob {flags} -"), b"a file").failed("does not match");
    let twice = "--bundle {} --key key";
    scene.place.run_with_input(&format!("verify-blob {twice} - -"), b"a file\n").failed("standard input");
    scene.place.run_with_input(&format!("verify-blob {} -", who()), b"a file\n").failed("no signature found beside it");
    scene.verify("--key key --bundle {}.bundle -").failed("--bundle cannot name a file after standard input");
}

#[test]
fn command_lines() {
    let scene = Scene::new();
    for (words, text) in [
        ("verify-blob --no-such-flag blob", "unknown flag: --no-such-flag"),
        ("verify-blob -x blob", "unknown shorthand flag: 'x' in -x"),
        ("verify-blob --key key --bundle", "flag needs an argument: --bundle"),
        ("verify-blob --key key --timeout soon blob", "\"soon\""),
        ("verify-blob --key key --output yaml blob", "yaml"),
        ("verify-blob --key key --min-logs 0 blob", "--min-logs"),
        ("verify-blob --key key --min-logs -1 blob", "--min-logs"),
        ("verify-blob --key key --min-logs 99999999999999999999 blob", "--min-logs"),
        ("verify-blob --key key --jobs many blob", "--jobs"),
        ("verify-blob --key key --tuf sometimes blob", "--tuf"),
        ("verify-blob --key key --bundle one a b", "--bundle names one file for 2 blobs"),
        ("verify-blob --key key --export-bundle one a b", "--export-bundle names one file for 2 blobs"),
        ("verify-blob --sk blob", "not supported"),
        ("verify-blob --ca-intermediates a --key key blob", "--ca-roots"),
        ("trust", "Error: "),
        ("trust nonsense", "Error: "),
        ("trust show more", "accepts at most 0 arg(s), received 1"),
        ("nonsense", "unknown command \"nonsense\""),
    ] {
        if words == "trust" {
            scene.place.run(words).succeeded();
            continue;
        }
        scene.place.run(words).failed(text);
    }
    let who = "--certificate-oidc-issuer x --certificate-identity-regexp";
    let words = format!("verify-blob --bundle bundle {who} ( blob");
    scene.place.run(&words).failed("Error: ");
    let long = "a{1000}".repeat(1000);
    scene.place.run(&format!("verify-blob --bundle bundle {who} ({long})* blob")).failed("Error: ").within(20);
}

#[test]
fn names_that_are_no_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let scene = Scene::new();
    let name = std::ffi::OsStr::from_bytes(b"bl\xffob");
    let mut command = scene.place.prepared(Command::new(SIGWARD));
    command.args(["verify-blob", "--key", "key", "--signature", "keysig", "--insecure-ignore-tlog"]).arg(name);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    std::fs::copy(scene.place.path("work/blob"), scene.place.path("work").join(name)).unwrap();
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn attestations() {
    let scene = Scene::new();
    let statement = Statement::slsa("blob", b"a file\n").to_json();
    let how = How { hash: Some(Hash::Sha256), ..How::default() };
    let signed = scene.sigstore.attest_as(b"a file\n", &statement, &Leaf::default(), &how);
    scene.place.put("att", signed.bundle_v03().to_json());
    let flags = format!("--type slsaprovenance1 --trusted-root root {}", who());
    let verify = |words: &str| scene.place.run(&format!("verify-blob-attestation {flags} {words}"));
    verify("--bundle att blob").verified();
    verify("--bundle bundle blob").failed("not an attestation");
    verify("--bundle att key").failed("Error: ");
    verify("--bundle att no-such-file").failed("open no-such-file: no such file or directory");
    verify("--bundle att --digest 00 --digestAlg sha256").failed("unable to decode provided digest");
    verify("--bundle att --digest xx --digestAlg sha256").failed("unable to decode provided digest");
    verify("--bundle att --digest 00 --digestAlg md5").failed("unsupported --digestAlg");
    for payload in [&b"null"[..], b"{}", b"", b"[[[[", b"\xff\xfe"] {
        let signed = scene.sigstore.attest_as(b"a file\n", payload, &Leaf::default(), &how);
        scene.place.put("bad", signed.bundle_v03().to_json());
        verify("--bundle bad blob").failed("Error: ");
    }
}
