//! `net/url`: which texts are URLs, and why others are not.

/// The parts of a URL that are looked at.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct ParsedUrl {
    /// In lower case; may be empty.
    pub(crate) scheme: String,
    /// Host and port as written; may be empty.
    pub(crate) host: String,
}

/// `url.Parse`.
///
/// # Errors
/// What is wrong, in Go's words.
pub(crate) fn parse_url(text: &str) -> Result<ParsedUrl, String> {
    let in_words = |of: &str, fault: String| format!("parse {}: {fault}", quote(of));
    let (url, fragment) = text.split_once('#').unwrap_or((text, ""));
    let parsed = parse(url, Via::Anything).map_err(|fault| in_words(url, fault))?;
    escapes(fragment, Part::Other).map_err(|fault| in_words(text, fault))?;
    Ok(parsed)
}

/// Whether `url.ParseRequestURI` takes a text: an absolute URI or an absolute path.
pub(crate) fn is_request_uri(text: &str) -> bool {
    parse(text, Via::Request).is_ok()
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Via {
    Anything,
    Request,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Part {
    Host,
    Other,
}

fn parse(url: &str, via: Via) -> Result<ParsedUrl, String> {
    if url.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Err("net/url: invalid control character in URL".into());
    }
    if url.is_empty() && via == Via::Request {
        return Err("empty url".into());
    }
    if url == "*" {
        return Ok(ParsedUrl::default());
    }
    let (scheme, rest) = scheme(url)?;
    let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
    let mut parsed = ParsedUrl { scheme: scheme.to_ascii_lowercase(), host: String::new() };
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            // Opaque, as `mailto:`.
            return Ok(parsed);
        }
        if via == Via::Request {
            return Err("invalid URI for request".into());
        }
        if rest.split('/').next().is_some_and(|first| first.contains(':')) {
            return Err("first path segment in URL cannot contain colon".into());
        }
    }
    let has_authority = !scheme.is_empty() || (via == Via::Anything && !rest.starts_with("///"));
    let path = match rest.strip_prefix("//").filter(|_| has_authority) {
        Some(rest) => {
            let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or_default();
            parsed.host = self::authority(authority, &parsed.scheme)?;
            path
        }
        None => rest,
    };
    escapes(path, Part::Other)?;
    Ok(parsed)
}

fn scheme(url: &str) -> Result<(&str, &str), String> {
    for (at, byte) in url.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((url.get(..at).unwrap_or_default(), url.get(at + 1..).unwrap_or_default())),
            _ => break,
        }
    }
    Ok(("", url))
}

fn authority(text: &str, scheme: &str) -> Result<String, String> {
    let (user, host) = text.rsplit_once('@').map_or((None, text), |(user, host)| (Some(user), host));
    check_host(host, scheme)?;
    if let Some(user) = user {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
        if !user.bytes().all(allowed) {
            return Err("net/url: invalid userinfo".into());
        }
        escapes(user, Part::Other)?;
    }
    Ok(host.to_owned())
}

fn check_host(host: &str, scheme: &str) -> Result<(), String> {
    // For other schemes than these Go still takes colons within a name.
    let is_web = matches!(scheme, "http" | "https");
    let port = if let Some(inside) = host.strip_prefix('[') {
        let end = host.rfind(']').ok_or("missing ']' in host")?;
        let address = inside.get(..end.saturating_sub(1)).unwrap_or_default();
        // What follows a percent sign is the zone.
        let address = address.split('%').next().unwrap_or_default();
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(format!("invalid host: ParseAddr({}): unable to parse IP", quote(address)));
        }
        host.get(end + 1..).unwrap_or_default()
    } else if host.contains('[') {
        return Err("invalid IP-literal".into());
    } else {
        let colon = if is_web { host.find(':') } else { host.rfind(':') };
        colon.and_then(|at| host.get(at..)).unwrap_or_default()
    };
    let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(digits) {
        return Err(format!("invalid port {} after host", quote(port)));
    }
    escapes(host, Part::Host)
}

