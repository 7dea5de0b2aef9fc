//! Every budget that attacker-fed input meets, each with its source. They apply before allocation.

/// Largest bundle, legacy bundle or detached signature file, in bytes. cosign's `COSIGN_MAX_ATTACHMENT_SIZE`
/// default (128 MiB) bounds payloads; a bundle carries one in-toto statement, for which 32 MiB is ample
/// (CVE-2024-45395, CVE-2024-29902).
pub const BUNDLE_BYTES: usize = 32 * 1024 * 1024;
/// Largest trusted root, in bytes. The public one has 7 KB; sigstore's TUF clients allow targets of this order.
pub const TRUSTED_ROOT_BYTES: usize = 4 * 1024 * 1024;
/// Largest key, certificate or certificate chain file, in bytes.
pub const PEM_BYTES: usize = 1024 * 1024;
/// Largest annotation of a signature layer that is read, in bytes. The largest that cosign writes is the bundle, whose
/// log entry holds hashes, keys and signatures: some 20 KB. A registry's manifest has at most 4 MiB in all (OCI
/// distribution specification).
pub const ANNOTATION_BYTES: usize = 1024 * 1024;
/// Largest signature, in bytes: ML-DSA-87 has 4,627 bytes, RSA-8192 1,024; a legacy DSSE file is read as a bundle.
pub const SIGNATURE_BYTES: usize = 64 * 1024;
/// Largest blob that must be held in memory because its key signs the message itself (ML-DSA), in bytes:
/// cosign's attachment limit.
pub const WHOLE_MESSAGE_BYTES: u64 = 128 * 1024 * 1024;
/// Log entries in one bundle: sigstore-go `pkg/verify/tlog.go`, `maxAllowedTlogEntries`.
pub const LOG_ENTRIES: usize = 32;
/// RFC 3161 timestamps in one bundle: sigstore-go `pkg/verify/tsa.go`, `maxAllowedTimestamps`.
pub const TIMESTAMPS: usize = 32;
/// Subjects of an in-toto statement: sigstore-go `internal/limits`.
pub const SUBJECTS: usize = 1024;
/// Digests of one subject: sigstore-go `internal/limits`.
pub const SUBJECT_DIGESTS: usize = 32;
/// Signatures in one DSSE envelope that are looked at. Bundles allow exactly one.
pub const ENVELOPE_SIGNATURES: usize = 16;
/// Hashes in an inclusion proof: a tree of 2^63 leaves has a proof of 63 hashes (RFC 6962 §2.1.1).
pub const PROOF_HASHES: usize = 64;
/// Signature lines of a checkpoint: golang.org/x/mod/sumdb/note allows 100.
pub const CHECKPOINT_SIGNATURES: usize = 100;
/// Bytes of a checkpoint: golang.org/x/mod/sumdb/note allows 1 MB; ours holds a few lines.
pub const CHECKPOINT_BYTES: usize = 64 * 1024;
/// SCTs in one certificate. Fulcio embeds one; Chrome's policy asks for three at most.
pub const SCTS: usize = 16;
/// Certificates in a bundle's chain or in one authority of a trusted root.
pub const CHAIN_CERTIFICATES: usize = 16;
/// Certificates in a file of roots that the caller trusts: Mozilla's list, the largest that is used as one, has some 150.
pub const ROOT_CERTIFICATES: usize = 256;
/// Fields of a legacy bundle's objects: cosign writes four at most.
pub const LEGACY_FIELDS: usize = 256;
/// Certificates in the bag of one timestamp.
pub const TIMESTAMP_CERTIFICATES: usize = 16;
/// Subject alternative names of a leaf that are looked at.
pub const ALTERNATIVE_NAMES: usize = 256;
/// Extensions of one certificate.
pub const EXTENSIONS: usize = 128;
/// Logs or authorities of one kind in a trusted root.
pub const TRUSTED_INSTANCES: usize = 256;
/// Bytes of an identity regular expression, and of the program it compiles to.
pub const REGEXP_BYTES: usize = 16 * 1024;
/// Largest compiled identity regular expression, in bytes (the `regex` crate's own default is 10 MiB).
pub const REGEXP_PROGRAM_BYTES: usize = 4 * 1024 * 1024;
/// Largest answer of a log look-up, in bytes: an entry with an attestation of 100 KB (Rekor's own limit) in base64,
/// ten of them in a batch.
pub const LOG_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Hashes that a log is asked for at once: Rekor's openapi.yaml allows ten items.
pub const LOG_BATCH: usize = 10;
/// Bytes of one manifest, index or page of referrers. 1000 signatures with certificate, chain and log entry in their
/// annotations have about 8 MB; the distribution specification asks registries for 4 MiB at least.
pub const MANIFEST_BYTES: usize = 8 * 1024 * 1024;
/// Layers of a manifest: cosign's limit (`pkg/oci/signature`, CVE-2024-29903).
pub const IMAGE_LAYERS: usize = 1000;
/// Layers of all that is attached to one image, when it is listed: three tags, and some hundreds of referrers.
pub const LISTED_LAYERS: usize = 4000;
/// Annotations of one descriptor: cosign writes five.
pub const ANNOTATIONS: usize = 64;
/// Annotations of one manifest: builders write some ten, and no image is refused for what nobody asks.
pub const MANIFEST_ANNOTATIONS: usize = 1024;
/// Claims that a signer adds to one payload or subject: cosign takes them from the command line.
pub const CLAIMS: usize = 1024;
/// Pages of a list of referrers.
pub const REFERRER_PAGES: usize = 32;
/// Referrers of one image.
pub const REFERRERS: usize = 1000;
/// Bytes of evidence that is asked for about one image, all together: as much as cosign's `COSIGN_MAX_ATTACHMENT_SIZE`
/// allows one piece by default. Who sets that higher gets as much here.
pub const IMAGE_EVIDENCE_BYTES: u64 = 128 * 1024 * 1024;
/// Requests that one image has under way at the same time.
pub const IMAGE_BATCH: usize = 16;
/// Signatures of one image whose log entries are looked up; cosign writes the entry beside the signature since 1.4.
pub const IMAGE_LOOKUPS: usize = 32;

/// Bytes of an image's configuration. Docker and containerd write some KiB; containerd reads at most 8 MiB of any manifest.
pub const CONFIG_BYTES: usize = 4 * 1024 * 1024;
/// Manifests and configurations of one image together. An index names some ten platforms.
pub const CONFIGS_BYTES: u64 = 32 * 1024 * 1024;
/// Manifests of one image, attestations of buildkit included. The largest official images have some 30.
pub const CONFIG_MANIFESTS: usize = 128;
/// Indices within each other. The specification allows them; images have one.
pub const INDEX_DEPTH: usize = 3;
