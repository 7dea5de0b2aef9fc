//! What a registry's answer means (OCI distribution specification 1.1).

use serde::Deserialize;

use super::{ImageError, Repository};
use crate::evidence::{Answer, Unreachable};

/// Longest text of a registry that is repeated in an error.
const TEXT: usize = 300;

/// An answer with content, or one that says that there is none.
#[derive(Debug)]
pub(super) enum Reply {
    Content(Content),
    /// HTTP 404; and for the referrers API also 400 and 406.
    Absent {
        reason: String,
    },
}

/// Content as it came; its digest is not checked yet.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) body: Vec<u8>,
    pub(super) content_type: String,
    pub(super) digest: Option<String>,
    pub(super) link: Option<String>,
    /// The URL that served it, after redirects.
    pub(super) url: String,
}

/// No answer, or an answer from which nothing follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoReply {
    Registry { reason: String },
    Unreachable(Unreachable),
}

impl From<NoReply> for ImageError {
    fn from(none: NoReply) -> Self {
        match none {
            NoReply::Registry { reason } => Self::Registry { reason, rejected: Vec::new() },
            NoReply::Unreachable(reason) => Self::Unreachable { reason, rejected: Vec::new() },
        }
    }
}

/// Which statuses mean that something is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// 404 alone.
    NotFound,
    /// Registries without a referrers API answer 404, 400 or 406 (specs/cosign.md §2.7). A 401, 403 or 5xx is none of
    /// these: evidence may be there.
    NoApi,
}

pub(super) fn read(answer: Option<Answer>, asked: &str, absence: Absence) -> Result<Reply, NoReply> {
    let none = || NoReply::Registry { reason: format!("GET {asked}: no answer was given") };
    let answer = answer.ok_or_else(none)?;
    let response = answer.outcome.map_err(NoReply::Unreachable)?;
    let url = if answer.url.is_empty() { asked.to_owned() } else { answer.url };
    match (response.status, absence) {
        (200, _) => Ok(Reply::Content(Content {
            content_type: response.content_type.unwrap_or_default(),
            digest: response.content_digest,
            link: response.link,
            body: response.body,
            url,
        })),
        (404, _) | (400 | 406, Absence::NoApi) => {
            Ok(Reply::Absent { reason: describe(&url, response.status, &response.body) })
        }
        (status, _) => Err(NoReply::Registry { reason: describe(&url, status, &response.body) }),
    }
}

/// As go-containerregistry words it: `GET URL: CODE: message`.
fn describe(url: &str, status: u16, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Fault>,
    }
    #[derive(Deserialize)]
    struct Fault {
        code: String,
        #[serde(default)]
        message: Option<String>,
    }
    let url = url.split('?').next().unwrap_or_default();
    let errors: Option<Errors> = serde_json::from_slice(body).ok();
    let Some(fault) = errors.and_then(|e| e.errors.into_iter().next()) else {
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        let colon = if text.is_empty() { "" } else { ": " };
        return format!("GET {url}: unexpected status code {status}{colon}{}", short(text));
    };
    format!("GET {url}: {}: {}", short(&fault.code), short(fault.message.as_deref().unwrap_or_default()))
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT).collect()
}

/// The address of a blob on the host that served a manifest, where that is not the repository's own. registry.k8s.io
/// sends tags of signatures to one host and blobs to others, which may not have them (registry.k8s.io#324).
pub(super) fn blob_beside(manifest_url: &str, repository: &Repository, digest: &str) -> Option<String> {
    let url = manifest_url.split('?').next()?;
    let (base, _) = url.rsplit_once("/manifests/")?;
    let own = repository.base_url();
    let same = |base: &str| base.split_once("://").map(|(_, rest)| rest) == own.split_once("://").map(|(_, rest)| rest);
    (!same(base)).then(|| format!("{base}/blobs/{digest}"))
}

/// The query of the next page of a list (RFC 8288), which must be a page of the same list.
pub(super) fn next_page(link: &str, path: &str) -> Option<String> {
    let target = link.split(',').find_map(|part| {
        let (target, parameters) = part.trim().strip_prefix('<')?.split_once('>')?;
        parameters.replace([' ', '"'], "").split(';').any(|p| p == "rel=next").then_some(target)
    })?;
    let (before, query) = target.split_once('?')?;
    before.ends_with(path).then(|| query.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_registries_are_told_in_their_words() {
        let json = br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
        assert_eq!(
            describe("https://r/v2/a/manifests/x?y", 404, json),
            "GET https://r/v2/a/manifests/x: MANIFEST_UNKNOWN: manifest unknown"
        );
        assert_eq!(describe("https://r/v2/", 503, b"busy\n"), "GET https://r/v2/: unexpected status code 503: busy");
        assert_eq!(describe("https://r/v2/", 503, b""), "GET https://r/v2/: unexpected status code 503");
    }

    #[test]
    fn blobs_are_asked_beside_a_redirected_manifest() {
        let repository = Repository::parse("registry.k8s.io/pause").unwrap();
        let beside = |url: &str| blob_beside(url, &repository, "sha256:00");
        assert_eq!(
            beside("https://up.pkg.dev/v2/k8s/images/pause/manifests/sha256-11.sig?token=x"),
            Some("https://up.pkg.dev/v2/k8s/images/pause/blobs/sha256:00".to_owned())
        );
        assert_eq!(beside("https://registry.k8s.io/v2/pause/manifests/sha256-11.sig"), None);
        assert_eq!(beside("https://up/elsewhere"), None);
    }

    /// A page of another list, or on another host, is never asked for.
    #[test]
    fn pages_are_pages_of_the_same_list() {
        let next = |link: &str| next_page(link, "/v2/a/b/referrers/sha256:00");
        assert_eq!(next(r#"</v2/a/b/referrers/sha256:00?n=2&last=x>; rel="next""#), Some("n=2&last=x".to_owned()));
        assert_eq!(next(r#"<https://r/v2/a/b/referrers/sha256:00?p=2>;rel=next"#), Some("p=2".to_owned()));
        assert_eq!(next(r#"<https://r/v2/secret/referrers/sha256:00?p=2>;rel=next"#), None);
        assert_eq!(next(r#"</v2/a/b/referrers/sha256:00?p=0>; rel="prev""#), None);
        assert_eq!(next("nonsense"), None);
    }
}
