//! The loopback servers, over plain sockets.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sigward_testkit::files::Files;
use sigward_testkit::text::{b64, hex};
use sigward_testkit::{Fault, FileServer, Leaf, Rekor, RekorServer, Server, Signed, Sigstore, sha256};

/// Sends one request on a connection of its own and reads until the server closes.
fn ask(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut out = Vec::new();
    drop(stream.read_to_end(&mut out));
    String::from_utf8_lossy(&out).into_owned()
}

fn get(server: &Server, path: &str) -> String {
    ask(server, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
}

fn retrieve(server: &Server, query: &Value) -> (u16, Value) {
    let body = query.to_string();
    let head = format!(
        "POST /api/v1/log/entries/retrieve HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = ask(server, &format!("{head}{body}"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn files() -> FileServer {
    FileServer::start(Files::from([("a/b.txt".to_owned(), b"0123456789".to_vec())]))
}

#[test]
fn files_with_range_head_and_keep_alive() {
    let server = files();
    assert!(get(&server, "/a/b.txt").ends_with("\r\n\r\n0123456789"));
    assert!(get(&server, "/a/c.txt").starts_with("HTTP/1.1 404 "));
    for (range, want) in [("2-4", "234"), ("7-", "789"), ("-2", "89"), ("8-99", "89")] {
        let answer =
            ask(&server, &format!("GET /a/b.txt HTTP/1.1\r\nRange: bytes={range}\r\nConnection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 206 ") && answer.ends_with(&format!("\r\n\r\n{want}")), "{answer}");
    }
    let beyond = ask(&server, "GET /a/b.txt HTTP/1.1\r\nRange: bytes=10-\r\nConnection: close\r\n\r\n");
    assert!(beyond.starts_with("HTTP/1.1 416 "), "{beyond}");
    let two = "HEAD /a/b.txt HTTP/1.1\r\n\r\nGET /a/b.txt HTTP/1.1\r\nConnection: close\r\n\r\n";
    let answer = ask(&server, two);
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert_eq!(answer.matches("0123456789").count(), 1, "{answer}");
    assert_eq!(server.count_of("b.txt"), 8);
    assert_eq!(server.requests()[2].header("range"), Some("bytes=2-4"));
}

#[test]
fn faults_befall_whom_they_should() {
    let server = files();
    server.fault(Fault::retry_after("b.txt", 429, 7).first(2));
    server.fault(Fault::status("b.txt", 503).nth(1));
    server.fault(Fault::truncate("b.txt", 4).first(1));
    let all: Vec<_> = (0..6).map(|_| get(&server, "/a/b.txt")).collect();
    assert!(all[0].starts_with("HTTP/1.1 429 ") && all[0].contains("Retry-After: 7\r\n"));
    assert!(all[1].starts_with("HTTP/1.1 429 "));
    // The 503 lets one pass it, which the truncation takes.
    assert!(all[2].contains("Content-Length: 10\r\n") && all[2].ends_with("\r\n\r\n0123"), "{}", all[2]);
    assert!(all[3].starts_with("HTTP/1.1 503 "), "{}", all[3]);
    assert!(all[4].ends_with("\r\n\r\n0123456789") && all[5] == all[4]);
    server.fault(Fault::redirect("/a/", "http://elsewhere/").first(1));
    assert!(get(&server, "/a/b.txt").contains("Location: http://elsewhere/\r\n"));
    server.fault(Fault::hang_up("/a/").first(1));
    assert_eq!(get(&server, "/a/b.txt"), "");
}

#[test]
fn an_endless_body_ends_when_the_client_goes() {
    let server = files();
    server.fault(Fault::endless("/"));
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"GET /x HTTP/1.1\r\n\r\n").unwrap();
    let mut some = vec![0; 1 << 20];
    stream.read_exact(&mut some).unwrap();
    drop(stream);
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn dropping_a_server_frees_its_port_and_wakes_sleepers() {
    let server = files();
    let address = server.address();
    server.fault(Fault::delay("/", Duration::from_secs(60)));
    let idle = TcpStream::connect(address).unwrap();
    let mut waiting = TcpStream::connect(address).unwrap();
    waiting.write_all(b"GET /x HTTP/1.1\r\n\r\n").unwrap();
    while server.count() == 0 {
        std::thread::yield_now();
    }
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(address).is_err());
    drop((idle, waiting));
}

fn proposal(signed: &Signed, digest: &[u8]) -> Value {
    json!({"entries": [{"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": hex(digest)}},
        "signature": {"content": signed.sig(), "publicKey": {"content": b64(signed.verifier_pem())}},
    }}]})
}

#[test]
fn rekor_finds_entries_in_every_way_it_has() {
    let s = Sigstore::new();
    let signed = s.sign_blob(b"hello", Leaf::default());
    let server = RekorServer::start(&s.rekor);
    let want = signed.entry.to_api_map();
    for id in [signed.entry.leaf_id(), signed.entry.uuid()] {
        let answer = get(&server, &format!("/api/v1/log/entries/{id}"));
        assert!(answer.ends_with(&want.to_string()), "{answer}");
    }
    let index = signed.entry.log_index;
    assert!(get(&server, &format!("/api/v1/log/entries?logIndex={index}")).ends_with(&want.to_string()));
    let unknown = "00".repeat(32);
    assert!(get(&server, &format!("/api/v1/log/entries/{unknown}")).starts_with("HTTP/1.1 404 "));
    assert!(get(&server, "/api/v1/log/entries/00").starts_with("HTTP/1.1 422 "));
    let query = json!({"entryUUIDs": [unknown, signed.entry.leaf_id()], "logIndexes": [index]});
    assert_eq!(retrieve(&server, &query), (200, json!([want, want])));
    assert_eq!(retrieve(&server, &proposal(&signed, &sha256(b"hello"))), (200, json!([want])));
    let many = vec![unknown; 11];
    assert_eq!(retrieve(&server, &json!({"entryUUIDs": many})).0, 422);
}

#[test]
fn rekor_says_what_the_real_one_says_of_a_wrong_signature() {
    let s = Sigstore::new();
    let signed = s.sign_blob(b"hello", Leaf::default());
    let server = RekorServer::start(&s.rekor);
    let want = json!({
        "code": 400,
        "message": "verifying signature: invalid signature when validating ASN.1 encoded signature",
    });
    assert_eq!(retrieve(&server, &proposal(&signed, &sha256(b"other"))), (400, want));
    let stranger = Sigstore { rekor: Rekor::v1("https://other.test"), ..s.clone() };
    let unlogged = stranger.sign_blob(b"hello", Leaf::default());
    assert_eq!(retrieve(&server, &proposal(&unlogged, &sha256(b"hello"))), (200, json!([])));
}

#[test]
fn rekor_can_answer_with_another_entry() {
    let s = Sigstore::new();
    let (asked, other) = (s.sign_blob(b"hello", Leaf::default()), s.sign_blob(b"world", Leaf::default()));
    let server = RekorServer::start(&s.rekor);
    server.answer_instead(&asked.entry.leaf_id(), other.entry.to_api_map());
    let (_, found) = retrieve(&server, &json!({"entryUUIDs": [asked.entry.leaf_id()]}));
    assert_eq!(found, json!([other.entry.to_api_map()]));
}
