//! Every bound on what a server, a proxy or a cache may make us do, with its source.

use std::time::Duration;

/// Redirects that are followed for one request. Source: Go `net/http` `defaultCheckRedirect` ("stopped after 10
/// redirects"), which is what cosign has.
pub const REDIRECTS: usize = 10;

/// Attempts for one request in all. Source: cosign's Rekor client ("giving up after 4 attempt(s)").
pub const ATTEMPTS: u32 = 4;

/// First pause between two attempts; doubles each time, and a random part of it is taken.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(250);

/// Longest pause that we choose ourselves.
pub const BACKOFF_LONGEST: Duration = Duration::from_secs(8);

/// Longest pause that a server may ask for with `Retry-After`. Source: `RetryWaitMax` of hashicorp/go-retryablehttp
/// (30 s), which cosign's Rekor client uses.
pub const RETRY_AFTER_LONGEST: Duration = Duration::from_secs(30);

/// Time for name resolution, TCP, proxy and TLS together. Source: go-cleanhttp and Go's default dialer allow 30 s
/// for TCP alone and 10 s for TLS; a command that somebody waits for should not.
pub const CONNECT: Duration = Duration::from_secs(10);

/// Longest silence of a server while it owes us headers or body.
pub const IDLE: Duration = Duration::from_secs(30);

/// How much of the body of an answer that is no success is kept, to show it. Longer ones are cut, not refused: a
/// mirror's page for "404 not found" may well be longer than the file that was asked for.
pub const ERROR_BODY: usize = 16 * 1024;

/// Most headers in a response. Source: hyper's default.
pub const HEADERS: usize = 100;

/// Room for the head of a response. Source: the default of curl is 300 KB in all; hyper's is about 400 KB.
pub const HEAD_BYTES: usize = 256 * 1024;

/// Longest redirect target that is looked at. Source: RFC 9110 section 4.1 recommends 8000 octets.
pub const LOCATION: usize = 8_000;

/// Requests at the same time.
pub const CONCURRENCY: usize = 8;

/// Requests, with repetitions and redirects, that one inquiry may cost unless its caller says otherwise. The walk
/// over 32 roots with four attempts each and the rest of a TUF refresh stays below it.
pub const REQUESTS: u32 = 256;

/// Body bytes that one inquiry may cost unless its caller says otherwise.
pub const BYTES: u64 = 256 * 1024 * 1024;

/// Largest file that is read from a cache directory. Nothing larger is ever written: the largest TUF role is
/// limited to 5 MB (`sigward_trust::limits`).
pub const CACHE_FILE: usize = 5_000_000;

/// Largest Rekor entry that is kept. A hashedrekord entry with certificate and proof has about 6 KB; an entry with
/// an attestation may have more than 100 KB, which is worth less than a request.
pub const ENTRY: usize = 256 * 1024;

/// Rekor entries that are kept for each log. Kubernetes 1.30 has about 350 signed files in a release.
pub const ENTRIES: usize = 4_096;

/// Roots of a cached chain that are read.
pub const HISTORY: usize = 256;

/// Size of a small file of ours, or of `remote.json`.
pub const REMOTE: usize = 16 * 1024;

/// Longest name of a cache folder. Source: what most file systems take.
pub const NAME: usize = 255;

/// Requests of a TUF refresh: 256 roots (`sigward_trust::limits`), the other roles, and as many repetitions.
pub const TUF_REQUESTS: u32 = 600;

/// Bytes of a TUF refresh: the longest chain of roots of the largest size, and the other roles.
pub const TUF_BYTES: u64 = 160 * 1024 * 1024;

/// Time for a whole refresh of the trust root that nobody asked for: a mirror that dribbles must not cost more.
pub const UNASKED_REFRESH: Duration = Duration::from_secs(20);

/// Time to read what is left of a body that nobody wants, so that its connection can be used again.
pub const DRAIN: Duration = Duration::from_millis(250);

/// Requests at the same time to one registry. More connections gain nothing on registries that were measured.
pub const PER_REGISTRY: usize = 16;

/// Challenges of one `WWW-Authenticate`, and parameters of each. Source: real registries have one with three.
pub const CHALLENGES: usize = 16;

/// Largest answer of a token server. Source: go-containerregistry `maxTokenBodySize`.
pub const TOKEN_BODY: usize = 64 * 1024;

/// How long a token server's refusal, or a pass that the registry does not take, is not asked for again.
pub const REFUSAL_AGE: Duration = Duration::from_secs(30);

/// Registries and repositories that are remembered at the same time.
pub const SCOPES: usize = 4_096;

/// Time for one run of a credential helper.
pub const HELPER: Duration = Duration::from_secs(10);

/// Largest answer of a credential helper. Tokens of cloud providers have some kilobytes.
pub const HELPER_OUTPUT: u64 = 64 * 1024;

/// How long an answer of a credential helper is used. Cloud providers' secrets live an hour or more.
pub const HELPER_AGE: Duration = Duration::from_secs(600);

/// Largest file or pull secret with credentials. Source: the limit of a Kubernetes secret, 1 MiB.
pub const CREDENTIAL_FILE: u64 = 1024 * 1024;

/// How much is shown of what a server or a helper says.
pub const SHOWN: usize = 300;

/// Requests for one image: about 1,100 things that may be attached to it and looked at, each with a redirect or a
/// token, and some repetitions.
pub const IMAGE_REQUESTS: u32 = 4_096;

/// Body bytes for one image: twice the evidence that is looked at by default, and its manifests and lists.
pub const IMAGE_BYTES: u64 = 256 * 1024 * 1024;

/// Requests at the same time for images: four registries as much as each may be asked.
pub const IMAGE_CONCURRENCY: usize = 4 * PER_REGISTRY;

/// Bytes of answers that are kept for other inquiries of the same run. The manifests and payloads of an image have a
/// few kilobytes; what does not fit is asked for again.
pub const SHARED_BYTES: usize = 8 * 1024 * 1024;

/// Kilobytes that the answers to all inquiries of a run may take together while they are awaited, at least those to one
/// step of one inquiry: twice cosign's limit of one attachment.
pub const ANSWERS_KB: usize = 256 * 1024;

/// The longest that a registry is left alone because it asked for it. Docker Hub's window is six hours; whoever has waited
/// for five minutes may have been told otherwise by then.
pub const REST_LONGEST: Duration = Duration::from_secs(300);
