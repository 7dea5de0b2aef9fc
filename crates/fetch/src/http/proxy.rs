//! Which proxy stands before a host.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// Proxy settings as the usual environment variables give them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// `HTTPS_PROXY`: for https URLs.
    pub https: String,
    /// `HTTP_PROXY`: for http URLs.
    pub http: String,
    /// `ALL_PROXY`: where the one above is not set.
    pub all: String,
    /// `NO_PROXY`: hosts, domains and networks that are reached directly.
    pub no: String,
}

impl ProxySettings {
    /// Reads the environment: upper case first, as Go does, and an empty variable counts as not set.
    pub fn from_env() -> Self {
        // https://httpoxy.org: with CGI, HTTP_PROXY is the `Proxy` header of whoever asks.
        let cgi = std::env::var_os("REQUEST_METHOD").is_some();
        Self {
            https: first_set(&["HTTPS_PROXY", "https_proxy"]),
            http: if cgi { String::new() } else { first_set(&["HTTP_PROXY", "http_proxy"]) },
            all: first_set(&["ALL_PROXY", "all_proxy"]),
            no: first_set(&["NO_PROXY", "no_proxy"]),
        }
    }
}

/// Values may hold passwords, so only the names of those that are set are shown.
impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("https", &!self.https.is_empty())
            .field("http", &!self.http.is_empty())
            .field("all", &!self.all.is_empty())
            .field("no", &self.no)
            .finish()
    }
}

/// Why there is a proxy setting, but no proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value of {variable} is not a proxy URL (http, https or socks5)")]
pub(crate) struct BadProxy {
    pub(crate) variable: &'static str,
}

/// The settings, made ready for questions.
#[derive(Debug)]
pub(crate) struct Proxies {
    matcher: Matcher,
    /// Says only what NO_PROXY says: a proxy for everything else.
    exempting: Matcher,
    bad_https: Option<&'static str>,
    bad_http: Option<&'static str>,
}

impl Proxies {
    pub(crate) fn new(settings: &ProxySettings) -> Self {
        let bad_all = unusable(&settings.all, "ALL_PROXY");
        let bad = |own: &str, name| if own.is_empty() { bad_all } else { unusable(own, name) };
        Self {
            bad_https: bad(&settings.https, "HTTPS_PROXY"),
            bad_http: bad(&settings.http, "HTTP_PROXY"),
            exempting: Matcher::builder().all("http://proxy.invalid").no(settings.no.as_str()).build(),
            matcher: Matcher::builder()
                .all(settings.all.as_str())
                .http(settings.http.as_str())
                .https(settings.https.as_str())
                .no(settings.no.as_str())
                .build(),
        }
    }

    /// The proxy before `uri`. A setting that cannot be read is an error: going directly would be what the user
    /// did not want.
    pub(crate) fn before(&self, uri: &Uri) -> Result<Option<Intercept>, BadProxy> {
        // Go's ProxyFromEnvironment never sends localhost or a loopback address through a proxy.
        if uri.host().is_none_or(is_loopback) {
            return Ok(None);
        }
        if self.exempting.intercept(uri).is_none() {
            return Ok(None);
        }
        let bad = if uri.scheme_str() == Some("https") { self.bad_https } else { self.bad_http };
        match bad {
            Some(variable) => Err(BadProxy { variable }),
            None => Ok(self.matcher.intercept(uri)),
        }
    }
}

fn first_set(names: &[&str]) -> String {
    names.iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty()).unwrap_or_default()
}

fn unusable(value: &str, variable: &'static str) -> Option<&'static str> {
    if value.is_empty() {
        return None;
    }
    let matcher = Matcher::builder().all(value).build();
    let found = matcher.intercept(&Uri::from_static("https://proxy.invalid/"));
    let usable =
        found.is_some_and(|found| matches!(found.uri().scheme_str(), Some("http" | "https" | "socks5" | "socks5h")));
    (!usable).then_some(variable)
}

/// Whether a host is this machine for certain; no proxy is before it then.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(settings: &ProxySettings, url: &str) -> Result<Option<String>, BadProxy> {
        let found = Proxies::new(settings).before(&url.parse().unwrap())?;
        Ok(found.map(|found| found.uri().to_string()))
    }

    #[test]
    fn each_scheme_has_its_variable_and_all_is_for_the_rest() {
        let settings = ProxySettings {
            https: "http://tls.example:3128".into(),
            all: "socks5://all.example:1080".into(),
            no: "exempt.example,10.0.0.0/8".into(),
            ..Default::default()
        };
        assert_eq!(before(&settings, "https://h/").unwrap().unwrap(), "http://tls.example:3128/");
        assert_eq!(before(&settings, "http://h/").unwrap().unwrap(), "socks5://all.example:1080/");
        for direct in [
            "https://exempt.example/",
            "https://sub.exempt.example/",
            "http://10.1.2.3/",
            "http://127.0.0.1:1/",
            "https://localhost/",
            "http://[::1]:80/",
        ] {
            assert_eq!(before(&settings, direct).unwrap(), None, "{direct}");
        }
    }

    #[test]
    fn unreadable_setting_does_not_mean_directly() {
        for bad in ["ftp://h:1", "socks4://h:1", "::", "http://"] {
            let settings = ProxySettings { https: bad.into(), no: "near.example".into(), ..Default::default() };
            assert_eq!(before(&settings, "https://h/"), Err(BadProxy { variable: "HTTPS_PROXY" }), "{bad}");
            assert_eq!(before(&settings, "https://near.example/"), Ok(None));
            assert_eq!(before(&settings, "http://h/"), Ok(None));
        }
    }

    #[test]
    fn passwords_of_proxies_are_not_shown() {
        let settings = ProxySettings { https: "http://u:hunter2@h:1".into(), ..Default::default() };
        assert!(!format!("{settings:?} {:?}", Proxies::new(&settings)).contains("hunter2"));
    }
}
