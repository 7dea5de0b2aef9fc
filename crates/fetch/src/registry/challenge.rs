//! `WWW-Authenticate`: what a registry wants to see (RFC 9110 section 11, distribution specification "token").

use http::{HeaderMap, header};

use crate::http::url::{self, Target};
use crate::limits;

/// What would let a request in.
#[derive(Debug, Clone)]
pub(crate) enum Challenge {
    /// User name and password, sent to the registry itself.
    Basic,
    /// A token of the server at `realm`.
    Bearer {
        realm: Target,
        service: Option<String>,
        /// `repository:NAME:pull` where the registry names another repository than was asked, such as a proxy does.
        scope: Option<String>,
    },
}

impl Challenge {
    /// The challenge to answer: a token where that is offered, as it keeps the password from the registry. Nothing if
    /// none is understood.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let offered: Vec<Offer> = texts.filter_map(offers).flatten().take(limits::CHALLENGES).collect();
        let bearer = offered.iter().find_map(Offer::bearer);
        bearer.or_else(|| offered.iter().any(|offer| offer.scheme == "basic").then_some(Self::Basic))
    }
}

/// One challenge as it stands in the header.
#[derive(Debug, PartialEq, Eq)]
struct Offer {
    /// In lower case.
    scheme: String,
    /// Names in lower case, each once.
    parameters: Vec<(String, String)>,
}

impl Offer {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn bearer(&self) -> Option<Challenge> {
        if self.scheme != "bearer" {
            return None;
        }
        let realm = url::parse(self.get("realm")?).ok()?;
        let scope = self.get("scope").and_then(pulling);
        Some(Challenge::Bearer { realm, service: self.get("service").map(str::to_owned), scope })
    }
}

/// The part of a scope that reading a repository needs: a registry must not have us ask for more.
fn pulling(scope: &str) -> Option<String> {
    scope.split(' ').find_map(|scope| {
        let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
        actions.split(',').any(|action| matches!(action, "pull" | "*")).then(|| format!("repository:{name}:pull"))
    })
}

