//! The commands that ask registries.

use super::{
    CERTIFICATE, CHAIN, DIGEST_NAME, Differs, Error, ErrorWithHint, Fine, INTERMEDIATES, KEY_AND_IDENTITY, NEW_FORMAT,
    NO_IDENTITY, NO_ISSUER, OCI11, OFFLINE, PRIVATE, REKOR_URL, ROOTS, Row, SCT, TIMESTAMP_CHAIN, row, with,
};

const V: &str = "verify";
const A: &str = "verify-attestation";
const I: &str = "127.0.0.1:1/aa";
/// Nothing is looked up: a key, and no log.
const K: &str = "--key=k";
const L: &str = "--insecure-ignore-tlog";

const SKIPPED: &str = "WARNING: Skipping tlog verification is an insecure practice that lacks transparency and \
                       auditability verification for the signature.";
const SKIPPED_ATTESTATION: &str = "WARNING: Skipping tlog verification is an insecure practice that lacks \
                                   transparency and auditability verification for the attestation.";
const ATTACHMENT: &str = "Flag --attachment has been deprecated, please use OCI referrers for attachments and verify \
                          with `--experimental-oci11`";
const SIGNATURE: &str = "Flag --signature has been deprecated, signatures are automatically fetched from the OCI \
                         registry during image verification";
const PREFIX: &str = "Flag --attachment-tag-prefix has been deprecated, please use OCI referrers";
const SBOM: &str = "WARNING: SBOM attachments are deprecated and support will be removed in a Cosign release soon \
                    after 2024-02-22 (see https://github.com/sigstore/cosign/issues/2755). Instead, please use SBOM \
                    attestations.";
const TRIANGULATE: &str = "Command \"triangulate\" is deprecated, triangulate will be removed in v4.0.0 (see \
                           https://github.com/sigstore/cosign/issues/4696). Instead, please use `oras discover` or \
                           `cosign tree` to show referring artifacts";
const NO_IMAGE: super::End = Error("requires at least 1 arg(s), only received 0");
const NO_WORKERS: super::End = Error("please set the --max-worker flag to a value that is greater than 0");
const KEY_AND_TOKEN: super::End =
    Error("exactly one of: key reference (--key), or hardware token (--sk) must be provided");
const HELP_REQUESTED: &str = "flag: help requested";
const NO_KEY_FILE: &str = "loading verifier from key opts: loading public key: open k: no such file or directory";
const NO_ENVELOPE_KEY_FILE: &str =
    "loading verifierfrom key opts: loading public key: open k: no such file or directory";

