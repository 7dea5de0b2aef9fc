//! Connections that are of no use to anybody: whoever behaves is answered all the while, and they end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sigward_admission::review::{Answer, Request};
use sigward_admission::server::drain::Drain;
use sigward_admission::server::http::{Door, Figures};
use sigward_admission::server::listen::serve;
use sigward_admission::server::tls::{CertificateSlot, TlsVersion};
use sigward_admission::server::{About, Bounds, Hook, Reviewer, Reviewing};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How long anything may take. Nothing is decided by it but that a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// As long as a test may wait for a limit.
const SHORT: Duration = Duration::from_millis(400);

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3_600);

/// Whoever behaves.
const GOOD: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Whoever does not, and another one.
const EVIL: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];

struct Yes;

impl Reviewer for Yes {
    fn review(self: Arc<Self>, _: Hook, _: Request, _: Instant) -> Reviewing {
        Box::pin(std::future::ready(Answer::allowed(None, Vec::new())))
    }

    fn convert(&self, _: Value) -> Result<Value, String> {
        Err("not asked here".to_owned())
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn answered(&self, _: Hook, _: &About, _: &Answer, _: Duration) {}

    fn handshake_failed(&self, _: SocketAddr, _: &str) {}

    fn metrics(&self) -> String {
        String::new()
    }
}

/// Nothing ends by itself, and there is room for a few.
fn patient() -> Bounds {
    Bounds {
        connections: 32,
        connections_of_one: 8,
        handshake: LONG,
        head: LONG,
        idle: LONG,
        ping: LONG,
        body: LONG,
        ..Bounds::default()
    }
}

async fn start(bounds: Bounds) -> SocketAddr {
    start_with(bounds, None).await
}

async fn start_with(bounds: Bounds, tls: Option<Arc<rustls::ServerConfig>>) -> SocketAddr {
    let door = Door::new(Arc::new(Yes), Drain::new(Duration::ZERO, Duration::ZERO), Figures::Elsewhere, bounds);
    let listener = TcpListener::bind((GOOD, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    // It ends with the runtime of the test.
    tokio::spawn(serve(listener, tls, Arc::new(door), std::future::pending(), Duration::ZERO));
    address
}

async fn connect(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    socket.connect(to).await.unwrap()
}

/// Whoever behaves asks, and is answered.
#[track_caller]
fn review_is_answered(address: SocketAddr) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let object = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}});
        let request = json!({"uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE",
            "namespace": "apps", "object": object});
        let body = json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request});
        let body = body.to_string();
        let text = format!(
            "POST /validations HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let asking = async {
            let mut stream = connect(GOOD, address).await;
            stream.write_all(text.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{caller}: no answer"));
        assert!(answer.contains("\"allowed\":true"), "{caller}: {answer}");
    }
}

/// Everything until the other side ends the connection.
async fn until_the_end(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut said = Vec::new();
    // It may also break it off.
    let reading = async {
        let mut some = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut some).await {
            said.extend_from_slice(&some[..count]);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("it is still open");
    said
}

/// Writes these bytes one by one, again and again, for as long as somebody listens.
fn trickle(stream: TcpStream, bytes: &'static [u8]) -> impl AsyncRead + Unpin {
    let (read, mut write) = stream.into_split();
    tokio::spawn(async move {
        for byte in bytes.iter().cycle() {
            tokio::time::sleep(SHORT / 20).await;
            if write.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    });
    read
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_say_nothing() {
    let address = start(Bounds { head: SHORT, ..patient() }).await;
    for said in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM", "POST /vali", "POST /validations HTTP/1.1\r\nHost: x\r\n"] {
        let mut held = Vec::new();
        for _ in 0..20 {
            let mut stream = connect(EVIL[0], address).await;
            // More than it may have are closed at once.
            let _ = stream.write_all(said.as_bytes()).await;
            held.push(stream);
        }
        for _ in 0..5 {
            review_is_answered(address).await;
        }
        for stream in held {
            until_the_end(stream).await;
        }
    }
}

/// As many as one address may have: others have theirs, whoever comes before its first request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_that_takes_all_its_places() {
    let address = start(patient()).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(connect(EVIL[0], address).await);
    }
    until_the_end(connect(EVIL[0], address).await).await;
    for _ in 0..5 {
        review_is_answered(address).await;
    }
    drop(held);
}

