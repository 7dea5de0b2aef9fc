//! Posts admission reviews over kept connections to a webhook on this machine and prints, as one line of JSON, how many were
//! admitted, denied or not answered, how long they took, and how many there were in a second.
//!
//! It refuses addresses that are not loopback, and is bounded in reviews and in time.

#![expect(clippy::print_stdout, reason = "a program for benches")]

use std::io::{self, BufRead as _, BufReader, Error, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde::Deserialize;
use serde_json::json;

/// After this an answer is missing. The API server waits no longer than 30 s for a webhook.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer that is read.
const ANSWER_BYTES: usize = 8 << 20;

#[derive(Debug, Parser)]
struct Args {
    /// The webhook: http:// or https://, an address of this machine with its port, and a path.
    #[arg(long)]
    url: String,

    /// Reviews, one AdmissionReview a line. They are posted in turn, and again from the first.
    #[arg(long, value_name = "FILE")]
    reviews: PathBuf,

    /// How many are posted.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    count: u64,

    /// The longest that it goes on.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,

    /// Connections, each with one review at a time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=256))]
    connections: u64,

    /// Reviews that are begun in a second; a late one counts from when it was due. Without it: as many as are answered.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,

    /// Certificate authorities for https, PEM.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,

    /// The name in the certificate, if it is not the address.
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    let webhook = Webhook::new(&args)?;
    let requests = requests(&webhook, &args.reviews)?;
    let begin = Instant::now();
    let load = Load {
        webhook: &webhook,
        requests: &requests,
        count: usize::try_from(args.count).map_err(Error::other)?,
        next: AtomicUsize::new(0),
        begin,
        end: begin + Duration::from_secs(args.seconds),
        pause: args.rate.map(|rate| Duration::from_secs(1) / rate),
    };
    let tally = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..args.connections).map(|_| scope.spawn(|| load.run())).collect();
        threads.into_iter().try_fold(Tally::default(), |sum, thread| {
            Ok::<_, Error>(sum.plus(thread.join().map_err(|_| Error::other("a thread panicked"))?))
        })
    })?;
    println!("{}", tally.report(begin.elapsed()));
    Ok(())
}

/// Each review as the whole request that carries it.
fn requests(webhook: &Webhook, path: &Path) -> io::Result<Vec<Vec<u8>>> {
    let text = std::fs::read_to_string(path)?;
    let requests: Vec<_> = text.lines().filter(|line| !line.is_empty()).map(|line| webhook.request(line)).collect();
    if requests.is_empty() {
        return Err(Error::other(format!("{}: expected reviews, one a line, found none", path.display())));
    }
    Ok(requests)
}

/// Where reviews are posted.
struct Webhook {
    address: SocketAddr,
    path: String,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Webhook {
    fn new(args: &Args) -> io::Result<Self> {
        let unreadable = || Error::other(format!("expected http(s)://ADDRESS:PORT/PATH, found {}", args.url));
        let (scheme, rest) = args.url.split_once("://").ok_or_else(unreadable)?;
        let (address, path) = rest.split_once('/').ok_or_else(unreadable)?;
        let address: SocketAddr = address.parse().map_err(|_| unreadable())?;
        if !address.ip().is_loopback() {
            return Err(Error::other(format!(
                "expected a loopback address, found {address}: load is for one's own machine"
            )));
        }
        let tls = match scheme {
            "http" => None,
            "https" => Some(tls(args, address)?),
            _ => return Err(unreadable()),
        };
        Ok(Self { address, path: format!("/{path}"), tls })
    }

    fn request(&self, review: &str) -> Vec<u8> {
        let Self { address, path, .. } = self;
        let length = review.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), review.as_bytes()].concat()
    }

    fn connect(&self) -> io::Result<BufReader<Box<dyn Stream>>> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some((config, name)) => {
                let connection = ClientConnection::new(Arc::clone(config), name.clone()).map_err(Error::other)?;
                Box::new(StreamOwned::new(connection, stream))
            }
        };
        Ok(BufReader::new(stream))
    }
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