/// `verify`.
pub(super) const VERIFY: &[Row] = &[
    row(&[V], &[], NO_IMAGE),
    row(&[V, "--max-workers", "0"], &[], NO_IMAGE),
    row(&[V, "--offline", "--key", "k"], &[OFFLINE], NO_IMAGE),
    row(&[V, "a"], &[], NO_IDENTITY),
    row(&[V, "a", "b", "--certificate", "c"], &[CERTIFICATE], NO_IDENTITY),
    row(&[V, "--certificate-identity", "i", "a"], &[], NO_ISSUER),
    row(&[V, "--certificate-identity-regexp", "i", "a"], &[], NO_ISSUER),
    row(&[V, "--certificate-oidc-issuer", "i", "a"], &[], NO_IDENTITY),
    row(&[V, "--key", "k", "--certificate-identity", "i", "a"], &[], KEY_AND_IDENTITY),
    row(&[V, "--key", "k", "--cert-identity", "i", "--sk", "a"], &[], KEY_AND_IDENTITY),
    row(&[V, "--certificate-identity", "i", "--certificate-identity-regexp", "r", "a"], &[], KEY_AND_IDENTITY),
    row(&[V, "--max-workers", "0", "a"], &[], NO_WORKERS),
    row(&[V, "--max-workers=0x0", "--insecure-ignore-tlog", "a"], &[], NO_WORKERS),
    row(&[V, "--max-workers", "0", "--key", "k", "--certificate-identity", "i", "a"], &[], NO_WORKERS),
    row(&[V, L, "a"], &[SKIPPED], NO_IDENTITY),
    row(&[V, L, "--private-infrastructure", "a"], &[PRIVATE], NO_IDENTITY),
    row(&[V, L, "--key", "k", "--certificate-identity", "i", "a"], &[SKIPPED], KEY_AND_IDENTITY),
    row(&[V, "--signature-digest-algorithm", "x", L, "a"], &[DIGEST_NAME], Error("unknown digest algorithm: x")),
    row(
        &[V, "--signature-digest-algorithm", "x", "--max-workers", "0", "a"],
        &[DIGEST_NAME],
        Error("unknown digest algorithm: x"),
    ),
    row(
        &[V, "--certificate-chain", "c", "--ca-roots", "r", "-a", "x", "a"],
        &[CHAIN, ROOTS],
        Error(
            "if any flags in the group [ca-roots certificate-chain] are set none of the others can be; \
             [ca-roots certificate-chain] were all set",
        ),
    ),
    row(
        &[V, "--certificate-chain", "c", "--ca-intermediates", "r", "a"],
        &[CHAIN, INTERMEDIATES],
        Error(
            "if any flags in the group [ca-intermediates certificate-chain] are set none of the others can be; \
             [ca-intermediates certificate-chain] were all set",
        ),
    ),
    row(&[V, "-o", "--key", "k", "a"], &[], NO_IDENTITY),
    row(&[V, "-o"], &[], Error("flag needs an argument: 'o' in -o")),
    row(&[V, "--output"], &[], Error("flag needs an argument: --output")),
    row(&[V, "--policy", "p", "a"], &[], Error("unknown flag: --policy")),
    row(&[V, "--type", "custom", "a"], &[], Error("unknown flag: --type")),
    row(&[V, "--bundle", "b", "a"], &[], Error("unknown flag: --bundle")),
    row(&[V, "--rfc3161-timestamp", "b", "a"], &[], Error("unknown flag: --rfc3161-timestamp")),
    row(&[V, "--registry-referrers-mode", "legacy", "a"], &[], Error("unknown flag: --registry-referrers-mode")),
    row(
        &[V, "--local-image=perhaps", "a"],
        &[],
        Error(
            "invalid argument \"perhaps\" for \"--local-image\" flag: strconv.ParseBool: parsing \"perhaps\": \
             invalid syntax",
        ),
    ),
    row(
        &[V, "--check-claims=", "a"],
        &[],
        Error("invalid argument \"\" for \"--check-claims\" flag: strconv.ParseBool: parsing \"\": invalid syntax"),
    ),
    // Deprecations in the order of use, once a use.
    row(
        &[V, "--rekor-url=", "--experimental-oci11", "--new-bundle-format=false", "--rekor-url", "u", "a"],
        &[REKOR_URL, OCI11, NEW_FORMAT, REKOR_URL],
        NO_IDENTITY,
    ),
    row(
        &[V, "--attachment-tag-prefix", "p", "--sct=s", "--timestamp-certificate-chain=c", "--offline=f", "a"],
        &[PREFIX, SCT, TIMESTAMP_CHAIN, OFFLINE],
        NO_IDENTITY,
    ),
    row(&[V, "--payload=", "--signature=", "--attachment=", "a"], &[SIGNATURE, ATTACHMENT], NO_IDENTITY),
    row(&[V, K, L, I], &[SKIPPED], Fine),
    row(&[V, K, L, "-o", "xml", "--max-workers=3", "--check-claims=false", I, I], &[SKIPPED], Fine),
    row(
        &[V, K, L, "--registry-username=u", "--registry-password=p", "--registry-cacert=c", "-a=", "--a", "x=y", I],
        &[
            "WARNING: the -a= flag is deprecated and will be removed in a future release. Please use the --a= flag \
             instead.",
            "WARNING: the flag --a is deprecated and will be removed in a future release. Please use the flag -a.",
        ],
        Error("unknown flag: --a"),
    ),
];

