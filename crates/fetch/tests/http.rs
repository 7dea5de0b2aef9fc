//! What servers and those between may do to a client, and what it does then.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

mod common;

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::{Server, client, options, respond, soon};
use sigward_fetch::{
    Budget, Client, Credential, DriveError, Error, Options, ProxySettings, RetryPolicy, drive, drive_all, run_blocking,
};
use sigward_verify::evidence::{Answer, Inquiry, Need, Response, Service, Step, Unreachable};

/// Asks once, gives what came back.
struct Ask(Option<Vec<Need>>);

impl Ask {
    fn get(url: &str, limit: usize) -> Self {
        Self(Some(vec![Need::get(Service::Direct, url.to_owned(), limit)]))
    }
}

impl Inquiry for Ask {
    type Out = Vec<Answer>;
    type Error = std::convert::Infallible;

    fn step(&mut self, answers: Vec<Answer>) -> Step<Self::Out, Self::Error> {
        match self.0.take() {
            Some(needs) => Step::Need(needs),
            None => Step::Done(answers),
        }
    }
}

fn ask(client: &Client, url: &str, limit: usize) -> Answer {
    let answers = run_blocking(drive(&mut Ask::get(url, limit), client, soon(), Budget::default())).unwrap().unwrap();
    answers.into_iter().next().unwrap()
}

fn get(client: &Client, url: &str) -> Result<Response, Unreachable> {
    ask(client, url, 1000).outcome
}

#[track_caller]
fn refused(outcome: Result<Response, Unreachable>) -> String {
    match outcome {
        Err(Unreachable::Refused { reason, .. }) => reason,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn plain_answer_with_its_host() {
    let server = Server::files(|path| (path == "/a?b").then(|| b"hello".to_vec()));
    let answer = ask(&client(), &format!("{}/a?b#c", server.url), 5);
    assert_eq!(answer.outcome.unwrap().body, b"hello");
    assert_eq!(format!("http://{}", answer.host), server.url);
    assert_eq!(answer.credential, None);
    let seen = server.seen.lock().unwrap()[0].clone();
    assert_eq!(seen.headers["user-agent"], concat!("sigward/", env!("CARGO_PKG_VERSION")));
    assert_eq!(seen.headers["accept-encoding"], "identity");
}

#[test]
fn post_has_its_body_and_type() {
    let server = Server::start(|_, stream| respond(stream, "200 OK", "Content-Type: application/json\r\n", b"[]"));
    let need = Need::post_json(Service::Rekor, server.url.clone(), b"{}".to_vec(), 10);
    let answers = run_blocking(drive(&mut Ask(Some(vec![need])), &client(), soon(), Budget::default()));
    let response = answers.unwrap().unwrap()[0].outcome.clone().unwrap();
    assert_eq!(response.content_type.unwrap(), "application/json");
    let seen = server.seen.lock().unwrap()[0].clone();
    assert_eq!((seen.method.as_str(), seen.body.as_slice()), ("POST", b"{}".as_slice()));
    assert_eq!(seen.headers["content-type"], "application/json");
}

#[test]
fn announced_endless_body_is_refused_before_reading() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n");
        std::thread::sleep(Duration::from_secs(5));
    });
    let started = Instant::now();
    let found = get(&client(), &server.url);
    assert_eq!(found, Err(Unreachable::TooLarge { url: format!("{}/", server.url), limit: 1000 }));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(server.count(), 1, "a body that is too large is not asked for again");
}

#[test]
fn endless_body_is_cut_at_the_limit() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(format!("100\r\n{}\r\n", "x".repeat(256)).as_bytes()).is_ok() {}
    });
    assert!(matches!(get(&client(), &server.url), Err(Unreachable::TooLarge { limit: 1000, .. })));
}

#[test]
fn long_page_for_not_found_is_not_too_large() {
    let server = Server::start(|_, stream| respond(stream, "404 Not Found", "", &[b'x'; 100_000]));
    let response = get(&client(), &server.url).unwrap();
    assert_eq!((response.status, response.body.len()), (404, 1000));
}

#[test]
fn truncated_body_is_an_error_after_all_attempts() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    });
    assert!(matches!(get(&client(), &server.url), Err(Unreachable::Transport { .. })));
    assert_eq!(server.count(), 4);
}

