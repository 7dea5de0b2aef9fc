//! Every budget of the program, each with its source. What an attacker can feed is bounded before it is held.

use std::time::Duration;

/// Largest request body. etcd takes objects of 1.5 MiB and the API server requests of 3 MiB
/// (`MaxRequestBodyBytes`), and an update carries the object twice.
pub const BODY_BYTES: usize = 8 << 20;

/// What reviews that are being read or judged may take together, in kilobytes.
pub const BODIES_KB: usize = 256 << 10;

/// What those from one address may take together, in kilobytes: ten updates of the largest objects at once.
pub const BODIES_OF_ONE_KB: usize = 128 << 10;

/// How many times its size a body takes once it is read: texts and maps of their own for each field.
pub const BODY_FACTOR: u32 = 4;

/// The least that a review is taken for, in kilobytes: its tasks, plans and answers.
pub const REVIEW_KB: u32 = 32;

/// Time for the body of a request, whatever time its review may have.
pub const BODY: Duration = Duration::from_secs(3);

/// Connections at once. The API server holds a few for each webhook, and they carry many requests; the rest is room for
/// others who may reach the port, so that they do not shut it out.
pub const CONNECTIONS: usize = 2_048;

/// Connections at once from one address.
pub const CONNECTIONS_OF_ONE: usize = 256;

/// Requests at once on one connection (HTTP/2).
pub const STREAMS: u32 = 250;

/// Time for a TLS handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(10);

/// Time for the head of a request (HTTP/1) and for the first request of a connection; the longest that a connection without
/// requests is kept where all places are taken.
pub const HEAD: Duration = Duration::from_secs(5);

/// The longest that a connection without requests is kept (HTTP/2): the API server asks again over a new one.
pub const IDLE: Duration = Duration::from_secs(120);

/// Time between questions whether a peer lives (HTTP/2).
pub const PING: Duration = Duration::from_secs(30);

/// Time for the answer to such a question.
pub const PONG: Duration = Duration::from_secs(20);

/// The time that a review has where the caller does not say. The API server's default for a webhook is 10 s
/// (`timeoutSeconds`).
pub const REVIEW: Duration = Duration::from_secs(10);

/// The longest time that a review may ask for: the API server allows 30 s (`timeoutSeconds`).
pub const REVIEW_MAX: Duration = Duration::from_secs(30);

/// What is left of a review's time for the answer itself: a tenth of it, within these bounds.
pub const MARGIN: std::ops::RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(1);

/// Images of one object. A Pod of 1.5 MiB could name some ten thousand; nobody runs that many.
pub const IMAGES: usize = 500;

/// Longest message of a denial, in bytes. The API server passes it on as it is; it ends in Events of at most 1 KiB and on
/// terminals.
pub const MESSAGE_BYTES: usize = 32 << 10;

/// Longest single warning, in bytes. Where all warnings of a request are more than 4,096 characters the API server cuts
/// each at 256 (`k8s.io/apiserver/pkg/endpoints/filters/warning.go`).
pub const WARNING_BYTES: usize = 4 << 10;

/// Warnings of one answer.
pub const WARNINGS: usize = 64;

/// One file of objects.
pub const OBJECT_FILE_BYTES: u64 = 16 << 20;

/// Files of objects in a folder.
pub const OBJECT_FILES: usize = 10_000;

/// All files of objects together.
pub const OBJECT_FILES_BYTES: u64 = 256 << 20;

/// How often a folder of objects is looked at.
pub const FILES_PERIOD: Duration = Duration::from_secs(1);

/// Log lines that wait to be written. What does not fit is counted and dropped: a log that blocks must not block reviews.
pub const LOG_LINES: usize = 8_192;

/// Cached outcomes where nothing else is configured, in kilobytes.
pub const CACHE_KB: u64 = 64 << 10;

/// Gathers of evidence at once. Each holds connections and manifests.
pub const GATHERS: usize = 64;

/// Gathers at once for one namespace: a Pod may name hundreds of images of a registry that hangs.
pub const GATHERS_OF_NAMESPACE: usize = 16;

/// Gathers at once for one namespace at one registry: one that hangs leaves half of the namespace's turns to others, and
/// half of its own to other namespaces.
pub const GATHERS_OF_NAMESPACE_AT_HOST: usize = 8;

/// Gathers at once at one registry.
pub const GATHERS_AT_HOST: usize = 16;

/// The longest that a gather goes on, also where the review that asked for it has ended: the next one finds its result.
pub const GATHER: Duration = Duration::from_secs(25);

/// Pull secrets of one Pod and its ServiceAccount.
pub const PULL_SECRETS: usize = 100;

/// Denials that wait to be told as Events; more are not told.
pub const DENIALS: usize = 256;

/// How long nobody must have asked before a replica that was told to end closes its door: as long as kube-proxies and load
/// balancers may take to learn of it (knative's value).
pub const QUIET_PERIOD: Duration = Duration::from_secs(45);
