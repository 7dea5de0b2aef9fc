//! What is shown to a registry that wants to see something, and to its token server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use serde::Deserialize;
use sigward_verify::evidence::{Service, Unreachable};
use sigward_verify::image::Repository;

use super::RegistryTransport;
use super::challenge::Challenge;
use super::passes::{KeptBack, Outcome, Pass};
use super::realm;
use crate::http::url::{self, Target};
use crate::http::{
    Ask, Client, Credential, Fault, Origin, Payload, Route, Run, Wire, read, retry, retry_after, within,
};
use crate::text::brief;
use crate::{RegistryCredential, RegistrySecret, limits};

/// Who asks for a pass, and where.
pub(super) struct Visitor<'a> {
    pub(super) client: &'a Client,
    /// To token servers.
    pub(super) wire: &'a Wire,
    /// The origin that wants to see something, and the only one that gets what is given for it.
    pub(super) origin: &'a Origin,
    /// The repository whose credential may be used. `None` is for origins that were only redirected to.
    pub(super) repository: Option<&'a Repository>,
}

impl Visitor<'_> {
    /// Asks for a pass.
    pub(super) async fn pass(&self, challenge: &Challenge, run: Run<'_>) -> Result<Outcome, Fault> {
        let credential = match self.repository {
            None => None,
            Some(repository) => {
                let keychain = &self.client.options().registry.keychain;
                // Helpers have a time limit of their own.
                let found = within(std::time::Duration::MAX, run.deadline, keychain.find(repository)).await;
                match found.map_err(|late| Fault::late(late, &self.registry_url(), &self.origin.to_string()))? {
                    Ok(found) => found,
                    Err(error) => return Ok(self.denied(self.registry_request(), error.to_string(), None)),
                }
            }
        };
        match challenge {
            Challenge::Basic => Ok(self.basic(credential)),
            Challenge::Bearer { realm, service, scope } => {
                let token = TokenRequest { realm, service: service.as_deref(), scope: scope.as_deref() };
                self.bearer(credential, &token, run).await
            }
        }
    }

    fn basic(&self, credential: Option<RegistryCredential>) -> Outcome {
        let Some(credential) = credential else { return Outcome::Nothing };
        if let Some(reason) = self.unprotected(self.origin) {
            return self.denied(self.registry_request(), reason, Some(&credential));
        }
        match credential.secret() {
            RegistrySecret::Basic { user, password } => self.granted(&basic(user, password), Some(&credential), None),
            RegistrySecret::RegistryToken(token) => self.granted(&bearer(token), Some(&credential), None),
            RegistrySecret::IdentityToken(_) => {
                let reason = "the registry wants a user name and a password, found an identity token".to_owned();
                self.denied(self.registry_request(), reason, Some(&credential))
            }
        }
    }

    async fn bearer(
        &self,
        credential: Option<RegistryCredential>,
        token: &TokenRequest<'_>,
        run: Run<'_>,
    ) -> Result<Outcome, Fault> {
        if let Some(credential) = &credential
            && let RegistrySecret::RegistryToken(token) = credential.secret()
        {
            return Ok(match self.unprotected(self.origin) {
                Some(reason) => self.denied(self.registry_request(), reason, Some(credential)),
                None => self.granted(&bearer(token), Some(credential), None),
            });
        }
        let server = &token.realm.origin;
        let request = || format!("GET {}", token.realm.uri);
        if self.origin.is_https() && !server.is_https() {
            let reason = format!("the token server {server} is http, while the registry {} is https", self.origin);
            return Ok(self.denied(request(), reason, credential.as_ref()));
        }
        if realm::is_inward(self.origin, server, &self.client.options().registry.trusted_realms) {
            let reason = format!(
                "the registry {} names a token server in the network of this machine: {server}; \
                 --registry-trusted-realm {server} permits it",
                self.origin
            );
            return Ok(self.denied(request(), reason, credential.as_ref()));
        }
        let (shown, kept_back) = match credential {
            None => (None, None),
            Some(credential) => match self.kept_back(&credential, server) {
                None => (Some(credential), None),
                Some(reason) => (None, Some(KeptBack { credential: credential.name().to_owned(), reason })),
            },
        };
        self.exchange(shown, kept_back, token, run).await
    }

    /// Asks the token server.
    async fn exchange(
        &self,
        credential: Option<RegistryCredential>,
        kept_back: Option<KeptBack>,
        token: &TokenRequest<'_>,
        run: Run<'_>,
    ) -> Result<Outcome, Fault> {
        let scopes = token.scopes(self.repository);
        let form;
        let (ask, shown) = match credential.as_ref().map(RegistryCredential::secret) {
            Some(RegistrySecret::IdentityToken(secret)) => {
                form = token.form(&scopes, secret);
                let payload = Some(Payload::SecretForm(&form));
                (Ask { method: Method::POST, payload, ..Ask::get(token.realm.clone()) }, None)
            }
            Some(RegistrySecret::Basic { user, password }) => {
                let name = credential.as_ref().map(|credential| credential.name().to_owned());
                let shown = Credential::of_header(token.realm.origin.clone(), name, &basic(user, password));
                (Ask::get(token.url(&scopes)?), shown)
            }
            _ => (Ask::get(token.url(&scopes)?), None),
        };
        let request = format!("{} {}", ask.method, ask.target.uri);
        let (status, body) = self.answer(ask, shown, run).await?;
        if status.is_success() {
            let said: Option<Said> = serde_json::from_slice(&body).ok();
            return Ok(match said.and_then(Said::token) {
                Some(token) => self.granted(&bearer(&token), credential.as_ref(), kept_back),
                None => self.denied(request, "the token server gave no token".to_owned(), credential.as_ref()),
            });
        }
        if !matches!(status.as_u16(), 400 | 401 | 403) {
            // Without its words: a registry may name any server as its token server, and these go into messages.
            let reason = format!("its token server {}: unexpected status code {status}", token.realm.origin);
            let unreachable = Unreachable::Transport { url: self.registry_url(), reason };
            return Ok(Outcome::Denied(unreachable, token.realm.origin.to_string()));
        }
        let said = said(status, &body);
        Ok(match kept_back {
            None => self.denied(request, said, credential.as_ref()),
            Some(KeptBack { credential, reason }) => {
                let (reason, credential) = (format!("{said}; {reason}"), Some(credential));
                Outcome::Denied(
                    Unreachable::Unauthorized { request, reason, credential },
                    token.realm.origin.to_string(),
                )
            }
        })
    }

    /// The token server's answer, with repetitions.
    async fn answer(
        &self,
        ask: Ask<'_>,
        credential: Option<Credential>,
        run: Run<'_>,
    ) -> Result<(StatusCode, Vec<u8>), Fault> {
        let route = Route { near: self.wire, far: self.wire };
        let idle = self.client.options().idle;
        let mut attempt = 1;
        loop {
            let found = async {
                let exchange = self.client.follow(ask.clone(), route, credential.clone(), run).await?;
                let (status, asked) = (exchange.status, retry_after(&exchange.headers));
                Ok::<_, Fault>((status, read(exchange, limits::TOKEN_BODY, idle, run).await?, asked))
            };
            let (found, again, asked) = match found.await {
                Ok((status, body, asked)) => {
                    (Ok((status, body)), retry::is_transient(Service::Registry, status), asked)
                }
                Err(fault) => {
                    let (again, asked) = (fault.again, fault.asked);
                    (Err(fault), again, asked)
                }
            };
            if !again || !self.client.pause(attempt, asked, run.deadline).await {
                return found;
            }
            attempt += 1;
        }
    }

    /// Why a credential must not go to a token server, or nothing.
    fn kept_back(&self, credential: &RegistryCredential, server: &Origin) -> Option<String> {
        let trusted = &self.client.options().registry.trusted_realms;
        if let Some(reason) = self.unprotected(self.origin).or_else(|| self.unprotected(server)) {
            return Some(format!("{reason} ({})", credential.name()));
        }
        let reason = format!(
            "the credential ({}) for the registry {} was not sent to its token server {server}, which has another \
             name; --registry-trusted-realm {server} permits it",
            credential.name(),
            self.origin,
        );
        (!realm::may_see_password(self.origin, server, trusted)).then_some(reason)
    }

    /// Why a secret must not go to an origin, or nothing: only TLS keeps it a secret, except within this machine.
    fn unprotected(&self, origin: &Origin) -> Option<String> {
        let is_allowed = match self.client.options().registry.transport {
            RegistryTransport::Verified => origin.is_https() || realm::is_this_machine(origin),
            RegistryTransport::HttpAllowed | RegistryTransport::InsecureUnsafe => true,
        };
        let reason = || format!("no credential is sent over http to {origin}; --allow-http-registry permits it");
        (!is_allowed).then(reason)
    }

    fn granted(&self, header: &str, credential: Option<&RegistryCredential>, kept_back: Option<KeptBack>) -> Outcome {
        let name = credential.map(|credential| credential.name().to_owned());
        match Credential::of_header(self.origin.clone(), name, header) {
            Some(credential) => Outcome::Granted(Pass { credential, kept_back }),
            None => {
                let reason = "the token has characters that no header can carry".to_owned();
                self.denied(self.registry_request(), reason, credential)
            }
        }
    }

    fn denied(&self, request: String, reason: String, credential: Option<&RegistryCredential>) -> Outcome {
        let credential = credential.map(|credential| credential.name().to_owned());
        Outcome::Denied(Unreachable::Unauthorized { request, reason, credential }, self.origin.to_string())
    }

    fn registry_url(&self) -> String {
        let scheme = if self.origin.is_https() { "https" } else { "http" };
        let path = self.repository.map(|repository| repository.path()).unwrap_or_default();
        format!("{scheme}://{}/v2/{path}", self.origin)
    }

    fn registry_request(&self) -> String {
        format!("GET {}", self.registry_url())
    }
}