/// All places there are, by connections that live and ask nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_that_take_all_places() {
    let address = start(Bounds { connections: 16, head: SHORT, ..patient() }).await;
    let mut held = Vec::new();
    for from in EVIL {
        for _ in 0..8 {
            let mut peer = Peer::connect(from, address).await;
            // It has been of use once.
            peer.send(HEADERS, END_STREAM | END_HEADERS, 1, &get()).await;
            held.push(tokio::spawn(peer.run(Pings::Answered)));
        }
    }
    review_is_answered(address).await;
    // Whoever is still there may stay: there is room again.
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_come_byte_by_byte() {
    let address = start(Bounds { head: SHORT, ..patient() }).await;
    let mut held = Vec::new();
    for begin in ["POST /validations HTTP/1.1\r\nHost: x\r\n", ""] {
        for _ in 0..4 {
            let mut stream = connect(EVIL[0], address).await;
            stream.write_all(begin.as_bytes()).await.unwrap();
            held.push(trickle(stream, b"X-Header: x\r\n"));
        }
    }
    for _ in 0..5 {
        review_is_answered(address).await;
    }
    for stream in held {
        until_the_end(stream).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_come_byte_by_byte() {
    let address = start(Bounds { body: SHORT, ..patient() }).await;
    let mut held = Vec::new();
    for (framing, bytes) in [("Content-Length: 1000000", &b" "[..]), ("Transfer-Encoding: chunked", b"1\r\n \r\n")] {
        for _ in 0..4 {
            let mut stream = connect(EVIL[0], address).await;
            let head = "POST /validations?timeout=30s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
            stream.write_all(format!("{head}{framing}\r\n\r\n").as_bytes()).await.unwrap();
            held.push(trickle(stream, bytes));
        }
    }
    for _ in 0..5 {
        review_is_answered(address).await;
    }
    for stream in held {
        let said = until_the_end(stream).await;
        assert!(said.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&said));
    }
}

/// One connection may carry hundreds of requests: their bodies take the room of their own address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_bodies_of_one_address() {
    let address = start(Bounds { bodies_kb: 512, bodies_of_one_kb: 256, ..patient() }).await;
    let mut peer = Peer::connect(EVIL[0], address).await;
    for stream in 0..200_u32 {
        peer.send(HEADERS, END_HEADERS, 2 * stream + 1, &post()).await;
        peer.send(DATA, 0, 2 * stream + 1, b"{").await;
    }
    // All of that has arrived once this is answered.
    peer.ping().await;
    for _ in 0..5 {
        review_is_answered(address).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_that_nobody_answers() {
    let address = start(Bounds { ping: SHORT / 4, pong: SHORT / 4, ..patient() }).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut peer = Peer::connect(EVIL[0], address).await;
        peer.send(HEADERS, END_HEADERS, 1, &post()).await;
        held.push(tokio::spawn(peer.run(Pings::Ignored)));
        // A head that never ends, so that no ping can be answered.
        let mut peer = Peer::connect(EVIL[0], address).await;
        peer.send(HEADERS, 0, 1, &post()[..4]).await;
        held.push(tokio::spawn(peer.run(Pings::Ignored)));
    }
    for _ in 0..5 {
        review_is_answered(address).await;
    }
    for peer in held {
        peer.await.unwrap();
    }
}

/// It lives, and asks nothing (any more).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_that_are_answered_and_nothing_else() {
    let fast = Bounds { ping: SHORT / 4, ..patient() };
    for (bounds, asks) in [(Bounds { head: SHORT, ..fast }, false), (Bounds { idle: SHORT, head: SHORT, ..fast }, true)]
    {
        let address = start(bounds).await;
        let mut held = Vec::new();
        for _ in 0..8 {
            let mut peer = Peer::connect(EVIL[0], address).await;
            if asks {
                peer.send(HEADERS, END_STREAM | END_HEADERS, 1, &get()).await;
            }
            held.push(tokio::spawn(peer.run(Pings::Answered)));
        }
        for _ in 0..5 {
            review_is_answered(address).await;
        }
        for peer in held {
            peer.await.unwrap();
        }
    }
}

