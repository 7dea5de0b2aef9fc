//! The controller in its cluster: what it watches, and what it writes. Serving needs nothing of it but a filled store and
//! a certificate; without a cluster both come from files.

pub mod certificate;
mod client;
mod config;
mod error;
mod events;
mod feed;
mod lease;
mod publish;
mod serving;
mod status;
mod watch;
mod webhooks;

pub use client::connect;
pub use config::{ClusterConfig, PullSecrets, ServingCertificate, WebhookNames, Writers};
pub use error::ClusterError;

/// The CustomResourceDefinition with two versions.
const DEFINITION: &str = "clusterimagepolicies.policy.sigstore.dev";
