//! Host names.

use super::super::BuiltinError;

/// Go's `net.SplitHostPort`.
pub(super) fn split_port(text: &str) -> Result<(&str, &str), String> {
    let wrong = |why: &str| Err(if text.is_empty() { why.to_owned() } else { format!("address {text}: {why}") });
    let Some((before, port)) = text.rsplit_once(':') else { return wrong("missing port in address") };
    let Some(inner) = text.strip_prefix('[') else {
        return match before {
            _ if before.contains(':') => wrong("too many colons in address"),
            _ if text.contains('[') => wrong("unexpected '[' in address"),
            _ if text.contains(']') => wrong("unexpected ']' in address"),
            _ => Ok((before, port)),
        };
    };
    let Some((host, after)) = inner.split_once(']') else { return wrong("missing ']' in address") };
    if after.strip_prefix(':') != Some(port) {
        let colons = after.starts_with(':');
        return wrong(if colons { "too many colons in address" } else { "missing port in address" });
    }
    if inner.contains('[') {
        return wrong("unexpected '[' in address");
    }
    if after.contains(']') {
        return wrong("unexpected ']' in address");
    }
    Ok((host, port))
}

/// Whether a name passes the IDNA rules that CUE asks for (`golang.org/x/net/idna` 0.47): labels of 1 to 63 bytes
/// without hyphens at their ends or in the third and fourth place, 253 bytes in all. Two dots may end it.
pub(super) fn is_qualified(name: &str) -> Result<bool, BuiltinError> {
    if !name.is_ascii() || name.is_empty() {
        return Ok(false);
    }
    let labels = name.strip_suffix("..").or_else(|| name.strip_suffix('.')).unwrap_or(name);
    let mut valid = name.strip_suffix('.').unwrap_or(name).len() <= 253;
    for label in labels.split('.') {
        if label.starts_with("xn--") {
            return Err(BuiltinError::Unsupported(format!("net.FQDN of an encoded name ({label}) is not supported")));
        }
        let hyphens =
            label.starts_with('-') || label.ends_with('-') || (label.len() > 4 && label.get(2..4) == Some("--"));
        valid &= !label.is_empty() && label.len() <= 63 && !hyphens;
    }
    Ok(valid)
}
