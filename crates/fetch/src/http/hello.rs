//! Whether a server speaks TLS, without speaking it: the first message of a handshake that will not be finished, and
//! the first byte of the answer.
//!
//! The TLS library would do as well, but its first handshake gathers entropy for some 30 ms, which is as long as
//! everything else that a loopback registry is asked.

use std::net::IpAddr;

use http::Uri;

/// TLS 1.3, RFC 8446 section 5.1: the types of the records that can come first.
const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;

/// Whether an answer begins as one in TLS: with a `ServerHello`, or with an alert that says why there is none.
pub(crate) fn is_tls(first: u8) -> bool {
    matches!(first, HANDSHAKE | ALERT)
}

/// A `ClientHello` (RFC 8446 section 4.1.2) that servers of TLS 1.2 and 1.3 understand.
pub(crate) fn client_hello(uri: &Uri) -> Vec<u8> {
    let mut body = vec![3, 3];
    // Not random: no secret comes of it.
    body.extend([0; 32]);
    body.extend(with_length::<1>(&[]));
    // What every server has one of: those of TLS 1.3, and ECDHE or RSA with AES of TLS 1.2.
    let ciphers = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0x009c, 0x002f, 0x0035];
    body.extend(with_length::<2>(&numbers(&ciphers)));
    // No compression.
    body.extend(with_length::<1>(&[0]));
    body.extend(with_length::<2>(&extensions(uri)));
    let mut handshake = vec![1];
    handshake.extend(with_length::<3>(&body));
    let mut record = vec![HANDSHAKE, 3, 1];
    record.extend(with_length::<2>(&handshake));
    record
}

fn extensions(uri: &Uri) -> Vec<u8> {
    let mut all = Vec::new();
    let mut extension = |kind: u16, content: Vec<u8>| {
        all.extend(kind.to_be_bytes());
        all.extend(with_length::<2>(&content));
    };
    // Servers that have several names hang up without it. Addresses are none (RFC 6066 section 3).
    let name = uri.host().filter(|host| !host.starts_with('[') && host.parse::<IpAddr>().is_err());
    if let Some(name) = name {
        let mut entry = vec![0];
        entry.extend(with_length::<2>(name.as_bytes()));
        extension(0, with_length::<2>(&entry));
    }
    // supported_groups: x25519, secp256r1, secp384r1.
    extension(10, with_length::<2>(&numbers(&[29, 23, 24])));
    // ec_point_formats: uncompressed.
    extension(11, with_length::<1>(&[0]));
    // signature_algorithms: ECDSA, RSA-PSS, RSA PKCS #1, Ed25519.
    let signatures = [0x0403, 0x0503, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0807];
    extension(13, with_length::<2>(&numbers(&signatures)));
    // supported_versions: 1.3, 1.2.
    extension(43, with_length::<1>(&numbers(&[0x0304, 0x0303])));
    // key_share: none yet; the server says which it wants (section 4.2.8).
    extension(51, with_length::<2>(&[]));
    all
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A vector of the TLS presentation language: its length in `N` bytes, and its content. What is put in is short.
fn with_length<const N: usize>(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let mut out: Vec<u8> = length.iter().copied().skip(length.len().saturating_sub(N)).collect();
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_tls_library_reads_it() {
        for (url, name) in [
            ("https://reg.local:5000/", Some("reg.local")),
            ("https://127.0.0.1:1/", None),
            ("https://[::1]:1/", None),
            (
                &format!("https://{}/", ["a".repeat(63).as_str(); 3].join(".")),
                Some(&*["a".repeat(63).as_str(); 3].join(".")),
            ),
        ] {
            let hello = client_hello(&url.parse().unwrap());
            let mut acceptor = rustls::server::Acceptor::default();
            acceptor.read_tls(&mut hello.as_slice()).unwrap();
            let accepted = acceptor.accept().map_err(|(error, _)| error).unwrap().unwrap();
            assert_eq!(accepted.client_hello().server_name(), name, "{url}");
        }
    }

    #[test]
    fn answers_of_servers() {
        let provider = || Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let config = rustls::ServerConfig::builder_with_provider(provider())
                .with_protocol_versions(&[version])
                .unwrap()
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(rustls::server::ResolvesServerCertUsingSni::new()));
            let mut server = rustls::ServerConnection::new(Arc::new(config)).unwrap();
            let hello = client_hello(&"https://reg.local/".parse().unwrap());
            server.read_tls(&mut hello.as_slice()).unwrap();
            // It has no certificate, which it says in TLS.
            let _ = server.process_new_packets();
            let mut answer = Vec::new();
            server.write_tls(&mut answer).unwrap();
            assert!(is_tls(answer[0]), "{answer:?}");
        }
        assert!(!is_tls(b'H') && !is_tls(0));
    }
}
