//! Flags that mean something only in a cluster.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::config::{ClusterConfig, PullSecrets, ServingCertificate, WebhookNames, Writers};

/// Flags that mean something only in a cluster.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// How to reach the API server. [default: the service account of the Pod, or KUBECONFIG]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Webhook configurations for workloads, and the webhook in each.
    #[arg(long, value_name = "NAME", default_value = "policy.sigstore.dev")]
    pub webhook_name: String,

    /// Mutating webhook configuration for policies and trust roots.
    #[arg(long, value_name = "NAME", default_value = "defaulting.clusterimagepolicy.sigstore.dev")]
    pub mutating_webhook_name: String,

    /// Validating webhook configuration for policies and trust roots.
    #[arg(long, value_name = "NAME", default_value = "validating.clusterimagepolicy.sigstore.dev")]
    pub validating_webhook_name: String,

    /// The Service in front of the replicas: the certificate is for its names.
    #[arg(long, env = "WEBHOOK_NAME", value_name = "NAME", default_value = "webhook")]
    pub service_name: String,

    /// Who this replica is among others. [default: the name of the machine]
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub pod_name: Option<String>,

    /// Whether Secrets with credentials of registries, and ServiceAccounts, are watched in all namespaces.
    #[arg(long, env = "SIGWARD_PULL_SECRETS", value_enum, default_value_t = PullSecretsFlag::None)]
    pub pull_secrets: PullSecretsFlag,

    /// There is no other replica: write into the cluster without asking for the Lease.
    #[arg(long)]
    pub disable_ha: bool,
}

/// `--pull-secrets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PullSecretsFlag {
    /// They are not.
    None,
    /// They are.
    Watch,
}

impl ClusterArgs {
    /// The configuration for this namespace and certificate.
    pub fn config(&self, namespace: &str, certificate: ServingCertificate) -> ClusterConfig {
        ClusterConfig {
            kubeconfig: self.kubeconfig.clone(),
            service: self.service_name.clone(),
            webhooks: WebhookNames {
                workloads: self.webhook_name.clone(),
                defaulting: self.mutating_webhook_name.clone(),
                validating: self.validating_webhook_name.clone(),
            },
            pull_secrets: match self.pull_secrets {
                PullSecretsFlag::None => PullSecrets::None,
                PullSecretsFlag::Watch => PullSecrets::Watch,
            },
            writers: if self.disable_ha { Writers::This } else { Writers::LeaseHolder },
            certificate,
            ..ClusterConfig::new(namespace, self.pod_name.clone().unwrap_or_else(machine))
        }
    }
}

/// A Pod's host name is its name.
fn machine() -> String {
    let name = std::env::var("HOSTNAME").unwrap_or_else(|_| "sigward-admission".to_owned());
    format!("{name}-{}", std::process::id())
}
