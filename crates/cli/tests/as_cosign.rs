//! In the place of cosign: the same binary under its name, its environment, its texts, and what comes with a program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use sigward_testkit::{Key, KeyKind, Leaf, RekorServer, Sigstore, Statement};
use support::{Place, Run, SIGWARD, put_signed, who};

/// A place with good files, and the program under the name of cosign.
struct Scene {
    place: Place,
    cosign: PathBuf,
    sigstore: Sigstore,
}

impl Scene {
    fn new() -> Self {
        let (place, sigstore) = (Place::new(), Sigstore::new());
        let signed = sigstore.sign_blob(b"a file\n", Leaf::default());
        put_signed(&place, "blob", &signed);
        place.put("bundle", signed.bundle_v03().to_json());
        place.put("legacy", signed.legacy_bundle().to_json());
        let key = Key::new(KeyKind::P256);
        place.put("key", key.public_pem());
        place.put("keysig", sigstore.sign_blob_with_key(b"a file\n", &key).sig());
        place.put(
            "att",
            sigstore.attest(b"a file\n", &Statement::slsa("blob", b"a file\n"), Leaf::default()).bundle_v03().to_json(),
        );
        place.trust(&sigstore);
        place.put("root", sigstore.trusted_root().to_json());
        let cosign = place.path("cosign");
        symlink(SIGWARD, &cosign).unwrap();
        Self { place, cosign, sigstore }
    }

    fn cosign(&self, words: &str) -> Run {
        self.place.run_as(&self.cosign, words)
    }
}

const IDENTITY_MISSING: &str =
    "--certificate-identity or --certificate-identity-regexp is required for verification in keyless mode";
const ISSUER_MISSING: &str =
    "--certificate-oidc-issuer or --certificate-oidc-issuer-regexp is required for verification in keyless mode";
const NO_MATERIAL: &str =
    "provide a key with --key or --sk, a certificate to verify against with --certificate, or a bundle with --bundle";
const OLD_SIGNATURE: &str = "Flag --signature has been deprecated, please use --bundle to provide a signature\n";
const OLD_CERTIFICATE: &str = "Flag --certificate has been deprecated, please use --bundle with --trusted-root to provide the public certificate\n";
const OLD_REKOR: &str =
    "Flag --rekor-url has been deprecated, please use --bundle, which includes the Rekor inclusion proof\n";
const NO_TLOG: &str = "WARNING: Skipping tlog verification is an insecure practice that lacks transparency and \
                       auditability verification for the blob.\n";

/// The two lines that each failure ends with.
fn error(text: &str) -> String {
    format!("Error: {text}\nerror during command execution: {text}\n")
}

