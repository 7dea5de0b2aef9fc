//! The command line beside the one of cosign 3.1.1.
//!
//! Each row holds what cosign 3.1.1 wrote to standard error, recorded by running it with these arguments and only these
//! variables in an empty folder, without network. `SIGWARD_COSIGN=/path/to/cosign cargo test --test args_cosign`
//! compares the table with a program again.

use std::ffi::OsString;
use std::process::Command;

use sigward::args::{UsageError, parse};

#[path = "args_cosign_rows/images.rs"]
mod images;

/// One command line of cosign.
struct Row {
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    /// Lines before the message.
    notices: &'static [&'static str],
    end: End,
}

#[derive(Clone, Copy)]
enum End {
    /// cosign and sigward end with different errors, on purpose.
    Differs { cosign: &'static str, ours: &'static str },
    /// `Error: …`, then the same for the log.
    Error(&'static str),
    /// The same with the line on help in between.
    ErrorWithHint(&'static str),
    /// The command line is fine. What comes after the notices is not its business.
    Fine,
}

use End::{Differs, Error, ErrorWithHint, Fine};

const fn row(arguments: &'static [&'static str], notices: &'static [&'static str], end: End) -> Row {
    Row { arguments, environment: &[], notices, end }
}

const fn with(
    environment: &'static [(&'static str, &'static str)],
    arguments: &'static [&'static str],
    notices: &'static [&'static str],
    end: End,
) -> Row {
    Row { arguments, environment, notices, end }
}

const NO_KEY: End = Error(
    "provide a key with --key or --sk, a certificate to verify against with --certificate, or a bundle with --bundle",
);
const KEY_AND_IDENTITY: End = Error(
    "exactly one of: key reference (--key) or certificate identity (--certificate-identity or \
     --certificate-identity-regexp), must be provided. To determine which to use, inspect the bundle's \
     'verificationMaterial' field: if 'publicKey' is present, use key reference; if 'certificate' or \
     'x509CertificateChain' is present, use certificate identity",
);
const KEY_CERTIFICATE_TOKEN: End =
    Error("exactly one of: key reference (--key), certificate (--cert) or hardware token (--sk) must be provided");
const NO_IDENTITY: End =
    Error("--certificate-identity or --certificate-identity-regexp is required for verification in keyless mode");
const NO_ISSUER: End =
    Error("--certificate-oidc-issuer or --certificate-oidc-issuer-regexp is required for verification in keyless mode");
const NO_SUBJECT: End =
    Error("must provide path to blob or digest and digestAlg; run `cosign verify-blob-attestation -h` for more help");
const NO_ENVELOPE: End = Error("please specify path to the DSSE envelope signature via --signature or --bundle");

const CERTIFICATE: &str =
    "Flag --certificate has been deprecated, please use --bundle with --trusted-root to provide the public certificate";
const SIGNATURE: &str = "Flag --signature has been deprecated, please use --bundle to provide a signature";
const OFFLINE: &str = "Flag --offline has been deprecated, To verify in an airgapped environment, provide a --bundle \
                       with the signature and verification material, and a --trusted-root file with the service keys \
                       and certificates";
const PRIVATE: &str = "Flag --private-infrastructure has been deprecated, please use --insecure-ignore-tlog instead";
const NEW_FORMAT: &str =
    "Flag --new-bundle-format has been deprecated, this will be the only supported format in future versions";
const REKOR_URL: &str =
    "Flag --rekor-url has been deprecated, please use --bundle, which includes the Rekor inclusion proof";
const DIGEST_NAME: &str = "Flag --signature-digest-algorithm has been deprecated, please use --bundle, which already \
                           includes the digest algorithm";
const ROOTS: &str = "Flag --ca-roots has been deprecated, please use --trusted-root to provide CA certificates";
const INTERMEDIATES: &str =
    "Flag --ca-intermediates has been deprecated, please use --trusted-root to provide CA certificates";
const CHAIN: &str =
    "Flag --certificate-chain has been deprecated, please use --trusted-root to provide the certificate chain";
const SCT: &str =
    "Flag --sct has been deprecated, a Signed Certificate Timestamp is now provided via a Sigstore bundle";
const TIMESTAMP: &str = "Flag --rfc3161-timestamp has been deprecated, please use --bundle to provide the output \
                         bundle location, which will include the signed timestamp";
const TIMESTAMP_CHAIN: &str = "Flag --timestamp-certificate-chain has been deprecated, please use --trusted-root to \
                               provide the timestamp authority certificate chain";
