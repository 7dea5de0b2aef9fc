//! Every flag there is. Texts of deprecations are cosign's, to the letter.

use super::flag::{Completes, EnvironmentNames, Flag, Kind, Section};

use Section::{Checks, Command, Global, Material, Output, Registry, Signer, Trust};

/// cosign opens this file, and starts to log, before it reads the environment: `COSIGN_OUTPUT_FILE` and
/// `COSIGN_VERBOSE` have no effect there, so they have none here.
pub(super) static OUTPUT_FILE: Flag = Flag::file("output-file", Global, "Write standard output to FILE").ours();
pub(super) static TIMEOUT: Flag =
    Flag::of(Kind::Duration, "timeout", "DURATION", Global, "Limit for all network use").short('t').default("3m0s");
pub(super) static VERBOSE: Flag = Flag::switch("verbose", Global, "Log requests to standard error").short('d').ours();
pub(super) static HELP: Flag =
    Flag::switch("help", Global, "Show this help").short('h').environment(EnvironmentNames::Neither);

pub(super) static BUNDLE: Flag =
    Flag::file("bundle", Material, "Bundle with signature and evidence (sigstore's or cosign's older one)");
pub(super) static SIGNATURE: Flag = Flag::text("signature", "FILE|URL|TEXT", Material, "Detached signature")
    .completes(Completes::Files)
    .deprecated_but_shown("please use --bundle to provide a signature");
pub(super) static CERTIFICATE: Flag = Flag::text("certificate", "FILE|URL", Material, "Signer's certificate")
    .completes(Completes::Files)
    .deprecated_but_shown("please use --bundle with --trusted-root to provide the public certificate");
pub(super) static RFC3161_TIMESTAMP: Flag =
    Flag::file("rfc3161-timestamp", Material, "RFC 3161 timestamp of the signature").deprecated(
        "please use --bundle to provide the output bundle location, which will include the signed timestamp",
    );
pub(super) static SCT: Flag = Flag::file("sct", Material, "Detached signed certificate timestamp")
    .deprecated("a Signed Certificate Timestamp is now provided via a Sigstore bundle");

pub(super) static KEY: Flag =
    Flag::text("key", "FILE|URL|env://VAR", Signer, "Public key that must have signed").completes(Completes::Files);
pub(super) static SK: Flag = Flag::switch("sk", Signer, "Use a hardware token").hidden();
pub(super) static SLOT: Flag = Flag::text("slot", "SLOT", Signer, "Slot of a hardware token").hidden();
pub(super) static IDENTITY: Flag =
    Flag::text("certificate-identity", "TEXT", Signer, "Identity that must have signed: email, URI");
pub(super) static IDENTITY_REGEXP: Flag =
    Flag::text("certificate-identity-regexp", "REGEXP", Signer, "The same, as an unanchored regular expression");
pub(super) static ISSUER: Flag = Flag::text("certificate-oidc-issuer", "URL", Signer, "Who vouched for the identity");
pub(super) static ISSUER_REGEXP: Flag =
    Flag::text("certificate-oidc-issuer-regexp", "REGEXP", Signer, "The same, as an unanchored regular expression");
pub(super) static WORKFLOW_TRIGGER: Flag =
    Flag::text("certificate-github-workflow-trigger", "EVENT", Signer, "GitHub event that must be in the certificate");
pub(super) static WORKFLOW_SHA: Flag =
    Flag::text("certificate-github-workflow-sha", "SHA", Signer, "GitHub commit that must be in the certificate");
pub(super) static WORKFLOW_NAME: Flag =
    Flag::text("certificate-github-workflow-name", "NAME", Signer, "GitHub workflow that must be in the certificate");
pub(super) static WORKFLOW_REPOSITORY: Flag = Flag::text(
    "certificate-github-workflow-repository",
    "OWNER/NAME",
    Signer,
    "GitHub repository that must be in the certificate",
);
pub(super) static WORKFLOW_REF: Flag =
    Flag::text("certificate-github-workflow-ref", "REF", Signer, "Git reference that must be in the certificate");