#[test]
fn truncated_body_then_whole_is_whole() {
    let count = AtomicU32::new(0);
    let server = Server::start(move |_, stream| match count.fetch_add(1, Ordering::SeqCst) {
        0 => drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")),
        _ => respond(stream, "200 OK", "", b"0123456789"),
    });
    assert_eq!(get(&client(), &server.url).unwrap().body, b"0123456789");
}

#[test]
fn slow_loris_ends_at_the_deadline() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let started = Instant::now();
    let deadline = started + Duration::from_millis(600);
    // The server is never silent for long, but on a busy machine it may seem so.
    let client = Client::new(Options { idle: Duration::from_secs(5), ..options() });
    let answers = run_blocking(drive(&mut Ask::get(&server.url, 1000), &client, deadline, Budget::default()));
    assert!(matches!(answers.unwrap().unwrap()[0].outcome, Err(Unreachable::TimedOut { .. })));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(server.count(), 1);
}

#[test]
fn silent_server_ends_at_the_idle_limit() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nx");
        std::thread::sleep(Duration::from_secs(3));
    });
    let client = Client::new(Options { retry: RetryPolicy::once(), ..options() });
    let started = Instant::now();
    assert!(matches!(get(&client, &server.url), Err(Unreachable::TimedOut { .. })));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn too_many_requests_then_ok() {
    let count = AtomicU32::new(0);
    let server = Server::start(move |_, stream| match count.fetch_add(1, Ordering::SeqCst) {
        0 => respond(stream, "429 Too Many Requests", "", b""),
        1 => respond(stream, "503 Service Unavailable", "", b""),
        _ => respond(stream, "200 OK", "", b"ok"),
    });
    assert_eq!(get(&client(), &server.url).unwrap().body, b"ok");
    assert_eq!(server.count(), 3);
}

#[test]
fn retry_after_is_honoured() {
    let count = AtomicU32::new(0);
    let server = Server::start(move |_, stream| match count.fetch_add(1, Ordering::SeqCst) {
        0 => respond(stream, "429 Too Many Requests", "Retry-After: 1\r\n", b""),
        _ => respond(stream, "200 OK", "", b"ok"),
    });
    let started = Instant::now();
    assert_eq!(get(&client(), &server.url).unwrap().status, 200);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[test]
fn retry_after_of_an_hour_is_an_answer() {
    let server = Server::start(|_, stream| respond(stream, "429 Too Many Requests", "Retry-After: 3600\r\n", b""));
    let started = Instant::now();
    assert_eq!(get(&client(), &server.url).unwrap().status, 429);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(server.count(), 1);
}

#[test]
fn not_found_and_not_implemented_are_not_repeated() {
    for status in ["404 Not Found", "400 Bad Request", "501 Not Implemented"] {
        let server = Server::start(move |_, stream| respond(stream, status, "", b""));
        get(&client(), &server.url).unwrap();
        assert_eq!(server.count(), 1, "{status}");
    }
}

#[test]
fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let found = get(&client(), &format!("http://127.0.0.1:{port}/"));
    let Err(Unreachable::Transport { reason, .. }) = found else { panic!("{found:?}") };
    assert!(reason.contains("refused"), "{reason}");
}

#[test]
fn redirects_are_followed_and_the_last_host_named() {
    let end = Server::files(|path| (path == "/end").then(|| b"here".to_vec()));
    let to = format!("Location: {}/end\r\n", end.url);
    let start = Server::start(move |_, stream| respond(stream, "302 Found", &to, b""));
    let answer = ask(&client(), &start.url, 100);
    assert_eq!(answer.outcome.unwrap().body, b"here");
    assert_eq!(format!("http://{}", answer.host), end.url);
}

#[test]
fn redirect_loop_ends() {
    let server = Server::start(|_, stream| respond(stream, "302 Found", "Location: /again\r\n", b""));
    assert!(refused(get(&client(), &server.url)).contains("10 redirects"));
    assert_eq!(server.count(), 11);
}

#[test]
fn redirect_to_a_file_is_refused() {
    let server = Server::start(|_, stream| respond(stream, "302 Found", "Location: file:///etc/passwd\r\n", b""));
    refused(get(&client(), &server.url));
}

