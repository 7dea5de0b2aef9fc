//! The command lines about images: what is ours, or what cosign shows only by what it then does.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroUsize};

use sigward::args::env::Environment;
use sigward::args::error::NotSupported;
use sigward::args::request::{
    AttachmentKind, ClaimUse, FormatChoice, ImageQuestionKind, ImageSource, LintFailing, Location, OutputFormat,
    Platform, PolicyFile, PolicyLanguage, PredicateType, ReferrerUse, RegistryCredential, RegistryRequest,
    RegistryTransport, SignatureDemand, Signer, TlogUse, VerifyImagesRequest,
};
use sigward::args::{Command, Notice, Parsed, UsageError, UsageErrorKind, parse};

fn parse_in(environment: &[(&str, &str)], words: &[&str]) -> Result<Parsed, UsageError> {
    let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    parse(&argv, &|name| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
}

#[track_caller]
fn parsed(words: &[&str]) -> Parsed {
    parse_in(&[], &[&["sigward"], words].concat()).unwrap()
}

#[track_caller]
fn error(words: &[&str]) -> UsageErrorKind {
    parse_in(&[], &[&["sigward"], words].concat()).unwrap_err().kind
}

#[track_caller]
fn images(words: &[&str]) -> VerifyImagesRequest {
    match parsed(words).command {
        Command::VerifyImages(request) => *request,
        other => panic!("{other:?}"),
    }
}

/// `verify` with a key.
#[track_caller]
fn verify(words: &[&str]) -> VerifyImagesRequest {
    images(&[&["verify", "--key", "k", "app"], words].concat())
}

#[track_caller]
fn registry(words: &[&str]) -> RegistryRequest {
    verify(words).registry
}

#[track_caller]
fn verify_error(words: &[&str]) -> UsageErrorKind {
    error(&[&["verify", "--key", "k", "app"], words].concat())
}

#[track_caller]
fn notices(words: &[&str]) -> Vec<Notice> {
    parsed(&[&["verify", "--key", "k", "app"], words].concat()).notices
}

fn promotion() -> PredicateType {
    let uri = "https://k8s.io/promo-tools/promotion/v1".to_owned();
    PredicateType { typed: uri.clone(), uri }
}

#[test]
fn the_command_of_the_kubernetes_page() {
    let request = images(&[
        "verify",
        "registry.k8s.io/kube-apiserver-amd64:v1.34.1",
        "--certificate-identity",
        "krel-trust@k8s-releng-prod.iam.gserviceaccount.com",
        "--certificate-oidc-issuer",
        "https://accounts.google.com",
    ]);
    assert_eq!(request.images, ["registry.k8s.io/kube-apiserver-amd64:v1.34.1"]);
    assert!(matches!(request.verification.signer, Signer::Keyless(_)));
}

#[test]
fn defaults_are_the_strict_ones() {
    let request = verify(&[]);
    assert_eq!((request.source, request.claims), (ImageSource::Registry, ClaimUse::Checked));
    let demand = SignatureDemand::AsCosign;
    assert_eq!(request.what, ImageQuestionKind::Signature { annotations: Vec::new(), demand });
    assert_eq!(request.verification.output, OutputFormat::Json);
    assert_eq!(request.verification.tlog, TlogUse::Required { threshold: NonZeroU32::MIN });
    assert_eq!((request.certificate, request.sct), (None, None));
    assert_eq!(request.workers.get(), 10);
    let RegistryRequest { transport, credential, ca_file, client_cert, client_key, server_name, .. } = request.registry;
    assert_eq!((transport, credential), (RegistryTransport::Verified, RegistryCredential::DefaultKeychain));
    assert_eq!((ca_file, client_cert, client_key, server_name), (None, None, None, None));
}

#[test]
fn each_flag_reaches_its_place() {
    assert_eq!(verify(&["b", "--local-image"]).images, ["app", "b"]);
    assert_eq!(verify(&["--local-image"]).source, ImageSource::LocalLayout);
    assert_eq!(verify(&["--check-claims=false"]).claims, ClaimUse::SkippedUnsafe);
    assert_eq!(verify(&["--max-workers=3"]).workers, NonZeroUsize::new(3).unwrap());
    assert_eq!(verify(&["--new-bundle-format=false"]).verification.format, FormatChoice::LegacyOnly);
    assert_eq!(verify(&["--min-logs=2"]).verification.tlog, TlogUse::Required { threshold: 2.try_into().unwrap() });
    for (typed, format) in [("text", OutputFormat::Text), ("json", OutputFormat::Json), ("yaml", OutputFormat::Json)] {
        assert_eq!(verify(&["-o", typed]).verification.output, format, "{typed}");
    }
    let words = ["verify", "app", "--certificate", "c", "--sct", "s", "--cert-identity=i", "--cert-oidc-issuer=j"];
    let request = images(&words);
    assert_eq!((request.certificate, request.sct), (Some(Location::File("c".into())), Some("s".into())));
}

#[test]
fn annotations_are_demanded_once_a_key() {
    let pairs = |words: &[&str]| match verify(words).what {
        ImageQuestionKind::Signature { annotations, .. } => annotations,
        other => panic!("{other:?}"),
    };
    let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect::<Vec<_>>();
    assert_eq!(pairs(&["-a", "a=1,b=2=3", "--annotations=c="]), owned(&[("a", "1"), ("b", "2=3"), ("c", "")]));
    assert_eq!(pairs(&["-a", "\"a=1,2\""]), owned(&[("a", "1,2")]));
    // As in cosign the last value counts; a demand that is dropped is told.
    assert_eq!(pairs(&["-a", "a=1", "-a", "a=2"]), owned(&[("a", "2")]));
    assert_eq!(notices(&["-a", "a=1,a=2"]), [Notice::AnnotationReplaced { key: "\"a\"".into() }]);
    assert_eq!(notices(&["-a", "a=1,a=1"]), []);
    assert_eq!(notices(&["-a", ""]), [Notice::NoAnnotations]);
}

#[test]
fn what_counts_as_a_signature_can_be_demanded() {
    let demand = |words: &[&str]| match verify(words).what {
        ImageQuestionKind::Signature { demand, .. } => demand,
        other => panic!("{other:?}"),
    };
    assert_eq!(demand(&["--require-signature"]), SignatureDemand::ImageSignature);
    assert_eq!(demand(&["--require-signature=false"]), SignatureDemand::AsCosign);
    assert_eq!(demand(&["--require-attestation", &promotion().uri]), SignatureDemand::Attestation(promotion()));
    let vuln = "https://cosign.sigstore.dev/attestation/vuln/v1".to_owned();
    let vuln = PredicateType { typed: "vuln".into(), uri: vuln };
    assert_eq!(demand(&["--require-attestation=vuln"]), SignatureDemand::Attestation(vuln));
}

#[test]
fn a_demand_is_never_dropped_in_silence() {
    let both = UsageErrorKind::Contradiction { one: "require-signature", other: "require-attestation" };
    assert_eq!(verify_error(&["--require-signature", "--require-attestation=vuln"]), both);
    let several = UsageErrorKind::SeveralAttestations;
    assert_eq!(verify_error(&["--require-attestation=vuln", "--require-attestation=spdx"]), several);
    assert_eq!(verify_error(&["--require-attestation=vuln,spdx"]), several);
    for nothing in ["", "vulns", "a b"] {
        let flag = format!("--require-attestation={nothing}");
        assert!(matches!(verify_error(&[&flag]), UsageErrorKind::PredicateType(_)), "{nothing}");
    }
    // It means nothing to an attestation, which has --type.
    let unknown = error(&["verify-attestation", "--key", "k", "app", "--require-signature"]);
    assert_eq!(unknown, UsageErrorKind::UnknownFlag("require-signature".into()));
}

#[test]
fn attestations_have_a_type_and_policies() {
    let what = |words: &[&str]| images(&[&["verify-attestation", "--key", "k", "app"], words].concat()).what;
    let file = |path: &str, language| PolicyFile { path: path.into(), language };
    let ImageQuestionKind::Attestation { predicate, policies } =
        what(&["--policy", "a.rego,b.cue", "--policy=.rego", "--type=vuln"])
    else {
        panic!()
    };
    assert_eq!(predicate.uri, "https://cosign.sigstore.dev/attestation/vuln/v1");
    let expected = [file("a.rego", PolicyLanguage::Rego), file("b.cue", PolicyLanguage::Cue)];
    assert_eq!(policies, [&expected[..], &[file(".rego", PolicyLanguage::Rego)]].concat());
    let ImageQuestionKind::Attestation { predicate, policies } = what(&[]) else { panic!() };
    assert_eq!((predicate.typed.as_str(), policies), ("custom", Vec::new()));
    let request = images(&["verify-attestation", "--key", "k", "app", "-o", "text"]);
    assert_eq!(request.verification.output, OutputFormat::Json);
    for bad in ["p", "p.REGO", "p.rego.txt", "rego", ""] {
        let error = error(&["verify-attestation", "--key", "k", "app", "--policy", bad]);
        assert_eq!(error, UsageErrorKind::PolicyLanguage, "{bad}");
    }
}

#[test]
fn registries_are_asked_as_the_flags_say() {
    assert_eq!(registry(&["--allow-http-registry"]).transport, RegistryTransport::HttpAllowed);
    assert_eq!(registry(&["--allow-insecure-registry"]).transport, RegistryTransport::InsecureUnsafe);
    let both = registry(&["--allow-http-registry", "--allow-insecure-registry"]);
    assert_eq!(both.transport, RegistryTransport::InsecureUnsafe);
    let files = registry(&[
        "--registry-cacert=ca",
        "--registry-client-cert=cert",
        "--registry-client-key=key",
        "--registry-server-name=name",
        "--attachment-tag-prefix=p-",
    ]);
    assert_eq!(files.ca_file, Some("ca".into()));
    assert_eq!((files.client_cert, files.client_key), (Some("cert".into()), Some("key".into())));
    assert_eq!((files.server_name.as_deref(), files.tag_prefix.as_str()), (Some("name"), "p-"));
}

#[test]
fn credentials_count_in_the_order_of_cosign() {
    let basic = registry(&["--registry-username=u", "--registry-password=p", "--registry-token=t"]).credential;
    let RegistryCredential::Basic { username, password } = basic else { panic!("{basic:?}") };
    assert_eq!((username.as_str(), password.expose()), ("u", "p"));
    let RegistryCredential::Token(token) = registry(&["--registry-token=t", "--registry-username=u"]).credential else {
        panic!()
    };
    assert_eq!(token.expose(), "t");
    let keychain = registry(&["--k8s-keychain", "--registry-username=u", "--registry-password=p"]).credential;
    assert_eq!(keychain, RegistryCredential::DefaultKeychain);
}

#[test]
fn flags_without_effect_are_named() {
    let ignored = |flag, beside| Notice::FlagIgnored { flag, beside };
    let alone = |flag, missing| Notice::FlagWithoutPartner { flag, missing };
    let cases: [(&[&str], Vec<Notice>); 6] = [
        (
            &["--registry-username=u", "--registry-password=p", "--registry-token=t"],
            vec![ignored("registry-token", "registry-username")],
        ),
        (&["--registry-username=u", "--registry-password="], vec![alone("registry-username", "registry-password")]),
        (&["--registry-password=p"], vec![alone("registry-password", "registry-username")]),
        (&["--registry-client-cert=c"], vec![alone("registry-client-cert", "registry-client-key")]),
        (&["--k8s-keychain"], vec![Notice::KubernetesKeychain]),
        (
            &["--k8s-keychain", "--registry-token=t"],
            vec![Notice::KubernetesKeychain, ignored("registry-token", "k8s-keychain")],
        ),
    ];
    for (words, expected) in cases {
        assert_eq!(notices(words), expected, "{words:?}");
    }
    assert_eq!(registry(&["--registry-client-cert=c"]).client_cert, None);
}

#[test]
fn passwords_are_never_shown() {
    for words in [
        &["--registry-username=u", "--registry-password=hunter2"][..],
        &["--registry-token=hunter2"],
        &["--registry-username=u", "--registry-password=hunter2", "--registry-token=hunter2", "--k8s-keychain"],
    ] {
        let parsed = parsed(&[&["verify", "--key", "k", "app"], words].concat());
        assert!(!format!("{parsed:?} {:#?}", parsed.command).contains("hunter2"), "{words:?}");
    }
}

#[cfg(unix)]
#[test]
fn passwords_are_not_shown_where_they_are_no_text() {
    use std::os::unix::ffi::OsStringExt as _;
    for flag in ["--registry-password=", "--registry-token="] {
        let mut secret = flag.as_bytes().to_vec();
        secret.extend(b"hunter2\xff");
        let argv = ["sigward", "verify", "--key=k", "app", "--registry-username=u"].map(OsString::from);
        let argv = [argv.as_slice(), &[OsString::from_vec(secret)]].concat();
        let error = parse(&argv, &|_| None).unwrap_err();
        assert!(matches!(error.kind, UsageErrorKind::FlagValue { .. }));
        assert!(!format!("{error:?} {}", error.render()).contains("hunter2"), "{flag}");
    }
}

#[test]
fn trusted_realms_are_hosts() {
    let hosts = registry(&["--registry-trusted-realm=Auth.example.com:8443,[::1]:5000", "--registry-trusted-realm=b"]);
    assert_eq!(hosts.trusted_realms, ["auth.example.com:8443", "[::1]:5000", "b"]);
    for bad in ["https://auth.example.com", "auth.example.com/token", "user@host", "*", "a b", ","] {
        let error = verify_error(&["--registry-trusted-realm", bad]);
        assert!(matches!(error, UsageErrorKind::FlagValue { .. }), "{bad}: {error:?}");
    }
    assert_eq!(notices(&["--registry-trusted-realm=a"]), []);
}

#[test]
fn what_cannot_be_done_is_said() {
    let detached = |flag| UsageErrorKind::NotSupported(NotSupported::DetachedImageSignature(flag));
    assert_eq!(verify_error(&["--signature=s"]), detached("signature"));
    assert_eq!(verify_error(&["--payload=s"]), detached("payload"));
    let attachment = UsageErrorKind::NotSupported(NotSupported::Attachment("sbom".into()));
    assert_eq!(verify_error(&["--attachment=sbom"]), attachment);
    let token = error(&["verify", "--sk", "app"]);
    assert_eq!(token, UsageErrorKind::NotSupported(NotSupported::HardwareToken("sk")));
    let service = error(&["verify-attestation", "--key=gcpkms://x", "app"]);
    assert_eq!(service, UsageErrorKind::NotSupported(NotSupported::KeyService("gcpkms://".into())));
    for command in [["download", "sbom"], ["policy", "test"]] {
        let error = error(&command);
        assert!(matches!(error, UsageErrorKind::NotSupported(_)), "{command:?}: {error:?}");
    }
    // cosign prints help, and succeeds.
    for command in [["download", "nope"], ["policy", "nope"]] {
        assert!(matches!(error(&command), UsageErrorKind::UnknownCommand { .. }), "{command:?}");
    }
}

#[test]
fn a_number_of_workers_that_cannot_work_is_refused() {
    for bad in ["0", "-1", "-0x1", "0b0"] {
        assert_eq!(verify_error(&["--max-workers", bad]), UsageErrorKind::Workers, "{bad}");
    }
}

#[cfg(unix)]
#[test]
fn names_of_images_are_text() {
    use std::os::unix::ffi::OsStringExt as _;
    let name = OsString::from_vec(b"app\xff".to_vec());
    for words in [&["verify", "--key=k"][..], &["tree"], &["triangulate"], &["download", "signature"]] {
        let mut argv: Vec<OsString> = ["sigward"].iter().chain(words).map(OsString::from).collect();
        argv.push(name.clone());
        assert_eq!(parse(&argv, &|_| None).unwrap_err().kind, UsageErrorKind::ImageName("\"app\\xff\"".into()));
    }
}

#[test]
fn odd_words_are_no_panic() {
    let commands =
        ["verify", "verify-attestation", "tree", "triangulate", "download", "download attestation", "policy"];
    let words =
        ["", "-", "--", "---", "-=", "--=", "=", "\u{301}", "\"", "\"\r\n", ",\"\u{e9}\r", "a=\u{0}", "-a", "\r"];
    for command in commands {
        for word in words {
            for flag in ["-a", "--policy", "--annotations", "--platform", "--registry-trusted-realm"] {
                let line: Vec<&str> =
                    ["sigward"].into_iter().chain(command.split(' ')).chain([flag, word, word]).collect();
                let _ = parse_in(&[("SIGWARD_POLICY", word), ("COSIGN_ANNOTATIONS", word)], &line);
            }
        }
    }
}

#[test]
fn commands_that_verify_nothing() {
    let Command::Tree(tree) = parsed(&["tree", "app"]).command else { panic!() };
    assert_eq!((tree.image.as_str(), tree.referrers, tree.output), ("app", ReferrerUse::Listed, OutputFormat::Text));
    let words = ["tree", "app", "--experimental-oci11=false", "-o", "json", "--registry-referrers-mode=legacy"];
    let Command::Tree(tree) = parsed(&words).command else { panic!() };
    assert_eq!((tree.referrers, tree.output), (ReferrerUse::Omitted, OutputFormat::Json));
    for (typed, kind) in [
        ("signature", AttachmentKind::Signature),
        ("attestation", AttachmentKind::Attestation),
        ("sbom", AttachmentKind::Sbom),
        ("digest", AttachmentKind::Digest),
    ] {
        let Command::Triangulate(request) = parsed(&["triangulate", "app", "--type", typed]).command else { panic!() };
        assert_eq!(request.kind, kind);
    }
    let Command::Triangulate(request) = parsed(&["triangulate", "app"]).command else { panic!() };
    assert_eq!(request.kind, AttachmentKind::Signature);
    let words = ["download", "signature", "app", "--allow-http-registry"];
    let Command::DownloadSignature(request) = parsed(&words).command else { panic!() };
    assert_eq!(request.registry.transport, RegistryTransport::HttpAllowed);
    let words = ["download", "attestation", "--predicate-type", "vuln", "--platform", "linux/arm64", "app"];
    let Command::DownloadAttestation(request) = parsed(&words).command else { panic!() };
    assert_eq!(request.predicate.map(|predicate| predicate.typed), Some("vuln".into()));
    assert_eq!(request.platform, Platform::parse("linux/arm64"));
}

#[test]
fn platforms_are_those_of_go_containerregistry() {
    let some = |text: &str| Some(text.to_owned());
    let full = Platform::parse("windows/amd64/v2:10.0.17763").unwrap();
    assert_eq!((full.os, full.architecture), (some("windows"), some("amd64")));
    assert_eq!((full.variant, full.os_version), (some("v2"), some("10.0.17763")));
    let partial = Platform { architecture: some("arm64"), ..Platform::default() };
    assert_eq!(Platform::parse(" /arm64 "), Some(partial));
    assert_eq!(Platform::parse("a/b/c/d"), None);
    assert_eq!(Platform::parse("a:b:c"), None);
    let error = error(&["download", "attestation", "app", "--platform=a/b/c/d"]);
    assert!(matches!(error, UsageErrorKind::FlagValue { .. }));
}

#[test]
fn a_policy_is_evaluated_over_a_document() {
    let words = ["policy", "eval", "--type", "rego", "--policy", "p", "--input", "i", "--output", "json"];
    let Command::PolicyEval(request) = parsed(&words).command else { panic!() };
    assert_eq!((request.language, request.output), (PolicyLanguage::Rego, OutputFormat::Json));
    assert_eq!((request.policy, request.input), ("p".into(), "i".into()));
    let Command::PolicyEval(request) =
        parsed(&["policy", "eval", "--type=cue", "--policy=a,b.cue", "--input=i"]).command
    else {
        panic!()
    };
    assert_eq!((request.language, request.policy.as_path()), (PolicyLanguage::Cue, "a,b.cue".as_ref()));
    assert_eq!(error(&["policy", "eval", "--policy", "p"]).to_string(), "required flag(s) \"input\", \"type\" not set");
    let other = error(&["policy", "eval", "--type=opa"]);
    assert!(matches!(other, UsageErrorKind::FlagValue { .. }));
    let surplus = error(&["policy", "eval", "--type=rego", "--policy=p", "--input=i", "x"]);
    assert!(matches!(surplus, UsageErrorKind::ArgumentCount(_)));
}

#[test]
fn policies_are_linted_and_judged_strictly() {
    let lint = |words: &[&str]| match parsed(words).command {
        Command::PolicyLint(request) => (request.files.len(), request.failing, request.output),
        other => panic!("{other:?}"),
    };
    assert_eq!(lint(&["policy", "lint", "a.cue", "b.yaml"]), (2, LintFailing::Errors, OutputFormat::Text));
    let words = ["policy", "lint", "--strict", "--output=json", "a.rego"];
    assert_eq!(lint(&words), (1, LintFailing::Warnings, OutputFormat::Json));
    assert!(matches!(error(&["policy", "lint"]), UsageErrorKind::ArgumentCount(_)));
    let words = |kind| ["policy", "eval", "--policy=p", "--input=i", "--strict", kind];
    let Command::PolicyEval(request) = parsed(&words("--type=cue")).command else { panic!() };
    assert_eq!(request.strictness, sigward_cue::Strictness::RequireFields);
    assert!(matches!(error(&words("--type=rego")), UsageErrorKind::Contradiction { .. }));
}

#[test]
fn the_environment_says_where_credentials_and_signatures_are() {
    let read = |variables: &[(&str, &str)]| {
        Environment::read(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    };
    let environment = read(&[
        ("DOCKER_CONFIG", "/d"),
        ("HOME", "/h"),
        ("REGISTRY_AUTH_FILE", "/r"),
        ("XDG_RUNTIME_DIR", "/x"),
        ("COSIGN_REPOSITORY", "reg.example/signatures"),
    ]);
    let keychain = environment.keychain;
    assert_eq!((keychain.docker_config, keychain.home), (Some("/d".into()), Some("/h".into())));
    assert_eq!((keychain.registry_auth_file, keychain.xdg_runtime_dir), (Some("/r".into()), Some("/x".into())));
    assert_eq!(environment.repository.as_deref(), Some("reg.example/signatures"));
    let empty = read(&[("DOCKER_CONFIG", ""), ("COSIGN_REPOSITORY", "")]);
    assert_eq!((empty.keychain.docker_config, empty.repository), (None, None));
    let from = |environment: &[(&str, &str)]| match parse_in(environment, &["sigward", "verify", "--key=k", "app"]) {
        Ok(Parsed { command: Command::VerifyImages(request), .. }) => *request,
        other => panic!("{other:?}"),
    };
    assert_eq!(from(&[("COSIGN_OUTPUT", "text")]).verification.output, OutputFormat::Text);
    assert_eq!(from(&[("COSIGN_LOCAL_IMAGE", "true")]).source, ImageSource::LocalLayout);
    let both = from(&[("COSIGN_REGISTRY_USERNAME", "u"), ("SIGWARD_REGISTRY_PASSWORD", "p")]);
    assert!(matches!(both.registry.credential, RegistryCredential::Basic { .. }));
    assert_eq!(from(&[("COSIGN_REGISTRY_TRUSTED_REALM", "a")]).registry.trusted_realms, [""; 0]);
    assert_eq!(from(&[("SIGWARD_REGISTRY_TRUSTED_REALM", "a,b")]).registry.trusted_realms, ["a", "b"]);
    // A variable of cosign's name was not meant to narrow or widen what counts here.
    let ImageQuestionKind::Signature { demand, .. } = from(&[("COSIGN_REQUIRE_SIGNATURE", "true")]).what else {
        panic!()
    };
    assert_eq!(demand, SignatureDemand::AsCosign);
}

#[test]
fn help_shows_what_works_and_fits() {
    let help = |words: &[&str]| match parsed(words).command {
        Command::Help(text) => text,
        other => panic!("{other:?}"),
    };
    let verify = help(&["help", "verify"]);
    for shown in ["--annotations", "--require-signature", "--registry-trusted-realm", "--max-workers", "--local-image"]
    {
        assert!(verify.contains(&format!("{shown}\n")) || verify.contains(&format!("{shown} ")), "{shown}");
    }
    let hidden = ["--sk", "--payload", "--attachment", "--signature ", "--k8s-keychain", "--bundle", "--export-bundle"];
    for hidden in hidden {
        assert!(!verify.contains(hidden), "{hidden}");
    }
    let root = help(&[]);
    assert!(root.contains("  verify  ") && root.contains("download attestation") && !root.contains("triangulate"));
    assert_eq!(help(&["triangulate", "-h"]), help(&["help", "triangulate"]));
    let topics = [
        "",
        "verify",
        "verify-attestation",
        "tree",
        "triangulate",
        "download",
        "download signature",
        "download attestation",
        "policy",
        "policy eval",
        "policy lint",
    ];
    for topic in topics {
        let words: Vec<&str> = std::iter::once("help").chain(topic.split_whitespace()).collect();
        for line in help(&words).lines() {
            assert!(line.chars().count() <= 80, "{topic}: {line}");
        }
    }
}

#[test]
fn completions_and_manuals_know_the_commands() {
    use sigward::args::{Shell, completion, manuals};
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
        let script = String::from_utf8(completion("sigward", shell)).unwrap();
        for word in ["verify-attestation", "download", "require-attestation", "registry-trusted-realm", "eval"] {
            assert!(script.contains(word), "{shell:?}: {word}");
        }
        assert!(!script.contains("k8s-keychain"), "{shell:?}");
    }
    let pages = manuals("sigward").unwrap();
    let page = |name: &str| {
        let (_, page) = pages.iter().find(|(known, _)| known == name).unwrap();
        String::from_utf8(page.clone()).unwrap()
    };
    assert!(page("sigward-verify.1").contains("COSIGN_REPOSITORY"));
    assert!(page("sigward-download-attestation.1").contains("predicate"));
    assert!(page("sigward-policy-eval.1").contains("controller"));
}
