//! `encoding/json`: why a text is no JSON.

/// What Go says about the most usual mistakes: nothing at all, or something else from the first character on. `None` for
/// others.
pub(crate) fn json_fault(text: &[u8]) -> Option<String> {
    let mut rest = text.trim_ascii_start();
    let Some(&first) = rest.first() else { return Some("unexpected end of JSON input".into()) };
    for literal in ["null", "true", "false"] {
        if !literal.starts_with(char::from(first)) {
            continue;
        }
        for expected in literal.bytes() {
            match rest.split_first() {
                None => return Some("unexpected end of JSON input".into()),
                Some((&found, after)) if found == expected => rest = after,
                Some((&found, _)) => {
                    let (found, expected) = (quoted(found), quoted(expected));
                    return Some(format!("invalid character {found} in literal {literal} (expecting {expected})"));
                }
            }
        }
        return None;
    }
    let starts_a_value = matches!(first, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9');
    (!starts_a_value).then(|| format!("invalid character {} looking for beginning of value", quoted(first)))
}

fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".into(),
        b'"' => "'\"'".into(),
        byte if byte.is_ascii_graphic() || byte == b' ' => format!("'{}'", char::from(byte)),
        byte if byte < 0x80 => format!("'\\x{byte:02x}'"),
        byte => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.26 answers.
    #[test]
    fn faults_are_said_in_gos_words() {
        for (text, fault) in [
            ("", "unexpected end of JSON input"),
            (" \n", "unexpected end of JSON input"),
            ("not json", "invalid character 'o' in literal null (expecting 'u')"),
            ("tru", "unexpected end of JSON input"),
            ("falsy", "invalid character 'y' in literal false (expecting 'e')"),
            ("<html>", "invalid character '<' looking for beginning of value"),
            ("garbage", "invalid character 'g' looking for beginning of value"),
        ] {
            assert_eq!(json_fault(text.as_bytes()).as_deref(), Some(fault), "{text}");
        }
        for other in ["{", "[1,]", "null x", "\"a"] {
            assert_eq!(json_fault(other.as_bytes()), None, "{other}");
        }
    }
}
