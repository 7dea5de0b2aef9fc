//! A loopback HTTP/1.1 server with keep-alive, a request log, and faults on demand.
//!
//! Dropping it closes all connections and joins all threads.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::fault::{Fault, FaultKind};
use crate::text::chain_pem;
use crate::tls::Localhost;

/// Largest request body that is read.
const MAX_BODY: usize = 64 << 20;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// A response to be sent.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers besides Content-Length.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// 200 with a content type.
    pub fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, content_type, body)
    }

    /// 200 with JSON.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::ok("application/json", value.to_string())
    }

    /// Any status.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type".to_owned(), content_type.to_owned())], body: body.into() }
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::new(404, "text/plain", "not found\n")
    }

    /// Adds a header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

type Handler = dyn Fn(&Request) -> Response + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    tls: Option<Arc<ServerConfig>>,
    stop: AtomicBool,
    next_id: AtomicU64,
    /// Requests that are being answered, and the most that ever were.
    answering: AtomicUsize,
    most: AtomicUsize,
    log: Mutex<Vec<Request>>,
    faults: Mutex<Vec<Fault>>,
    streams: Mutex<BTreeMap<u64, TcpStream>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    authority: Option<String>,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Serves what `handler` answers, on a free port of 127.0.0.1.
    pub fn start(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::with(handler, None)
    }

    /// The same over https, as `localhost`, with a certificate of an authority of its own.
    pub fn start_https(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::with(handler, Some(Localhost::new()))
    }

    fn with(handler: impl Fn(&Request) -> Response + Send + Sync + 'static, identity: Option<Localhost>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            tls: identity.as_ref().map(Localhost::server_config),
            stop: AtomicBool::new(false),
            next_id: AtomicU64::new(0),
            answering: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            log: Mutex::default(),
            faults: Mutex::default(),
            streams: Mutex::default(),
            threads: Mutex::default(),
        });
        let acceptor = Some(std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        }));
        let authority = identity.map(|identity| chain_pem([&identity.root]));
        Self { address, authority, shared, acceptor }
    }

    /// `http://127.0.0.1:PORT`, or `https://localhost:PORT`.
    pub fn url(&self) -> String {
        match self.authority {
            Some(_) => format!("https://localhost:{}", self.address.port()),
            None => format!("http://{}", self.address),
        }
    }

    /// The authority of its certificate, PEM; empty without TLS.
    pub fn authority(&self) -> &str {
        self.authority.as_deref().unwrap_or_default()
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a fault; the first that matches a request acts.
    pub fn fault(&self, fault: Fault) {
        lock(&self.shared.faults).push(fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).clear();
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.log).clone()
    }

    /// How many requests so far.
    pub fn count(&self) -> usize {
        lock(&self.shared.log).len()
    }

    /// How many requests had this in their path.
    pub fn count_of(&self, part: &str) -> usize {
        lock(&self.shared.log).iter().filter(|request| request.path.contains(part)).count()
    }

    /// How many requests were answered at the same time at the most.
    pub fn most_at_once(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        lock(&self.shared.log).clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // The acceptor sleeps in accept(): a connection wakes it.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
        for stream in lock(&self.shared.streams).values() {
            drop(stream.shutdown(Shutdown::Both));
        }
        let threads: Vec<_> = lock(&self.shared.threads).drain(..).collect();
        for thread in threads {
            drop(thread.join());
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Ok(copy) = stream.try_clone() else { continue };
        let id = shared.next_id.fetch_add(1, Ordering::SeqCst);
        lock(&shared.streams).insert(id, copy);
        let thread = std::thread::spawn({
            let shared = Arc::clone(shared);
            move || {
                // An error here is a client that went away.
                drop(greet(&stream, &shared));
                drop(stream.shutdown(Shutdown::Both));
                lock(&shared.streams).remove(&id);
            }
        });
        let mut threads = lock(&shared.threads);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
    }
}

fn greet(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let Some(config) = &shared.tls else { return converse(BufReader::new(stream.try_clone()?), shared) };
    let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    converse(BufReader::new(StreamOwned::new(connection, stream.try_clone()?)), shared)
}

