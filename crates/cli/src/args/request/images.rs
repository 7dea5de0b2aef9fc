//! Requests about container images.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::{Location, OutputFormat, PredicateType, Verification};

/// `verify` and `verify-attestation`: does each of these images have what is asked for?
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifyImagesRequest {
    /// Names of images, or paths of layouts, as they were typed; at least one.
    pub images: Vec<String>,
    /// Where the images are.
    pub source: ImageSource,
    /// What is asked of each.
    pub what: ImageQuestionKind,
    /// Whether what was signed must be about the image.
    pub claims: ClaimUse,
    /// What is demanded of the signature. `output` is the format of cosign's document.
    pub verification: Verification,
    /// `--certificate`: the signer's certificate, which then is not taken from the evidence.
    pub certificate: Option<Location>,
    /// `--sct`: a detached timestamp of that certificate; `None` without one.
    pub sct: Option<PathBuf>,
    /// How the registry is asked.
    pub registry: RegistryRequest,
    /// How many images are worked on at once.
    pub workers: NonZeroUsize,
}

/// Where images are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ImageSource {
    /// `--local-image`: in OCI layouts on this machine, as `cosign save` writes them.
    LocalLayout,
    /// In registries.
    Registry,
}

/// What is asked of an image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ImageQuestionKind {
    /// `verify-attestation`: is there an attestation of this type, and do the policies accept it?
    Attestation {
        /// The predicate type.
        predicate: PredicateType,
        /// The policies, in the order of the command line.
        policies: Vec<PolicyFile>,
    },
    /// `verify`: is it signed?
    Signature {
        /// Annotations that must be signed with it, each key once.
        annotations: Vec<(String, String)>,
        /// What counts as its signature.
        demand: SignatureDemand,
    },
}

/// What `verify` takes for a signature of an image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SignatureDemand {
    /// What cosign takes for one: an image signature, or an attestation of any type.
    AsCosign,
    /// `--require-attestation`: an attestation of this type.
    Attestation(PredicateType),
    /// `--require-signature`: an image signature, and no other attestation.
    ImageSignature,
}

/// Whether what was signed must be about the image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClaimUse {
    /// It must be about the image's digest.
    Checked,
    /// `--check-claims=false`: it may be about anything.
    SkippedUnsafe,
}

/// A policy of `--policy`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its language, told by its name as in cosign.
    pub language: PolicyLanguage,
}

/// A language of policies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicyLanguage {
    /// CUE.
    Cue,
    /// Rego.
    Rego,
}

/// How a registry is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegistryRequest {
    /// Over what.
    pub transport: RegistryTransport,
    /// As whom.
    pub credential: RegistryCredential,
    /// `--registry-cacert`: the authorities of the registry's certificate, in PEM.
    pub ca_file: Option<PathBuf>,
    /// `--registry-client-cert`, in PEM; never without its key.
    pub client_cert: Option<PathBuf>,
    /// `--registry-client-key`, in PEM; never without its certificate.
    pub client_key: Option<PathBuf>,
    /// `--registry-server-name`: the name that the registry's certificate must have.
    pub server_name: Option<String>,
    /// `--attachment-tag-prefix`: what stands before `sha256-…` in tags of evidence; often empty.
    pub tag_prefix: String,
    /// `--registry-trusted-realm`: hosts, in lower case and perhaps with a port, that may be sent the credential of a
    /// registry that names them as the giver of its tokens.
    pub trusted_realms: Vec<String>,
}

/// Over what a registry is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RegistryTransport {
    /// `--allow-http-registry`: TLS if the registry speaks it, else http.
    HttpAllowed,
    /// `--allow-insecure-registry`: certificates are not verified, and http is allowed.
    InsecureUnsafe,
    /// TLS with a verified certificate; http only where the name of the registry allows it.
    Verified,
}

/// As whom a registry is asked. [`fmt::Debug`] shows no secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RegistryCredential {
    /// `--registry-username` and `--registry-password`.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// What the configuration of docker or podman says, if the registry asks at all.
    DefaultKeychain,
    /// `--registry-token`.
    Token(Secret),
}

/// A text that [`fmt::Debug`] does not show.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    pub(in crate::args) const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// `tree`: what is attached to an image?
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TreeRequest {
    /// The image.
    pub image: String,
    /// How the registry is asked.
    pub registry: RegistryRequest,
    /// Whether referrers are listed too.
    pub referrers: ReferrerUse,
    /// How the result is written.
    pub output: OutputFormat,
}

/// Whether `tree` lists what refers to an image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReferrerUse {
    /// It does.
    Listed,
    /// `--experimental-oci11=false`: only what is found by tag.
    Omitted,
}

/// `triangulate`: under which name would something be attached to an image?
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TriangulateRequest {
    /// The image.
    pub image: String,
    /// What is looked for.
    pub kind: AttachmentKind,
    /// How the registry is asked.
    pub registry: RegistryRequest,
}

/// What `triangulate` looks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AttachmentKind {
    /// `….att`.
    Attestation,
    /// The image itself, by digest.
    Digest,
    /// `….sbom`.
    Sbom,
    /// `….sig`.
    Signature,
}

/// `download signature`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DownloadSignatureRequest {
    /// The image.
    pub image: String,
    /// How the registry is asked.
    pub registry: RegistryRequest,
}

/// `download attestation`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DownloadAttestationRequest {
    /// The image.
    pub image: String,
    /// Only attestations of this type.
    pub predicate: Option<PredicateType>,
    /// Those of this platform's image, where the name is one of an index.
    pub platform: Option<Platform>,
    /// How the registry is asked.
    pub registry: RegistryRequest,
}

/// `OS[/ARCHITECTURE[/VARIANT]][:VERSION]`; what is not given matches everything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Platform {
    /// As in `linux`.
    pub os: Option<String>,
    /// As in `arm64`.
    pub architecture: Option<String>,
    /// As in `v8`.
    pub variant: Option<String>,
    /// As in `10.0.17763.1234`.
    pub os_version: Option<String>,
}

impl Platform {
    /// Reads a platform as go-containerregistry's `ParsePlatform` does; `None` if there are too many slashes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let given = |part: Option<&str>| part.filter(|part| !part.is_empty()).map(str::to_owned);
        let mut parts = text.trim().split(':');
        let mut names = parts.next().unwrap_or_default().split('/');
        // Go looks at a version only if there is one colon; a second one is as wrong as a third slash.
        let (version, surplus) = (parts.next(), parts.next());
        let platform = Self {
            os: given(names.next()),
            architecture: given(names.next()),
            variant: given(names.next()),
            os_version: given(version),
        };
        (names.next().is_none() && surplus.is_none()).then_some(platform)
    }
}