/// `-a`.
pub(super) const ANNOTATIONS: &[Row] = &[
    row(&[V, "-a", "x", "a"], &[], Error("unable to parse annotation: x")),
    row(
        &[V, "-a", "x", "--max-workers", "0", "--attachment", "foo", "a"],
        &[ATTACHMENT],
        Error("unable to parse annotation: x"),
    ),
    row(&[V, "-a", "a=b,c", "a"], &[], Error("unable to parse annotation: c")),
    row(&[V, "-a", "a=b", "--annotations", "c=d,,", "a"], &[], Error("unable to parse annotation: ")),
    row(&[V, "-a", "\"a,b\"", "a"], &[], Error("unable to parse annotation: a,b")),
    row(&[V, "-a", "\"a=\"\"b,\",c=", "-a", "=", "--annotations=", "a"], &[], NO_IDENTITY),
    row(&[V, "-a", "a=1", "-a", "\na=1\nb", "a"], &[], NO_IDENTITY),
    row(
        &[V, "-a", "x\"y=1", "a"],
        &[],
        Error(
            "invalid argument \"x\\\"y=1\" for \"-a, --annotations\" flag: parse error on line 1, column 2: bare \" in \
             non-quoted-field",
        ),
    ),
    row(
        &[V, "-a", "\"x", "a"],
        &[],
        Error(
            "invalid argument \"\\\"x\" for \"-a, --annotations\" flag: parse error on line 1, column 3: extraneous or \
             missing \" in quoted-field",
        ),
    ),
    row(
        &[V, "-a", "\"x\n\n\"y", "a"],
        &[],
        Error(
            "invalid argument \"\\\"x\\n\\n\\\"y\" for \"-a, --annotations\" flag: record on line 1; parse error on \
             line 3, column 1: extraneous or missing \" in quoted-field",
        ),
    ),
    row(&[V, "-a", "\n", "a"], &[], Error("invalid argument \"\\n\" for \"-a, --annotations\" flag: EOF")),
];

/// `verify-attestation`.
pub(super) const ATTESTATION: &[Row] = &[
    row(&[A], &[], NO_IMAGE),
    row(&[A, "a"], &[], NO_IDENTITY),
    row(&[A, "--certificate-identity-regexp", "i", "a"], &[], NO_ISSUER),
    row(&[A, "--key", "k", "--certificate-identity", "i", "a"], &[], KEY_AND_IDENTITY),
    row(&[A, "--certificate-identity", "i", "--certificate-identity-regexp", "r", "a"], &[], KEY_AND_IDENTITY),
    row(&[A, "--key", "k", "--sk", "a"], &[], KEY_AND_TOKEN),
    row(&[A, "--key", "k", "--sk", "--certificate-identity", "i", "a"], &[], KEY_AND_IDENTITY),
    row(&[A, "--max-workers", "0", "a"], &[], NO_WORKERS),
    row(&[A, L, "--max-workers", "0", "a"], &[], NO_WORKERS),
    row(&[A, L, "a"], &[SKIPPED_ATTESTATION], NO_IDENTITY),
    row(&[A, L, "--private-infrastructure", "a"], &[PRIVATE], NO_IDENTITY),
    row(&[A, "--signature-digest-algorithm", "x", L, "a"], &[DIGEST_NAME], Error("unknown digest algorithm: x")),
    row(&[A, "-a", "x=y", "a"], &[], Error("unknown shorthand flag: 'a' in -a")),
    row(&[A, "--signature", "x", "a"], &[], Error("unknown flag: --signature")),
    row(&[A, "--attachment", "sbom", "a"], &[], Error("unknown flag: --attachment")),
    row(&[A, "--policy"], &[], Error("flag needs an argument: --policy")),
    row(
        &[A, "--policy", "a\"b", "a"],
        &[],
        Error(
            "invalid argument \"a\\\"b\" for \"--policy\" flag: parse error on line 1, column 2: bare \" in \
             non-quoted-field",
        ),
    ),
    row(
        &[A, K, L, "--experimental-oci11", "--policy=a.rego,b.cue", "--type=vuln", "-otext", I],
        &["WARNING: the -otext flag is deprecated and will be removed in a future release. Please use the --otext \
             flag instead."],
        Error("unknown flag: --otext"),
    ),
    row(
        &[A, K, L, "--experimental-oci11", "--policy=a.rego,b.cue", "-o", "text", I],
        &[OCI11, SKIPPED_ATTESTATION],
        Fine,
    ),
];

