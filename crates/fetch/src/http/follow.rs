//! One request and its redirects: who is sent what.

use std::time::Instant;

use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use sigward_verify::evidence::{self, Need, Unreachable};

use super::credential::Credential;
use super::url::{self, Origin, Target};
use super::wire::Wire;
use super::{Client, Fault, Meter, body, retry, shown, within};
use crate::limits;

/// A request as it is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) accept: Option<&'static str>,
    pub(crate) payload: Option<Payload<'a>>,
    /// The first byte that is wanted.
    pub(crate) start: u64,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(target: Target) -> Self {
        Self { method: Method::GET, target, accept: None, payload: None, start: 0 }
    }

    /// What a need says, at `target`.
    pub(crate) fn of(need: &'a Need, target: Target) -> Self {
        let method = match need.method {
            evidence::Method::Get => Method::GET,
            evidence::Method::Head => Method::HEAD,
            evidence::Method::Post => Method::POST,
        };
        Self { method, target, accept: need.accept, payload: need.body.as_deref().map(Payload::Json), start: 0 }
    }
}

/// The body of a request.
#[derive(Clone, Copy)]
pub(crate) enum Payload<'a> {
    /// JSON that anybody may see.
    Json(&'a [u8]),
    /// A form with a secret, which goes to the first origin and nowhere else.
    SecretForm(&'a str),
}

impl std::fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Json(_) => "Json",
            Self::SecretForm(_) => "SecretForm",
        })
    }
}

impl Payload<'_> {
    fn content_type(&self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json(_) => "application/json",
            Self::SecretForm(_) => "application/x-www-form-urlencoded",
        })
    }

    fn bytes(&self) -> Bytes {
        match self {
            Self::Json(bytes) => Bytes::copy_from_slice(bytes),
            Self::SecretForm(text) => Bytes::copy_from_slice(text.as_bytes()),
        }
    }
}

/// Over which connections a request goes.
#[derive(Clone, Copy)]
pub(crate) struct Route<'a> {
    /// To the origin that is asked first.
    pub(crate) near: &'a Wire,
    /// To wherever that one redirects to.
    pub(crate) far: &'a Wire,
}

/// What a request may still cost, and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) meter: &'a Meter,
    pub(crate) deadline: Instant,
}

/// The head of a response, with its body still to come.
pub(crate) struct Exchange {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Incoming,
    /// What was asked, for messages.
    pub(crate) asked: String,
    /// What answered, after redirects.
    pub(crate) target: Target,
    pub(crate) method: Method,
    pub(crate) credential: Option<String>,
}

impl Exchange {
    pub(crate) fn host(&self) -> String {
        self.target.origin.to_string()
    }
}

impl Client {
    /// Sends a request and follows redirects, up to the head of the response that is none.
    ///
    /// The credential goes to its own origin only, and not even there once another one was asked.
    pub(crate) async fn follow(
        &self,
        ask: Ask<'_>,
        route: Route<'_>,
        mut credential: Option<Credential>,
        run: Run<'_>,
    ) -> Result<Exchange, Fault> {
        let Ask { mut method, mut target, accept, mut payload, start } = ask;
        let asked = target.uri.to_string();
        let refused = |reason: String, host| Fault::of(Unreachable::Refused { url: asked.clone(), reason }, host);
        let mut wire = route.near;
        for _ in 0..=limits::REDIRECTS {
            let host = target.origin.to_string();
            run.meter.request().map_err(|error| Fault::spent(error, host.clone()))?;
            // For good: a foreign host that sends us back must not choose what is asked with the credential.
            credential = credential.filter(|credential| credential.is_for(&target.origin));
            let ask = Ask { method: method.clone(), target: target.clone(), accept, payload, start };
            let request =
                self.request(wire, ask, credential.as_ref()).map_err(|reason| refused(reason, host.clone()))?;
            let response = self.send(wire, request, &asked, &host, run.deadline).await?;
            let (head, body) = response.into_parts();
            let location = head.headers.get(header::LOCATION).filter(|_| is_redirect(head.status));
            let Some(location) = location else {
                let credential = credential.and_then(|credential| credential.name().map(str::to_owned));
                let (status, headers) = (head.status, head.headers);
                return Ok(Exchange { status, headers, body, asked, target, method, credential });
            };
            let next = url::resolve(&target.uri, location.as_bytes())
                .map_err(|reason| refused(format!("redirect: {reason}"), host.clone()))?;
            if method == Method::POST && !keeps_method(head.status) {
                (method, payload) = (Method::GET, None);
            }
            if matches!(payload, Some(Payload::SecretForm(_))) && next.origin != target.origin {
                return Err(refused(format!("redirect of a secret to {}", next.origin), host));
            }
            match hop(&target.origin, &next.origin) {
                Hop::Same => {}
                Hop::Foreign => wire = route.far,
                Hop::Downgrade => {
                    return Err(refused(format!("redirect from https to http, to {}", next.origin), host));
                }
            }
            body::drain(body, run.deadline).await;
            target = next;
        }
        Err(refused(format!("more than {} redirects", limits::REDIRECTS), target.origin.to_string()))
    }

