//! URLs: the few operations that following redirects needs (RFC 3986), and what may be shown of them.

use std::fmt;

use http::Uri;

use crate::limits;

/// Scheme, host and port: what a credential belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    https: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of an absolute `http` or `https` URL.
    pub fn of(uri: &Uri) -> Option<Self> {
        let https = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = uri.host()?.trim_end_matches('.').to_ascii_lowercase();
        if host.is_empty() {
            return None;
        }
        let port = match uri.port() {
            Some(port) => port.as_u16(),
            None if https => 443,
            None => 80,
        };
        Some(Self { https, host, port })
    }

    /// The host alone, in lower case; IPv6 addresses in brackets.
    pub(crate) fn name(&self) -> &str {
        &self.host
    }

    /// Whether TLS protects it.
    pub fn is_https(&self) -> bool {
        self.https
    }
}

impl fmt::Display for Origin {
    /// Host, and port where it is not the scheme's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.https, self.port) {
            (true, 443) | (false, 80) => f.write_str(&self.host),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// An absolute URL, apart from what must not be shown or sent on.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    pub(crate) origin: Origin,
    /// `user:password` of the URL, still percent-encoded.
    pub(crate) userinfo: Option<String>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("uri", &self.uri).finish_non_exhaustive()
    }
}

/// Reads an absolute `http` or `https` URL.
pub(crate) fn parse(url: &str) -> Result<Target, &'static str> {
    let uri: Uri = url.parse().map_err(|_| "not a valid URL")?;
    let mut parts = uri.into_parts();
    if !matches!(parts.scheme.as_ref().map(http::uri::Scheme::as_str), Some("http" | "https")) {
        return Err("only http and https URLs can be fetched");
    }
    let mut userinfo = None;
    if let Some(authority) = &parts.authority
        && let Some((user, host)) = authority.as_str().rsplit_once('@')
    {
        userinfo = Some(user.to_owned());
        parts.authority = Some(host.parse().map_err(|_| "not a valid host")?);
    }
    let uri = Uri::from_parts(parts).map_err(|_| "not a valid URL")?;
    let origin = Origin::of(&uri).ok_or("a URL without a host")?;
    Ok(Target { uri, origin, userinfo })
}

/// The URL as it may be shown: without user name, password and fragment.
pub fn shown(url: &str) -> String {
    match parse(url) {
        Ok(target) => target.uri.to_string(),
        Err(_) => match (url.find("://"), url.find('@')) {
            (Some(start), Some(at)) if start < at => {
                let scheme = url.get(..start).unwrap_or_default();
                let rest = url.get(at + 1..).unwrap_or_default();
                format!("{scheme}://{rest}")
            }
            _ => url.to_owned(),
        },
    }
}

/// Resolves a `Location` against the URL that gave it (RFC 3986 section 5.2).
pub(crate) fn resolve(base: &Uri, location: &[u8]) -> Result<Target, &'static str> {
    if location.len() > limits::LOCATION {
        return Err("the redirect target is too long");
    }
    let reference = escaped(location);
    let reference = reference.split('#').next().unwrap_or_default();
    let scheme = base.scheme_str().unwrap_or_default();
    let authority = base.authority().map_or("", http::uri::Authority::as_str);
    if has_scheme(reference) {
        return parse(reference);
    }
    if let Some(rest) = reference.strip_prefix("//") {
        return parse(&format!("{scheme}://{rest}"));
    }
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let merged = if path.is_empty() {
        let query = query.or_else(|| base.query());
        return parse(&with_query(scheme, authority, base.path(), query));
    } else if path.starts_with('/') {
        path.to_owned()
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{path}")
    };
    parse(&with_query(scheme, authority, &without_dots(&merged), query))
}

fn with_query(scheme: &str, authority: &str, path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{scheme}://{authority}{path}?{query}"),
        None => format!("{scheme}://{authority}{path}"),
    }
}

/// Section 5.2.4: removes `.` and `..` segments of an absolute path.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut folder = false;
    for segment in path.split('/').skip(1) {
        folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let end = if folder && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

fn has_scheme(reference: &str) -> bool {
    let Some((scheme, _)) = reference.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// Servers put spaces and UTF-8 into `Location`; a URL has neither.
fn escaped(location: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(location.len());
    for &byte in location {
        if byte.is_ascii_graphic() {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3986 section 5.4.1 and 5.4.2, as far as it is about http.
    #[test]
    fn references_resolve_as_in_the_rfc() {
        let base: Uri = "http://a/b/c/d;p?q".parse().unwrap();
        for (reference, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../g", "http://a/g"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("https://h:8443/p", "https://h:8443/p"),
            ("a b", "http://a/b/c/a%20b"),
        ] {
            assert_eq!(resolve(&base, reference.as_bytes()).unwrap().uri.to_string(), expected, "{reference}");
        }
    }

    #[test]
    fn other_schemes_are_not_fetched() {
        let base: Uri = "https://a/".parse().unwrap();
        for reference in ["file:///etc/passwd", "gopher://x/", "javascript:alert(1)", "ftp://h/"] {
            assert!(resolve(&base, reference.as_bytes()).is_err(), "{reference}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown("https://me:secret@h/p?x"), "https://h/p?x");
        assert_eq!(shown("https://me:secret@h h/p"), "https://h h/p");
        assert_eq!(shown("no url"), "no url");
    }

    #[test]
    fn origins_differ_by_scheme_host_and_port() {
        let origin = |url: &str| Origin::of(&url.parse().unwrap()).unwrap();
        assert_eq!(origin("https://H.example./x"), origin("https://h.example:443/y"));
        assert_ne!(origin("https://h/"), origin("http://h/"));
        assert_ne!(origin("https://h/"), origin("https://h:8443/"));
        assert_eq!(origin("http://h:8080/").to_string(), "h:8080");
    }
}