fn tls(args: &Args, address: SocketAddr) -> io::Result<(Arc<ClientConfig>, ServerName<'static>)> {
    let file = args.cacert.as_ref().ok_or_else(|| Error::other("expected --cacert FILE for https, found none"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(Error::other)? {
        roots.add(certificate.map_err(Error::other)?).map_err(Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = match &args.server_name {
        Some(name) => ServerName::try_from(name.clone()).map_err(Error::other)?,
        None => ServerName::from(address.ip()),
    };
    Ok((Arc::new(config), name))
}

/// What all connections share.
struct Load<'a> {
    webhook: &'a Webhook,
    requests: &'a [Vec<u8>],
    count: usize,
    next: AtomicUsize,
    begin: Instant,
    end: Instant,
    /// Time between two beginnings, where there is a rate.
    pause: Option<Duration>,
}

impl Load<'_> {
    /// Takes reviews until there are no more, or no more time.
    fn run(&self) -> Tally {
        let mut tally = Tally::default();
        let mut connection = None;
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(request) = self.requests.get(number % self.requests.len()) else { return tally };
            if number >= self.count || Instant::now() >= self.end {
                return tally;
            }
            let due = self.wait(number);
            match self.post(&mut connection, request) {
                Ok(is_allowed) => {
                    tally.took.push(due.elapsed());
                    if is_allowed { tally.admitted += 1 } else { tally.denied += 1 }
                }
                Err(error) => {
                    connection = None;
                    tally.errors += 1;
                    tally.first_error.get_or_insert(error.to_string());
                }
            }
        }
    }

    /// Waits until a review is due. Gives the time from which it counts.
    fn wait(&self, number: usize) -> Instant {
        let Some(pause) = self.pause else { return Instant::now() };
        let due = self.begin + pause.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due
    }

    /// One review on a connection that is made if there is none. Says whether the object was admitted.
    fn post(&self, connection: &mut Option<BufReader<Box<dyn Stream>>>, request: &[u8]) -> io::Result<bool> {
        let stream = match connection {
            Some(stream) => stream,
            none => none.insert(self.webhook.connect()?),
        };
        stream.get_mut().write_all(request)?;
        stream.get_mut().flush()?;
        let body = answer(stream)?;
        let answer: Answer = serde_json::from_slice(&body).map_err(Error::other)?;
        Ok(answer.response.allowed)
    }
}

#[derive(Deserialize)]
struct Answer {
    response: Response,
}

#[derive(Deserialize)]
struct Response {
    allowed: bool,
}

/// Reads an answer of status 200 that tells its length.
fn answer(stream: &mut BufReader<Box<dyn Stream>>) -> io::Result<Vec<u8>> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200 ") {
        return Err(Error::other(format!("expected status 200, found {line:?}")));
    }
    let mut length = None;
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line)?;
        if line.is_empty() {
            return Err(Error::from(io::ErrorKind::UnexpectedEof));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
    let length = length.filter(|length| *length <= ANSWER_BYTES);
    let mut body = vec![0; length.ok_or_else(|| Error::other("expected a content-length, found none or too much"))?];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// What came of reviews.
#[derive(Default)]
struct Tally {
    admitted: u64,
    denied: u64,
    errors: u64,
    first_error: Option<String>,
    took: Vec<Duration>,
}

impl Tally {
    fn plus(mut self, other: Self) -> Self {
        self.admitted += other.admitted;
        self.denied += other.denied;
        self.errors += other.errors;
        self.first_error = self.first_error.or(other.first_error);
        self.took.extend(other.took);
        self
    }

    fn report(mut self, elapsed: Duration) -> serde_json::Value {
        self.took.sort_unstable();
        let answered = self.admitted + self.denied;
        let milliseconds = |duration: Option<&Duration>| duration.map(|duration| duration.as_secs_f64() * 1e3);
        let quantile = |percent: usize| milliseconds(self.took.get(self.took.len() * percent / 100));
        json!({
            "admitted": self.admitted,
            "denied": self.denied,
            "errors": self.errors,
            "first_error": self.first_error,
            "seconds": elapsed.as_secs_f64(),
            "reviews_per_second": u32::try_from(answered).map_or(f64::NAN, f64::from) / elapsed.as_secs_f64(),
            "milliseconds": {
                "p50": quantile(50),
                "p90": quantile(90),
                "p99": quantile(99),
                "max": milliseconds(self.took.last()),
            },
        })
    }
}