pub(super) static SIGNATURE_DIGEST: Flag =
    Flag::text("signature-digest-algorithm", "NAME", Signer, "Digest under a signature by key")
        .default("sha256")
        .deprecated("please use --bundle, which already includes the digest algorithm");

pub(super) static TRUSTED_ROOT: Flag =
    Flag::file("trusted-root", Trust, "Trust the keys in this trusted_root.json; nothing is fetched for trust");
pub(super) static TUF: Flag = Flag::of(
    Kind::Choice(&["always", "auto", "never"]),
    "tuf",
    "WHEN",
    Trust,
    "Refresh trusted keys: always, auto (when online and due), never",
)
.default("auto")
.ours();
pub(super) static TRUST_MAX_AGE: Flag =
    Flag::of(Kind::Age, "trust-max-age", "DURATION", Trust, "Refuse to work online with older trusted keys")
        .default("14d")
        .ours();
pub(super) static CERTIFICATE_CHAIN: Flag = Flag::file("certificate-chain", Trust, "Chain of the signer's certificate")
    .deprecated("please use --trusted-root to provide the certificate chain");
pub(super) static CA_ROOTS: Flag = Flag::file("ca-roots", Trust, "Roots for the signer's certificate")
    .deprecated("please use --trusted-root to provide CA certificates");
pub(super) static CA_INTERMEDIATES: Flag =
    Flag::file("ca-intermediates", Trust, "Intermediates for the signer's certificate")
        .deprecated("please use --trusted-root to provide CA certificates");
pub(super) static TIMESTAMP_CHAIN: Flag =
    Flag::file("timestamp-certificate-chain", Trust, "Chain of a timestamp authority")
        .deprecated("please use --trusted-root to provide the timestamp authority certificate chain");

pub(super) static REKOR_URL: Flag = Flag::text("rekor-url", "URL", Checks, "Log that is asked for missing entries")
    .default("https://rekor.sigstore.dev")
    .deprecated_but_shown("please use --bundle, which includes the Rekor inclusion proof");
pub(super) static OFFLINE: Flag = Flag::switch("offline", Checks, "Never ask a log").deprecated_but_shown(
    "To verify in an airgapped environment, provide a --bundle with the signature and verification material, and a \
     --trusted-root file with the service keys and certificates",
);
pub(super) static USE_TIMESTAMPS: Flag =
    Flag::switch("use-signed-timestamps", Checks, "Demand an RFC 3161 timestamp of a trusted authority");
pub(super) static MIN_LOGS: Flag =
    Flag::of(Kind::Count, "min-logs", "N", Checks, "Demand entries in N distinct logs").default("1").ours();
pub(super) static MIN_TIMESTAMPS: Flag =
    Flag::of(Kind::Count, "min-timestamps", "N", Checks, "Demand timestamps of N distinct authorities").ours();
pub(super) static IGNORE_TLOG: Flag =
    Flag::switch("insecure-ignore-tlog", Checks, "Accept signatures that are in no log (insecure)");
pub(super) static PRIVATE_INFRASTRUCTURE: Flag =
    Flag::switch("private-infrastructure", Checks, "The same").deprecated("please use --insecure-ignore-tlog instead");
pub(super) static IGNORE_SCT: Flag =
    Flag::switch("insecure-ignore-sct", Checks, "Accept certificates that no CT log has seen (insecure)");
pub(super) static ALLOW_CHAIN: Flag =
    Flag::switch("allow-certificate-chain", Checks, "Accept a certificate chain in a bundle v0.3");
pub(super) static NEW_BUNDLE_FORMAT: Flag =
    Flag::switch("new-bundle-format", Checks, "Detect sigstore bundles; false: cosign's older ones alone")
        .default("true")
        .deprecated("this will be the only supported format in future versions");
