//! How the controller stands in its cluster.

use std::path::PathBuf;
use std::time::Duration;

/// Whether pull secrets of Pods and ServiceAccounts are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PullSecrets {
    /// They are not: no right to read Secrets of other namespaces is needed.
    #[default]
    None,
    /// Secrets of the two docker types and ServiceAccounts of all namespaces are watched.
    Watch,
}

/// Who writes into the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Writers {
    /// The one replica that holds the Lease.
    #[default]
    LeaseHolder,
    /// This one, unasked: there is no other (`--disable-ha`).
    This,
}

/// Where the serving certificate comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServingCertificate {
    /// The controller makes it, keeps it in a Secret, renews it, and tells the API server whom to trust.
    #[default]
    Own,
    /// Files that somebody else keeps, who also sets `caBundle`.
    Given,
}

/// Names of webhook configurations; each is also the name of the webhook in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookNames {
    /// Mutating and validating, for workloads (`--webhook-name`).
    pub workloads: String,
    /// Mutating, for policies and trust roots (`--mutating-webhook-name`).
    pub defaulting: String,
    /// Validating, for policies and trust roots (`--validating-webhook-name`).
    pub validating: String,
}

impl Default for WebhookNames {
    fn default() -> Self {
        Self {
            workloads: "policy.sigstore.dev".to_owned(),
            defaulting: "defaulting.clusterimagepolicy.sigstore.dev".to_owned(),
            validating: "validating.clusterimagepolicy.sigstore.dev".to_owned(),
        }
    }
}

/// How the controller stands in its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// A kubeconfig; none means the service account's files, or `KUBECONFIG`.
    pub kubeconfig: Option<PathBuf>,
    /// The namespace of the controller (`SYSTEM_NAMESPACE`), from which policies take Secrets and ConfigMaps.
    pub namespace: String,
    /// The Service in front of the replicas (`WEBHOOK_NAME`); the certificate is for its names.
    pub service: String,
    /// Who this replica is among others (`POD_NAME`).
    pub identity: String,
    /// Names of webhook configurations.
    pub webhooks: WebhookNames,
    /// Whether pull secrets are read.
    pub pull_secrets: PullSecrets,
    /// Who writes.
    pub writers: Writers,
    /// Where the serving certificate comes from.
    pub certificate: ServingCertificate,
    /// How long a certificate that the controller makes is valid; it is renewed when a third of that is left.
    pub certificate_lifetime: Duration,
}

impl ClusterConfig {
    /// Upstream makes certificates for a week; a cluster that is shut down for a holiday then wakes up with a dead one.
    pub const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// A replica in a namespace, everything else as upstream has it.
    pub fn new(namespace: impl Into<String>, identity: impl Into<String>) -> Self {
        Self {
            kubeconfig: None,
            namespace: namespace.into(),
            service: "webhook".to_owned(),
            identity: identity.into(),
            webhooks: WebhookNames::default(),
            pull_secrets: PullSecrets::default(),
            writers: Writers::default(),
            certificate: ServingCertificate::default(),
            certificate_lifetime: Self::CERTIFICATE_LIFETIME,
        }
    }

    /// The names under which the API server calls.
    pub fn host_names(&self) -> Vec<String> {
        let (service, namespace) = (&self.service, &self.namespace);
        vec![
            service.clone(),
            format!("{service}.{namespace}"),
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.cluster.local"),
        ]
    }
}
