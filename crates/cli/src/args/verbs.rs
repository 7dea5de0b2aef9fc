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
    pub(super) life: Life,
}

/// Whether a command is listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Life {
    /// Works, is not listed, and says so when used: cosign's advice.
    Deprecated(&'static str),
    /// Normal.
    Listed,
}

/// Which command it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum VerbKind {
    Completion,
    DownloadAttestation,
    DownloadSignature,
    Man,
    ManifestImages,
    ManifestPin,
    ManifestVerify,
    PolicyEval,
    PolicyLint,
    PolicyTest,
    ReleaseFetch,
    ReleaseList,
    ReleaseVerify,
    Tree,
    Triangulate,
    TrustExport,
    TrustShow,
    TrustUpdate,
    Verify,
    VerifyAttestation,
    VerifyBlob,
    VerifyBlobAttestation,
    Version,
}

pub(super) static VERBS: &[Verb] = &[
    Verb {
        path: &["verify"],
        kind: VerbKind::Verify,
        arguments: "IMAGE...",
        summary: "Verify signatures of container images",
        description: "Verifies that each IMAGE was signed by the expected signer. The signature is found in the image's \
                      repository, or in the one that COSIGN_REPOSITORY names. An attestation of any type counts as it \
                      does in cosign, and the result says which kind of evidence was found; --require-signature and \
                      --require-attestation accept one kind alone.",
        examples: concat!(
            "  # Images of a Kubernetes release\n",
            "  {0} verify registry.k8s.io/kube-apiserver:v1.34.1 \\\n",
            "    registry.k8s.io/kube-scheduler:v1.34.1 \\\n",
            "    --certificate-identity krel-trust@k8s-releng-prod.iam.gserviceaccount.com \\\n",
            "    --certificate-oidc-issuer https://accounts.google.com\n",
            "\n",
            "  # A key, and an annotation that must be signed too\n",
            "  {0} verify --key cosign.pub -a env=prod registry.example/app:v1\n",
            "\n",
            "  # What cosign save has written: no network is needed\n",
            "  {0} verify --key cosign.pub --local-image ./app\n",
        ),
        flags: &[flags::IMAGES, flags::IMAGE, flags::VERIFYING, flags::REGISTRY, flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["verify-attestation"],
        kind: VerbKind::VerifyAttestation,
        arguments: "IMAGE...",
        summary: "Verify attestations about container images",
        description: "Verifies that each IMAGE has an attestation that the expected signer has signed, with the \
                      predicate type named by --type, and that every --policy accepts it.",
        examples: concat!(
            "  # SLSA provenance of an image\n",
            "  {0} verify-attestation --type slsaprovenance1 registry.example/app:v1 \\\n",
            "    --certificate-identity-regexp '^https://github.com/org/app/.*$' \\\n",
            "    --certificate-oidc-issuer https://token.actions.githubusercontent.com\n",
            "\n",
            "  # A policy in Rego judges the statement\n",
            "  {0} verify-attestation --key cosign.pub --type vuln --policy vuln.rego \\\n",
            "    registry.example/app:v1\n",
        ),
        flags: &[flags::IMAGES, flags::IMAGE_ATTESTATION, flags::VERIFYING, flags::REGISTRY, flags::GLOBAL],
        life: Life::Listed,
    },
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
        flags: &[flags::FILES, flags::VERIFYING, flags::BLOB, flags::GLOBAL],
        life: Life::Listed,
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
        flags: &[flags::FILES, flags::VERIFYING, flags::ATTESTATION, flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["tree"],
        kind: VerbKind::Tree,
        arguments: "IMAGE",
        summary: "Show what is attached to a container image",
        description: "Lists signatures, attestations and other artifacts that are attached to IMAGE. Nothing is \
                      verified: anyone who may write to the repository can attach anything.",
        examples: "  {0} tree registry.k8s.io/pause:3.10\n",
        flags: &[flags::TREE, flags::REGISTRY, flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["triangulate"],
        kind: VerbKind::Triangulate,
        arguments: "IMAGE",
        summary: "Print the name under which something is attached to an image",
        description: "Prints the name under which the signatures or attestations of IMAGE are found in its registry. \
                      Whether there is anything is not looked at.",
        examples: "  {0} triangulate --type attestation registry.k8s.io/pause:3.10\n",
        flags: &[flags::TRIANGULATE, flags::REGISTRY, flags::GLOBAL],
        life: Life::Deprecated(
            "triangulate will be removed in v4.0.0 (see https://github.com/sigstore/cosign/issues/4696). Instead, \
             please use `oras discover` or `cosign tree` to show referring artifacts",
        ),
    },
    Verb {
        path: &["download", "signature"],
        kind: VerbKind::DownloadSignature,
        arguments: "IMAGE",
        summary: "Print the signatures of an image, unverified",
        description: "Prints the signatures of IMAGE, one JSON document a line. Nothing is verified.",
        examples: "  {0} download signature registry.k8s.io/pause:3.10\n",
        flags: &[flags::REGISTRY, flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["download", "attestation"],
        kind: VerbKind::DownloadAttestation,
        arguments: "IMAGE",
        summary: "Print the attestations of an image, unverified",
        description: "Prints the attestations of IMAGE, one JSON document a line. Nothing is verified.",
        examples: "  {0} download attestation --predicate-type slsaprovenance1 \\\n    registry.example/app:v1\n",
        flags: &[flags::DOWNLOAD_ATTESTATION, flags::REGISTRY, flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["manifest", "images"],
        kind: VerbKind::ManifestImages,
        arguments: "PATH...",
        summary: "List the images in Kubernetes manifests",
        description: "Lists every image that the manifests in PATH (files, folders, or - for standard input) name, with \
                      file, document and place: of pods and of all that makes pods, init and ephemeral containers and \
                      image volumes included, and of custom resources where --image-path says so.",
        examples: concat!(
            "  {0} manifest images deploy/\n",
            "  kustomize build . | {0} manifest images --output json -\n",
        ),
        flags: &[flags::MANIFEST, flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["manifest", "verify"],
        kind: VerbKind::ManifestVerify,
        arguments: "PATH...",
        summary: "Verify the images in Kubernetes manifests",
        description: "Verifies every image that the manifests in PATH (files, folders, or - for standard input) name, as \
                      the command verify does, each image once. Succeeds only if all are verified.",
        examples: concat!(
            "  # What Helm would install\n",
            "  helm template app ./chart | {0} manifest verify --key cosign.pub -\n",
            "\n",
            "  # A custom resource that holds an image\n",
            "  {0} manifest verify --key cosign.pub --image-path Prometheus.spec.image prometheus.yaml\n",
        ),
        flags: &[
            flags::MANIFEST,
            flags::MANIFEST_VERIFY,
            flags::MANIFEST_IMAGES,
            flags::VERIFYING,
            flags::REGISTRY,
            flags::GLOBAL,
        ],
        life: Life::Listed,
    },
    Verb {
        path: &["manifest", "pin"],
        kind: VerbKind::ManifestPin,
        arguments: "PATH...",
        summary: "Write verified digests into Kubernetes manifests",
        description: "Verifies every image that the manifests in PATH (files, folders, or - for standard input) name, and \
                      writes the verified digest behind its tag, name:tag@sha256:..., with everything else in the file \
                      left as it is. A file with an image that is not verified is not touched. An image must itself be \
                      signed; --require-attestation accepts an attestation instead.",
        examples: concat!(
            "  {0} manifest pin --key cosign.pub deploy/\n",
            "\n",
            "  # In CI: nothing is written\n",
            "  {0} manifest pin --check --key cosign.pub deploy/\n",
            "\n",
            "  # Only verified content reaches the cluster\n",
            "  helm template app ./chart | {0} manifest pin --key cosign.pub - | \\\n",
            "    kubectl apply -f -\n",
        ),
        flags: &[
            flags::MANIFEST,
            flags::MANIFEST_PIN,
            flags::MANIFEST_IMAGES,
            flags::VERIFYING,
            flags::REGISTRY,
            flags::GLOBAL,
        ],
        life: Life::Listed,
    },
    Verb {
        path: &["policy", "eval"],
        kind: VerbKind::PolicyEval,
        arguments: "",
        summary: "Evaluate one policy over one document",
        description: "Judges a JSON document by a policy in Rego or CUE as sigstore's policy-controller would. Exits \
                      with 0 if it is accepted, 1 if it is rejected, 3 if the policy needs what is not supported or \
                      goes over a limit.",
        examples: "  {0} policy eval --type rego --policy vuln.rego --input statement.json\n",
        flags: &[flags::POLICY_EVAL, flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["policy", "lint"],
        kind: VerbKind::PolicyLint,
        arguments: "FILE|DIR...",
        summary: "Find what policies accept by mistake",
        description: "Looks over policies in CUE (.cue) and Rego (.rego), and those that ClusterImagePolicies hold \
                      (.yaml, .yml, .json), of a folder all such files below it: fields that may be missing, policies \
                      that accept {}, policies that cannot be evaluated. Exits with 0 if there is no error, with 1 if there is one, and with --strict also \
                      if there is a warning.",
        examples: "  {0} policy lint policy.cue\n  {0} policy lint --strict policies/\n",
        flags: &[flags::POLICY_LINT, flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["policy", "test"],
        kind: VerbKind::PolicyTest,
        arguments: "",
        summary: "Say whether policies admit images, without a cluster",
        description: "Judges images as the admission controller would, by the ClusterImagePolicies in files, folders or \
                      at a URL. Takes the flags of policy-tester, also with one dash, and prints what it prints: \
                      nothing and 0 if the images are admitted; {\"errors\": [...], \"warnings\": [...]} and 1 if \
                      not. With --record the evidence is kept in a file, by which --replay repeats the test without \
                      a network: it is verified again.",
        examples: "  {0} policy test --policy policy.yaml --image ghcr.io/org/app:v1\n  \
                     {0} policy test --policy policies/ --resource pod.yaml --explain\n  \
                     {0} policy test --policy policies/ --resource pod.yaml --record evidence.json\n",
        flags: &[flags::POLICY_TEST, flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["release", "list"],
        kind: VerbKind::ReleaseList,
        arguments: "[VERSION]",
        summary: "List the files and images of a Kubernetes release",
        description: "Lists the files, SBOMs and images of VERSION (v1.30.0, 1.30, stable or latest), or without it the \
                      versions that the server's marker files name. Nothing that is listed is verified.",
        examples: "  {0} release list\n  {0} release list stable --platform linux/amd64\n",
        flags: &[flags::RELEASE, flags::RELEASE_LIST, flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["release", "fetch"],
        kind: VerbKind::ReleaseFetch,
        arguments: "VERSION",
        summary: "Fetch and verify files of a Kubernetes release",
        description: "Fetches files of VERSION (v1.30.0, 1.30, stable or latest), verifies them as release verify does \
                      while they come, and gives each its name only then. What an interrupted run has left is \
                      completed; what is there and still verifies is not fetched again.",
        examples: concat!(
            "  # kubectl and kubeadm for this machine\n",
            "  {0} release fetch v1.34.1 --platform linux/amd64 --only kubectl,kubeadm\n",
            "\n",
            "  # All that a machine without a network needs\n",
            "  {0} release fetch v1.34.1 --platform linux/arm64 --kit kit\n",
            "  {0} release verify v1.34.1 --dir kit --trusted-root kit/trusted_root.json\n",
        ),
        flags: &[flags::RELEASE, flags::RELEASE_VERIFYING, flags::RELEASE_FETCH, flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["release", "verify"],
        kind: VerbKind::ReleaseVerify,
        arguments: "VERSION",
        summary: "Verify a whole Kubernetes release",
        description: "Verifies all that VERSION (v1.30.0, 1.30, stable or latest) signs: binaries, tarballs and SBOMs, \
                      and with --images every image that the SBOM names. A file must be signed by \
                      krel-staging@k8s-releng-prod.iam.gserviceaccount.com (--certificate-identity says otherwise), and \
                      the signed SBOM must name its digest under its path. With --dir, files that were fetched earlier \
                      are verified without a network.",
        examples: concat!(
            "  {0} release verify v1.34.1 --images\n",
            "  {0} release verify v1.34.1 --platform linux/amd64 --only kubelet\n",
            "  {0} release verify v1.34.1 --dir fetched --locked --output junit\n",
        ),
        flags: &[flags::RELEASE, flags::RELEASE_VERIFYING, flags::RELEASE_VERIFY, flags::REGISTRY, flags::GLOBAL],
        life: Life::Listed,
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
        life: Life::Listed,
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
        life: Life::Listed,
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
        life: Life::Listed,
    },
    Verb {
        path: &["completion"],
        kind: VerbKind::Completion,
        arguments: "bash|zsh|fish|powershell|elvish",
        summary: "Print a completion script",
        description: "Prints the completion script for a shell.",
        examples: "  {0} completion bash > /etc/bash_completion.d/{0}\n",
        flags: &[flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["man"],
        kind: VerbKind::Man,
        arguments: "",
        summary: "Print the manual page",
        description: "Prints the manual page, or with --dir writes one page a command.",
        examples: "  {0} man | man -l -\n  {0} man --dir /usr/local/share/man/man1\n",
        flags: &[MAN, flags::GLOBAL],
        life: Life::Listed,
    },
    Verb {
        path: &["version"],
        kind: VerbKind::Version,
        arguments: "",
        summary: "Print the version",
        description: "Prints the version.",
        examples: "",
        flags: &[VERSION, flags::GLOBAL],
        life: Life::Listed,
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
    "download sbom",
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

/// What commands of two words are about, by the first.
pub(super) static GROUPS: &[(&str, &str)] = &[
    ("download", "Signatures and attestations of images, unverified"),
    ("manifest", "Images in Kubernetes manifests"),
    ("policy", "Policies over attestations"),
    ("release", "Kubernetes releases: files, SBOMs, images"),
    ("trust", "The trust roots in use"),
];

impl Verb {
    /// Its words in one text.
    pub(super) fn name(&self) -> String {
        self.path.join(" ")
    }
}
