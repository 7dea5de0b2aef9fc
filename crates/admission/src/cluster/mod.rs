//! The controller in its cluster: what it watches, and what it writes. Serving needs nothing of it but a filled store and
//! a certificate; without a cluster both come from files.
//!
//! | what | who | where |
//! |---|---|---|
//! | objects into the store | every replica | `watch`, `feed` |
//! | the certificate to show | every replica | `serving`, `certificate` |
//! | Events on denials | the replica that denied | `events` |
//! | who writes the rest | | `lease` |
//! | the certificate in its Secret, `caBundle`, missing rules | the leader | `serving`, `webhooks` |
//! | status, `config-image-policies`, `config-sigstore-keys` | the leader | `writer`, `report`, `status`, `publish` |
//!
//! There are no finalizers: nothing has to be cleaned up, and a deletion never waits for the controller.

mod args;
pub mod certificate;
mod client;
mod config;
mod error;
mod events;
mod failures;
mod feed;
mod lease;
mod publish;
mod report;
mod serving;
mod status;
mod watch;
mod webhooks;
mod writer;

use std::sync::Arc;

use kube::Client;
use tokio::sync::{mpsc, watch as channel};

pub use args::{ClusterArgs, PullSecretsFlag};
pub use client::connect;
pub use config::{ClusterConfig, PullSecrets, ServingCertificate, WebhookNames, Writers};
pub use error::ClusterError;

use crate::content::Contents;
use crate::events::DenialEvent;
use crate::logs::Log;
use crate::objects::ObjectStore;
use crate::remote::Remotes;
use crate::server::tls::CertificateSlot;
use crate::state::State;
use lease::Role;
use writer::Writer;

/// The CustomResourceDefinition with two versions.
const DEFINITION: &str = "clusterimagepolicies.policy.sigstore.dev";

/// What the controller and its cluster share.
#[derive(Debug)]
pub struct Connections {
    /// Filled from the cluster.
    pub store: Arc<ObjectStore>,
    /// Policies at URLs.
    pub remotes: Arc<Remotes>,
    /// What is in force.
    pub state: Arc<State>,
    /// Where the serving certificate is put.
    pub certificate: CertificateSlot,
    /// What was denied.
    pub denials: mpsc::Receiver<DenialEvent>,
    /// True when it is time to stop.
    pub stop: channel::Receiver<bool>,
    /// Where it tells what it does.
    pub log: Log,
}

/// Works until it is told to stop. Whatever fails is tried again; what is known stays.
pub async fn run(client: &Client, config: &ClusterConfig, connections: Connections) {
    let Connections { store, remotes, state, certificate, denials, stop, log } = connections;
    let (role, roles) = channel::channel(Role::Follower);
    let (held, holds) = channel::channel(None);
    let contents = Contents { store: &store, remotes: &remotes, namespace: &config.namespace };
    let writer = Writer { client, contents, state: &state, log: &log };
    let election = async {
        match config.writers {
            Writers::LeaseHolder => {
                lease::elect(client, &config.namespace, &config.identity, &role, stop.clone(), &log).await;
            }
            Writers::This => {
                role.send_replace(Role::Leader);
                let _ = stop.clone().wait_for(|stop| *stop).await;
            }
        }
    };
    let own_certificate = async {
        if config.certificate == ServingCertificate::Own {
            tokio::join!(
                serving::show(client, config, &certificate, &held, &log),
                serving::keep(client, config, roles.clone(), holds, &log)
            );
        }
        std::future::pending::<()>().await;
    };
    let endless = async {
        tokio::join!(
            watch::feed(client.clone(), config, Arc::clone(&store), &log),
            own_certificate,
            writer.run(roles.clone()),
            events::tell(client, &config.identity, denials, &log),
        )
    };
    // The election ends when it is time to stop, after giving the Lease back.
    tokio::select! {
        _ = endless => {}
        () = election => {}
    }
}
