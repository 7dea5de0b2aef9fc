//! The fields of a TrustRoot.

use crate::cip::Status;
use crate::object::{Base64, Metadata, Url, records};

/// The kind of a TrustRoot.
pub const KIND: &str = "TrustRoot";

records! {
    /// Keys and certificate authorities that policies may name.
    pub struct TrustRoot {
        /// `policy.sigstore.dev/v1alpha1`.
        pub api_version: String => "apiVersion",
        /// `TrustRoot`.
        pub kind: String => "kind",
        /// Name and labels.
        pub metadata: Metadata => "metadata" always,
        /// Where the keys come from.
        pub spec: TrustRootSpec => "spec" always,
        /// What the controller says about it.
        pub status: Status => "status" always,
    }

    /// Where keys come from: exactly one of remote, repository and sigstoreKeys.
    pub struct TrustRootSpec {
        /// A TUF repository on a server.
        pub remote: Option<Remote> => "remote",
        /// A TUF repository that stands here as an archive.
        pub repository: Option<Repository> => "repository",
        /// The keys themselves.
        pub sigstore_keys: Option<SigstoreKeys> => "sigstoreKeys",
    }

    /// A TUF repository on a server.
    pub struct Remote {
        /// The root.json that is trusted from the start, in base64.
        pub root: Base64 => "root" always,
        /// The repository's URL.
        pub mirror: Url => "mirror" always,
        /// The folder of the targets; `targets` where none is given.
        pub targets: String => "targets",
        /// The target with the keys; `trusted_root.json` where none is given.
        pub trusted_root_target: String => "trustedRootTarget",
    }

    /// A TUF repository as an archive.
    pub struct Repository {
        /// The root.json that is trusted from the start, in base64.
        pub root: Base64 => "root" always,
        /// The repository as a gzipped tar archive, in base64.
        pub mirror_fs: Base64 => "mirrorFS" always,
        /// The folder of the targets; `targets` where none is given.
        pub targets: String => "targets",
        /// The target with the keys; `trusted_root.json` where none is given.
        pub trusted_root_target: String => "trustedRootTarget",
    }

    /// The keys themselves.
    pub struct SigstoreKeys {
        /// Who issues certificates to signers.
        pub certificate_authorities: Vec<CertificateAuthority> => "certificateAuthorities" always,
        /// The transparency logs of signatures.
        pub t_logs: Vec<TransparencyLogInstance> => "tLogs",
        /// The logs of certificates.
        pub ct_logs: Vec<TransparencyLogInstance> => "ctLogs",
        /// Who signs timestamps.
        pub timestamp_authorities: Vec<CertificateAuthority> => "timestampAuthorities",
    }

    /// An authority with certificates.
    pub struct CertificateAuthority {
        /// Its name.
        pub subject: DistinguishedName => "subject" always,
        /// Its URL.
        pub uri: Url => "uri" always,
        /// Its certificates in PEM, in base64; the root last.
        pub cert_chain: Base64 => "certChain" always,
    }

    /// A name.
    pub struct DistinguishedName {
        /// The organization.
        pub organization: String => "organization" always,
        /// The name in it.
        pub common_name: String => "commonName" always,
    }

    /// A log.
    pub struct TransparencyLogInstance {
        /// Its URL.
        pub base_url: Url => "baseURL" always,
        /// Its hash: sha-256, sha-384 or sha-512.
        pub hash_algorithm: String => "hashAlgorithm" always,
        /// Its public key in PEM, in base64.
        pub public_key: Base64 => "publicKey" always,
    }
}