#[test]
fn see_other_drops_the_body_and_307_keeps_it() {
    for (status, method, body) in [("303 See Other", "GET", ""), ("307 Temporary Redirect", "POST", "{}")] {
        let server = Server::start(move |seen, stream| match seen.path.as_str() {
            "/" => respond(stream, status, "Location: /next\r\n", b""),
            _ => respond(stream, "200 OK", "", b""),
        });
        let need = Need::post_json(Service::Rekor, server.url.clone(), b"{}".to_vec(), 10);
        run_blocking(drive(&mut Ask(Some(vec![need])), &client(), soon(), Budget::default())).unwrap().unwrap();
        let seen = server.seen.lock().unwrap()[1].clone();
        assert_eq!((seen.method.as_str(), seen.body.as_slice()), (method, body.as_bytes()));
        assert_eq!(seen.headers.contains_key("content-type"), method == "POST");
    }
}

#[test]
fn credentials_stay_with_their_host() {
    let thief = Server::files(|_| Some(Vec::new()));
    let to = format!("Location: {}/\r\n", thief.url);
    let server = Server::start(move |seen, stream| match seen.path.as_str() {
        "/away" => respond(stream, "302 Found", &to, b""),
        "/near" => respond(stream, "302 Found", "Location: /\r\n", b""),
        _ => respond(stream, "200 OK", "", b""),
    });
    let credential = Credential::bearer(&server.url, "test", "secret").unwrap();
    let client = Client::new(Options { credentials: vec![credential], ..options() });

    let near = ask(&client, &format!("{}/near", server.url), 10);
    assert_eq!(near.credential.as_deref(), Some("test"));
    let away = ask(&client, &format!("{}/away", server.url), 10);
    assert_eq!(away.credential, None);
    ask(&client, &thief.url, 10);

    assert!(server.seen.lock().unwrap().iter().all(|seen| seen.headers["authorization"] == "Bearer secret"));
    assert!(thief.seen.lock().unwrap().iter().all(|seen| !seen.headers.contains_key("authorization")));
    assert_eq!(thief.count(), 2);
}

#[test]
fn credentials_do_not_come_back_with_a_foreign_redirect() {
    let (sender, home) = std::sync::mpsc::channel::<String>();
    let home = std::sync::Mutex::new(home);
    let foreign = Server::start(move |_, stream| {
        let to = home.lock().unwrap().recv().unwrap();
        respond(stream, "302 Found", &format!("Location: {to}/chosen\r\n"), b"");
    });
    let to = format!("Location: {}/\r\n", foreign.url);
    let server = Server::start(move |seen, stream| match seen.path.as_str() {
        "/chosen" => respond(stream, "200 OK", "", b""),
        _ => respond(stream, "302 Found", &to, b""),
    });
    sender.send(server.url.clone()).unwrap();
    let credential = Credential::bearer(&server.url, "test", "secret").unwrap();
    let client = Client::new(Options { credentials: vec![credential], ..options() });
    get(&client, &server.url).unwrap();
    let seen = server.seen.lock().unwrap();
    assert!(seen[0].headers.contains_key("authorization"));
    assert!(!seen[1].headers.contains_key("authorization"));
}

#[test]
fn credentials_in_a_url_are_sent_but_not_shown() {
    let server = Server::start(|_, stream| respond(stream, "404 Not Found", "", b""));
    let url = server.url.replace("http://", "http://me:hunter2@");
    let error = run_blocking(client().get(&url, 10, soon())).unwrap().unwrap_err();
    assert!(matches!(error, Error::Status { status: 404, .. }));
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert_eq!(server.seen.lock().unwrap()[0].headers["authorization"], "Basic bWU6aHVudGVyMg==");
}

#[test]
fn plain_http_goes_through_the_proxy_in_absolute_form() {
    let proxy = Server::files(|path| (path == "http://far.invalid/x").then(|| b"by proxy".to_vec()));
    let proxies = ProxySettings { http: proxy.url.replace("//", "//user:pass@"), ..Default::default() };
    let client = Client::new(Options { proxies, ..options() });
    assert_eq!(get(&client, "http://far.invalid/x").unwrap().body, b"by proxy");
    assert_eq!(proxy.seen.lock().unwrap()[0].headers["proxy-authorization"], "Basic dXNlcjpwYXNz");
}

#[test]
fn https_goes_through_the_proxy_as_a_tunnel() {
    let proxy = Server::start(|_, stream| respond(stream, "407 Proxy Authentication Required", "", b""));
    let proxies = ProxySettings { https: proxy.url.clone(), ..Default::default() };
    let retry = RetryPolicy::once();
    let client = Client::new(Options { proxies, retry, ..options() });
    let found = get(&client, "https://far.invalid/x");
    let Err(Unreachable::Transport { reason, .. }) = found else { panic!("{found:?}") };
    assert!(reason.contains("proxy authorization required"), "{reason}");
    let seen = proxy.seen.lock().unwrap()[0].clone();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("CONNECT", "far.invalid:443"));
}