fn converse<S: Read + Write>(mut stream: BufReader<S>, shared: &Shared) -> io::Result<()> {
    while let Some(request) = read_request(&mut stream)? {
        let fault = lock(&shared.faults).iter_mut().find_map(|fault| fault.take(&request.path));
        lock(&shared.log).push(request.clone());
        let close = request.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
        let now = shared.answering.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most.fetch_max(now, Ordering::SeqCst);
        let keep = match fault {
            None => respond(stream.get_mut(), &request, &(shared.handler)(&request), close),
            Some(kind) => act(stream.get_mut(), &request, kind, shared),
        };
        shared.answering.fetch_sub(1, Ordering::SeqCst);
        let keep = keep?;
        if !keep || close {
            break;
        }
    }
    Ok(())
}

fn read_request<S: Read + Write>(reader: &mut BufReader<S>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let mut request = Request {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        ..Request::default()
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if request.header("expect").is_some() {
        reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if request.header("transfer-encoding").is_some() {
        request.body = read_chunked(reader)?;
    } else {
        let len = request.header("content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
        request.body = vec![0; usize::min(len, MAX_BODY)];
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

fn read_chunked(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let len = usize::from_str_radix(line.trim(), 16).unwrap_or(0).min(MAX_BODY);
        let mut chunk = vec![0; len + 2];
        reader.read_exact(&mut chunk)?;
        if len == 0 || body.len() + len > MAX_BODY {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..len]);
    }
}

fn respond(stream: &mut impl Write, request: &Request, response: &Response, close: bool) -> io::Result<bool> {
    let mut out = head(response, response.body.len(), close);
    if request.method != "HEAD" {
        out.extend_from_slice(&response.body);
    }
    stream.write_all(&out)?;
    Ok(true)
}

fn act(stream: &mut impl Write, request: &Request, kind: FaultKind, shared: &Shared) -> io::Result<bool> {
    let usual = || (shared.handler)(request);
    match kind {
        FaultKind::Delay(time) => {
            sleep(time, shared);
            respond(stream, request, &usual(), false)
        }
        FaultKind::Truncate(sent) => {
            let response = usual();
            let mut out = head(&response, response.body.len(), true);
            out.extend_from_slice(&response.body[..sent.min(response.body.len())]);
            stream.write_all(&out)?;
            Ok(false)
        }
        FaultKind::Drip { chunk, pause } => {
            let response = usual();
            stream.write_all(&head(&response, response.body.len(), true))?;
            for part in response.body.chunks(chunk.max(1)) {
                if shared.stop.load(Ordering::SeqCst) {
                    break;
                }
                stream.write_all(part)?;
                sleep(pause, shared);
            }
            Ok(false)
        }
        FaultKind::Endless { bound } => {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
            )?;
            let mut chunk = b"4000\r\n".to_vec();
            chunk.extend(vec![b' '; 0x4000]);
            chunk.extend_from_slice(b"\r\n");
            for _ in 0..bound / 0x4000 {
                if shared.stop.load(Ordering::SeqCst) {
                    break;
                }
                stream.write_all(&chunk)?;
            }
            Ok(false)
        }
        FaultKind::Change(change) => respond(stream, request, &change(usual()), false),
        FaultKind::Answer(response) => respond(stream, request, &response, false),
        FaultKind::HangUp => Ok(false),
    }
}

fn head(response: &Response, len: usize, close: bool) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    for (name, value) in &response.headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    if close {
        out.push_str("Connection: close\r\n");
    }
    out.push_str(&format!("Content-Length: {len}\r\n\r\n"));
    out.into_bytes()
}

fn sleep(time: Duration, shared: &Shared) {
    let slice = Duration::from_millis(10);
    let mut left = time;
    while !left.is_zero() && !shared.stop.load(Ordering::SeqCst) {
        let now = left.min(slice);
        std::thread::sleep(now);
        left -= now;
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 | 302 | 307 | 308 => "Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        416 => "Range Not Satisfiable",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Other",
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
