//! The referrers API of OCI 1.1, and the ways in which registries lack it.

use super::route::parameter;
use super::{State, error};
use crate::image::{Artifact, Descriptor, media_type};
use crate::server::{Request, Response};

/// Has the registry the referrers API?
#[derive(Debug, Clone)]
pub enum ReferrersApi {
    /// It has.
    Present(Pages),
    /// It answers with this status: 404 as the specification says, or 400, 405, 406, 401, 500 …
    Status(u16),
    /// It answers 200 with a web page.
    Html,
    /// It always finds nothing, though the fallback tag may list something (GHCR).
    Empty,
}

impl Default for ReferrersApi {
    fn default() -> Self {
        Self::Present(Pages::default())
    }
}

/// How referrers are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pages {
    /// Referrers on a page; `None` is all.
    pub size: Option<usize>,
    /// What becomes of `?artifactType=`.
    pub filter: Filter,
    /// Where a page says the next one is.
    pub links: Links,
}

/// What becomes of `?artifactType=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    /// It is applied, and `OCI-Filters-Applied` says so.
    #[default]
    Applied,
    /// It is ignored.
    Ignored,
}

/// What `Link` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Links {
    /// The next page, while there is one, as an absolute path.
    #[default]
    Path,
    /// The next page, while there is one, as a URL.
    Url,
    /// Each page is its own successor.
    ToItself,
    /// There is always a new page, with the same referrers.
    Endless,
    /// This, on each page.
    To(String),
}

pub(super) fn list(state: &State, request: &Request, name: &str, subject: &str) -> Response {
    let pages = match &state.settings.referrers {
        ReferrersApi::Present(pages) => pages,
        ReferrersApi::Status(status) => return error(*status, "NOT_FOUND", "no such address"),
        ReferrersApi::Html => return Response::ok("text/html; charset=utf-8", "<!doctype html><title>Sign in</title>"),
        ReferrersApi::Empty => return index(&[]),
    };
    let known = state.repositories.get(name).and_then(|repository| repository.referrers.get(subject));
    let mut found: Vec<Descriptor> = known.cloned().unwrap_or_default();
    let filter = parameter(&request.path, "artifactType").filter(|_| pages.filter == Filter::Applied);
    if let Some(wanted) = &filter {
        found.retain(|referrer| referrer.artifact_type.as_ref() == Some(wanted));
    }
    let at: usize = parameter(&request.path, "page").and_then(|page| page.parse().ok()).unwrap_or(0);
    let size = pages.size.unwrap_or(usize::MAX);
    // An endless listing shows its first page again and again.
    let start = if pages.links == Links::Endless { 0 } else { at.saturating_mul(size).min(found.len()) };
    let shown = &found[start..start.saturating_add(size).min(found.len())];
    let more = start.saturating_add(size) < found.len();
    let mut response = index(shown);
    if filter.is_some() {
        response = response.with("OCI-Filters-Applied", "artifactType");
    }
    let filter = filter.map_or(String::new(), |wanted| format!("&artifactType={}", wanted.replace('+', "%2B")));
    let next = format!("/v2/{name}/referrers/{subject}?page={}{filter}", at + 1);
    let link = match &pages.links {
        Links::Path | Links::Url if !more => return response,
        Links::Path | Links::Endless => next,
        Links::Url => format!("http://{}{next}", request.header("host").unwrap_or_default()),
        Links::ToItself => request.path.clone(),
        Links::To(text) => text.clone(),
    };
    response.with("Link", &format!("<{link}>; rel=\"next\""))
}

fn index(referrers: &[Descriptor]) -> Response {
    Response::ok(media_type::INDEX, Artifact::index_over(referrers.to_vec()).manifest.to_json())
}