const OCI11: &str =
    "Flag --experimental-oci11 has been deprecated, OCI referrers will be the default behavior in future versions";
const SKIPPED: &str = "WARNING: Skipping tlog verification is an insecure practice that lacks transparency and \
                       auditability verification for the blob.";
const SKIPPED_ATTESTATION: &str = "WARNING: Skipping tlog verification is an insecure practice that lacks \
                                   transparency and auditability verification for the blob attestation.";

macro_rules! one_dash {
    ($typed:literal) => {
        concat!(
            "WARNING: the ",
            $typed,
            " flag is deprecated and will be removed in a future release. Please use the -",
            $typed,
            " flag instead."
        )
    };
}

const B: &str = "verify-blob";
const A: &str = "verify-blob-attestation";

/// How flags are written.
const SYNTAX: &[Row] = &[
    row(&[B, "--nope", "a"], &[], Error("unknown flag: --nope")),
    row(&[B, "--nope=1", "a"], &[], Error("unknown flag: --nope")),
    row(&[B, "--Key", "a"], &[], Error("unknown flag: --Key")),
    row(&[B, "-x", "a"], &[], Error("unknown shorthand flag: 'x' in -x")),
    row(&[B, "--key"], &[], Error("flag needs an argument: --key")),
    row(&[B, "--cert"], &[], Error("flag needs an argument: --cert")),
    row(&[B, "-t"], &[], Error("flag needs an argument: 't' in -t")),
    row(&[B, "--=x", "a"], &[], Error("bad flag syntax: --=x")),
    row(&[B, "---x", "a"], &[], Error("bad flag syntax: ---x")),
    row(&[B, "--help", "--nope"], &[], Error("unknown flag: --nope")),
    row(&[B, "--offline", "--nope", "a"], &[], Error("unknown flag: --nope")),
    row(&[B, "--offline", "-nope", "a"], &[one_dash!("-nope")], Error("unknown flag: --nope")),
    row(&[B, "a", "--max-workers=0x10_0", "--max-workers", "-5"], &[], NO_KEY),
    row(&[B, "--key=", "a"], &[], NO_KEY),
    row(&[B, "--key", "x", "--key=", "a"], &[], NO_KEY),
    row(&[B, "--", "--help"], &[], NO_KEY),
    row(&[B, "--verbose=false", "a"], &[], NO_KEY),
    row(&[B, "a", "-t", "1h", "-d"], &[], NO_KEY),
    row(&[B, "-dx", "a"], &[one_dash!("-dx")], Error("unknown flag: --dx")),
    row(&[B, "-t=5s", "a"], &[one_dash!("-t=5s")], Error("unknown flag: --t")),
    row(&[B, "-t5s", "a"], &[one_dash!("-t5s")], Error("unknown flag: --t5s")),
    row(
        &[B, "--t", "5s", "a"],
        &["WARNING: the flag --t is deprecated and will be removed in a future release. Please use the flag -t."],
        NO_KEY,
    ),
    row(&[B, "-cert", "c", "a"], &[one_dash!("-cert"), CERTIFICATE], NO_IDENTITY),
    row(&[B, "-cert=", "a", "--offline"], &[one_dash!("-cert="), CERTIFICATE, OFFLINE], NO_KEY),
    row(&[B, "a", "-key", "k", "--certificate-identity", "i"], &[one_dash!("-key")], KEY_AND_IDENTITY),
];