/// Commands that verify nothing.
pub(super) const OTHERS: &[Row] = &[
    row(&["tree"], &[], Error("accepts 1 arg(s), received 0")),
    row(&["tree", "a", "b"], &[], Error("accepts 1 arg(s), received 2")),
    row(&["tree", "--type", "x", "aa"], &[], Error("unknown flag: --type")),
    row(&["tree", "--key", "x", "aa"], &[], Error("unknown flag: --key")),
    row(
        &["tree", "--k8s-keychain=perhaps", "aa"],
        &[],
        Error(
            "invalid argument \"perhaps\" for \"--k8s-keychain\" flag: strconv.ParseBool: parsing \"perhaps\": \
             invalid syntax",
        ),
    ),
    row(&["tree", "--experimental-oci11=false", "--attachment-tag-prefix", "p", I], &[OCI11, PREFIX], Fine),
    row(&["triangulate", "--nope"], &[TRIANGULATE], Error("unknown flag: --nope")),
    row(&["triangulate", "--type"], &[TRIANGULATE], Error("flag needs an argument: --type")),
    row(&["triangulate", "--type", "foo", I], &[TRIANGULATE], Error("unknown attachment type foo")),
    row(&["triangulate", "--type=", I], &[TRIANGULATE], Error("unknown attachment type ")),
    row(&["triangulate", "--type", "Sbom", I], &[TRIANGULATE], Error("unknown attachment type Sbom")),
    row(&["triangulate", "--type", "sbom", I], &[TRIANGULATE, SBOM], Fine),
    row(&["triangulate", "--attachment-tag-prefix=p", I], &[TRIANGULATE, PREFIX], Fine),
    row(&["triangulate", "--help"], &[TRIANGULATE], Fine),
    row(&["download", "--nope"], &[], Error("unknown flag: --nope")),
    row(&["download", "-t"], &[], Error("flag needs an argument: 't' in -t")),
    row(&["download", "signature"], &[], Error("accepts 1 arg(s), received 0")),
    row(&["download", "signature", "a", "b"], &[], Error("accepts 1 arg(s), received 2")),
    row(&["download", "signature", "--platform", "p", "a"], &[], Error("unknown flag: --platform")),
    row(&["download", "attestation"], &[], Error("accepts 1 arg(s), received 0")),
    row(&["download", "attestation", "--type", "x", "a"], &[], Error("unknown flag: --type")),
    row(&["download", "attestation", "--predicate-type", "x", I], &[], Error("invalid predicate type: x")),
    row(&["download", "attestation", "--predicate-type", "%%", I], &[], Error("invalid predicate type: %%")),
    row(&["download", "attestation", "--predicate-type", "1a:b", I], &[], Error("invalid predicate type: 1a:b")),
    row(
        &["verif"],
        &[],
        ErrorWithHint(
            "unknown command \"verif\" for \"cosign\"\n\nDid you mean this?\n\tverify\n\tverify-attestation\n\
             \tverify-blob\n\tverify-blob-attestation\n",
        ),
    ),
    row(&["tre"], &[], ErrorWithHint("unknown command \"tre\" for \"cosign\"\n\nDid you mean this?\n\ttree\n")),
    row(
        &["downlod"],
        &[],
        ErrorWithHint("unknown command \"downlod\" for \"cosign\"\n\nDid you mean this?\n\tdownload\n"),
    ),
    row(&["triangulat"], &[], ErrorWithHint("unknown command \"triangulat\" for \"cosign\"")),
];

/// Values from the environment.
pub(super) const ENVIRONMENT: &[Row] = &[
    with(&[("COSIGN_ANNOTATIONS", "a=b,x")], &[V, "a"], &[], Error("unable to parse annotation: x")),
    with(&[("COSIGN_ANNOTATIONS", "x")], &[V, "-a", "a=b", "a"], &[], NO_IDENTITY),
    with(&[("COSIGN_MAX_WORKERS", "0")], &[V, "a"], &[], NO_WORKERS),
    with(&[("COSIGN_MAX_WORKERS", "0")], &[A, "a"], &[], NO_WORKERS),
    with(&[("COSIGN_ATTACHMENT_TAG_PREFIX", "p"), ("COSIGN_REKOR_URL", "u")], &[V, "a"], &[], NO_IDENTITY),
    with(&[("COSIGN_TYPE", "foo")], &["triangulate", I], &[TRIANGULATE], Error("unknown attachment type foo")),
    with(&[("COSIGN_KEY", "k"), ("COSIGN_SK", "true")], &[A, "a"], &[], KEY_AND_TOKEN),
    with(&[("COSIGN_PREDICATE_TYPE", "x")], &["download", "attestation", I], &[], Error("invalid predicate type: x")),
    // A repository that is none is found wrong by the command.
    with(&[("COSIGN_REPOSITORY", "UPPER")], &[V, "a"], &[], NO_IDENTITY),
];

