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

/// The query of the next page of a list, from its `Link` (RFC 8288). Proxies change host and repository of the target,
/// and neither is used: the page must be one of the same list.
///
/// # Errors
/// The target, if it is something else.
pub(super) fn next_page(link: &str, path: &str) -> Result<Option<String>, String> {
    let mut rest = link;
    while let Some((target, after)) = rest.split_once('<').and_then(|(_, after)| after.split_once('>')) {
        let parameters = after.split('<').next().unwrap_or_default();
        if is_next(parameters) {
            let query = target.split_once('?').filter(|(before, _)| before.ends_with(path)).map(|(_, query)| query);
            return query.map(|query| Some(query.to_owned())).ok_or_else(|| target.to_owned());
        }
        rest = after;
    }
    Ok(None)
}

fn is_next(parameters: &str) -> bool {
    let mut pairs = parameters.split([';', ',']).filter_map(|parameter| parameter.split_once('='));
    pairs.any(|(name, value)| {
        let mut relations = value.trim().trim_matches('"').split_whitespace();
        name.trim().eq_ignore_ascii_case("rel") && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
    })
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

    /// Something that is no page of the list is never asked for, and the list never taken for complete.
    #[test]
    fn pages_are_pages_of_the_same_list() {
        let next = |link: &str| next_page(link, "referrers/sha256:00");
        let page = |query: &str| Ok(Some(query.to_owned()));
        assert_eq!(next(r#"</v2/a/b/referrers/sha256:00?n=2&last=x>; rel="next""#), page("n=2&last=x"));
        assert_eq!(next(r#"<https://r/v2/a/b/referrers/sha256:00?p=2>;rel=next"#), page("p=2"));
        assert_eq!(next(r#"</v2/a/referrers/sha256:00?a=b,c>; title="x"; Rel="last NEXT""#), page("a=b,c"));
        let two = r#"</v2/a/referrers/sha256:00?p=0>; rel="prev", </v2/a/referrers/sha256:00?p=2>; rel=next"#;
        assert_eq!(next(two), page("p=2"));
        for elsewhere in
            ["/v2/a/referrers/sha256:11?p=2", "/v2/a/manifests/v1?p=2", "/v2/a/referrers/sha256:00", "?p=2"]
        {
            assert_eq!(next(&format!("<{elsewhere}>; rel=next")), Err(elsewhere.to_owned()));
        }
        assert_eq!(next(r#"</v2/a/b/referrers/sha256:00?p=0>; rel="prev""#), Ok(None));
        assert_eq!(next("nonsense"), Ok(None));
    }
}