/// Requests without end, whose answers stay where they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_takes() {
    let address = start(Bounds { idle: SHORT, head: SHORT, ..patient() }).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut stream = connect(EVIL[0], address).await;
        held.push(tokio::spawn(async move {
            let many = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
            while stream.write_all(many.as_bytes()).await.is_ok() {}
        }));
    }
    for _ in 0..5 {
        review_is_answered(address).await;
    }
    for peer in held {
        tokio::time::timeout(PATIENCE, peer).await.expect("it is still open").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_do_not_come() {
    let tls = CertificateSlot::default().server_config(TlsVersion::V13).unwrap();
    let address = start_with(Bounds { handshake: SHORT, ..patient() }, Some(Arc::new(tls))).await;
    for said in [&b""[..], b"\x16\x03\x01", b"\x16\x03\x01\x40\x00\x01"] {
        let mut stream = connect(EVIL[0], address).await;
        stream.write_all(said).await.unwrap();
        until_the_end(stream).await;
    }
}

/// A connection that is used stays, however long: between requests, and while one is judged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_that_is_used_stays() {
    let address = start(Bounds { head: SHORT, idle: LONG, ..patient() }).await;
    let mut peer = Peer::connect(GOOD, address).await;
    for stream in 0..3 {
        peer.send(HEADERS, END_STREAM | END_HEADERS, 2 * stream + 1, &get()).await;
        peer.ping().await;
        tokio::time::sleep(SHORT * 2).await;
    }
    peer.ping().await;
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

enum Pings {
    Answered,
    Ignored,
}

/// Somebody who speaks HTTP/2 as far as it serves its purpose.
struct Peer {
    stream: TcpStream,
}

impl Peer {
    async fn connect(from: Ipv4Addr, to: SocketAddr) -> Self {
        let mut stream = connect(from, to).await;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut peer = Self { stream };
        peer.send(SETTINGS, 0, 0, &[]).await;
        peer
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        // Whoever was sent away learns it when it reads.
        let _ = self.stream.write_all(&frame).await;
    }

    /// The next frame's kind, flags and payload; nothing at the end.
    async fn next(&mut self) -> Option<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((head[3], head[4], payload))
    }

    /// Asks whether the server lives, and waits until it says so.
    async fn ping(&mut self) {
        self.send(PING, 0, 0, b"12345678").await;
        let answered = async {
            loop {
                let (kind, flags, _) = self.next().await.expect("it is closed");
                if (kind, flags) == (PING, ACK) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.expect("no answer");
    }

    /// Lives until the server ends it.
    async fn run(mut self, pings: Pings) {
        let living = async {
            while let Some((kind, flags, payload)) = self.next().await {
                match (kind, &pings) {
                    (PING, Pings::Answered) if flags & ACK == 0 => self.send(PING, ACK, 0, &payload).await,
                    (SETTINGS, Pings::Answered) if flags & ACK == 0 => self.send(SETTINGS, ACK, 0, &[]).await,
                    _ => {}
                }
            }
        };
        // Longer than whoever behaves waits.
        tokio::time::timeout(PATIENCE * 2, living).await.expect("it is still open");
    }
}

/// `GET /healthz`, as HPACK has it: fields of the static table, and a literal path.
fn get() -> Vec<u8> {
    [&[0x82, 0x86, 0x04, 8][..], b"/healthz", &[0x01, 1], b"x"].concat()
}

/// `POST /validations` with JSON.
fn post() -> Vec<u8> {
    let json = &b"application/json"[..];
    [&[0x83, 0x86, 0x04, 12][..], b"/validations", &[0x01, 1], b"x", &[0x0f, 0x10, 16], json].concat()
}