#[test]
fn proxy_that_cannot_be_read_is_not_passed_by() {
    let proxies = ProxySettings { https: "socks4://h:1".into(), ..Default::default() };
    let client = Client::new(Options { proxies, ..options() });
    let found = get(&client, "https://far.invalid/x");
    let Err(Unreachable::Transport { reason, .. }) = found else { panic!("{found:?}") };
    assert!(reason.contains("HTTPS_PROXY"), "{reason}");
}

#[test]
fn stream_has_constant_memory_and_a_limit() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..1000 {
            let _ = stream.write_all(format!("400\r\n{}\r\n", "x".repeat(1024)).as_bytes());
        }
        let _ = stream.write_all(b"0\r\n\r\n");
    });
    let read = |limit| {
        run_blocking(async {
            let mut stream = client().get_stream(&server.url, limit, soon()).await?;
            let mut total = 0;
            while let Some(chunk) = stream.chunk().await? {
                total += chunk.len();
            }
            Ok::<_, Error>(total)
        })
        .unwrap()
    };
    assert_eq!(read(10_000_000).unwrap(), 1024 * 1000);
    assert!(matches!(read(1_000), Err(Error::Unreachable(Unreachable::TooLarge { limit: 1_000, .. }))));
}

#[test]
fn stream_is_repeated_until_its_head_and_whole() {
    let count = AtomicU32::new(0);
    let server = Server::start(move |_, stream| match count.fetch_add(1, Ordering::SeqCst) {
        0 => respond(stream, "500 Internal Server Error", "", b"this is not the blob"),
        _ => respond(stream, "200 OK", "", &vec![b'x'; 3_000_000]),
    });
    let total = run_blocking(async {
        let mut stream = client().get_stream(&server.url, u64::MAX, soon()).await.unwrap();
        assert_eq!(stream.length, Some(3_000_000));
        let mut total = 0;
        while let Some(chunk) = stream.chunk().await.unwrap() {
            total += chunk.len();
        }
        total
    });
    assert_eq!(total.unwrap(), 3_000_000);
}

/// Never satisfied.
struct Greedy(String);

impl Inquiry for Greedy {
    type Out = ();
    type Error = std::convert::Infallible;

    fn step(&mut self, _: Vec<Answer>) -> Step<(), Self::Error> {
        Step::Need(vec![Need::get(Service::Direct, self.0.clone(), 1000); 3])
    }
}

#[test]
fn endless_inquiry_ends_with_its_budget_of_requests() {
    let server = Server::files(|_| Some(vec![b'x'; 100]));
    let budget = Budget { requests: 7, ..Budget::default() };
    let error = run_blocking(drive(&mut Greedy(server.url.clone()), &client(), soon(), budget)).unwrap().unwrap_err();
    assert!(matches!(error, DriveError::Stopped(Error::TooManyRequests { limit: 7 })), "{error}");
    assert!(server.count() <= 7);
}

#[test]
fn endless_inquiry_ends_with_its_budget_of_bytes() {
    let server = Server::files(|_| Some(vec![b'x'; 100]));
    let budget = Budget { bytes: 1_000, ..Budget::default() };
    let error = run_blocking(drive(&mut Greedy(server.url.clone()), &client(), soon(), budget)).unwrap().unwrap_err();
    assert!(matches!(error, DriveError::Stopped(Error::TooManyBytes { limit: 1_000 })), "{error}");
}

#[test]
fn nothing_asked_and_nothing_done_is_an_error() {
    let error = run_blocking(drive(&mut Ask(Some(Vec::new())), &client(), soon(), Budget::default()));
    assert!(matches!(error.unwrap(), Err(DriveError::Stopped(Error::NothingAsked))));
}

