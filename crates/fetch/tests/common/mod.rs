//! A loopback server whose every connection is a script: tests say byte by byte what comes back.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sigward_fetch::{Client, Options, RetryPolicy};

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What the server does with the connection after it read a request.
pub type Handler = dyn Fn(&Seen, &mut TcpStream) + Send + Sync;

/// A running server; it ends with the process.
pub struct Server {
    pub url: String,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub fn start(handler: impl Fn(&Seen, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, handler): (_, Arc<Handler>) = (Arc::clone(&seen), Arc::new(handler));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, handler) = (Arc::clone(&log), Arc::clone(&handler));
                std::thread::spawn(move || serve(stream.unwrap(), &log, handler.as_ref()));
            }
        });
        Self { url, seen }
    }

    /// Files by path; everything else is 404.
    pub fn files(files: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::start(move |seen, stream| match files(&seen.path) {
            Some(body) => respond(stream, "200 OK", "", &body),
            None => respond(stream, "404 Not Found", "", b"no such file"),
        })
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub fn paths(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.path.clone()).collect()
    }
}

/// One connection, one request: hyper sees `Connection: close`.
fn serve(mut stream: TcpStream, log: &Mutex<Vec<Seen>>, handler: &Handler) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let seen = Seen { method, path, headers, body };
    log.lock().unwrap().push(seen.clone());
    handler(&seen, &mut stream);
}

/// A complete response. The client may have gone already: that is its right.
pub fn respond(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

/// A client that does not wait long.
pub fn client() -> Client {
    Client::new(options())
}

pub fn options() -> Options {
    Options {
        connect: Duration::from_secs(2),
        idle: Duration::from_millis(300),
        retry: RetryPolicy { first_pause: Duration::from_millis(2), ..RetryPolicy::default() },
        ..Options::default()
    }
}

pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}
