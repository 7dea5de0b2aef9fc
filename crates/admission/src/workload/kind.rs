//! The kinds that run images, and where each has its Pod (specs/policy-controller.md §2.1).

use serde_json::{Map, Value};

use super::{as_object, bad};
use crate::review::{BadReview, GroupVersionKind};

/// A kind that runs images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `v1`.
    Pod,
    /// `v1`; upstream does not know it.
    ReplicationController,
    /// `apps/v1`.
    Deployment,
    /// `apps/v1`.
    ReplicaSet,
    /// `apps/v1`.
    StatefulSet,
    /// `apps/v1`.
    DaemonSet,
    /// `batch/v1`.
    Job,
    /// `batch/v1` and `batch/v1beta1`.
    CronJob,
}

/// The kind of that name, if it is one that runs images.
pub fn kind_of(name: &GroupVersionKind) -> Option<Kind> {
    Some(match (name.group.as_str(), name.version.as_str(), name.kind.as_str()) {
        ("", "v1", "Pod") => Kind::Pod,
        ("", "v1", "ReplicationController") => Kind::ReplicationController,
        ("apps", "v1", "Deployment") => Kind::Deployment,
        ("apps", "v1", "ReplicaSet") => Kind::ReplicaSet,
        ("apps", "v1", "StatefulSet") => Kind::StatefulSet,
        ("apps", "v1", "DaemonSet") => Kind::DaemonSet,
        ("batch", "v1", "Job") => Kind::Job,
        ("batch", "v1" | "v1beta1", "CronJob") => Kind::CronJob,
        _ => return None,
    })
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::ReplicationController => "ReplicationController",
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
        }
    }

    /// The fields that lead to the spec of its Pod.
    pub fn pod_path(self) -> &'static [&'static str] {
        match self {
            Self::Pod => &["spec"],
            Self::CronJob => &["spec", "jobTemplate", "spec", "template", "spec"],
            _ => &["spec", "template", "spec"],
        }
    }

    /// Whether it has `spec.replicas`.
    pub(super) fn scales(self) -> bool {
        matches!(self, Self::Deployment | Self::ReplicaSet | Self::StatefulSet | Self::ReplicationController)
    }

    /// The spec of its Pod. What has none is refused: it could get one that nobody judged.
    pub(super) fn pod_of(self, object: &Map<String, Value>) -> Result<&Map<String, Value>, BadReview> {
        let mut fields = object;
        let mut path = String::new();
        for name in self.pod_path() {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(name);
            let value = fields.get(*name).unwrap_or(&Value::Null);
            if value.is_null() {
                return Err(bad(&path, "an object", value));
            }
            fields = as_object(value, &path)?;
        }
        Ok(fields)
    }
}
