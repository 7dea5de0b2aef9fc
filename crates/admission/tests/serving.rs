//! Connections: probes, certificates, figures, and going away.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod scene;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use scene::{JSON, Program, Scene, ask, config, create, pod, review};
use sigward_fetch::{Client, Options, RetryPolicy, TlsRoots, run_blocking};
use sigward_testkit::fault::Fault;
use sigward_testkit::tls::Localhost;

#[test]
fn probes_by_path_and_by_who_asks() {
    let scene = Scene::new();
    let program = scene.start();
    for (path, headers) in [
        ("/healthz", &[][..]),
        ("/readyz", &[]),
        ("/", &[("User-Agent", "kube-probe/1.36")]),
        ("/validations", &[("K-Kubelet-Probe", "webhook")]),
    ] {
        assert_eq!(program.ask("GET", path, headers, b"").status, 200, "{path}");
    }
    assert_eq!(program.ask("GET", "/", &[], b"").status, 400);
    assert_eq!(program.ask("GET", "/validations", &[], b"").status, 405);
    assert_eq!(program.ask("POST", "/nothing", &[("User-Agent", "kube-probe/1.36")], b"").status, 400);
}

/// Reviews that are under way are answered, probes are refused, and then it ends by itself.
#[test]
fn drain_lets_reviews_end() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.signed("app/one");
    scene.registry.fault(Fault::delay("/manifests/", Duration::from_millis(500)));
    let mut program = scene.start_with(&["--drain-quiet-period", "1s"]);
    let address = program.address;
    let asking = std::thread::spawn({
        let body = review(create(pod(&[&image]))).to_string();
        move || ask(address, "POST", "/validations", JSON, body.as_bytes())
    });
    while scene.registry.count() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    program.signal("TERM");
    program.wait_for("draining", |_| true);
    let probe = program.ask("GET", "/readyz", &[], b"");
    assert_eq!((probe.status, probe.body.as_str()), (503, "shutting down"));
    let answer = asking.join().unwrap();
    assert!(answer.status == 200 && answer.body.contains("\"allowed\":true"), "{answer:?}");
    assert_eq!(program.wait(), Some(0));
}

#[test]
fn second_signal_does_not_wait() {
    let scene = Scene::new();
    let mut program = scene.start_with(&["--drain-quiet-period", "1h"]);
    program.signal("TERM");
    program.wait_for("draining", |_| true);
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0));
}

#[test]
fn figures_have_a_listener_of_their_own() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.unsigned("app/one");
    let program = scene.start_with(&["--metrics-listen", "127.0.0.1:0"]);
    program.validate(create(pod(&[&image]))).assert_denied("no signatures found");
    let metrics = program.metrics.unwrap();
    let figures = ask(metrics, "GET", "/metrics", &[], b"");
    for line in [
        "sigward_reviews_total{webhook=\"validations\",answer=\"denied\"} 1",
        "sigward_denials_total{reason=\"image-unsigned\"} 1",
        "sigward_policy_verdicts_total{policy=\"signed\",verdict=\"fail\"} 1",
        "sigward_registry_answers_total{status=\"404\"}",
        "sigward_trust_age_seconds{root=\"public-good\"}",
    ] {
        assert!(figures.body.contains(line), "{line} is not in\n{}", figures.body);
    }
    assert_eq!(ask(metrics, "GET", "/healthz", &[], b"").status, 200);
    assert_eq!(ask(metrics, "POST", "/validations", JSON, b"{}").status, 404);
    assert_eq!(program.ask("GET", "/metrics", &[], b"").status, 400);
}

/// A connection that says nothing, or half a request, is in nobody's way.
#[test]
fn idle_and_broken_connections() {
    let scene = Scene::new();
    scene.put("config", &config("allow"));
    let program = scene.start();
    let idle: Vec<_> = (0..50).map(|_| TcpStream::connect(program.address).unwrap()).collect();
    let mut half = TcpStream::connect(program.address).unwrap();
    half.write_all(b"POST /validations HTTP/1.1\r\nHost: x\r\nContent-Le").unwrap();
    let mut garbage = TcpStream::connect(program.address).unwrap();
    garbage.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3]).unwrap();
    let mut said = Vec::new();
    garbage.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let _ = garbage.read_to_end(&mut said);
    let image = format!("registry.test/app@sha256:{}", "0".repeat(64));
    program.validate(create(pod(&[&image]))).assert_allowed();
    drop((idle, half));
}

#[test]
fn certificate_is_served_and_changed_without_a_restart() {
    let scene = Scene::new();
    let first = Localhost::new();
    write(&first, scene.folder.path());
    let (chain, key) = (scene.folder.path().join("tls.pem"), scene.folder.path().join("tls-key.pem"));
    let flags = ["--tls-cert", chain.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let program = Program::start(scene.folder.path(), &flags);
    let mut plain = TcpStream::connect(program.address).unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!String::from_utf8_lossy(&said).contains("HTTP/1.1 200"));
    program.wait_for("tls-handshake-failed", |_| true);
    assert!(is_served(&first, &program));
    let second = Localhost::new();
    write(&second, scene.folder.path());
    let end = Instant::now() + Duration::from_secs(60);
    while !is_served(&second, &program) {
        assert!(Instant::now() < end, "the new certificate is not served");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(!is_served(&first, &program));
}

/// The key first: for a moment the two do not belong together.
fn write(pair: &Localhost, folder: &Path) {
    std::fs::write(folder.join("tls-key.pem"), &pair.key).unwrap();
    std::fs::write(folder.join("tls.pem"), &pair.chain).unwrap();
}

fn is_served(pair: &Localhost, program: &Program) -> bool {
    let client = Client::new(Options {
        roots: TlsRoots::Only(vec![pair.root.clone().into()]),
        retry: RetryPolicy::once(),
        ..Options::default()
    });
    let url = format!("https://localhost:{}/healthz", program.address.port());
    let deadline = Instant::now() + Duration::from_secs(20);
    run_blocking(client.get(&url, 100, deadline)).unwrap().is_ok_and(|response| response.body == b"ok")
}