    fn request(
        &self,
        wire: &Wire,
        ask: Ask<'_>,
        credential: Option<&Credential>,
    ) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::new(Full::new(ask.payload.map(|payload| payload.bytes()).unwrap_or_default()));
        *request.method_mut() = ask.method;
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, self.user_agent());
        headers.insert(header::ACCEPT, HeaderValue::from_static(ask.accept.unwrap_or("*/*")));
        // What is verified are the bytes as they are stored.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if ask.start > 0 {
            headers.insert(header::RANGE, body::range_from(ask.start));
        }
        if let Some(payload) = ask.payload {
            headers.insert(header::CONTENT_TYPE, payload.content_type());
        }
        if let Some(credential) = credential {
            headers.insert(header::AUTHORIZATION, credential.header());
        }
        if !ask.target.origin.is_https() {
            let proxy = wire.proxies().before(&ask.target.uri).map_err(|error| error.to_string())?;
            if let Some(auth) = proxy.as_ref().and_then(|proxy| proxy.basic_auth()) {
                headers.insert(header::PROXY_AUTHORIZATION, auth.clone());
            }
        }
        *request.uri_mut() = ask.target.uri;
        Ok(request)
    }

    async fn send(
        &self,
        wire: &Wire,
        request: Request<Full<Bytes>>,
        asked: &str,
        host: &str,
        deadline: Instant,
    ) -> Result<http::Response<Incoming>, Fault> {
        let options = self.options();
        let patience = options.connect.saturating_add(options.idle);
        match within(patience, deadline, wire.send(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Fault {
                again: !retry::is_final(&error),
                asked: None,
                error: Unreachable::Transport { url: shown(asked), reason: retry::chain(&error) }.into(),
                host: host.to_owned(),
            }),
            Err(late) => Err(Fault::late(late, asked, host)),
        }
    }
}

/// What a redirect from one origin to another is.
#[derive(Debug, PartialEq, Eq)]
enum Hop {
    Same,
    Foreign,
    Downgrade,
}

fn hop(from: &Origin, to: &Origin) -> Hop {
    match (from == to, from.is_https(), to.is_https()) {
        (true, ..) => Hop::Same,
        (false, true, false) => Hop::Downgrade,
        (false, ..) => Hop::Foreign,
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// RFC 9110 sections 15.4.8 and 15.4.9.
fn keeps_method(status: StatusCode) -> bool {
    matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_to_http_and_to_other_ports() {
        let hop = |from: &str, to: &str| hop(&url::parse(from).unwrap().origin, &url::parse(to).unwrap().origin);
        assert_eq!(hop("https://a/", "https://A:443/b"), Hop::Same);
        assert_eq!(hop("https://a/", "https://a:8443/"), Hop::Foreign);
        assert_eq!(hop("https://a/", "https://a.b/"), Hop::Foreign);
        assert_eq!(hop("http://a/", "https://a/"), Hop::Foreign);
        assert_eq!(hop("https://a/", "http://a/"), Hop::Downgrade);
        assert_eq!(hop("https://a/", "http://a:443/"), Hop::Downgrade);
    }
}