/// What a token server is asked (distribution specification, "token" and "oauth").
struct TokenRequest<'a> {
    realm: &'a Target,
    service: Option<&'a str>,
    scope: Option<&'a str>,
}

impl TokenRequest<'_> {
    /// What the registry names comes first: some servers look at the first one only.
    fn scopes(&self, repository: Option<&Repository>) -> Vec<String> {
        let own = repository.map(|repository| format!("repository:{}:pull", repository.path()));
        let named = self.scope.map(str::to_owned).filter(|scope| Some(scope) != own.as_ref());
        named.into_iter().chain(own).collect()
    }

    fn url(&self, scopes: &[String]) -> Result<Target, Fault> {
        let mut text = self.realm.uri.to_string();
        let pairs = scopes.iter().map(|scope| ("scope", scope.as_str()));
        for (name, value) in pairs.chain(self.service.map(|service| ("service", service))) {
            text.push(if text.contains('?') { '&' } else { '?' });
            text.push_str(&format!("{name}={}", encoded(value)));
        }
        url::parse(&text).map_err(|reason| Fault::bad_url(&text, reason))
    }

    fn form(&self, scopes: &[String], secret: &str) -> String {
        let mut text = format!("grant_type=refresh_token&client_id=sigward&scope={}", encoded(&scopes.join(" ")));
        if let Some(service) = self.service {
            text.push_str(&format!("&service={}", encoded(service)));
        }
        text.push_str(&format!("&refresh_token={}", encoded(secret)));
        text
    }
}

/// The answer of a token server.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

impl Said {
    fn token(self) -> Option<String> {
        [self.access_token, self.token].into_iter().flatten().find(|token| !token.is_empty())
    }
}

/// What a server says with its refusal, as go-containerregistry words it.
fn said(status: StatusCode, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let first = serde_json::from_slice::<Errors>(body).ok().and_then(|found| found.errors.into_iter().next());
    match first {
        Some(One { code, message }) if code == "UNAUTHORIZED" && !message.is_empty() => brief(message.as_bytes()),
        Some(One { code, message }) if !code.is_empty() => brief(format!("{code}: {message}").as_bytes()),
        _ if body.is_empty() => format!("unexpected status code {status}"),
        _ => format!("unexpected status code {status}: {}", brief(body)),
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Everything but the unreserved characters of RFC 3986 is escaped.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