pub(super) static OCI11: Flag = Flag::switch("experimental-oci11", Checks, "Without effect").deprecated(OCI11_ADVICE);
const OCI11_ADVICE: &str = "OCI referrers will be the default behavior in future versions";
pub(super) static MAX_WORKERS: Flag =
    Flag::of(Kind::Number, "max-workers", "N", Command, "Without effect on blobs").default("10").hidden();

pub(super) static CHECK_CLAIMS: Flag =
    Flag::switch("check-claims", Checks, "Demand that what was signed is about this artifact").default("true");
pub(super) static TYPE: Flag =
    Flag::text("type", "NAME|URI", Checks, "Predicate type that the statement must have").default("custom");
pub(super) static DIGEST: Flag = Flag::text("digest", "HEX", Material, "Digest of the blob, instead of the blob");
pub(super) static DIGEST_ALG: Flag = Flag::text("digestAlg", "NAME", Material, "sha256, sha384 or sha512");
/// For attestations cosign deprecates the flag without words on bundles' signatures; the text is the same.
pub(super) static ENVELOPE: Flag = Flag::file("signature", Material, "DSSE envelope (JSON)")
    .deprecated_but_shown("please use --bundle to provide a signature");

pub(super) static ANNOTATIONS: Flag = Flag::of(
    Kind::List,
    "annotations",
    "KEY=VALUE",
    Checks,
    "Annotation that must be signed with the image; repeatable",
)
.short('a');
pub(super) static REQUIRE_SIGNATURE: Flag =
    Flag::switch("require-signature", Checks, "Accept an image signature alone, no other attestation").ours();
/// A list, so that a second one is seen: the last one alone would drop a demand.
pub(super) static REQUIRE_ATTESTATION: Flag = Flag::of(
    Kind::List,
    "require-attestation",
    "NAME|URI",
    Checks,
    "Accept an attestation of this predicate type alone (as --type of verify-attestation), no image signature",
)
.ours();
pub(super) static POLICIES: Flag =
    Flag::of(Kind::List, "policy", "FILE", Checks, "Policy (.rego or .cue) that must accept the statement; repeatable")
        .completes(Completes::Files);
pub(super) static LOCAL_IMAGE: Flag =
    Flag::switch("local-image", Material, "IMAGE is an OCI layout on this machine, as cosign save writes it");
pub(super) static ATTACHMENT: Flag = Flag::text("attachment", "NAME", Material, "Not supported")
    .deprecated("please use OCI referrers for attachments and verify with `--experimental-oci11`");
pub(super) static IMAGE_SIGNATURE: Flag = Flag::text("signature", "FILE", Material, "Not supported")
    .deprecated("signatures are automatically fetched from the OCI registry during image verification");
/// Deprecated in cosign after 3.1.1.
pub(super) static PAYLOAD: Flag = Flag::text("payload", "FILE", Material, "Not supported").hidden();
pub(super) static WORKERS: Flag =
    Flag::of(Kind::Number, "max-workers", "N", Command, "Images that are worked on at once").default("10");
/// Any text: cosign takes what it does not know for json.
pub(super) static IMAGE_OUTPUT: Flag =
    Flag::text("output", "FORMAT", Output, "json, or text: the payloads alone").short('o').default("json");
pub(super) static ATTESTATION_OUTPUT: Flag =
    Flag::text("output", "FORMAT", Output, "Without effect: attestations are JSON").short('o').default("json").hidden();

pub(super) static ALLOW_HTTP: Flag =
    Flag::switch("allow-http-registry", Registry, "Allow http where a registry does not speak TLS (insecure)");
pub(super) static ALLOW_INSECURE: Flag =
    Flag::switch("allow-insecure-registry", Registry, "The same, and do not verify TLS certificates (insecure)");