/// Standard error of cosign 3.1.1, recorded with `env -i HOME=… cosign …` in an empty folder.
#[test]
fn standard_error_is_that_of_cosign() {
    let scene = Scene::new();
    let no_key = "loading verifier from key opts: loading public key: open nofile: no such file or directory";
    let rows = [
        ("verify-blob", error("accepts 1 arg(s), received 0")),
        ("verify-blob x", error(NO_MATERIAL)),
        ("verify-blob --certificate c x", format!("{OLD_CERTIFICATE}{}", error(IDENTITY_MISSING))),
        (
            "verify-blob --certificate c --certificate-identity a x",
            format!("{OLD_CERTIFICATE}{}", error(ISSUER_MISSING)),
        ),
        ("verify-blob --bundle b x", error(IDENTITY_MISSING)),
        ("verify-blob --bundle b --certificate-identity a x", error(ISSUER_MISSING)),
        ("verify-blob --bundle b --certificate-oidc-issuer a x", error(IDENTITY_MISSING)),
        ("verify-blob --key nofile --signature s --insecure-ignore-tlog x", format!("{OLD_SIGNATURE}{NO_TLOG}{}", error(no_key))),
        (
            "verify-blob --certificate-identity a --signature s --certificate c x",
            format!("{OLD_SIGNATURE}{OLD_CERTIFICATE}{}", error(ISSUER_MISSING)),
        ),
        ("verify-blob --nope x", error("unknown flag: --nope")),
        ("verify-blob -Z x", error("unknown shorthand flag: 'Z' in -Z")),
        ("verify-blob --key", error("flag needs an argument: --key")),
        (
            "verify-blob --timeout abc x",
            error("invalid argument \"abc\" for \"-t, --timeout\" flag: time: invalid duration \"abc\""),
        ),
        (
            "verify-blob --offline=maybe x",
            error("invalid argument \"maybe\" for \"--offline\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax"),
        ),
        (
            "verify-blob-attestation",
            error("must provide path to blob or digest and digestAlg; run `cosign verify-blob-attestation -h` for more help"),
        ),
        (
            "verify-blob-attestation x",
            error("please specify path to the DSSE envelope signature via --signature or --bundle"),
        ),
        ("verify-blob-attestation --signature s x", format!("{OLD_SIGNATURE}{}", error(NO_MATERIAL))),
        ("completion", error("accepts 1 arg(s), received 0")),
        ("completion tcsh", error("invalid argument \"tcsh\" for \"cosign completion\"")),
        (
            "verify-blob -key nofile x",
            format!(
                "WARNING: the -key flag is deprecated and will be removed in a future release. Please use the --key flag \
                 instead.\n{}",
                error(no_key)
            ),
        ),
        (
            "nonsense",
            "Error: unknown command \"nonsense\" for \"cosign\"\nRun 'cosign --help' for usage.\nerror during command \
             execution: unknown command \"nonsense\" for \"cosign\"\n"
                .to_owned(),
        ),
        (
            "verify-blb",
            "Error: unknown command \"verify-blb\" for \"cosign\"\n\nDid you mean this?\n\tverify-blob\n\nRun 'cosign \
             --help' for usage.\nerror during command execution: unknown command \"verify-blb\" for \"cosign\"\n\nDid you \
             mean this?\n\tverify-blob\n"
                .to_owned(),
        ),
    ];
    for (words, expected) in rows {
        let run = scene.cosign(words).failed("");
        assert_eq!(run.err, expected, "{words}");
    }
}

#[test]
fn both_names_do_the_same() {
    let scene = Scene::new();
    let log = RekorServer::start(&scene.sigstore.rekor);
    let (who, rekor) = (who(), log.url());
    for words in [
        format!("verify-blob --bundle bundle --trusted-root root {who} blob"),
        format!("verify-blob --bundle bundle --trusted-root root {who} --output json --explain blob"),
        format!("verify-blob --bundle legacy --trusted-root root --offline {who} blob"),
        format!(
            "verify-blob --signature blob.sig --certificate blob.cert --trusted-root root --rekor-url {rekor} {who} blob"
        ),
        "verify-blob --key key --signature keysig --insecure-ignore-tlog=true blob".to_owned(),
        format!("verify-blob-attestation --bundle att --type slsaprovenance1 --trusted-root root {who} blob"),
        "verify-blob --key key --signature keysig --insecure-ignore-tlog root".to_owned(),
        "trust show --trusted-root root".to_owned(),
    ] {
        let (one, other) = (scene.place.run(&words), scene.cosign(&words));
        assert_eq!((one.code, &one.out, &one.err), (other.code, &other.out, &other.err), "{words}");
    }
    let run = scene.cosign(&format!("verify-blob --bundle bundle --trusted-root root {who} blob")).verified();
    assert_eq!(run.err, "Verified OK\n");
    let run = scene.cosign("verify-blob --key key --signature keysig --insecure-ignore-tlog blob").verified();
    assert_eq!(run.err, format!("{OLD_SIGNATURE}{NO_TLOG}Verified OK\n"));
}

