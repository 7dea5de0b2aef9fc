//! The commands: their names, flags and help texts.

use super::flag::FlagGroups;
use super::flags;

/// A command that works.
#[derive(Debug)]
pub(super) struct Verb {
    /// Its words, as in `trust show`.
    pub(super) path: &'static [&'static str],
    pub(super) kind: VerbKind,
    /// Arguments in usage lines.
    pub(super) arguments: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    /// Lines of examples; `{0}` is the program's name.
    pub(super) examples: &'static str,
    pub(super) flags: FlagGroups,
}

/// Which command it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum VerbKind {
    Completion,
    Man,
    TrustExport,
    TrustShow,
    TrustUpdate,
    VerifyBlob,
    VerifyBlobAttestation,
    Version,
}

pub(super) static VERBS: &[Verb] = &[
    Verb {
        path: &["verify-blob"],
        kind: VerbKind::VerifyBlob,
        arguments: "BLOB...",
        summary: "Verify signatures of files",
        description: "Verifies that each BLOB (a file, -, a URL, env://VAR or sha256:HEX) was signed by the \
                      expected signer. Evidence is named with --bundle, or with --signature and --certificate; \
                      otherwise it is found beside the blob: BLOB.sigstore.json, or BLOB.sig and BLOB.cert. In a \
                      flag, {} stands for the blob's name.",
        examples: concat!(
            "  # A file of a Kubernetes release; kubectl.sig and kubectl.cert lie beside it\n",
            "  {0} verify-blob kubectl \\\n",
            "    --certificate-identity \\\n",
            "      krel-staging@k8s-releng-prod.iam.gserviceaccount.com \\\n",
            "    --certificate-oidc-issuer https://accounts.google.com\n",
            "\n",
            "  # A bundle: no network is needed\n",
            "  {0} verify-blob --bundle tool.sigstore.json tool.tar.gz \\\n",
            "    --certificate-identity jane@example.com \\\n",
            "    --certificate-oidc-issuer https://accounts.google.com\n",
            "\n",
            "  # Several files at once, each with its own bundle; say why\n",
            "  {0} verify-blob --explain --key cosign.pub --bundle '{}.bundle' *.tar.gz\n",
        ),
        flags: &[flags::VERIFYING, flags::BLOB, flags::GLOBAL],
    },
    Verb {
        path: &["verify-blob-attestation"],
        kind: VerbKind::VerifyBlobAttestation,
        arguments: "[BLOB]",
        summary: "Verify an attestation about a file",
        description: "Verifies that the attestation named by --bundle or --signature was signed by the expected \
                      signer, has the predicate type named by --type, and is about BLOB or about --digest.",
        examples: concat!(
            "  # SLSA provenance of a file\n",
            "  {0} verify-blob-attestation --bundle tool.intoto.jsonl \\\n",
            "    --type slsaprovenance1 tool \\\n",
            "    --certificate-identity-regexp '^https://github.com/org/tool/.*$' \\\n",
            "    --certificate-oidc-issuer https://token.actions.githubusercontent.com\n",
        ),
        flags: &[flags::VERIFYING, flags::ATTESTATION, flags::GLOBAL],
    },
    Verb {
        path: &["trust", "show"],
        kind: VerbKind::TrustShow,
        arguments: "",
        summary: "Show which keys count, and until when",
        description: "Lists the logs and authorities of the trust root in use: the embedded production root, its \
                      refreshed copy, or --trusted-root. Nothing is fetched.",
        examples: "  {0} trust show\n  {0} trust show --trusted-root trusted_root.json --output json\n",
        flags: &[TRUST_SHOW, flags::GLOBAL],
    },
    Verb {
        path: &["trust", "update"],
        kind: VerbKind::TrustUpdate,
        arguments: "",
        summary: "Refresh the trust root through TUF",
        description: "Walks from the embedded root to the newest metadata of the TUF repository and stores them in \
                      TUF_ROOT (default ~/.sigstore/root). TUF_MIRROR and TUF_ROOT_JSON name another repository.",
        examples: "  {0} trust update\n",
        flags: &[TRUST_UPDATE, flags::GLOBAL],
    },
    Verb {
        path: &["trust", "export"],
        kind: VerbKind::TrustExport,
        arguments: "[PATH]",
        summary: "Write the trust root for use elsewhere",
        description: "Writes trusted_root.json of the trust root in use to PATH (a file, or an existing directory), \
                      or to standard output: for --trusted-root on machines without network.",
        examples: "  {0} trust export trusted_root.json\n",
        flags: &[TRUST_EXPORT, flags::GLOBAL],
    },
    Verb {
        path: &["completion"],
        kind: VerbKind::Completion,
        arguments: "bash|zsh|fish|powershell|elvish",
        summary: "Print a completion script",
        description: "Prints the completion script for a shell.",
        examples: "  {0} completion bash > /etc/bash_completion.d/{0}\n",
        flags: &[flags::GLOBAL],
    },
    Verb {
        path: &["man"],
        kind: VerbKind::Man,
        arguments: "",
        summary: "Print the manual page",
        description: "Prints the manual page, or with --dir writes one page a command.",
        examples: "  {0} man | man -l -\n  {0} man --dir /usr/local/share/man/man1\n",
        flags: &[MAN, flags::GLOBAL],
    },
    Verb {
        path: &["version"],
        kind: VerbKind::Version,
        arguments: "",
        summary: "Print the version",
        description: "Prints the version.",
        examples: "",
        flags: &[VERSION, flags::GLOBAL],
    },
];

static TRUST_SHOW: &[&super::flag::Flag] = &[&flags::TRUSTED_ROOT, &flags::OUTPUT];
static TRUST_UPDATE: &[&super::flag::Flag] = &[&flags::OUTPUT];
static TRUST_EXPORT: &[&super::flag::Flag] = &[&flags::TRUSTED_ROOT];
static MAN: &[&super::flag::Flag] = &[&flags::MAN_DIR];
static VERSION: &[&super::flag::Flag] = &[&flags::VERSION_JSON];

/// cosign's commands that this program does not have.
pub(super) static COSIGN_ONLY: &[&str] = &[
    "attach",
    "attest",
    "attest-blob",
    "bundle",
    "clean",
    "copy",
    "debug",
    "dockerfile",
    "download",
    "env",
    "generate",
    "generate-key-pair",
    "import-key-pair",
    "initialize",
    "load",
    "login",
    "pkcs11-tool",
    "piv-tool",
    "public-key",
    "save",
    "sign",
    "sign-blob",
    "signing-config",
    "trusted-root",
    "upload",
];

/// Commands of cosign, or of our own, that verify and are not there yet.
pub(super) static LATER: &[&str] =
    &["manifest", "policy", "release", "tree", "triangulate", "verify", "verify-attestation"];

impl Verb {
    /// Its words in one text.
    pub(super) fn name(&self) -> String {
        self.path.join(" ")
    }
}