pub(super) static K8S_KEYCHAIN: Flag = Flag::switch("k8s-keychain", Registry, "Without effect").hidden();
pub(super) static REGISTRY_USERNAME: Flag =
    Flag::text("registry-username", "NAME", Registry, "Name for basic authentication");
pub(super) static REGISTRY_PASSWORD: Flag = Flag::text(
    "registry-password",
    "TEXT",
    Registry,
    "Its password; other users see the command line, but not COSIGN_REGISTRY_PASSWORD",
);
pub(super) static REGISTRY_TOKEN: Flag = Flag::text("registry-token", "TOKEN", Registry, "Bearer token");
pub(super) static REGISTRY_CA: Flag =
    Flag::file("registry-cacert", Registry, "Authorities of the registry's certificate, in PEM");
pub(super) static REGISTRY_CLIENT_CERT: Flag =
    Flag::file("registry-client-cert", Registry, "Certificate to show to the registry, in PEM");
pub(super) static REGISTRY_CLIENT_KEY: Flag = Flag::file("registry-client-key", Registry, "Its private key, in PEM");
pub(super) static REGISTRY_SERVER_NAME: Flag =
    Flag::text("registry-server-name", "HOST", Registry, "Name that the registry's certificate must have");
pub(super) static TRUSTED_REALM: Flag = Flag::of(
    Kind::List,
    "registry-trusted-realm",
    "HOST",
    Registry,
    "Host that may be sent the password of a registry that takes its tokens from there; repeatable",
)
.ours();
pub(super) static TAG_PREFIX: Flag =
    Flag::text("attachment-tag-prefix", "TEXT", Registry, "What stands before sha256-... in tags of evidence")
        .deprecated("please use OCI referrers");
/// cosign's tree lists referrers whatever this says.
pub(super) static REFERRERS_MODE: Flag =
    Flag::of(Kind::Choice(&["legacy", "oci-1-1"]), "registry-referrers-mode", "MODE", Registry, "Without effect")
        .hidden();
pub(super) static TREE_OCI11: Flag =
    Flag::switch("experimental-oci11", Registry, "List referrers").default("true").deprecated(OCI11_ADVICE);
pub(super) static TRIANGULATE_TYPE: Flag =
    Flag::text("type", "KIND", Command, "signature, attestation, sbom or digest").default("signature");
pub(super) static PREDICATE_TYPE: Flag =
    Flag::text("predicate-type", "NAME|URI", Command, "Only attestations of this predicate type");
pub(super) static PLATFORM: Flag =
    Flag::text("platform", "OS/ARCH", Command, "Attestations of this platform's image, where IMAGE is an index");

pub(super) static POLICY_LANGUAGE: Flag =
    Flag::of(Kind::Choice(&["cue", "rego"]), "type", "LANGUAGE", Command, "cue or rego").ours();
pub(super) static POLICY_FILE: Flag = Flag::file("policy", Command, "The policy").ours();
pub(super) static POLICY_INPUT: Flag = Flag::file("input", Command, "The document that it judges, JSON").ours();

pub(super) static STRICT_EVAL: Flag = Flag::switch(
    "strict",
    Checks,
    "Reject a document that lacks a field which a CUE policy constrains; CUE itself accepts it",
)
.ours();
pub(super) static STRICT_LINT: Flag = Flag::switch("strict", Checks, "Fail if there are warnings, too").ours();

pub(super) static TEST_POLICY: Flag = Flag::of(
    Kind::List,
    "policy",
    "FILE|DIR|URL|-",
    Material,
    "ClusterImagePolicies, and the TrustRoots, Secrets, ConfigMaps and ServiceAccounts that they need; repeatable",
)
.completes(Completes::Files)
.ours();
pub(super) static TEST_IMAGE: Flag =
    Flag::of(Kind::List, "image", "IMAGE", Material, "Image that is judged; repeatable (default: those of --resource)")
        .ours();
pub(super) static TEST_RESOURCE: Flag =
    Flag::file("resource", Material, "Pod or workload that names the images, for policies that look at it").ours();
