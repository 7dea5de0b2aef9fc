//! Basic and token authentication, as the distribution project describes them.

use std::collections::BTreeMap;

use serde_json::json;

use super::route::{Route, parameter, parameters};
use super::{State, error};
use crate::server::{Request, Response};
use crate::text::{b64, hex};
use crate::x509::random_bytes;

/// Who may read and write.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Everybody.
    #[default]
    Anonymous,
    /// Who sends this pair.
    Basic {
        /// User.
        user: String,
        /// Password.
        password: String,
    },
    /// Who has a token for the repository and the action.
    Bearer(Tokens),
}

/// How tokens are given.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// `service` of the challenge; requests for tokens must repeat it.
    pub service: String,
    /// Where the challenge sends clients.
    pub realm: Realm,
    /// Do strangers get tokens to pull?
    pub anonymous_pull: bool,
    /// Pairs that get any token.
    pub users: Vec<(String, String)>,
    /// Identity (refresh) tokens that get any token, by POST.
    pub identity_tokens: Vec<String>,
    /// How many requests a token is good for; `None` is all.
    pub uses: Option<usize>,
}

impl Default for Tokens {
    /// As Docker Hub: everybody gets tokens to pull.
    fn default() -> Self {
        Self {
            service: "registry.test".to_owned(),
            realm: Realm::Own,
            anonymous_pull: true,
            users: Vec::new(),
            identity_tokens: Vec::new(),
            uses: None,
        }
    }
}

impl Tokens {
    /// Tokens only for this pair.
    pub fn for_user(user: &str, password: &str) -> Self {
        Self { anonymous_pull: false, users: vec![(user.to_owned(), password.to_owned())], ..Self::default() }
    }
}

/// Where tokens are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Realm {
    /// `/token` of the registry itself.
    #[default]
    Own,
    /// `/token` of another server, on another port; see [`super::OciRegistry::token_server`].
    Other,
    /// This URL, whoever answers there.
    Url(String),
}

/// Tokens that were given, and refusals.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) challenges: usize,
    given: BTreeMap<String, Token>,
}

#[derive(Debug)]
struct Token {
    /// `repository:NAME:ACTIONS`.
    scopes: Vec<String>,
    uses: Option<usize>,
}

/// Lets a request pass, or says how to get in.
pub(super) fn check(state: &mut State, request: &Request, route: Route<'_>) -> Result<(), Response> {
    let action = if matches!(request.method.as_str(), "GET" | "HEAD") { "pull" } else { "push" };
    let scope = route.repository().map(|name| (name, action));
    let sent = request.header("authorization").and_then(|text| text.split_once(' '));
    let (challenge, fault) = match &state.settings.auth {
        Auth::Anonymous => return Ok(()),
        Auth::Basic { user, password } => {
            let wanted = b64(format!("{user}:{password}"));
            if sent.is_some_and(|(scheme, value)| scheme.eq_ignore_ascii_case("basic") && value == wanted) {
                return Ok(());
            }
            ("Basic realm=\"registry.test\"".to_owned(), None)
        }
        Auth::Bearer(tokens) => {
            let token = sent.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, value)| value);
            let fault = match token.map(|token| state.ledger.admit(token, scope)) {
                Some(Ok(())) => return Ok(()),
                Some(Err(fault)) => Some(fault),
                None => None,
            };
            let host = request.header("host").unwrap_or_default();
            (tokens.challenge(host, &state.token_url, scope), fault)
        }
    };
    if route.is_content() {
        state.ledger.challenges += 1;
    }
    let fault = fault.map_or(String::new(), |fault| format!(",error=\"{fault}\""));
    let refusal = error(401, "UNAUTHORIZED", "authentication required");
    Err(refusal.with("WWW-Authenticate", &format!("{challenge}{fault}")))
}

impl Tokens {
    fn challenge(&self, host: &str, other: &str, scope: Option<(&str, &str)>) -> String {
        let realm = match &self.realm {
            Realm::Own => format!("http://{host}/token"),
            Realm::Other => format!("{other}/token"),
            Realm::Url(url) => url.clone(),
        };
        let scope = match scope {
            None => String::new(),
            Some((name, "pull")) => format!(",scope=\"repository:{name}:pull\""),
            Some((name, _)) => format!(",scope=\"repository:{name}:pull,push\""),
        };
        format!("Bearer realm=\"{realm}\",service=\"{}\"{scope}", self.service)
    }

    /// May the sender of a request have any token, or only tokens to pull?
    fn knows(&self, request: &Request) -> Result<bool, &'static str> {
        if request.method == "POST" {
            let form = String::from_utf8_lossy(&request.body).into_owned();
            let field = |name| parameter(&form, name).unwrap_or_default();
            let known = match field("grant_type").as_str() {
                "refresh_token" => self.identity_tokens.contains(&field("refresh_token")),
                "password" => self.users.contains(&(field("username"), field("password"))),
                _ => return Err("unknown grant_type"),
            };
            return if known { Ok(true) } else { Err("no such identity token or user") };
        }
        let Some(sent) = request.header("authorization") else {
            return if self.anonymous_pull { Ok(false) } else { Err("authentication required") };
        };
        let known =
            |(user, password): &(String, String)| sent == format!("Basic {}", b64(format!("{user}:{password}")));
        if self.users.iter().any(known) { Ok(true) } else { Err("incorrect username or password") }
    }
}

impl Ledger {
    fn admit(&mut self, value: &str, scope: Option<(&str, &str)>) -> Result<(), &'static str> {
        let token = self.given.get_mut(value).ok_or("invalid_token")?;
        if let Some(uses) = &mut token.uses {
            *uses = uses.checked_sub(1).ok_or("invalid_token")?;
        }
        let covers = |granted: &String| {
            let Some((name, action)) = scope else { return true };
            let actions = granted.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':'));
            actions.is_some_and(|(for_name, actions)| for_name == name && actions.split(',').any(|a| a == action))
        };
        if scope.is_none() || token.scopes.iter().any(covers) { Ok(()) } else { Err("insufficient_scope") }
    }
}

/// The token endpoint.
pub(super) fn token(state: &mut State, request: &Request) -> Response {
    let Auth::Bearer(tokens) = &state.settings.auth else {
        return error(404, "NOT_FOUND", "no tokens here");
    };
    let asked = match request.method.as_str() {
        "POST" => String::from_utf8_lossy(&request.body).into_owned(),
        _ => request.path.clone(),
    };
    if parameter(&asked, "service").is_none_or(|service| service != tokens.service) {
        return error(400, "BAD_REQUEST", "service must be the one that the challenge names");
    }
    let trusted = match tokens.knows(request) {
        Ok(trusted) => trusted,
        Err(message) => return error(401, "UNAUTHORIZED", message),
    };
    let asked = parameters(&asked, "scope");
    let scopes = asked.iter().flat_map(|text| text.split(' ')).filter_map(|scope| {
        let (resource, actions) = scope.rsplit_once(':')?;
        let granted: Vec<_> = actions.split(',').filter(|action| trusted || *action == "pull").collect();
        Some(format!("{resource}:{}", granted.join(",")))
    });
    let token = Token { scopes: scopes.collect(), uses: tokens.uses };
    let value = hex(random_bytes(16));
    state.ledger.given.insert(value.clone(), token);
    Response::json(&json!({"token": value, "access_token": value, "expires_in": 300}))
}
