//! Registries of clouds, whose usual credentials are those of the machine: policy-controller has Go's keychains for them,
//! and we have none. A refusal there says what to do.

use sigward_policy::Reason;
use sigward_policy::decide::{Entry, ImageDecision};
use sigward_policy::field_error::Level;
use sigward_verify::image::ImageReference;

/// What is to be said beside the denial of an image that a cloud's registry did not let us see.
pub fn advice(image: &str, decision: &ImageDecision) -> Option<String> {
    let refused = |entry: &Entry| entry.level == Level::Error && entry.reasons.contains(&Reason::AccessDenied);
    if decision.entries().iter().any(refused) { advice_for(image) } else { None }
}

/// The same, where it is known that the registry did not let us see the image.
pub fn advice_for(image: &str) -> Option<String> {
    let reference = ImageReference::parse(image).ok()?;
    let host = reference.repository().registry().host();
    let cloud = cloud_of(host)?;
    Some(format!(
        "{image}: credentials of {cloud} from the machine's identity are not supported: a pull secret for {host} is needed \
         (docs/migration.md)"
    ))
}

/// The cloud to which a registry belongs, by its name.
fn cloud_of(host: &str) -> Option<&'static str> {
    let host = host.split_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
    let is_in = |domains: &[&str]| {
        domains
            .iter()
            .any(|domain| host == *domain || host.strip_suffix(domain).is_some_and(|left| left.ends_with('.')))
    };
    let of_amazon = host.split_once(".dkr.ecr").is_some_and(|(account, rest)| {
        // Also `dkr.ecr-fips`.
        !account.is_empty() && (rest.starts_with('.') || rest.starts_with("-fips."))
    });
    if of_amazon && is_in(&["amazonaws.com", "amazonaws.com.cn"]) {
        Some("Amazon ECR")
    } else if is_in(&["gcr.io", "pkg.dev"]) {
        Some("Google Cloud")
    } else if is_in(&["azurecr.io", "azurecr.cn", "azurecr.us"]) {
        Some("Azure ACR")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_of_clouds_are_known_by_their_names() {
        for (host, cloud) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Some("Amazon ECR")),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", Some("Amazon ECR")),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", Some("Amazon ECR")),
            ("europe-docker.pkg.dev", Some("Google Cloud")),
            ("gcr.io", Some("Google Cloud")),
            ("EU.gcr.io:443", Some("Google Cloud")),
            ("example.azurecr.io", Some("Azure ACR")),
            // Not a cloud's: another domain, another service, or only the end of a name.
            ("public.ecr.aws", None),
            ("s3.amazonaws.com", None),
            ("notgcr.io", None),
            ("gcr.io.example.com", None),
            ("ghcr.io", None),
        ] {
            assert_eq!(cloud_of(host), cloud, "{host}");
        }
    }

    #[test]
    fn advice_names_the_image_and_the_host() {
        let text = advice_for("example.azurecr.io/app:v1").unwrap_or_default();
        assert!(text.starts_with("example.azurecr.io/app:v1: ") && text.contains("pull secret"), "{text}");
        assert_eq!(advice_for("registry.example.com/app:v1"), None);
    }
}