pub(super) static TEST_TRUSTROOT: Flag = Flag::file("trustroot", Material, "TrustRoot that policies refer to").ours();
pub(super) static TEST_NAMESPACE: Flag =
    Flag::text("system-namespace", "NAME", Material, "Namespace of the Secrets and ConfigMaps that policies refer to")
        .default("cosign-system")
        .ours();
pub(super) static TEST_RECORD: Flag =
    Flag::file("record", Output, "Write all evidence that was gathered into FILE").ours();
pub(super) static TEST_REPLAY: Flag =
    Flag::file("replay", Material, "Judge the evidence in FILE again, without any network").ours();
pub(super) static TEST_LOG_LEVEL: Flag = Flag::of(
    Kind::Choice(&["debug", "info", "warn", "error"]),
    "log-level",
    "LEVEL",
    Output,
    "What is said on standard error: debug, info, warn or error",
)
.default("info")
.ours();
/// Where a policy leaves the format open both places are looked at anyway.
pub(super) static TEST_OCI11: Flag =
    Flag::switch("enable-oci11", Registry, "Look at referrers too where a policy wants the older format")
        .hidden()
        .ours();
pub(super) static TEST_OUTPUT: Flag = Flag::of(
    Kind::Choice(&["text", "json"]),
    "output",
    "FORMAT",
    Output,
    "text or json, for every result (default: as policy-tester, one line of JSON if the test fails)",
)
.short('o')
.ours();

pub(super) static IMAGE_PATH: Flag = Flag::of(
    Kind::List,
    "image-path",
    "KIND.PATH",
    Command,
    "Where custom resources hold images, as in Rollout.spec.image or .spec.images[*].name; with ! before it: where \
     something that looks like an image is none; repeatable",
)
.ours();
pub(super) static REQUIRE_REFERENCE: Flag = Flag::switch(
    "require-reference",
    Checks,
    "Demand a signature that names the image's repository; a copied one is not enough",
)
.ours();
pub(super) static PIN_CHECK: Flag =
    Flag::switch("check", Command, "Write nothing; fail if an image is not pinned or not verified")
        .environment(EnvironmentNames::Neither);
pub(super) static PIN_DIFF: Flag =
    Flag::switch("diff", Command, "Write nothing; show what would change").environment(EnvironmentNames::Neither);
pub(super) static MANIFEST_OUTPUT: Flag =
    Flag::of(Kind::Choice(&["text", "table", "json"]), "output", "FORMAT", Output, "text (tables), or json")
        .short('o')
        .default("text")
        .ours();

pub(super) static OUTPUT: Flag =
    Flag::of(Kind::Choice(&["text", "json"]), "output", "FORMAT", Output, "text, or json on standard output")
        .short('o')
        .default("text")
        .ours();
pub(super) static EXPLAIN: Flag =
    Flag::switch("explain", Output, "Show every check with what was expected and found").ours();
pub(super) static EXPORT_BUNDLE: Flag =
    Flag::file("export-bundle", Output, "Write a bundle that verifies offline ({} stands for the blob)").ours();
pub(super) static JOBS: Flag =
    Flag::of(Kind::Count, "jobs", "N", Command, "Blobs that are read at once (default: one per core)").ours();
pub(super) static NO_CACHE: Flag = Flag::switch("no-cache", Checks, "Neither use nor keep cached log entries").ours();

pub(super) static RELEASE_BASE_URL: Flag =
    Flag::text("base-url", "URL", Material, "Server or mirror: URL/release/v1.30.0/... and URL/release/stable.txt")
        .default("https://dl.k8s.io")
        .ours();
pub(super) static RELEASE_PLATFORM: Flag =
    Flag::of(Kind::List, "platform", "OS/ARCH", Command, "Only files of this platform; repeatable (default: all)");