#[test]
fn deprecations_are_said_in_the_order_of_the_flags() {
    let scene = Scene::new();
    let log = RekorServer::start(&scene.sigstore.rekor);
    let flags = format!("--signature blob.sig --certificate blob.cert --trusted-root root {}", who());
    let run = scene.cosign(&format!("verify-blob --rekor-url {} {flags} blob", log.url())).verified();
    assert_eq!(run.err, format!("{OLD_REKOR}{OLD_SIGNATURE}{OLD_CERTIFICATE}Verified OK\n"));
}

#[test]
fn verbs_of_cosign_that_are_missing() {
    let scene = Scene::new();
    let verbs = [
        "attach",
        "attest",
        "attest-blob",
        "bundle",
        "clean",
        "copy",
        "dockerfile",
        "env",
        "generate",
        "generate-key-pair",
        "import-key-pair",
        "initialize",
        "load",
        "login",
        "piv-tool",
        "pkcs11-tool",
        "public-key",
        "save",
        "sign",
        "sign-blob",
        "signing-config",
        "trusted-root",
        "upload",
    ];
    for verb in verbs {
        for run in [scene.cosign(verb), scene.cosign(&format!("{verb} --some-flag image:tag")), scene.place.run(verb)] {
            let run = run.failed("not supported");
            assert!(run.err.contains(&format!("command \"{verb}\"")), "{run:?}");
        }
    }
}

#[test]
fn the_environment_sets_flags() {
    let mut scene = Scene::new();
    scene.place.set("COSIGN_KEY", "key");
    scene.place.set("COSIGN_SIGNATURE", "keysig");
    scene.place.set("COSIGN_INSECURE_IGNORE_TLOG", "true");
    for run in [scene.cosign("verify-blob blob"), scene.place.run("verify-blob blob")] {
        run.verified();
    }
    // What was typed counts more.
    scene.cosign("verify-blob --signature blob.sig blob").failed("invalid signature");
    scene.place.unset("COSIGN_KEY");
    scene.place.unset("COSIGN_SIGNATURE");
    scene.place.unset("COSIGN_INSECURE_IGNORE_TLOG");
    scene.place.set("COSIGN_CERTIFICATE_IDENTITY", sigward_testkit::IDENTITY);
    scene.place.set("COSIGN_CERTIFICATE_OIDC_ISSUER", sigward_testkit::ISSUER);
    scene.place.set("COSIGN_TRUSTED_ROOT", "root");
    scene.cosign("verify-blob --bundle bundle blob").verified();
    scene.cosign("verify-blob --certificate-identity mallory@example.com --bundle bundle blob").failed("mallory");
}