/// What values are.
const VALUES: &[Row] = &[
    row(
        &[B, "--insecure-ignore-tlog=maybe", "a"],
        &[],
        Error(
            "invalid argument \"maybe\" for \"--insecure-ignore-tlog\" flag: strconv.ParseBool: parsing \"maybe\": \
             invalid syntax",
        ),
    ),
    row(
        &[B, "--insecure-ignore-sct=", "a"],
        &[],
        Error(
            "invalid argument \"\" for \"--insecure-ignore-sct\" flag: strconv.ParseBool: parsing \"\": invalid syntax",
        ),
    ),
    row(
        &[B, "--help=x"],
        &[],
        Error("invalid argument \"x\" for \"-h, --help\" flag: strconv.ParseBool: parsing \"x\": invalid syntax"),
    ),
    row(
        &[B, "--max-workers=x", "a"],
        &[],
        Error("invalid argument \"x\" for \"--max-workers\" flag: strconv.ParseInt: parsing \"x\": invalid syntax"),
    ),
    row(
        &[B, "--max-workers=99999999999999999999", "a"],
        &[],
        Error(
            "invalid argument \"99999999999999999999\" for \"--max-workers\" flag: strconv.ParseInt: parsing \
             \"99999999999999999999\": value out of range",
        ),
    ),
    row(
        &[B, "--timeout", "x", "a"],
        &[],
        Error("invalid argument \"x\" for \"-t, --timeout\" flag: time: invalid duration \"x\""),
    ),
    row(
        &[B, "--timeout", "5", "a"],
        &[],
        Error("invalid argument \"5\" for \"-t, --timeout\" flag: time: missing unit in duration \"5\""),
    ),
    row(
        &[B, "-t", "14d", "a"],
        &[],
        Error("invalid argument \"14d\" for \"-t, --timeout\" flag: time: unknown unit \"d\" in duration \"14d\""),
    ),
    row(
        &[B, "--timeout=1h-3m", "a"],
        &[],
        Error("invalid argument \"1h-3m\" for \"-t, --timeout\" flag: time: unknown unit \"h-\" in duration \"1h-3m\""),
    ),
    row(
        &[B, "--timeout=a\"b\n\t\\é\u{1}", "a"],
        &[],
        Error(
            "invalid argument \"a\\\"b\\n\\t\\\\é\\x01\" for \"-t, --timeout\" flag: time: invalid duration \
             \"a\\\"b\\x0a\\x09\\\\\\xc3\\xa9\\x01\"",
        ),
    ),
    row(&[B, "--insecure-ignore-tlog=T", "a"], &[SKIPPED], NO_KEY),
    row(&[B, "--insecure-ignore-tlog", "--insecure-ignore-tlog=F", "a"], &[], NO_KEY),
    row(&[B, "--signature-digest-algorithm", "x", "a"], &[DIGEST_NAME], Error("unknown digest algorithm: x")),
    row(
        &[B, "--signature-digest-algorithm", "x", "--insecure-ignore-tlog", "a"],
        &[DIGEST_NAME],
        Error("unknown digest algorithm: x"),
    ),
    row(&[B, "--signature-digest-algorithm", " SHA384 ", "a"], &[DIGEST_NAME], NO_KEY),
    row(&[B, "--offline", "--private-infrastructure", "--offline=false", "a"], &[OFFLINE, PRIVATE, OFFLINE], NO_KEY),
    row(&[B, "--insecure-ignore-tlog", "--private-infrastructure", "a"], &[PRIVATE], NO_KEY),
    row(&[B, "--new-bundle-format=false", "--rekor-url=", "a"], &[NEW_FORMAT, REKOR_URL], NO_KEY),
    row(
        &[B, "--sct=s", "--rfc3161-timestamp=t", "--timestamp-certificate-chain=c", "--experimental-oci11", "a"],
        &[SCT, TIMESTAMP, TIMESTAMP_CHAIN, OCI11],
        NO_KEY,
    ),
];

/// Which flags go together.
const COMBINATIONS: &[Row] = &[
    row(&[B], &[], Error("accepts 1 arg(s), received 0")),
    row(&[B, "--offline"], &[OFFLINE], Error("accepts 1 arg(s), received 0")),
    row(&[B, "--certificate-identity", "i", "--certificate", "c", "a"], &[CERTIFICATE], NO_ISSUER),
    // A timestamp that nothing would look at; cosign opens the key first.
    row(
        &[B, "--key", "k", "--rfc3161-timestamp", "t", "a"],
        &[TIMESTAMP],
        Differs {
            cosign: "loading verifier from key opts: loading public key: open k: no such file or directory",
            ours: "when specifying --rfc3161-timestamp-path, you must also specify --use-signed-timestamps or \
                   --timestamp-certificate-chain",
        },
    ),
    row(
        &[B, "--certificate-identity", "i", "--certificate-identity-regexp", "r", "--certificate", "c", "a"],
        &[CERTIFICATE],
        KEY_AND_IDENTITY,
    ),
    row(&[B, "--key", "k", "--certificate-identity-regexp", "r", "a"], &[], KEY_AND_IDENTITY),
    row(&[B, "--key", "k", "--certificate", "c", "--cert-identity", "i", "a"], &[CERTIFICATE], KEY_AND_IDENTITY),
    row(&[B, "--key", "k", "--certificate", "c", "a"], &[CERTIFICATE], KEY_CERTIFICATE_TOKEN),
    row(&[B, "--key", "k", "--sk", "a"], &[], KEY_CERTIFICATE_TOKEN),
    row(&[B, "--certificate", "c", "--sk", "a"], &[CERTIFICATE], KEY_CERTIFICATE_TOKEN),
    row(
        &[B, "--ca-roots", "r", "--cert-chain", "c", "--key", "k", "a"],
        &[ROOTS, CHAIN],
        Error(
            "if any flags in the group [ca-roots certificate-chain] are set none of the others can be; \
             [ca-roots certificate-chain] were all set",
        ),
    ),
    row(
        &[B, "--certificate-chain=", "--ca-intermediates=", "a"],
        &[CHAIN, INTERMEDIATES],
        Error(
            "if any flags in the group [ca-intermediates certificate-chain] are set none of the others can be; \
             [ca-intermediates certificate-chain] were all set",
        ),
    ),
    row(
        &[B, "--certificate-chain=", "--ca-intermediates=", "--ca-roots=", "--insecure-ignore-tlog", "a"],
        &[CHAIN, INTERMEDIATES, ROOTS],
        Error(
            "if any flags in the group [ca-intermediates certificate-chain] are set none of the others can be; \
             [ca-intermediates certificate-chain] were all set",
        ),
    ),
    row(&[B, "--key", "k", "--signature", "s", "a"], &[SIGNATURE], Fine),
];

