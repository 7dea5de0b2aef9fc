//! Text forms: base64, hexadecimal, PEM, canonical JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Standard base64 with padding.
pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// Reads standard base64; panics when it is none.
pub fn unb64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("base64")
}

/// Lower-case hexadecimal.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// Reads hexadecimal; panics when it is none.
pub fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "an odd number of hex digits");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

/// PEM as Go's `pem.Encode` writes it: 64 columns, a newline at the end.
pub fn pem(label: &str, der: &[u8]) -> String {
    let body = b64(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// A certificate as PEM.
pub fn cert_pem(der: &[u8]) -> String {
    pem("CERTIFICATE", der)
}

/// Several certificates as PEM, one after another.
pub fn chain_pem<'a>(ders: impl IntoIterator<Item = &'a Vec<u8>>) -> String {
    ders.into_iter().map(|der| cert_pem(der)).collect()
}

/// RFC 8785 (JCS): what Rekor signs and hashes. Numbers must be whole.
pub fn jcs(value: &Value) -> Vec<u8> {
    let mut out = String::new();
    write_canonical(value, &mut out, &|text| Value::from(text).to_string());
    out.into_bytes()
}

/// OLPC canonical JSON, as securesystemslib and go-tuf sign it: only `"` and `\` are escaped.
pub fn olpc(value: &Value) -> Vec<u8> {
    let mut out = String::new();
    write_canonical(value, &mut out, &|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
    out.into_bytes()
}

fn write_canonical(value: &Value, out: &mut String, quote: &dyn Fn(&str) -> String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&quote(key));
                out.push(':');
                write_canonical(&map[key], out, quote);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_canonical(item, out, quote);
            }
            out.push(']');
        }
        Value::String(text) => out.push_str(&quote(text)),
        other => out.push_str(&other.to_string()),
    }
}
