//! The connection to the API server, and the kinds that are asked for. They are read as plain JSON: the controller looks at
//! few fields, and must not lose those that it does not know.

use std::path::Path;
use std::time::Duration;

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use serde_json::Value;

use super::error::{ClusterError, with_causes};

/// Which field manager writes are told to come from.
pub(crate) const FIELD_MANAGER: &str = "sigward-admission";

/// A client for the cluster.
///
/// # Errors
/// [`ClusterError::NoApi`] if nothing says where the API server is, or what says so is of no use. It is not called yet.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Client, ClusterError> {
    let no_api = |error: &(dyn std::error::Error + 'static)| ClusterError::NoApi(with_causes(error));
    let mut config = match kubeconfig {
        None => Config::infer().await.map_err(|error| no_api(&error))?,
        Some(file) => {
            let read = Kubeconfig::read_from(file).map_err(|error| no_api(&error))?;
            let chosen = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
            chosen.map_err(|error| no_api(&error))?
        }
    };
    // A request that hangs would hold up everything that comes after it; watches have their own time limit.
    config.connect_timeout = Some(Duration::from_secs(5));
    config.write_timeout = Some(Duration::from_secs(10));
    Client::try_from(config).map_err(|error| no_api(&error))
}

/// A kind of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiKind {
    ClusterImagePolicy,
    TrustRoot,
    ConfigMap,
    Secret,
    ServiceAccount,
    Lease,
    Event,
    MutatingWebhookConfiguration,
    ValidatingWebhookConfiguration,
    CustomResourceDefinition,
}

impl ApiKind {
    /// Group, version, kind and plural. Policies are asked for in the version in which they are stored, so that reading
    /// them never needs the conversion webhook, which is this program.
    fn names(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::ClusterImagePolicy => {
                ("policy.sigstore.dev", "v1alpha1", "ClusterImagePolicy", "clusterimagepolicies")
            }
            Self::TrustRoot => ("policy.sigstore.dev", "v1alpha1", "TrustRoot", "trustroots"),
            Self::ConfigMap => ("", "v1", "ConfigMap", "configmaps"),
            Self::Secret => ("", "v1", "Secret", "secrets"),
            Self::ServiceAccount => ("", "v1", "ServiceAccount", "serviceaccounts"),
            Self::Lease => ("coordination.k8s.io", "v1", "Lease", "leases"),
            Self::Event => ("", "v1", "Event", "events"),
            Self::MutatingWebhookConfiguration => {
                ("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations")
            }
            Self::ValidatingWebhookConfiguration => (
                "admissionregistration.k8s.io",
                "v1",
                "ValidatingWebhookConfiguration",
                "validatingwebhookconfigurations",
            ),
            Self::CustomResourceDefinition => {
                ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions")
            }
        }
    }

    /// Its name.
    pub(crate) fn kind(self) -> &'static str {
        self.names().2
    }

    /// `group/version`, as in `apiVersion`.
    pub(crate) fn api_version(self) -> String {
        match self.names() {
            ("", version, ..) => version.to_owned(),
            (group, version, ..) => format!("{group}/{version}"),
        }
    }

    fn resource(self) -> ApiResource {
        let (group, version, kind, plural) = self.names();
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }

    /// Objects without a namespace, or those of all namespaces.
    pub(crate) fn everywhere(self, client: &Client) -> Api<DynamicObject> {
        Api::all_with(client.clone(), &self.resource())
    }

    /// Objects of one namespace.
    pub(crate) fn within(self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), namespace, &self.resource())
    }

    /// An object as JSON, with `apiVersion` and `kind`, which items of a list lack, and without the notes of the API
    /// server on who set which field: they are often larger than the object.
    pub(crate) fn value(self, mut object: DynamicObject) -> Result<Value, ClusterError> {
        object.metadata.managed_fields = None;
        if let Some(annotations) = object.metadata.annotations.as_mut() {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
        object.types = Some(kube::core::TypeMeta { api_version: self.api_version(), kind: self.kind().to_owned() });
        serde_json::to_value(object).map_err(|error| ClusterError::Api {
            what: format!("reading a {}", self.kind()),
            reason: error.to_string(),
            code: None,
        })
    }
}

/// How a patch is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    /// RFC 7396: lists are replaced.
    Json,
    /// Lists of built-in kinds are merged by their keys (webhooks by name).
    Strategic,
}

/// Patches an object.
pub(crate) async fn patch(
    api: &Api<DynamicObject>,
    kind: ApiKind,
    name: &str,
    merge: Merge,
    change: &Value,
) -> Result<(), ClusterError> {
    let patch = match merge {
        Merge::Json => Patch::Merge(change),
        Merge::Strategic => Patch::Strategic(change),
    };
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..Default::default() };
    match api.patch(name, &parameters, &patch).await {
        Ok(_) => Ok(()),
        Err(error) => Err(ClusterError::api(format!("writing {} {name}", kind.kind()), &error)),
    }
}

/// Patches an object's `status`.
pub(crate) async fn patch_status(
    api: &Api<DynamicObject>,
    kind: ApiKind,
    name: &str,
    change: &Value,
) -> Result<(), ClusterError> {
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..Default::default() };
    match api.patch_status(name, &parameters, &Patch::Merge(change)).await {
        Ok(_) => Ok(()),
        Err(error) => Err(ClusterError::api(format!("writing the status of {} {name}", kind.kind()), &error)),
    }
}
