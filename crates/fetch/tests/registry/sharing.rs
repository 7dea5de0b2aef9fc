//! One answer for everybody who asks the same.

use std::time::Instant;

use sigward_fetch::{DriveError, Error, RegistryOptions, drive_all};
use sigward_testkit::fault::Fault;
use sigward_verify::evidence::{Method, Service};

use super::*;

/// Asks for the needs of each round in turn.
struct Rounds(Vec<Vec<Need>>, Vec<Answer>);

impl Inquiry for Rounds {
    type Out = Vec<Answer>;
    type Error = std::convert::Infallible;

    fn step(&mut self, answers: Vec<Answer>) -> Step<Self::Out, Self::Error> {
        self.1.extend(answers);
        if self.0.is_empty() { Step::Done(std::mem::take(&mut self.1)) } else { Step::Need(self.0.remove(0)) }
    }
}

type Driven = Vec<Result<Vec<Answer>, DriveError<std::convert::Infallible>>>;

fn run(inquiries: Vec<Vec<Vec<Need>>>, budget: Budget) -> Driven {
    let mut inquiries: Vec<Rounds> = inquiries.into_iter().map(|rounds| Rounds(rounds, Vec::new())).collect();
    run_blocking(drive_all(&mut inquiries, &with(RegistryOptions::default()), soon(), budget)).unwrap()
}

/// Says how many times it was asked.
fn counting() -> Server {
    let count = AtomicU32::new(0);
    Server::start(move |_| Response::ok(ACCEPT, count.fetch_add(1, Ordering::SeqCst).to_string()))
}

fn bodies(driven: Driven) -> Vec<Vec<String>> {
    let text = |answer: Answer| String::from_utf8(answer.outcome.unwrap().body).unwrap();
    driven.into_iter().map(|answers| answers.unwrap().into_iter().map(text).collect()).collect()
}

#[test]
fn tag_that_moves_has_one_meaning_in_a_run() {
    let server = counting();
    let tag = || need(&server, "team/app", "manifests/v1");
    // At once, side by side, and later.
    let found = run(vec![vec![vec![tag(), tag()], vec![tag()]]; 20], Budget::image());
    assert_eq!(bodies(found), vec![vec!["0"; 3]; 20]);
    assert_eq!(server.count(), 1);
    // The next run asks again.
    let found = run(vec![vec![vec![tag()]]], Budget::image());
    assert_eq!(bodies(found), [["1"]]);
}

#[test]
fn what_differs_is_asked_apart() {
    let server = counting();
    let tag = || need(&server, "team/app", "manifests/v1");
    let others = [
        Need { accept: Some("*/*"), ..tag() },
        Need { limit: 999, ..tag() },
        Need { method: Method::Head, ..tag() },
        Need { method: Method::Head, ..tag() },
        need(&server, "team/app", "manifests/v2"),
        Need::get(Service::Direct, format!("{}/x", server.url()), 10),
        Need::get(Service::Direct, format!("{}/x", server.url()), 10),
    ];
    run(vec![vec![vec![tag()].into_iter().chain(others).collect()]], Budget::image());
    assert_eq!(server.count(), 8);
}

#[test]
fn refusals_are_shared_and_failures_only_while_under_way() {
    let server = counting();
    server.fault(Fault::status("/v2/", 404));
    let tag = || need(&server, "team/app", "manifests/v1");
    let found = run(vec![vec![vec![tag()], vec![tag()]]; 3], Budget::image());
    assert!(found.into_iter().flatten().flatten().all(|answer| answer.outcome.unwrap().status == 404));
    assert_eq!(server.count(), 1);

    let server = counting();
    server.fault(Fault::truncate("/v2/", 0).first(4));
    let tag = || need(&server, "team/app", "manifests/v1");
    let found = run(vec![vec![vec![tag(), tag()], vec![tag(), tag()]]], Budget::image());
    let answers = found.into_iter().next().unwrap().unwrap();
    let reached: Vec<bool> = answers.iter().map(|answer| answer.outcome.is_ok()).collect();
    assert_eq!(reached, [false, false, true, true]);
    assert_eq!(server.count(), 5);
}

#[test]
fn kept_answers_have_a_bound() {
    let server = Server::start(|_| Response::ok(ACCEPT, vec![b'x'; 3 << 20]));
    let large = |n: usize| Need { limit: 4 << 20, ..need(&server, "team/app", &format!("blobs/{n}")) };
    let round = || (0..5).map(large).collect::<Vec<_>>();
    run(vec![vec![round(), round()]], Budget::image());
    // Two of five are kept.
    assert_eq!(server.count(), 5 + 3);
}

#[test]
fn spent_budget_stops_everybody_who_waits() {
    let server = counting();
    let tag = |n: usize| need(&server, "team/app", &format!("manifests/{n}"));
    let started = Instant::now();
    let inquiries = (0..4).map(|_| vec![vec![tag(0)], (1..40).map(tag).collect()]).collect();
    let found = run(inquiries, Budget { requests: 2, ..Budget::image() });
    for result in found {
        assert!(matches!(result, Err(DriveError::Stopped(Error::TooManyRequests { limit: 8 }))), "{result:?}");
    }
    assert!(server.count() <= 8 && started.elapsed() < Duration::from_secs(5));
}

#[test]
fn no_registry_is_asked_more_than_sixteen_things_at_once() {
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let server = Server::start({
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        move |_| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            now.fetch_sub(1, Ordering::SeqCst);
            Response::ok(ACCEPT, "{}")
        }
    });
    let needs = (0..100).map(|n| need(&server, "team/app", &format!("blobs/{n}"))).collect();
    ask_all(&with(RegistryOptions::default()), needs);
    assert!(most.load(Ordering::SeqCst) <= 16, "{most:?}");
    assert!(most.load(Ordering::SeqCst) > 8, "{most:?}");
}