/// The second command.
const ATTESTATIONS: &[Row] = &[
    row(&[A], &[], NO_SUBJECT),
    row(&[A, "--digest", "ab"], &[], NO_SUBJECT),
    row(&[A, "--digest", "ab", "--digestAlg", "", "--insecure-ignore-tlog"], &[], NO_SUBJECT),
    row(&[A, "a", "b"], &[], Error("accepts at most 1 arg(s), received 2")),
    row(&[A, "--digest-alg", "x"], &[], Error("unknown flag: --digest-alg")),
    row(&[A, "a"], &[], NO_ENVELOPE),
    row(&[A, "--insecure-ignore-tlog", "a"], &[SKIPPED_ATTESTATION], NO_ENVELOPE),
    row(&[A, "--check-claims=false"], &[], NO_ENVELOPE),
    row(&[A, "--signature", "s", "a"], &[SIGNATURE], NO_KEY),
    row(
        &[A, "--signature", "s", "--key", "k", "--sk", "a"],
        &[SIGNATURE],
        Error("exactly one of: key reference (--key), or hardware token (--sk) must be provided"),
    ),
    row(&[A, "--bundle", "b", "a"], &[], NO_IDENTITY),
    row(&[A, "--bundle", "b", "--key", "k", "--certificate-identity", "i", "a"], &[], KEY_AND_IDENTITY),
];

/// Values from the environment: no deprecations, and last in order.
const ENVIRONMENT: &[Row] = &[
    with(&[("COSIGN_KEY", "")], &[B, "a"], &[], NO_KEY),
    with(&[("COSIGN_KEY", "k")], &[B, "--certificate-identity", "i", "a"], &[], KEY_AND_IDENTITY),
    with(&[("COSIGN_KEY", "k")], &[B, "--certificate-identity", "i"], &[], Error("accepts 1 arg(s), received 0")),
    with(&[("COSIGN_KEY", "k")], &[B, "--key=", "a"], &[], NO_KEY),
    with(&[("COSIGN_INSECURE_IGNORE_TLOG", "1")], &[B, "a"], &[SKIPPED], NO_KEY),
    with(&[("COSIGN_INSECURE_IGNORE_TLOG", "1")], &[B, "a", "--insecure-ignore-tlog=false"], &[], NO_KEY),
    with(&[("COSIGN_OFFLINE", "true"), ("COSIGN_CERTIFICATE", "c")], &[B, "a"], &[], NO_IDENTITY),
    with(
        &[("COSIGN_CA_ROOTS", "r")],
        &[B, "--certificate-chain", "c", "a"],
        &[CHAIN],
        Error(
            "if any flags in the group [ca-roots certificate-chain] are set none of the others can be; \
             [ca-roots certificate-chain] were all set",
        ),
    ),
    with(&[("COSIGN_CERT", "c")], &[B, "a"], &[], NO_KEY),
    with(&[("COSIGN_HELP", "true")], &[B, "a"], &[], NO_KEY),
];

