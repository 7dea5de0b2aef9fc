//! The rules of the command line that are ours, or that cosign shows only by what it then does.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use sigward::args::request::{
    AttestationSubject, AuthorityFiles, BlobItem, BlobRef, EntryCache, Explain, ExportTarget, FormatChoice, KeyRef,
    Location, LogLookup, OutputFormat, SctUse, SignatureDigest, Signer, SubjectDigestAlgorithm, TextRule, TimestampUse,
    TlogUse, TrustCommand, TrustSource, TufRefresh, Verification, VerifyBlobAttestationRequest, VerifyBlobRequest,
};
use sigward::args::{Command, Notice, Parsed, Shell, UsageError, UsageErrorKind, Verbosity, parse};

type Environment<'a> = &'a [(&'a str, &'a str)];

fn parse_in(environment: Environment<'_>, words: &[&str]) -> Result<Parsed, UsageError> {
    let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    parse(&argv, &|name| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
}

#[track_caller]
fn parsed(words: &[&str]) -> Parsed {
    parse_in(&[], words).unwrap()
}

#[track_caller]
fn blobs_in(environment: Environment<'_>, words: &[&str]) -> VerifyBlobRequest {
    match parse_in(environment, &[&["sigward", "verify-blob"], words].concat()).unwrap().command {
        Command::VerifyBlob(request) => *request,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn blobs(words: &[&str]) -> VerifyBlobRequest {
    blobs_in(&[], words)
}

/// What is demanded by flags beside a key.
#[track_caller]
fn with_key(words: &[&str]) -> Verification {
    blobs(&[&["--key", "k", "blob"], words].concat()).verification
}

#[track_caller]
fn attestation(words: &[&str]) -> VerifyBlobAttestationRequest {
    match parsed(&[&["sigward", "verify-blob-attestation", "--key", "k", "--bundle", "b"], words].concat()).command {
        Command::VerifyBlobAttestation(request) => *request,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn error(words: &[&str]) -> UsageErrorKind {
    parse_in(&[], words).unwrap_err().kind
}

#[track_caller]
fn blob_error(words: &[&str]) -> UsageErrorKind {
    error(&[&["sigward", "verify-blob"], words].concat())
}

fn file(path: &str) -> Location {
    Location::File(PathBuf::from(path))
}

#[test]
fn the_command_of_the_kubernetes_page() {
    let request = blobs(&[
        "kubectl",
        "--signature",
        "kubectl.sig",
        "--certificate",
        "kubectl.cert",
        "--certificate-identity",
        "krel-staging@k8s-releng-prod.iam.gserviceaccount.com",
        "--certificate-oidc-issuer",
        "https://accounts.google.com",
    ]);
    let [item] = request.items.as_slice() else { panic!("one blob") };
    assert_eq!(item.blob, BlobRef::At(file("kubectl")));
    assert_eq!(item.material.signature, Some(file("kubectl.sig")));
    assert_eq!(item.material.certificate, Some(file("kubectl.cert")));
    let Signer::Keyless(identity) = request.verification.signer else { panic!("keyless") };
    assert_eq!(identity.subject, TextRule::Exact("krel-staging@k8s-releng-prod.iam.gserviceaccount.com".into()));
    assert_eq!(identity.issuer, TextRule::Exact("https://accounts.google.com".into()));
}

#[test]
fn defaults_are_the_strict_ones() {
    let verification = with_key(&[]);
    assert_eq!(verification.tlog, TlogUse::Required { threshold: NonZeroU32::MIN });
    assert_eq!(verification.sct, SctUse::Required);
    assert_eq!(verification.timestamps, TimestampUse::IfNeeded);
    assert_eq!(verification.format, FormatChoice::Detect);
    assert_eq!(verification.signature_digest, SignatureDigest::Sha256);
    assert_eq!((verification.output, verification.explain), (OutputFormat::Text, Explain::ResultOnly));
    let max_age = Duration::from_secs(14 * 86_400);
    assert_eq!(verification.trust.source, TrustSource::Tuf { refresh: TufRefresh::Auto, max_age });
    let rekor_url = "https://rekor.sigstore.dev".to_owned();
    assert_eq!(verification.lookup, LogLookup::Allowed { rekor_url, cache: EntryCache::Used });
    let globals = parsed(&["sigward"]).globals;
    assert_eq!((globals.timeout, globals.verbosity), (Duration::from_secs(180), Verbosity::Quiet));
}

#[test]
fn each_flag_reaches_its_place() {
    assert_eq!(with_key(&["--insecure-ignore-tlog"]).tlog, TlogUse::SkippedUnsafe);
    assert_eq!(with_key(&["--private-infrastructure"]).tlog, TlogUse::SkippedUnsafe);
    assert_eq!(with_key(&["--insecure-ignore-tlog=f"]).tlog, TlogUse::Required { threshold: NonZeroU32::MIN });
    let two = NonZeroU32::new(2).unwrap();
    assert_eq!(with_key(&["--min-logs", "2"]).tlog, TlogUse::Required { threshold: two });
    assert_eq!(with_key(&["--min-timestamps=2"]).timestamps, TimestampUse::Required { threshold: two });
    let one = TimestampUse::Required { threshold: NonZeroU32::MIN };
    assert_eq!(with_key(&["--use-signed-timestamps"]).timestamps, one);
    assert_eq!(with_key(&["--timestamp-certificate-chain", "c"]).timestamps, one);
    assert_eq!(with_key(&["--insecure-ignore-sct"]).sct, SctUse::SkippedUnsafe);
    assert_eq!(with_key(&["--new-bundle-format=false"]).format, FormatChoice::LegacyOnly);
    assert_eq!(with_key(&["--signature-digest-algorithm", "SHA512"]).signature_digest, SignatureDigest::Sha512);
    assert_eq!(with_key(&["--rekor-url="]).lookup, LogLookup::NoLog);
    let rekor_url = "https://r".to_owned();
    let lookup = LogLookup::Forbidden { rekor_url, cache: EntryCache::Unused };
    assert_eq!(with_key(&["--rekor-url=https://r", "--offline", "--no-cache"]).lookup, lookup);
    assert_eq!(with_key(&["--trusted-root", "t"]).trust.source, TrustSource::File("t".into()));
    let max_age = Duration::from_secs(36 * 3600);
    let tuf = TrustSource::Tuf { refresh: TufRefresh::Never, max_age };
    assert_eq!(with_key(&["--tuf=never", "--trust-max-age", "1d12h"]).trust.source, tuf);
    let roots = AuthorityFiles::Roots { roots: "r".into(), intermediates: Some("i".into()) };
    assert_eq!(with_key(&["--ca-roots", "r", "--ca-intermediates", "i"]).trust.authorities, Some(roots));
    let chain = Some(AuthorityFiles::Chain("c".into()));
    assert_eq!(with_key(&["--cert-chain", "c"]).trust.authorities, chain);
    assert_eq!(with_key(&["-o", "json"]).output, OutputFormat::Json);
    assert_eq!(with_key(&["--explain"]).explain, Explain::EveryCheck);
    assert_eq!(blobs(&["--key", "k", "b", "--jobs", "3"]).jobs, NonZeroUsize::new(3));
}

#[test]
fn the_last_flag_wins_and_stands_anywhere_before_two_dashes() {
    let request = blobs(&["a", "--key=x", "b", "--bundle", "{}.json", "--key", "y", "--", "--key"]);
    assert_eq!(request.verification.signer, Signer::ManagedKey(KeyRef::At(file("y"))));
    let names: Vec<_> = request.items.iter().map(|item| item.blob.clone()).collect();
    assert_eq!(names, ["a", "b", "--key"].map(|name| BlobRef::At(file(name))));
}

#[test]
fn a_value_that_looks_like_a_flag_stays_as_it_is() {
    // cosign would read --foo, and -v.txt as --v.txt.
    let parsed = parsed(&["sigward", "verify-blob", "--key", "-foo", "--", "-v.txt"]);
    assert_eq!(parsed.notices, []);
    let Command::VerifyBlob(request) = parsed.command else { panic!() };
    assert_eq!(request.verification.signer, Signer::ManagedKey(KeyRef::At(file("-foo"))));
    assert_eq!(request.items.first().map(|item| &item.blob), Some(&BlobRef::At(file("-v.txt"))));
}

#[test]
fn a_placeholder_stands_for_the_name_of_each_blob() {
    let request = blobs(&["--key", "k", "--signature={}.sig", "--export-bundle", "out/{}.{}", "a", "dir/b"]);
    let material: Vec<_> =
        request.items.iter().map(|i| (i.material.signature.clone(), i.export_bundle.clone())).collect();
    let expected = [("a.sig", "out/a.a"), ("dir/b.sig", "out/dir/b.dir/b")]
        .map(|(signature, export)| (Some(file(signature)), Some(PathBuf::from(export))));
    assert_eq!(material, expected);
    let url = blobs(&["--key", "k", "--signature=https://h/{}.sig", "a"]);
    let signature = url.items.first().and_then(|item| item.material.signature.clone());
    assert_eq!(signature, Some(Location::Url("https://h/a.sig".into())));
}

#[test]
fn one_file_for_several_blobs_is_refused() {
    let expected = UsageErrorKind::OneFileForSeveralBlobs { flag: "signature", blobs: 2, extension: "sig" };
    assert_eq!(blob_error(&["--key", "k", "--signature", "s", "a", "b"]), expected);
    assert_eq!(
        expected.to_string(),
        "--signature names one file for 2 blobs; write {} for the name of the blob, as in --signature '{}.sig'"
    );
    assert_eq!(blob_error(&["--key", "k", "-", "-"]), UsageErrorKind::StdinTwice);
    assert_eq!(blob_error(&["--key", "k", "--bundle={}.b", "-"]), UsageErrorKind::PlaceholderForStdin("bundle"));
}

#[cfg(unix)]
#[test]
fn names_need_not_be_unicode() {
    use std::os::unix::ffi::OsStringExt as _;
    let name = OsString::from_vec(b"bl\xffob".to_vec());
    let key = OsString::from_vec(b"--key=k\xff".to_vec());
    let argv = ["sigward", "verify-blob", "--bundle={}.b"].map(OsString::from);
    let argv = [argv.as_slice(), &[key, name.clone()]].concat();
    let Command::VerifyBlob(request) = parse(&argv, &|_| None).unwrap().command else { panic!() };
    let key = PathBuf::from(OsString::from_vec(b"k\xff".to_vec()));
    assert_eq!(request.verification.signer, Signer::ManagedKey(KeyRef::At(Location::File(key))));
    let [BlobItem { blob, material, .. }] = request.items.as_slice() else { panic!() };
    assert_eq!(*blob, BlobRef::At(Location::File(name.into())));
    assert_eq!(material.bundle, Some(PathBuf::from(OsString::from_vec(b"bl\xffob.b".to_vec()))));
}

#[test]
fn references_are_read_as_cosign_reads_them() {
    let items = blobs(&["--key", "env://K", "-", "http://h/b", "env://B", "sha256:00", "a:b"]);
    assert_eq!(items.verification.signer, Signer::ManagedKey(KeyRef::At(Location::Environment("K".into()))));
    let names: Vec<_> = items.items.into_iter().map(|item| item.blob).collect();
    let at = |location| BlobRef::At(location);
    let expected = [
        BlobRef::Stdin,
        at(Location::Url("http://h/b".into())),
        at(Location::Environment("B".into())),
        at(file("sha256:00")),
        at(file("a:b")),
    ];
    assert_eq!(names, expected);
    assert_eq!(blob_error(&["--key", "k", "ftp://x"]).to_string(), "loading URL: unrecognized scheme: ftp://");
    let secret = KeyRef::KubernetesSecret { namespace: "n".into(), name: "s".into() };
    assert_eq!(blobs(&["--key", "k8s://n/s", "b"]).verification.signer, Signer::ManagedKey(secret));
    assert_eq!(blob_error(&["--key", "k8s://n", "b"]), UsageErrorKind::KubernetesKey);
}

#[test]
fn what_cannot_be_done_is_said() {
    for key in ["awskms://a", "azurekms://a", "gcpkms://a", "hashivault://a", "gitlab://a", "pkcs11:a"] {
        assert!(blob_error(&["--key", key, "b"]).to_string().contains("not supported"), "{key}");
    }
    assert!(blob_error(&["--sk", "b"]).to_string().contains("not supported"));
    let commands = "attach attest attest-blob bundle clean copy debug dockerfile env generate generate-key-pair \
                    import-key-pair initialize load login piv-tool pkcs11-tool public-key save sign \
                    sign-blob signing-config trusted-root upload";
    for command in commands.split_whitespace() {
        let error = error(&["sigward", command, "--flag", "x"]);
        assert!(matches!(error, UsageErrorKind::NotSupported(_)), "{command}: {error:?}");
        assert!(error.to_string().starts_with(&format!("command \"{command}\" is not supported")), "{error}");
    }
}

#[test]
fn contradictions_are_refused() {
    let contradiction = |other| UsageErrorKind::Contradiction { one: "min-logs", other };
    assert_eq!(
        blob_error(&["--key", "k", "b", "--min-logs", "2", "--insecure-ignore-tlog"]),
        contradiction("insecure-ignore-tlog")
    );
    assert_eq!(
        blob_error(&["--key", "k", "b", "--min-logs", "2", "--private-infrastructure"]),
        contradiction("private-infrastructure")
    );
    assert_eq!(blob_error(&["--key", "k", "b", "--ca-intermediates", "i"]), UsageErrorKind::IntermediatesWithoutRoots);
    for bad in ["--min-logs=0", "--min-logs=-1", "--min-logs=", "--min-logs=4294967296", "--jobs=0", "--tuf=perhaps"] {
        let error = blob_error(&["--key", "k", "b", bad]);
        assert!(matches!(error, UsageErrorKind::FlagValue { .. }), "{bad}: {error:?}");
    }
    assert_eq!(
        blob_error(&["--key", "k", "b", "--output", "xml"]).to_string(),
        "invalid argument \"xml\" for \"-o, --output\" flag: must be one of text, json"
    );
}

#[test]
fn demands_that_a_key_cannot_meet_are_named() {
    let words = ["sigward", "verify-blob", "b", "--key", "k", "--certificate-oidc-issuer", "i"];
    let expected = Notice::FlagIgnored { flag: "certificate-oidc-issuer", beside: "key" };
    assert_eq!(parsed(&words).notices, [expected]);
}

#[test]
fn issuer_and_its_expression_may_stand_together() {
    let words =
        ["b", "--certificate-identity-regexp", "r", "--cert-oidc-issuer", "i", "--certificate-oidc-issuer-regexp", "x"];
    let Signer::Keyless(identity) = blobs(&words).verification.signer else { panic!() };
    assert_eq!(identity.subject, TextRule::Regexp("r".into()));
    assert_eq!(identity.issuer, TextRule::Both { exact: "i".into(), regexp: "x".into() });
}

#[test]
fn the_environment_stands_in_for_flags() {
    let key = |environment, words: &[&str]| match blobs_in(environment, words).verification.signer {
        Signer::ManagedKey(KeyRef::At(Location::File(path))) => path,
        other => panic!("{other:?}"),
    };
    assert_eq!(key(&[("COSIGN_KEY", "c")], &["b"]), PathBuf::from("c"));
    assert_eq!(key(&[("COSIGN_KEY", "c"), ("SIGWARD_KEY", "s")], &["b"]), PathBuf::from("s"));
    assert_eq!(key(&[("COSIGN_KEY", "c"), ("SIGWARD_KEY", "")], &["b"]), PathBuf::from("c"));
    assert_eq!(key(&[("COSIGN_KEY", "c"), ("SIGWARD_KEY", "s")], &["b", "--key", "k"]), PathBuf::from("k"));
    let from = |environment| blobs_in(environment, &["b", "--key", "k"]).verification.output;
    assert_eq!(from(&[("SIGWARD_OUTPUT", "json")]), OutputFormat::Json);
    // It belongs to another command of cosign, and has values that this one does not know.
    assert_eq!(from(&[("COSIGN_OUTPUT", "json")]), OutputFormat::Text);
}

#[test]
fn a_wrong_value_in_the_environment_is_not_silent() {
    let words = ["sigward", "verify-blob", "b", "--key", "k"];
    let cosigns = parse_in(&[("COSIGN_INSECURE_IGNORE_SCT", "perhaps")], &words).unwrap();
    let [Notice::EnvironmentIgnored { variable, .. }] = cosigns.notices.as_slice() else { panic!("{cosigns:?}") };
    assert_eq!(variable, "COSIGN_INSECURE_IGNORE_SCT");
    let ours = parse_in(&[("SIGWARD_INSECURE_IGNORE_SCT", "perhaps")], &words).unwrap_err().kind;
    assert!(matches!(ours, UsageErrorKind::EnvironmentValue { .. }), "{ours:?}");
}

#[test]
fn the_environment_neither_redirects_output_nor_breaks_help() {
    let environment = [
        ("COSIGN_OUTPUT_FILE", "f"),
        ("COSIGN_VERBOSE", "true"),
        ("SIGWARD_HELP", "perhaps"),
        ("SIGWARD_DIR", "d"),
        ("SIGWARD_JSON", "perhaps"),
        ("SIGWARD_TIMEOUT", "perhaps"),
    ];
    let (timeout, others) = environment.split_last().unwrap();
    let globals = parse_in(others, &["sigward", "verify-blob", "b", "--key", "k"]).unwrap().globals;
    assert_eq!((globals.output_file, globals.verbosity), (None, Verbosity::Quiet));
    assert!(matches!(parse_in(others, &["sigward", "man"]).unwrap().command, Command::Man(None)));
    assert!(parse_in(others, &["sigward", "version"]).is_ok());
    for words in [&["sigward"][..], &["sigward", "help"], &["sigward", "verify-blob", "-h"], &["sigward", "trust"]] {
        assert!(matches!(parse_in(&environment, words).unwrap().command, Command::Help(_)), "{words:?} {timeout:?}");
    }
}

#[test]
fn attestations_have_a_subject_and_a_predicate_type() {
    let subject = |words: &[&str]| attestation(words).subject;
    let sha256 = "ab".repeat(32);
    assert_eq!(subject(&["blob"]), AttestationSubject::Blob("blob".into(), None));
    assert_eq!(
        subject(&["--digest", &sha256, "--digestAlg", "sha256"]),
        AttestationSubject::Digest(SubjectDigestAlgorithm::Sha256, vec![0xab; 32])
    );
    assert_eq!(subject(&["--check-claims=false"]), AttestationSubject::UncheckedUnsafe);
    let both = ["sigward", "verify-blob-attestation", "--key", "k", "--bundle", "b", "blob", "--digest", &sha256];
    assert_eq!(parsed(&both).notices, [Notice::DigestIgnored]);
    let types = [
        ("custom", "https://cosign.sigstore.dev/attestation/v1"),
        ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
        ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
        ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
        ("spdx", "https://spdx.dev/Document"),
        ("spdxjson", "https://spdx.dev/Document"),
        ("cyclonedx", "https://cyclonedx.org/bom"),
        ("link", "https://in-toto.io/Link/v1"),
        ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
        ("openvex", "https://openvex.dev/ns"),
        ("https://k8s.io/promo-tools/promotion/v1", "https://k8s.io/promo-tools/promotion/v1"),
    ];
    for (typed, uri) in types {
        assert_eq!(attestation(&["blob", "--type", typed]).predicate.uri, uri);
    }
    assert_eq!(attestation(&["blob"]).predicate.typed, "custom");
}

#[test]
fn digests_are_checked_before_anything_is_opened() {
    let digest_error = |digest: &str, algorithm: &str| {
        let words = ["sigward", "verify-blob-attestation", "--key", "k", "--bundle", "b"];
        error(&[&words[..], &["--digest", digest, "--digestAlg", algorithm]].concat()).to_string()
    };
    assert_eq!(
        digest_error("zz", "sha256"),
        "unable to decode provided digest: encoding/hex: invalid byte: U+007A 'z'"
    );
    assert_eq!(digest_error("abc", "sha256"), "unable to decode provided digest: encoding/hex: odd length hex string");
    assert_eq!(digest_error("abcd", "sha512"), "unable to decode provided digest: sha512 has 64 bytes, got 2");
    assert_eq!(
        digest_error("abcd", "md5"),
        "unsupported --digestAlg \"md5\"; supported values are sha256, sha384, sha512"
    );
}

#[test]
fn trust_commands() {
    let command = |words: &[&str]| match parsed(&[&["sigward", "trust"], words].concat()).command {
        Command::Trust(command) => command,
        other => panic!("{other:?}"),
    };
    let source = TrustSource::File("t".into());
    let show = TrustCommand::Show { source: source.clone(), output: OutputFormat::Json };
    assert_eq!(command(&["show", "--trusted-root", "t", "-o", "json"]), show);
    assert_eq!(command(&["--trusted-root", "t", "show", "-o", "json"]), show);
    let export = |target| TrustCommand::Export { source: source.clone(), target };
    assert_eq!(command(&["export", "--trusted-root=t"]), export(ExportTarget::Stdout));
    assert_eq!(command(&["export", "--trusted-root=t", "-"]), export(ExportTarget::Stdout));
    assert_eq!(command(&["export", "--trusted-root=t", "d"]), export(ExportTarget::Path("d".into())));
    assert!(matches!(command(&["update"]), TrustCommand::Update { refresh: TufRefresh::Always, .. }));
    let unknown = parse_in(&[], &["sigward", "trust", "nope"]).unwrap_err();
    assert_eq!(unknown.to_string(), "unknown command \"nope\" for \"sigward trust\"");
    assert!(unknown.render().contains("Run 'sigward trust --help' for usage.\n"));
}

#[test]
fn the_name_changes_texts_and_no_decision() {
    let lines: [&[&str]; 4] = [
        &["verify-blob", "b", "--key", "k", "--min-logs", "2"],
        &["verify-blob", "b", "--certificate-identity", "i", "--certificate-oidc-issuer", "s"],
        &["verify-blob-attestation", "b", "--bundle", "x", "--key", "k"],
        &["trust", "show"],
    ];
    for line in lines {
        let command = |name| format!("{:?}", parsed(&[&[name], line].concat()).command);
        assert_eq!(command("sigward"), command("/usr/local/bin/cosign"));
    }
    let help = |name| match parsed(&[name, "verify-blob", "--help"]).command {
        Command::Help(text) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(help("cosign").replace("  cosign ", "  sigward "), help("sigward"));
    assert!(help("/x/cosign").contains("\n  cosign verify-blob BLOB... [FLAGS]\n"));
    assert_eq!(parsed(&["/x/cosign", "version"]).program, "cosign");
    assert_eq!(parsed(&["kubectl-verify", "version"]).program, "sigward");
}

#[test]
fn no_name_at_all_is_no_panic() {
    assert!(matches!(parse(&[], &|_| None).unwrap().command, Command::Help(_)));
    for word in ["", "-", "--", "---", "-=", "--=", "=", "\u{301}", "help\n"] {
        let _ = parse_in(&[], &["sigward", word]);
        let _ = parse_in(&[], &["sigward", "verify-blob", word, word]);
        let _ = parse_in(&[], &["sigward", "--key", word]);
    }
}

#[test]
fn help_shows_what_works_and_fits() {
    let help = |words: &[&str]| match parsed(words).command {
        Command::Help(text) => text,
        other => panic!("{other:?}"),
    };
    let verify_blob = help(&["sigward", "help", "verify-blob"]);
    assert_eq!(verify_blob, help(&["sigward", "verify-blob", "-h"]));
    assert_eq!(verify_blob, help(&["sigward", "--help", "verify-blob"]));
    for shown in ["--signature", "--certificate ", "--bundle", "--tuf", "--explain", "kubectl.sig", "Examples:"] {
        assert!(verify_blob.contains(shown), "{shown}");
    }
    for hidden in ["--sk", "--slot", "--private-infrastructure", "--new-bundle-format", "--ca-roots", "--max-workers"] {
        assert!(
            !verify_blob.contains(&format!("{hidden}\n")) && !verify_blob.contains(&format!("{hidden} ")),
            "{hidden}"
        );
    }
    let root = help(&["sigward"]);
    for absent in ["sign-blob", "triangulate"] {
        assert!(!root.contains(absent), "{absent}");
    }
    for topic in [
        &["verify-blob"][..],
        &["verify-blob-attestation"],
        &["trust"],
        &["trust", "export"],
        &["man"],
        &["manifest"],
        &["manifest", "pin"],
        &[],
    ] {
        let text = help(&[&["sigward", "help"], topic].concat());
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{topic:?}: {line}");
        }
    }
    assert!(matches!(error(&["sigward", "help", "nope"]), UsageErrorKind::UnknownCommand { .. }));
}

#[test]
fn every_shell_has_a_completion() {
    let names = ["bash", "zsh", "fish", "powershell", "elvish"];
    let shells = [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish];
    for (name, shell) in names.into_iter().zip(shells) {
        let Command::Completion(asked) = parsed(&["sigward", "completion", name]).command else { panic!("{name}") };
        assert_eq!(asked, shell);
        for program in ["sigward", "cosign"] {
            let script = String::from_utf8(sigward::args::completion(program, shell)).unwrap();
            for word in [program, "verify-blob-attestation", "certificate-oidc-issuer-regexp", "export"] {
                assert!(script.contains(word), "{name}: {word}");
            }
            assert!(!script.contains("private-infrastructure"), "{name}");
        }
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let pages = sigward::args::manuals("sigward").unwrap();
    let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["sigward.1", "sigward-verify-blob.1", "sigward-trust-export.1"] {
        assert!(names.contains(&name), "{name}");
    }
    for (name, page) in &pages {
        let page = String::from_utf8(page.clone()).unwrap();
        for section in [".SH SYNOPSIS", ".SH ENVIRONMENT", ".SH \"EXIT STATUS\""] {
            assert!(page.contains(section), "{name}: {section}");
        }
    }
}