/// Where ours is meant to say something else (docs/differences.md).
pub(super) const DIFFERENT: &[Row] = &[
    row(
        &[V, "--attachment", "foo", "a"],
        &[ATTACHMENT],
        Differs {
            cosign: HELP_REQUESTED,
            ours: "--attachment foo is not supported: nothing signs what is attached that way together with its image; \
                   verify an attestation of it, as with verify-attestation --type spdxjson",
        },
    ),
    row(
        &[V, K, L, "--attachment", "sbom", I],
        &[ATTACHMENT, SKIPPED, SBOM],
        Differs {
            cosign: NO_KEY_FILE,
            ours: "--attachment sbom is not supported: nothing signs what is attached that way together with its \
                   image; verify an attestation of it, as with verify-attestation --type spdxjson",
        },
    ),
    row(
        &[V, K, L, "--signature", "s", "--payload", "p", I],
        &[SIGNATURE, SKIPPED],
        Differs {
            cosign: NO_KEY_FILE,
            ours: "--signature is not supported for images: signatures are read from the registry, or with \
                   --local-image from a layout as cosign save writes it",
        },
    ),
    row(
        &[V, K, L, "--payload", "p", I],
        &[SKIPPED],
        Differs {
            cosign: NO_KEY_FILE,
            ours: "--payload is not supported for images: signatures are read from the registry, or with \
                   --local-image from a layout as cosign save writes it",
        },
    ),
    row(
        &[V, K, L, "--sk", I],
        &[SKIPPED],
        Differs {
            cosign: NO_KEY_FILE,
            ours: "exactly one of: key reference (--key), or hardware token (--sk) must be provided",
        },
    ),
    row(
        &[V, L, "--sk", "a"],
        &[SKIPPED],
        Differs {
            cosign: "--certificate-identity or --certificate-identity-regexp is required for verification in keyless \
                     mode",
            ours: "--sk is not supported: sigward does not speak to hardware tokens; export the public key and use \
                   --key",
        },
    ),
    row(
        &[V, "--key", "awskms:///x", L, I],
        &[SKIPPED],
        Differs {
            cosign: "loading verifier from key opts: loading public key: kms specification should be in the format \
                     awskms://[ENDPOINT]/[ID/ALIAS/ARN] (endpoint optional)",
            ours: "keys at awskms:// are not supported: export the public key to a file and use --key FILE",
        },
    ),
    row(
        &[V, K, L, "--certificate", "c", I],
        &[CERTIFICATE, SKIPPED],
        Differs {
            cosign: NO_KEY_FILE,
            ours: "exactly one of: key reference (--key), certificate (--cert) or hardware token (--sk) must be \
                   provided",
        },
    ),
    row(
        &[V, K, L, "--ca-intermediates", "c", I],
        &[INTERMEDIATES, SKIPPED],
        Differs { cosign: NO_KEY_FILE, ours: "--ca-intermediates must be used together with --ca-roots" },
    ),
    // What cosign finds wrong only after everything is verified.
    row(
        &[A, K, L, "--policy", "p.txt", I],
        &[SKIPPED_ATTESTATION],
        Differs { cosign: NO_ENVELOPE_KEY_FILE, ours: "invalid policy format, expected .cue or .rego" },
    ),
    row(
        &[A, K, L, "--type", "slsaprovenence", I],
        &[SKIPPED_ATTESTATION],
        Differs { cosign: NO_ENVELOPE_KEY_FILE, ours: "invalid predicate type: slsaprovenence" },
    ),
    row(
        &[A, K, L, "--type=", I],
        &[SKIPPED_ATTESTATION],
        Differs { cosign: NO_ENVELOPE_KEY_FILE, ours: "invalid predicate type: " },
    ),
    row(&["triangulate"], &[TRIANGULATE], Differs { cosign: HELP_REQUESTED, ours: "accepts 1 arg(s), received 0" }),
    row(
        &["triangulate", "a", "b"],
        &[TRIANGULATE],
        Differs { cosign: HELP_REQUESTED, ours: "accepts 1 arg(s), received 2" },
    ),
];