pub(super) static RELEASE_ONLY: Flag =
    Flag::of(Kind::List, "only", "NAME|PATTERN", Command, "Only files of this name, or that match; repeatable").ours();
pub(super) static RELEASE_DEST: Flag =
    Flag::text("dest", "DIR", Output, "Folder that gets release/VERSION/... (default: the present one)")
        .completes(Completes::Directories)
        .ours();
pub(super) static RELEASE_KIT: Flag =
    Flag::text("kit", "DIR", Output, "The same, with the trust root: all that verification without a network needs")
        .completes(Completes::Directories)
        .ours();
pub(super) static RELEASE_DIR: Flag =
    Flag::text("dir", "DIR", Material, "Verify what lies in DIR/release/VERSION, as fetch has left it there")
        .completes(Completes::Directories)
        .environment(EnvironmentNames::Neither);
pub(super) static RELEASE_IMAGES: Flag =
    Flag::switch("images", Command, "Verify every image that the verified SBOM names, too").ours();
pub(super) static RELEASE_IMAGE_IDENTITY: Flag =
    Flag::text("image-identity", "TEXT", Signer, "Identity that must have signed images (default: krel-trust@...)")
        .ours();
pub(super) static RELEASE_IMAGE_REGISTRY: Flag =
    Flag::text("image-registry", "HOST[/PATH]", Registry, "Mirror that is asked in place of registry.k8s.io").ours();
pub(super) static RELEASE_UNNAMED: Flag = Flag::switch(
    "allow-unnamed",
    Checks,
    "Accept files that no signed SBOM names: they may be another version's or platform's (insecure)",
)
.ours();
pub(super) static RELEASE_KNOWN_FAULTS: Flag = Flag::switch(
    "accept-known-faults",
    Checks,
    "Do not fail for faults of past releases that upstream knows of (insecure)",
)
.ours();
pub(super) static RELEASE_LOCK: Flag =
    Flag::file("lock", Checks, "Lockfile (default: sigward.lock in the folder of the files)").ours();
pub(super) static RELEASE_LOCKED: Flag =
    Flag::switch("locked", Checks, "Accept only what the lockfile has, and do not change it").ours();
pub(super) static RELEASE_RETRY: Flag =
    Flag::of(Kind::Number, "retry", "N", Command, "Repetitions of a request that fails").default("3").ours();
pub(super) static RELEASE_RETRY_DELAY: Flag = Flag::of(
    Kind::Number,
    "retry-delay",
    "SECONDS",
    Command,
    "Pause before the first repetition, doubled each time (default: a quarter of a second)",
)
.ours();
pub(super) static RELEASE_JOBS: Flag =
    Flag::of(Kind::Count, "jobs", "N", Command, "Files that are worked on at once").default("8").ours();
pub(super) static RELEASE_OUTPUT: Flag = Flag::of(
    Kind::Choice(&["table", "json", "sarif", "junit"]),
    "output",
    "FORMAT",
    Output,
    "table, json, sarif or junit on standard output",
)
.short('o')
.default("table")
.ours();
pub(super) static RELEASE_LIST_OUTPUT: Flag =
    Flag::of(Kind::Choice(&["table", "json"]), "output", "FORMAT", Output, "table, or json on standard output")
        .short('o')
        .default("table")
        .ours();
/// Of a release everybody needs the log: nothing carries its entries.
pub(super) static RELEASE_REKOR_URL: Flag =
    Flag::text("rekor-url", "URL", Checks, "Log that is asked for entries").default("https://rekor.sigstore.dev");
pub(super) static RELEASE_OFFLINE: Flag =
    Flag::switch("offline", Checks, "Never ask a log: entries must be in bundles or in the cache");

pub(super) static MAN_DIR: Flag = Flag::text("dir", "DIR", Command, "Write one page a command into DIR")
    .completes(Completes::Directories)
    .environment(EnvironmentNames::Neither);