/// Percent signs must be followed by two digits. In a host only bytes beyond ASCII may be written so, and a zone's `%25`.
fn escapes(text: &str, part: Part) -> Result<(), String> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'%' {
            let digits = bytes.get(at + 1..at + 3).filter(|two| two.iter().all(u8::is_ascii_hexdigit));
            let beyond_ascii = digits.is_some_and(|two| !matches!(two.first(), Some(b'0'..=b'7')));
            if digits.is_none() || (part == Part::Host && !beyond_ascii && digits != Some(b"25")) {
                let escape: String = text.get(at..).unwrap_or_default().chars().take(3).collect();
                return Err(format!("invalid URL escape {}", quote(&escape)));
            }
            at += 3;
            continue;
        }
        let allowed = byte >= 0x80 || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte);
        if part == Part::Host && !allowed {
            return Err(format!("invalid character {} in host name", quote(&char::from(byte).to_string())));
        }
        at += 1;
    }
    Ok(())
}

/// `%q`, for the characters that stand in URLs.
fn quote(text: &str) -> String {
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.26 answers.
    #[test]
    fn urls_are_read_as_in_go() {
        for (text, scheme, host) in [
            ("https://fulcio.sigstore.dev", "https", "fulcio.sigstore.dev"),
            ("", "", ""),
            ("foo", "", ""),
            ("/a", "", ""),
            ("http://u@h", "http", "h"),
            ("http://u:p@h/", "http", "h"),
            ("//h/x", "", "h"),
            ("a:b", "a", ""),
            ("http://x/ y", "http", "x"),
            ("http://x?%zz", "http", "x"),
            ("http:///p", "http", ""),
            ("https:foo", "https", ""),
            ("*", "", ""),
            ("HTTPS://h", "https", "h"),
            ("//a:1:2", "", "a:1:2"),
            ("https://[::1]:8080/x", "https", "[::1]:8080"),
        ] {
            let expected = ParsedUrl { scheme: scheme.into(), host: host.into() };
            assert_eq!(parse_url(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_in_gos_words() {
        for (text, fault) in [
            ("%zz", "invalid URL escape \"%zz\""),
            (":foo", "missing protocol scheme"),
            ("1http://x", "first path segment in URL cannot contain colon"),
            ("http://a b/", "invalid character \" \" in host name"),
            ("http://[::1", "missing ']' in host"),
            ("http://[::1]:x", "invalid port \":x\" after host"),
            ("http://a:b", "invalid port \":b\" after host"),
            ("http://a:80:81/", "invalid port \":80:81\" after host"),
            ("http://u ser@h/", "net/url: invalid userinfo"),
            ("http://%41/", "invalid URL escape \"%41\""),
            ("http://x/%zz", "invalid URL escape \"%zz\""),
            ("http://x#%zz", "invalid URL escape \"%zz\""),
            ("http://[::1]a", "invalid port \"a\" after host"),
            ("a://-[https", "invalid IP-literal"),
            ("b.c://[]?http", "invalid host: ParseAddr(\"\"): unable to parse IP"),
            ("http://a\nb/", "net/url: invalid control character in URL"),
        ] {
            assert_eq!(parse_url(text), Err(format!("parse {text:?}: {fault}")), "{text}");
        }
        // The fragment is quoted only where it is at fault.
        assert_eq!(parse_url(":a#b"), Err("parse \":a\": missing protocol scheme".into()));
    }

    #[test]
    fn request_uris_are_absolute() {
        for good in ["https://slsa.dev/provenance/v1", "/a", "mailto:a", "http:///p", "*"] {
            assert!(is_request_uri(good), "{good}");
        }
        for bad in ["", "foo", "a b", "1http://x", "foo/bar:baz", "http://a b/", "http://x#%zz", "http://a:b"] {
            assert!(!is_request_uri(bad), "{bad}");
        }
    }
}
