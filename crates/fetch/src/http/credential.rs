//! Secrets, each tied to the one origin that may see it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::url::{self, Origin, Target};
use crate::Error;

/// A secret for one origin (scheme, host and port).
#[derive(Clone)]
pub struct Credential {
    origin: Origin,
    /// `None` where the secret says nothing of who asks: a token that anybody gets.
    name: Option<String>,
    header: HeaderValue,
}

impl Credential {
    /// User name and password for the origin of `url`. `name` may be shown, for instance "docker config".
    pub fn basic(url: &str, name: &str, user: &str, password: &str) -> Result<Self, Error> {
        let header = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        Self::with_header(url, name, &header)
    }

    /// A bearer token for the origin of `url`.
    pub fn bearer(url: &str, name: &str, token: &str) -> Result<Self, Error> {
        Self::with_header(url, name, &format!("Bearer {token}"))
    }

    fn with_header(url: &str, name: &str, header: &str) -> Result<Self, Error> {
        let target = url::parse(url).map_err(|reason| Error::BadUrl { url: url::shown(url), reason })?;
        Self::of_header(target.origin, Some(name.to_owned()), header)
            .ok_or_else(|| Error::BadUrl { url: url::shown(url), reason: "the credential has control characters" })
    }

    /// The credential in a URL such as `https://user:password@host/`.
    pub(crate) fn of_url(target: &Target) -> Option<Self> {
        let userinfo = target.userinfo.as_ref()?;
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let mut plain = percent_decoded(user);
        plain.push(b':');
        plain.extend(percent_decoded(password));
        Self::of_header(target.origin.clone(), Some("URL".to_owned()), &format!("Basic {}", STANDARD.encode(plain)))
    }

    /// A header for an origin, or nothing if the secret has characters that no header can carry.
    pub(crate) fn of_header(origin: Origin, name: Option<String>, header: &str) -> Option<Self> {
        let mut header = HeaderValue::from_str(header).ok()?;
        header.set_sensitive(true);
        Some(Self { origin, name, header })
    }

    pub(crate) fn is_for(&self, origin: &Origin) -> bool {
        &self.origin == origin
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("origin", &self.origin).field("name", &self.name).finish_non_exhaustive()
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let escape = (byte == b'%').then(|| Some((hex_digit(ahead.next()?)?, hex_digit(ahead.next()?)?))).flatten();
        match escape {
            Some((high, low)) => {
                out.push(high << 4 | low);
                bytes = ahead;
            }
            None => out.push(byte),
        }
    }
    out
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_secret() {
        let credential = Credential::basic("https://h/", "test", "user", "hunter2").unwrap();
        let shown = format!("{credential:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("dXNlcj"), "{shown}");
    }

    #[test]
    fn url_credentials_are_percent_decoded() {
        let target = url::parse("https://me:a%3Ab%@h/").unwrap();
        let header = Credential::of_url(&target).unwrap().header();
        assert_eq!(header.to_str().unwrap(), format!("Basic {}", STANDARD.encode("me:a:b%")));
    }
}
