//! Every budget of this crate, each with its source. What exceeds one has no verdict, and denies.

/// Bytes of a policy's text. Kubernetes keeps an object below 1.5 MiB (etcd's request limit).
pub const MAX_POLICY_BYTES: usize = 1 << 20;

/// Bytes of a JSON document. An attestation of 128 MiB is the largest that cosign reads
/// (`COSIGN_MAX_ATTACHMENT_SIZE`).
pub const MAX_INPUT_BYTES: usize = 128 << 20;

/// Depth of a JSON document. Real ones nest below 30 levels; serde_json stops at 128.
pub const MAX_INPUT_DEPTH: usize = 128;

/// Values in a JSON document; a name that was not there before counts as three more. Together they take about 1 GiB at most
/// (`docs/performance.md`). The densest of real documents have one value for 28 bytes, below five million in 128 MiB.
pub const MAX_INPUT_VALUES: usize = 6_000_000;

/// Expressions within each other in a policy. The deepest known policy has 14.
pub const MAX_POLICY_DEPTH: usize = 64;

/// Digits of a number that is read. CUE has no limit; arithmetic takes time with the square in it.
pub const MAX_NUMBER_DIGITS: usize = 1_000;

/// Decimal exponent of a number. apd stops at 100,000 with an error.
pub const MAX_NUMBER_EXPONENT: u64 = 10_000;

/// Steps of one evaluation: a conjunct added, an expression evaluated. About a second
/// (`docs/performance.md`).
pub const MAX_STEPS: u64 = 5_000_000;

/// Values within values during evaluation, counted in calls of the evaluator.
pub const MAX_EVALUATION_DEPTH: usize = 180;

/// Values alive in one evaluation.
pub const MAX_VERTICES: usize = 1_000_000;

/// Alternatives alive in one disjunction. CUE has no limit, and doubles its time with each pair.
pub const MAX_DISJUNCTS: usize = 512;

/// Bytes of one text that a policy builds.
pub const MAX_TEXT_BYTES: usize = 16 << 20;

/// Values in a list that a function makes, counted with what is in them. A list of a million values takes about 64 MB.
pub const MAX_LIST_VALUES: u64 = 1_000_000;

/// Bytes of a compiled regular expression: the default of the regex crate is ten times as much, Go has no limit but on
/// repetitions (1,000).
pub const MAX_REGEXP_PROGRAM_BYTES: usize = 1 << 20;
