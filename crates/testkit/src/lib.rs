//! Mints a whole fake sigstore as bytes and serves it on loopback, for tests.
//!
//! ```
//! use sigward_testkit::{Leaf, Sigstore};
//!
//! let s = Sigstore::new();
//! let signed = s.sign_blob(b"hello", Leaf::default());
//! let mut bundle = signed.bundle_v03();          // or bundle_v01, _v02, _v03_old, _v03_rekor2, _v03_tsa …
//! bundle.entries[0].set = None;                  // every part is open
//! let text = bundle.to_json();
//! let trusted_root = s.trusted_root().to_json();
//! let (sig, cert) = (signed.sig(), signed.cert_b64()); // what dl.k8s.io has
//! let legacy = signed.legacy_bundle().to_json();
//! # assert!(text.len() + trusted_root.len() + sig.len() + cert.len() + legacy.len() > 0);
//! ```
//!
//! | what | where |
//! |---|---|
//! | the instance, `sign_blob`, `attest`, `…_with_key`, `…_as(How)` | [`Sigstore`], [`How`], [`Signed`] |
//! | certificates: SANs, issuer, EKU, SCTs, validity | [`Leaf`], [`ca::CaSpec`], [`x509`] |
//! | logs: bodies, entries, proofs, checkpoints, timestamps | [`rekor`], [`body`], [`note`], [`merkle`] |
//! | RFC 3161 | [`tsa::Tsa`], [`tsa::Stamp`] |
//! | bundles | [`bundle::Bundle`], [`bundle::LegacyBundle`] |
//! | in-toto and DSSE | [`dsse::Statement`], [`dsse::Envelope`] |
//! | trust | [`trust::TrustedRoot`], [`TufRepo`] |
//! | images, indexes, manifests with every field open | [`Artifact`], [`image::Descriptor`] |
//! | `.sig`, `.att`, referrers, Kubernetes' promoted images | [`EvidenceLayer`], [`image_evidence`] |
//! | a registry, registry.k8s.io, a saved layout | [`OciRegistry`], [`Archeio`], [`Saved`] |
//! | a Kubernetes release | [`Release`], [`release_sbom`], [`release_images`] |
//! | loopback servers (http, https) with faults and a request log | [`Server`], [`RekorServer`], [`FileServer`], [`Fault`] |
//! | attacks by name | [`damage`], [`image_damage`] |
//! | all of it in one folder, for command lines | [`World`], `sigward-testkit world DIR` and `serve DIR` |
//!
//! Minting wrong things means changing one field of a right thing. Keys are random, everything else is the same on each run.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test kit: a panic is a failed test"
)]

pub mod body;
pub mod bundle;
pub mod ca;
pub mod ct;
pub mod damage;
pub mod der;
pub mod dsse;
pub mod fault;
pub mod files;
pub mod gzip;
pub mod image;
pub mod image_damage;
pub mod image_evidence;
pub mod keys;
pub mod merkle;
pub mod note;
pub mod proposal;
pub mod registry;
pub mod rekor;
mod rekor_server;
pub mod release;
pub mod release_images;
pub mod release_sbom;
pub mod repository;
pub mod server;
mod sigstore;
pub mod text;
pub mod time;
pub mod tls;
pub mod trust;
pub mod tsa;
pub mod tuf;
pub mod world;
pub mod x509;

pub use bundle::{Bundle, LegacyBundle};
pub use ca::{IDENTITY, ISSUER, Leaf};
pub use dsse::{Envelope, Statement};
pub use fault::{Fault, FaultKind};
pub use files::FileServer;
pub use image::Artifact;
pub use image_evidence::{EvidenceLayer, SimpleSigning};
pub use keys::{Hash, Key, KeyKind, sha256};
pub use registry::{Archeio, OciRegistry};
pub use rekor::{Entry, Rekor};
pub use rekor_server::RekorServer;
pub use release::{Release, ReleaseSpec};
pub use repository::{Repository, Saved};
pub use server::Server;
pub use sigstore::{How, LogAs, Signed, Sigstore};
pub use trust::TrustedRoot;
pub use tsa::{Stamp, Tsa};
pub use tuf::TufRepo;
pub use world::World;
pub use x509::San;