#[test]
fn results_can_go_to_a_file() {
    let scene = Scene::new();
    let flags = format!("--bundle bundle --trusted-root root {}", who());
    let run = scene.cosign(&format!("verify-blob {flags} --output json --output-file out.json blob")).verified();
    assert_eq!(run.new_files, ["out.json"]);
    let written = std::fs::read_to_string(scene.place.path("work/out.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(document["verified"], true, "{document}");
    assert_eq!(document["blobs"][0]["signer"]["subject"], sigward_testkit::IDENTITY, "{document}");
    scene.cosign(&format!("verify-blob {flags} --output-file no/such/folder/out blob")).failed("no/such/folder/out");
    scene.cosign("version --output-file /dev/full").failed("no space left on device");
    scene.cosign("version --output-file out.json").succeeded();
    let written = std::fs::read_to_string(scene.place.path("work/out.json")).unwrap();
    assert!(written.starts_with("sigward "), "{written}");
}

#[test]
fn json_has_what_scripts_need() {
    let scene = Scene::new();
    let flags = format!("--trusted-root root {}", who());
    let run = scene.place.run(&format!("verify-blob --bundle bundle {flags} --output json --explain blob")).succeeded();
    let blob = &run.json()["blobs"][0];
    assert_eq!(blob["verified"], true);
    assert_eq!(blob["signer"]["issuer"], sigward_testkit::ISSUER);
    assert_eq!(blob["digest"], format!("sha256:{}", sigward_testkit::text::hex(sigward_testkit::sha256(b"a file\n"))));
    assert_eq!(blob["logEntries"].as_array().unwrap().len(), 1);
    assert!(blob["checks"].as_array().unwrap().len() > 5, "{blob}");
    assert!(run.err.ends_with("Verified OK\n"));
    let words = format!("verify-blob-attestation --bundle att --type slsaprovenance1 {flags} --output json blob");
    let run = scene.place.run(&words).succeeded();
    assert_eq!(run.json()["blobs"][0]["predicateType"], "https://slsa.dev/provenance/v1");
    let run = scene.place.run(&format!("verify-blob --bundle bundle {flags} --explain blob")).verified();
    assert!(run.err.lines().count() > 10, "{run:?}");
}

#[test]
fn help_fits_the_screen() {
    let scene = Scene::new();
    let commands = [
        "",
        "verify-blob",
        "verify-blob-attestation",
        "trust",
        "trust show",
        "trust update",
        "trust export",
        "completion",
        "man",
        "version",
    ];
    for command in commands {
        let mut forms = vec![format!("help {command}"), format!("{command} --help"), format!("{command} -h")];
        if command.is_empty() {
            forms.push(String::new());
        }
        let texts: Vec<String> = forms
            .iter()
            .map(|words| {
                let run = scene.place.run(words).succeeded();
                assert_eq!(run.err, "", "{words}");
                run.out
            })
            .collect();
        assert!(texts.iter().all(|text| *text == texts[0]), "{command}: {forms:?}");
        assert!(texts[0].contains("sigward") && texts[0].contains("Usage"), "{command}: {}", texts[0]);
        for line in texts[0].lines() {
            assert!(line.chars().count() <= 80, "{command}: {line:?}");
            assert_eq!(line, line.trim_end(), "{command}");
        }
        let called = scene.cosign(&forms[0]).succeeded().out;
        assert!(called.contains("cosign"), "{command}: {called}");
    }
    scene.place.run("help nonsense").failed("nonsense");
}

#[test]
fn completion_for_each_shell() {
    let scene = Scene::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        for (run, name) in [
            (scene.place.run(&format!("completion {shell}")), "sigward"),
            (scene.cosign(&format!("completion {shell}")), "cosign"),
        ] {
            let run = run.succeeded();
            assert_eq!(run.err, "", "{shell}");
            for word in [name, "verify-blob", "trusted-root", "export"] {
                assert!(run.out.contains(word), "{shell}: {word} is missing");
            }
        }
    }
    let script = scene.place.run("completion bash").out;
    scene.place.put("script", script);
    let bash = Path::new("/bin/bash");
    if bash.exists() {
        scene.place.run_as(bash, "-n script").succeeded();
    }
}

#[test]
fn manual_pages() {
    let scene = Scene::new();
    let page = scene.place.run("man").succeeded();
    assert!(page.out.contains(".TH") && page.out.contains("verify"), "{page:?}");
    std::fs::create_dir(scene.place.path("work/man")).unwrap();
    let run = scene.place.run("man --dir man").succeeded();
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
    let pages = scene.place.tree("work/man");
    let names: Vec<_> = pages.iter().map(|p| p.file_name().unwrap().to_str().unwrap()).collect();
    for name in ["sigward.1", "sigward-verify-blob.1", "sigward-verify-blob-attestation.1", "sigward-trust-show.1"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    for page in &pages {
        assert!(std::fs::read_to_string(page).unwrap().contains(".TH"), "{}", page.display());
    }
    scene.place.run("man --dir no/such/folder").failed("no/such/folder");
}

#[test]
fn versions() {
    let scene = Scene::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(scene.place.run("version").succeeded().out, format!("sigward {version}\n"));
    assert_eq!(scene.cosign("version").succeeded().out, format!("sigward {version} (called as cosign)\n"));
    assert_eq!(scene.cosign("version --json").succeeded().json()["gitVersion"], format!("v{version}"));
}