pub(super) static VERSION_JSON: Flag =
    Flag::switch("json", Output, "Print JSON").environment(EnvironmentNames::Neither);

/// Flags of every command.
pub(super) static GLOBAL: &[&Flag] = &[&OUTPUT_FILE, &TIMEOUT, &VERBOSE, &HELP];
/// Flags of everything that verifies.
pub(super) static VERIFYING: &[&Flag] = &[
    &CERTIFICATE,
    &SCT,
    &KEY,
    &SK,
    &SLOT,
    &IDENTITY,
    &IDENTITY_REGEXP,
    &ISSUER,
    &ISSUER_REGEXP,
    &WORKFLOW_TRIGGER,
    &WORKFLOW_SHA,
    &WORKFLOW_NAME,
    &WORKFLOW_REPOSITORY,
    &WORKFLOW_REF,
    &SIGNATURE_DIGEST,
    &TRUSTED_ROOT,
    &TUF,
    &TRUST_MAX_AGE,
    &CERTIFICATE_CHAIN,
    &CA_ROOTS,
    &CA_INTERMEDIATES,
    &TIMESTAMP_CHAIN,
    &REKOR_URL,
    &OFFLINE,
    &USE_TIMESTAMPS,
    &MIN_LOGS,
    &MIN_TIMESTAMPS,
    &IGNORE_TLOG,
    &PRIVATE_INFRASTRUCTURE,
    &IGNORE_SCT,
    &ALLOW_CHAIN,
    &NEW_BUNDLE_FORMAT,
    &OCI11,
    &NO_CACHE,
    &EXPLAIN,
];
/// Flags of what verifies files.
pub(super) static FILES: &[&Flag] = &[&BUNDLE, &RFC3161_TIMESTAMP, &MAX_WORKERS, &OUTPUT, &EXPORT_BUNDLE];
/// Flags of what verifies images.
pub(super) static IMAGES: &[&Flag] = &[&LOCAL_IMAGE, &CHECK_CLAIMS, &WORKERS];
/// Flags of `verify` alone.
pub(super) static IMAGE: &[&Flag] =
    &[&ATTACHMENT, &IMAGE_SIGNATURE, &PAYLOAD, &ANNOTATIONS, &REQUIRE_SIGNATURE, &REQUIRE_ATTESTATION, &IMAGE_OUTPUT];
/// Flags of `verify-attestation` alone.
pub(super) static IMAGE_ATTESTATION: &[&Flag] = &[&TYPE, &POLICIES, &ATTESTATION_OUTPUT];
/// Flags of what asks a registry.
pub(super) static REGISTRY: &[&Flag] = &[
    &ALLOW_HTTP,
    &ALLOW_INSECURE,
    &K8S_KEYCHAIN,
    &REGISTRY_USERNAME,
    &REGISTRY_PASSWORD,
    &REGISTRY_TOKEN,
    &REGISTRY_CA,
    &REGISTRY_CLIENT_CERT,
    &REGISTRY_CLIENT_KEY,
    &REGISTRY_SERVER_NAME,
    &TRUSTED_REALM,
    &TAG_PREFIX,
];
/// Flags of `tree` alone.
pub(super) static TREE: &[&Flag] = &[&REFERRERS_MODE, &TREE_OCI11, &OUTPUT];
/// Flags of `triangulate` alone.
pub(super) static TRIANGULATE: &[&Flag] = &[&TRIANGULATE_TYPE];
/// Flags of `download attestation` alone.
pub(super) static DOWNLOAD_ATTESTATION: &[&Flag] = &[&PREDICATE_TYPE, &PLATFORM];
/// Flags of all that reads manifests.
pub(super) static MANIFEST: &[&Flag] = &[&IMAGE_PATH, &MANIFEST_OUTPUT];
/// Flags of `manifest verify` alone: who pins must know what was signed.
pub(super) static MANIFEST_VERIFY: &[&Flag] = &[&CHECK_CLAIMS];
/// Flags of what verifies images of manifests.
pub(super) static MANIFEST_IMAGES: &[&Flag] =
    &[&ANNOTATIONS, &REQUIRE_SIGNATURE, &REQUIRE_ATTESTATION, &REQUIRE_REFERENCE, &WORKERS];
