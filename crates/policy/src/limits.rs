//! Every budget of this crate, each with its source. A limit that is hit denies.

/// Bytes of a policy's text. Kubernetes keeps an object below 1.5 MiB (etcd's request limit), and a policy inside of one
/// is smaller.
pub const MAX_POLICY_BYTES: usize = 1 << 20;

/// Bytes of a Kubernetes object as JSON. etcd's request limit is 1.5 MiB; a TrustRoot with an archive comes near.
pub const MAX_OBJECT_BYTES: usize = 2 << 20;

/// Bytes of a pattern for names of images. A name has 255 for the repository, 128 for the tag, and a host.
pub const MAX_GLOB_BYTES: usize = 1_024;

/// Entries in all lists of a ClusterImagePolicy together; each may cost a regular expression or a key. Real ones have some
/// ten.
pub const MAX_POLICY_ENTRIES: usize = 2_000;

/// Bytes of a TrustRoot's archive when it is unpacked. sigstore's public repository has some 200 KB, and an archive inside of
/// an object below [`MAX_OBJECT_BYTES`] cannot hold much more that does not repeat itself.
pub const MAX_ARCHIVE_BYTES: usize = 16 << 20;

/// Files of a TrustRoot's archive.
pub const MAX_ARCHIVE_FILES: usize = 2_000;

/// Targets that an old TUF repository lists as keys. sigstore's had ten.
pub const MAX_LEGACY_TARGETS: usize = 64;

/// Bytes of an input document. An attestation of 128 MiB is the largest that cosign reads
/// (`COSIGN_MAX_ATTACHMENT_SIZE`); documents of real scanners are a few MiB.
pub const MAX_INPUT_BYTES: usize = 128 << 20;

/// Depth of an input document. Real documents nest below 30 levels; serde_json stops at 128.
pub const MAX_INPUT_DEPTH: usize = 128;

/// Brackets and expressions within each other in a policy. The deepest of the known policies has 9; a parser of Rego
/// goes back on brackets, so that its time doubles with each level where nothing is remembered.
pub const MAX_POLICY_DEPTH: usize = 48;

/// Statements, rules and terms of a policy together. The largest known policy has a few hundred.
pub const MAX_POLICY_TERMS: usize = 100_000;

/// Statements of one body, nested calls counted. Ordering them takes time with the square in it; real ones have some ten.
pub const MAX_STATEMENTS: usize = 1_000;

/// Statements whose types are checked. Each comprehension within another doubles what OPA's checker does.
pub const MAX_TYPE_CHECKS: usize = 200_000;

/// Parts of types that the checker copies. A policy of a hundred rules copies some thousand.
pub const MAX_TYPE_SIZE: usize = 1_000_000;

/// Steps of one evaluation: a statement tried, an element looked at, a value built. A tenth of a second to a second; 10,000
/// vulnerabilities in 2.5 MB of JSON take some 100,000.
pub const MAX_STEPS: u64 = 10_000_000;

/// Bodies within bodies during evaluation (rules, functions, comprehensions, loops). Keeps the stack below 2 MiB, which
/// a worker thread has.
pub const MAX_EVALUATION_DEPTH: usize = 150;

/// Depth of any value.
pub const MAX_VALUE_DEPTH: usize = 200;

/// Weight of any value that a policy builds: elements, and 16 bytes of text each count one.
pub const MAX_VALUE_WEIGHT: usize = 8 << 20;

/// Bytes of one text that a policy builds.
pub const MAX_TEXT_BYTES: usize = 16 << 20;

/// Characters of a number. OPA has no limit; comparing takes time with the square in it.
pub const MAX_NUMBER_TEXT: usize = 1_000;

/// Decimal exponent of a number. OPA's parser refuses more than 10^5 binary digits (golang/go#11068).
pub const MAX_NUMBER_EXPONENT: u64 = 30_000;