#[test]
fn answers_keep_the_order_of_needs_and_inquiries_their_own() {
    let server = Server::start(|seen, stream| {
        std::thread::sleep(Duration::from_millis(if seen.path == "/0" { 80 } else { 0 }));
        respond(stream, "200 OK", "", seen.path.as_bytes());
    });
    let need = |name: usize| Need::get(Service::Direct, format!("{}/{name}", server.url), 10);
    let mut inquiries = [Ask(Some(vec![need(0), need(1), need(2)])), Ask(Some(vec![need(3)])), Ask(None)];
    let found = run_blocking(drive_all(&mut inquiries, &client(), soon(), Budget::default())).unwrap();
    let bodies: Vec<Vec<String>> = found
        .into_iter()
        .map(|result| result.unwrap())
        .map(|answers| {
            answers.into_iter().map(|answer| String::from_utf8(answer.outcome.unwrap().body).unwrap()).collect()
        })
        .collect();
    assert_eq!(bodies, [vec!["/0", "/1", "/2"], vec!["/3"], vec![]]);
}

#[test]
fn budget_grows_with_the_inquiries() {
    let server = Server::files(|_| Some(b"x".to_vec()));
    let mut inquiries: Vec<Ask> = (0..20).map(|_| Ask::get(&server.url, 10)).collect();
    let budget = Budget { requests: 1, bytes: 1, ..Budget::default() };
    let found = run_blocking(drive_all(&mut inquiries, &client(), soon(), budget)).unwrap();
    assert!(found.iter().all(Result::is_ok));
}

#[test]
fn one_client_serves_several_runtimes() {
    let server = Server::files(|_| Some(b"x".to_vec()));
    let client = client();
    for _ in 0..3 {
        get(&client, &server.url).unwrap();
    }
}

#[test]
fn blocking_inside_of_a_runtime_is_an_error() {
    let nested = run_blocking(async { run_blocking(async {}) }).unwrap();
    assert!(matches!(nested, Err(Error::NestedRuntime)));
}

/// Reads a stream from byte `start` on: where it begins, and what comes.
fn stream_from(url: &str, start: u64, limit: u64) -> Result<(u64, Vec<u8>), Error> {
    run_blocking(async {
        let mut stream = client().get_stream_from(url, start, limit, soon()).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = stream.chunk().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok((stream.start, bytes))
    })
    .unwrap()
}

#[test]
fn the_rest_of_a_file() {
    let files = [("f".to_owned(), b"0123456789".to_vec())].into();
    let server = sigward_testkit::FileServer::start(files);
    let url = format!("{}/f", server.url());
    assert_eq!(stream_from(&url, 0, 10).unwrap(), (0, b"0123456789".to_vec()));
    assert_eq!(stream_from(&url, 4, 10).unwrap(), (4, b"456789".to_vec()));
    // All of it is there already.
    assert_eq!(stream_from(&url, 10, 10).unwrap(), (10, Vec::new()));
    // More is there than the server has.
    assert!(matches!(stream_from(&url, 11, 20), Err(Error::Status { status: 416, .. })));
    assert_eq!(server.requests()[1].header("range"), Some("bytes=4-"));
    assert_eq!(server.requests()[0].header("range"), None);
    // The limit is that of the file, not of the rest.
    assert!(matches!(stream_from(&url, 4, 9), Err(Error::Unreachable(Unreachable::TooLarge { .. }))));
}

#[test]
fn servers_that_do_not_know_ranges_or_lie_about_them() {
    use sigward_testkit::server::Response;
    let answer = |response: Response| sigward_testkit::Server::start(move |_| response.clone());
    let whole = answer(Response::ok("x", "0123456789"));
    assert_eq!(stream_from(&whole.url(), 4, 10).unwrap(), (0, b"0123456789".to_vec()));
    let other = answer(Response::new(206, "x", "23").with("Content-Range", "bytes 2-3/10"));
    assert!(matches!(stream_from(&other.url(), 4, 10), Err(Error::Unreachable(Unreachable::Refused { .. }))));
    let unasked = answer(Response::new(206, "x", "0123").with("Content-Range", "bytes 4-7/10"));
    assert!(matches!(stream_from(&unasked.url(), 0, 10), Err(Error::Unreachable(Unreachable::Refused { .. }))));
    let silent = answer(Response::new(206, "x", "456789"));
    assert!(matches!(stream_from(&silent.url(), 4, 10), Err(Error::Unreachable(Unreachable::Refused { .. }))));
    let endless = answer(Response::new(416, "x", "0".repeat(1000)).with("Content-Range", "bytes */5"));
    assert!(matches!(stream_from(&endless.url(), 4, 10), Err(Error::Status { status: 416, .. })));
}