/// Flags of `manifest pin` alone.
pub(super) static MANIFEST_PIN: &[&Flag] = &[&PIN_CHECK, &PIN_DIFF];
/// Flags of `policy eval` alone.
pub(super) static POLICY_EVAL: &[&Flag] = &[&POLICY_LANGUAGE, &POLICY_FILE, &POLICY_INPUT, &STRICT_EVAL, &OUTPUT];
/// Flags of `policy lint` alone.
pub(super) static POLICY_LINT: &[&Flag] = &[&STRICT_LINT, &OUTPUT];
/// Flags of `policy test` alone.
pub(super) static POLICY_TEST: &[&Flag] = &[
    &TEST_POLICY,
    &TEST_IMAGE,
    &TEST_RESOURCE,
    &TEST_TRUSTROOT,
    &TEST_NAMESPACE,
    &TEST_REPLAY,
    &TRUSTED_ROOT,
    &TUF,
    &TRUST_MAX_AGE,
    &ALLOW_HTTP,
    &ALLOW_INSECURE,
    &REGISTRY_USERNAME,
    &REGISTRY_PASSWORD,
    &REGISTRY_TOKEN,
    &REGISTRY_CA,
    &REGISTRY_CLIENT_CERT,
    &REGISTRY_CLIENT_KEY,
    &REGISTRY_SERVER_NAME,
    &TRUSTED_REALM,
    &TEST_OCI11,
    &TEST_RECORD,
    &TEST_OUTPUT,
    &TEST_LOG_LEVEL,
    &EXPLAIN,
];
/// Flags of what looks at a release.
pub(super) static RELEASE: &[&Flag] =
    &[&RELEASE_BASE_URL, &RELEASE_PLATFORM, &RELEASE_ONLY, &RELEASE_RETRY, &RELEASE_RETRY_DELAY];
/// Flags of `release list` alone.
pub(super) static RELEASE_LIST: &[&Flag] = &[&RELEASE_LIST_OUTPUT];
/// Flags of what verifies a release.
pub(super) static RELEASE_VERIFYING: &[&Flag] = &[
    &IDENTITY,
    &IDENTITY_REGEXP,
    &ISSUER,
    &ISSUER_REGEXP,
    &TRUSTED_ROOT,
    &TUF,
    &TRUST_MAX_AGE,
    &CERTIFICATE_CHAIN,
    &CA_ROOTS,
    &CA_INTERMEDIATES,
    &RELEASE_REKOR_URL,
    &RELEASE_OFFLINE,
    &NO_CACHE,
    &RELEASE_UNNAMED,
    &RELEASE_KNOWN_FAULTS,
    &RELEASE_LOCK,
    &RELEASE_LOCKED,
    &RELEASE_JOBS,
    &RELEASE_OUTPUT,
    &EXPLAIN,
];
/// Flags of `release fetch` alone.
pub(super) static RELEASE_FETCH: &[&Flag] = &[&RELEASE_DEST, &RELEASE_KIT];
/// Flags of `release verify` alone.
pub(super) static RELEASE_VERIFY: &[&Flag] =
    &[&RELEASE_DIR, &RELEASE_IMAGES, &RELEASE_IMAGE_IDENTITY, &RELEASE_IMAGE_REGISTRY];
/// Flags of `verify-blob` alone.
pub(super) static BLOB: &[&Flag] = &[&SIGNATURE, &JOBS];
/// Flags of `verify-blob-attestation` alone.
pub(super) static ATTESTATION: &[&Flag] = &[&ENVELOPE, &CHECK_CLAIMS, &TYPE, &DIGEST, &DIGEST_ALG];