/// All challenges of one header field; nothing if it is not well formed or too long.
fn offers(text: &str) -> Option<Vec<Offer>> {
    if text.len() > limits::LOCATION {
        return None;
    }
    let mut rest = Scanner(text);
    let mut offers: Vec<Offer> = Vec::new();
    loop {
        rest.skip(|c| matches!(c, ' ' | '\t' | ','));
        if rest.0.is_empty() {
            return Some(offers);
        }
        let word = rest.token()?;
        if let Some(value) = rest.value() {
            let offer = offers.last_mut()?;
            let name = word.to_ascii_lowercase();
            // Two realms: whoever reads the other one is somewhere else.
            if offer.get(&name).is_some() || offer.parameters.len() >= limits::CHALLENGES {
                return None;
            }
            offer.parameters.push((name, value?));
        } else {
            if !matches!(rest.0.chars().next(), None | Some(' ' | '\t' | ',')) || offers.len() >= limits::CHALLENGES {
                return None;
            }
            offers.push(Offer { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
            rest.skip_token68();
        }
    }
}

/// What is left of a header field.
struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    fn skip(&mut self, what: impl Fn(char) -> bool) {
        self.0 = self.0.trim_start_matches(what);
    }

    fn take(&mut self, what: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !what(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn token(&mut self) -> Option<&'a str> {
        Some(self.take(is_token)).filter(|token| !token.is_empty())
    }

    /// The value after `=`, which may stand between blanks: not there at all, or not readable, or a text.
    fn value(&mut self) -> Option<Option<String>> {
        let mut ahead = Scanner(self.0);
        ahead.skip(|c| matches!(c, ' ' | '\t'));
        let after = ahead.0.strip_prefix('=')?;
        *self = Scanner(after);
        self.skip(|c| matches!(c, ' ' | '\t'));
        Some(match self.0.strip_prefix('"') {
            Some(quoted) => self.quoted(quoted),
            // Not quite a token: some registries do not quote URLs and scopes.
            None => Some(self.take(|c| !matches!(c, ' ' | '\t' | ',' | '"')).to_owned()),
        })
    }

    fn quoted(&mut self, text: &'a str) -> Option<String> {
        let mut value = String::new();
        let mut chars = text.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => value.push(chars.next()?),
                other => value.push(other),
            }
        }
        *self = Scanner(chars.as_str());
        Some(value)
    }

    /// `Negotiate YIIB...==`: credentials of schemes that are not understood.
    fn skip_token68(&mut self) {
        let mut ahead = Scanner(self.0);
        ahead.skip(|c| matches!(c, ' ' | '\t'));
        let token = ahead.take(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '/'));
        ahead.take(|c| c == '=');
        ahead.skip(|c| matches!(c, ' ' | '\t'));
        if !token.is_empty() && (ahead.0.is_empty() || ahead.0.starts_with(',')) {
            *self = ahead;
        }
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::WWW_AUTHENTICATE, value.parse().unwrap());
        }
        Some(match Challenge::of(&headers)? {
            Challenge::Basic => "basic".to_owned(),
            Challenge::Bearer { realm, service, scope } => {
                format!("{} {} {}", realm.uri, service.as_deref().unwrap_or("-"), scope.as_deref().unwrap_or("-"))
            }
        })
    }

    #[test]
    fn challenges_of_registries() {
        for (values, expected) in [
            (
                &[
                    r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#,
                ][..],
                "https://auth.docker.io/token registry.docker.io repository:library/nginx:pull",
            ),
            (&[r#"Bearer realm="https://quay.io/v2/auth",service="quay.io""#], "https://quay.io/v2/auth quay.io -"),
            (
                &[r#"Bearer realm="https://ghcr.io/token", service="ghcr.io", scope="repository:a/b:pull,push""#],
                "https://ghcr.io/token ghcr.io repository:a/b:pull",
            ),
            (&[r#"Basic realm="https://123.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com""#], "basic"),
            (&["Basic"], "basic"),
            (&[r#"BASIC REALM="x""#], "basic"),
            (&["Negotiate", r#"Basic realm="x""#], "basic"),
            (&[r#"Negotiate YII+/b==, Basic realm="x", Bearer realm="https://t/""#], "https://t/ - -"),
            (&[r#"Bearer realm = "https://t/\"a\\b" , service = s"#], r#"https://t/"a\b s -"#),
            (&["Bearer realm=https://t/token,service=s"], "https://t/token s -"),
            (
                &[r#"Bearer realm="https://t/",scope="registry:catalog:* repository:x:push,pull""#],
                "https://t/ - repository:x:pull",
            ),
            (&[r#"Bearer realm="https://t/",scope="repository:x:push""#], "https://t/ - -"),
            (&[r#"Bearer realm="https://t/",scope="""#], "https://t/ - -"),
            (&[r#"Digest realm="a, b=c",nonce="x",Bearer realm="https://t/""#], "https://t/ - -"),
        ] {
            assert_eq!(challenge(values).as_deref(), Some(expected), "{values:?}");
        }
    }

    #[test]
    fn challenge_header_garbage() {
        let long = format!(r#"Bearer realm="https://t/{}""#, "x".repeat(9_000));
        let many = "Basic,".repeat(1_000);
        for value in [
            "",
            ",,, ,",
            "=",
            "\"",
            "Bearer",
            "Bearer realm",
            "Bearer realm=",
            r#"Bearer realm=""#,
            r#"Bearer realm="https://t/"#,
            r#"Bearer realm="https://t/\"#,
            r#"Bearer realm="ftp://t/""#,
            r#"Bearer realm="/token""#,
            r#"Bearer realm="//t/token""#,
            r#"Bearer realm="https://""#,
            r#"Bearer realm="https://a/",realm="https://b/""#,
            r#"Bearer realm="https://a/" realm="https://b/""#,
            r#"realm="https://t/""#,
            r#"Bearer/realm="https://t/""#,
            r#"Bearer realm="https://t/";service=x"#,
            r#"Bearer (realm="https://t/")"#,
            &long,
            &many,
        ] {
            assert_eq!(challenge(&[value]), None, "{value}");
        }
        // One unreadable field does not hide another one.
        assert_eq!(challenge(&["\"", "Basic"]).as_deref(), Some("basic"));
    }

    #[test]
    fn any_text_is_read_without_a_panic_and_to_its_end() {
        let parts = ["Bearer", " ", ",", "=", "\"", "\\", "realm", "https://t/", "é", "\t", "Basic", "a==", "/"];
        let mut seed = 1_u32;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push_str(parts[usize::try_from(seed >> 16).unwrap() % parts.len()]);
            }
            let _ = offers(&text);
        }
    }
}
