//! The kinds of objects that decide: policies, trust roots, and what they refer to.

/// The kinds of objects that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// `policy.sigstore.dev/v1alpha1` or `v1beta1`, without a namespace.
    ClusterImagePolicy,
    /// `policy.sigstore.dev/v1alpha1`, without a namespace.
    TrustRoot,
    /// `v1`.
    ConfigMap,
    /// `v1`.
    Secret,
    /// `v1`.
    ServiceAccount,
}

/// What an object says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognized {
    /// It is kept.
    Kept(ObjectKind),
    /// It has nothing to do with policies.
    Other,
    /// It is of the group of the policies, and none that is known: a spelling mistake must not pass for no policy.
    UnknownPolicy,
}

/// The API group of policies and trust roots.
const GROUP: &str = "policy.sigstore.dev/";

impl ObjectKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::ClusterImagePolicy, Self::TrustRoot, Self::ConfigMap, Self::Secret, Self::ServiceAccount];

    /// The kind's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClusterImagePolicy => "ClusterImagePolicy",
            Self::TrustRoot => "TrustRoot",
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::ServiceAccount => "ServiceAccount",
        }
    }

    /// Whether its objects are in namespaces.
    pub fn is_namespaced(self) -> bool {
        !matches!(self, Self::ClusterImagePolicy | Self::TrustRoot)
    }

    /// What an object with this `apiVersion` and `kind` is.
    pub fn recognize(api_version: &str, kind: &str) -> Recognized {
        let kept = match (api_version, kind) {
            ("policy.sigstore.dev/v1alpha1" | "policy.sigstore.dev/v1beta1", "ClusterImagePolicy") => {
                Self::ClusterImagePolicy
            }
            ("policy.sigstore.dev/v1alpha1", "TrustRoot") => Self::TrustRoot,
            ("v1", "ConfigMap") => Self::ConfigMap,
            ("v1", "Secret") => Self::Secret,
            ("v1", "ServiceAccount") => Self::ServiceAccount,
            (other, _) if other.starts_with(GROUP) => return Recognized::UnknownPolicy,
            _ => return Recognized::Other,
        };
        Recognized::Kept(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_group_and_version() {
        use Recognized::{Kept, Other, UnknownPolicy};
        for (api_version, kind, expected) in [
            ("policy.sigstore.dev/v1alpha1", "ClusterImagePolicy", Kept(ObjectKind::ClusterImagePolicy)),
            ("policy.sigstore.dev/v1beta1", "ClusterImagePolicy", Kept(ObjectKind::ClusterImagePolicy)),
            ("policy.sigstore.dev/v1beta1", "TrustRoot", UnknownPolicy),
            ("policy.sigstore.dev/v1", "ClusterImagePolicy", UnknownPolicy),
            ("policy.sigstore.dev/v1alpha1", "ClusterImagePolicies", UnknownPolicy),
            ("v1", "Secret", Kept(ObjectKind::Secret)),
            ("v1", "Namespace", Other),
            ("apps/v1", "Secret", Other),
        ] {
            assert_eq!(ObjectKind::recognize(api_version, kind), expected, "{api_version} {kind}");
        }
    }
}