/// Finding the command.
const COMMANDS: &[Row] = &[
    row(&["nope"], &[], ErrorWithHint("unknown command \"nope\" for \"cosign\"")),
    row(
        &["verify-blo"],
        &[],
        ErrorWithHint(
            "unknown command \"verify-blo\" for \"cosign\"\n\nDid you mean this?\n\tverify-blob\n\t\
             verify-blob-attestation\n",
        ),
    ),
    row(
        &["completon"],
        &[],
        ErrorWithHint("unknown command \"completon\" for \"cosign\"\n\nDid you mean this?\n\tcompletion\n"),
    ),
    row(&["--nope"], &[], Error("unknown flag: --nope")),
    row(&["-x", "verify-blob"], &[], Error("unknown shorthand flag: 'x' in -x")),
    row(&["--version"], &[], Error("unknown flag: --version")),
    row(&["--output-file"], &[], Error("flag needs an argument: --output-file")),
    row(&["--key", "k", B], &[], Error("accepts 1 arg(s), received 0")),
    row(&["--key", B], &[], Error("unknown flag: --key")),
    row(&["--offline", B, "zzzz"], &[], ErrorWithHint("unknown command \"zzzz\" for \"cosign\"")),
    row(&["-t", "5s", B], &[], Error("accepts 1 arg(s), received 0")),
    row(&["-d", B], &[], Error("accepts 1 arg(s), received 0")),
    row(&["completion"], &[], Error("accepts 1 arg(s), received 0")),
    row(&["completion", "bash", "zsh"], &[], Error("accepts 1 arg(s), received 2")),
    row(&["completion", "nope"], &[], Error("invalid argument \"nope\" for \"cosign completion\"")),
    row(
        &["-version"],
        &["WARNING: the -version flag is deprecated and will be removed in a future release. \
           Please use the version subcommand instead."],
        Fine,
    ),
];

impl Row {
    fn of_cosign(&self) -> String {
        self.with_end(match self.end {
            Differs { cosign, .. } => Error(cosign),
            end => end,
        })
    }

    fn of_ours(&self) -> String {
        self.with_end(match self.end {
            Differs { ours, .. } => Error(ours),
            end => end,
        })
    }

    fn with_end(&self, end: End) -> String {
        let mut text: String = self.notices.iter().map(|line| format!("{line}\n")).collect();
        let (message, hint) = match end {
            Error(message) | Differs { cosign: message, .. } => (message, ""),
            ErrorWithHint(message) => (message, "Run 'cosign --help' for usage.\n"),
            Fine => return text,
        };
        let line_end = if message.ends_with('\n') { "" } else { "\n" };
        text.push_str(&format!("Error: {message}\n{hint}error during command execution: {message}{line_end}"));
        text
    }

    fn ours(&self) -> String {
        let argv: Vec<OsString> = [&["cosign"], self.arguments].concat().iter().map(OsString::from).collect();
        let lookup = |name: &str| {
            self.environment.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        match parse(&argv, &lookup) {
            Ok(parsed) => parsed.notices.iter().map(|notice| format!("{notice}\n")).collect(),
            Err(error) => UsageError::render(&error),
        }
    }
}

fn rows() -> impl Iterator<Item = &'static Row> {
    let of_images = [
        images::VERIFY,
        images::ANNOTATIONS,
        images::ATTESTATION,
        images::OTHERS,
        images::ENVIRONMENT,
        images::DIFFERENT,
    ];
    [SYNTAX, VALUES, COMBINATIONS, ATTESTATIONS, ENVIRONMENT, COMMANDS].into_iter().chain(of_images).flatten()
}

#[test]
fn texts_are_those_of_cosign() {
    let mut differences = Vec::new();
    for row in rows() {
        let (expected, ours) = (row.of_ours(), row.ours());
        if expected != ours {
            differences.push(format!("{:?} {:?}\nexpected:\n{expected}ours:\n{ours}", row.environment, row.arguments));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_table_is_what_a_given_cosign_says() {
    let Some(cosign) = std::env::var_os("SIGWARD_COSIGN") else { return };
    let folder = std::env::temp_dir().join(format!("sigward-args-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut differences = Vec::new();
    for row in rows() {
        let output = Command::new(&cosign)
            .args(row.arguments)
            .env_clear()
            .envs(row.environment.iter().copied())
            .env("HOME", &folder)
            .current_dir(&folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let expected = row.of_cosign();
        let same = match row.end {
            Fine => said.starts_with(&expected),
            Differs { .. } | Error(_) | ErrorWithHint(_) => said == expected && output.status.code() == Some(1),
        };
        if !same {
            differences.push(format!("{:?} {:?}\nexpected:\n{expected}said:\n{said}", row.environment, row.arguments));
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
