//! URLs, with the errors of Go's `net/url` (1.26).

use super::super::quote::{Plain, quote, quote_bytes};
use super::ip::Address;

/// The part of a URL that a text is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    Path,
    Segment,
    Host,
    Zone,
    User,
    Query,
    Fragment,
}

/// Whether a URL names its scheme.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    Absolute,
    Relative,
}

/// Reads a URL.
pub(super) fn parse(text: &str) -> Result<Form, String> {
    let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
    let told = |text: &str, why: String| format!("parse {}: {why}", quote(text, Plain::Printable));
    let form = parts(before).map_err(|why| told(before, why))?;
    unescape(fragment.as_bytes(), Mode::Fragment).map_err(|why| told(text, why))?;
    Ok(form)
}

fn parts(text: &str) -> Result<Form, String> {
    if text.bytes().any(|c| c < b' ' || c == 0x7f) {
        return Err("net/url: invalid control character in URL".into());
    }
    if text == "*" {
        return Ok(Form::Relative);
    }
    let (scheme, rest) = scheme(text)?;
    let form = if scheme.is_empty() { Form::Relative } else { Form::Absolute };
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    if !rest.starts_with('/') {
        if form == Form::Absolute {
            return Ok(form);
        }
        if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return Err("first path segment in URL cannot contain colon".into());
        }
    }
    let mut path = rest;
    if let Some(authority) = rest.strip_prefix("//").filter(|_| form == Form::Absolute || !rest.starts_with("///")) {
        let end = authority.find('/').unwrap_or(authority.len());
        let (authority, after) = authority.split_at_checked(end).unwrap_or((authority, ""));
        check_authority(authority)?;
        path = after;
    }
    unescape(path.as_bytes(), Mode::Path)?;
    Ok(form)
}

fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, c) in text.bytes().enumerate() {
        match c {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default())),
            _ => break,
        }
    }
    Ok(("", text))
}

fn check_authority(authority: &str) -> Result<(), String> {
    let Some((user, host)) = authority.rsplit_once('@') else { return check_host(authority) };
    check_host(host)?;
    let known = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !user.chars().all(known) {
        return Err("net/url: invalid userinfo".into());
    }
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    unescape(name.as_bytes(), Mode::User)?;
    unescape(password.as_bytes(), Mode::User)?;
    Ok(())
}

fn check_host(host: &str) -> Result<(), String> {
    let check_port = |port: &str| {
        let valid =
            port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|c| c.is_ascii_digit()));
        if valid { Ok(()) } else { Err(format!("invalid port {} after host", quote(port, Plain::Printable))) }
    };
    match host.rfind('[') {
        Some(0) => {
            let Some((literal, port)) = host.strip_prefix('[').and_then(|inner| inner.rsplit_once(']')) else {
                return Err("missing ']' in host".into());
            };
            check_port(port)?;
            return check_literal(literal);
        }
        Some(_) => return Err("invalid IP-literal".into()),
        None => {}
    }
    // Colons within a host are let through, as by a Go program of before 1.26 (go.dev/issue/75223).
    if let Some(port) = host.rfind(':').and_then(|at| host.get(at..)) {
        check_port(port)?;
    }
    unescape(host.as_bytes(), Mode::Host)?;
    Ok(())
}

/// What stands in brackets: an address of version 6.
fn check_literal(literal: &str) -> Result<(), String> {
    let zone = literal.find("%25").unwrap_or(literal.len());
    let (host, zone) = literal.split_at_checked(zone).unwrap_or((literal, ""));
    let mut name = unescape(host.as_bytes(), Mode::Host)?;
    name.extend(unescape(zone.as_bytes(), Mode::Zone)?);
    match Address::parse(&String::from_utf8_lossy(&name)) {
        Ok(Address::V6 { .. }) => Ok(()),
        Ok(Address::V4(_)) => Err("invalid IP-literal".into()),
        Err(why) => Err(format!("invalid host: {why}")),
    }
}

/// Whether a byte stands for itself.
fn is_plain(c: u8, mode: Mode) -> bool {
    if c.is_ascii_alphanumeric() || b"-._~".contains(&c) {
        return true;
    }
    let set: &[u8] = match mode {
        Mode::Path => b"$&+,/:;=@",
        Mode::Segment => b"$&+:=@",
        Mode::Host | Mode::Zone => b"!\"$&'()*+,:;<=>[]",
        Mode::User => b"$&+,;=",
        Mode::Query => b"",
        Mode::Fragment => b"!$&()*+,/:;=?@",
    };
    set.contains(&c)
}

/// Writes what does not stand for itself as `%XX`.
pub(super) fn escape(text: &str, mode: Mode) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.bytes() {
        match c {
            b' ' if mode == Mode::Query => out.push('+'),
            c if is_plain(c, mode) => out.push(char::from(c)),
            c => out.push_str(&format!("%{c:02X}")),
        }
    }
    out
}

/// Reads `%XX`.
pub(super) fn unescape(text: &[u8], mode: Mode) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        match first {
            b'%' => {
                let shown = rest.get(..3).unwrap_or(rest);
                let wrong = || format!("invalid URL escape {}", quote_bytes(shown));
                let digit = |at: usize| char::from(shown.get(at).copied().unwrap_or_default()).to_digit(16);
                let value = digit(1).zip(digit(2)).map(|(high, low)| high * 16 + low).ok_or_else(wrong)?;
                let value = u8::try_from(value).map_err(|_| wrong())?;
                // In a host only what is not ASCII, in a zone only what could stand for itself.
                let allowed = match mode {
                    Mode::Host => value >= 0x80 || value == b'%',
                    Mode::Zone => value == b'%' || value == b' ' || is_plain(value, Mode::Host),
                    _ => true,
                };
                if !allowed {
                    return Err(wrong());
                }
                out.push(value);
                rest = tail.get(2..).unwrap_or_default();
                continue;
            }
            b'+' if mode == Mode::Query => out.push(b' '),
            c if matches!(mode, Mode::Host | Mode::Zone) && c.is_ascii() && !is_plain(*c, mode) => {
                let shown = quote(&char::from(*c).to_string(), Plain::Printable);
                return Err(format!("invalid character {shown} in host name"));
            }
            c => out.push(*c),
        }
        rest = tail;
    }
    Ok(out)
}
