//! Ten log entries with one request: what a log answers is matched by hash, and proves nothing by itself.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use sigward_testkit::{Leaf, Signed, Sigstore};
use sigward_verify::evidence::{Answer, Inquiry, Method, Response, Step, Unreachable};
use sigward_verify::{BatchLookup, LogEntry, LookupError, hex, limits, unhex};

fn signed(sigstore: &Sigstore, count: usize) -> Vec<Signed> {
    (0..count).map(|n| sigstore.sign_blob(format!("file {n}").as_bytes(), Leaf::default())).collect()
}

fn hash(signed: &Signed) -> [u8; 32] {
    unhex(&signed.entry.leaf_id()).unwrap().try_into().unwrap()
}

fn hashes(signed: &[Signed]) -> Vec<[u8; 32]> {
    signed.iter().map(hash).collect()
}

fn answer(status: u16, body: &Value) -> Vec<Answer> {
    let response =
        Response { status, content_type: None, body: body.to_string().into_bytes(), content_digest: None, link: None };
    vec![Answer { outcome: Ok(response), host: String::new(), url: String::new(), credential: None }]
}

/// Asks for these, and steps again with this answer.
fn ask(hashes: &[[u8; 32]], answers: Vec<Answer>) -> Step<Vec<Vec<LogEntry>>, LookupError> {
    let mut lookup = BatchLookup::new(hashes, "https://user:secret@log.test/");
    let Step::Need(needs) = lookup.step(Vec::new()) else { panic!("nothing is asked") };
    let [need] = needs.as_slice() else { panic!("{needs:?}") };
    assert_eq!(
        (need.method, need.url.as_str()),
        (Method::Post, "https://user:secret@log.test/api/v1/log/entries/retrieve")
    );
    let body: Value = serde_json::from_slice(need.body.as_ref().unwrap()).unwrap();
    let uuids: Vec<_> = hashes.iter().take(limits::LOG_BATCH).map(|hash| hex(hash)).collect();
    assert_eq!(body, json!({ "entryUUIDs": uuids }));
    lookup.step(answers)
}

fn found(step: Step<Vec<Vec<LogEntry>>, LookupError>) -> Vec<Vec<LogEntry>> {
    match step {
        Step::Done(found) => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn matched_by_hash_whatever_the_order() {
    let signed = signed(&Sigstore::new(), 3);
    let entries: Vec<_> = signed.iter().rev().map(|s| s.entry.to_api_map()).collect();
    let found = found(ask(&hashes(&signed), answer(200, &entries.into())));
    let leaves: Vec<_> =
        found.iter().map(|entries| entries.iter().map(LogEntry::leaf_hash).collect::<Vec<_>>()).collect();
    assert_eq!(leaves, hashes(&signed).into_iter().map(|hash| vec![hash]).collect::<Vec<_>>());
}

#[test]
fn unknown_ones_are_absent() {
    let signed = signed(&Sigstore::new(), 3);
    let found = found(ask(&hashes(&signed), answer(200, &json!([signed[1].entry.to_api_map()]))));
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 0]);
}

#[test]
fn an_entry_that_nobody_asked_for_is_left_out() {
    let signed = signed(&Sigstore::new(), 2);
    let found = found(ask(&hashes(&signed[..1]), answer(200, &json!([signed[1].entry.to_api_map()]))));
    assert_eq!(found, [Vec::new()]);
}

#[test]
fn an_entry_under_the_name_of_another_is_left_out() {
    let signed = signed(&Sigstore::new(), 2);
    let other = signed[1].entry.to_api_map().as_object().unwrap().values().next().unwrap().clone();
    let found = found(ask(&hashes(&signed[..1]), answer(200, &json!([{ signed[0].entry.leaf_id(): other }]))));
    assert_eq!(found, [Vec::new()]);
}

#[test]
fn no_more_than_a_log_takes() {
    let signed = signed(&Sigstore::new(), limits::LOG_BATCH + 1);
    let found = found(ask(&hashes(&signed), answer(200, &json!([]))));
    assert_eq!(found.len(), limits::LOG_BATCH);
    let mut nothing = BatchLookup::new(&[], "https://log.test");
    assert!(matches!(nothing.step(Vec::new()), Step::Done(found) if found.is_empty()));
}

#[test]
fn errors_are_told_without_the_password() {
    let signed = signed(&Sigstore::new(), 1);
    let hashes = hashes(&signed);
    let failed = |answers| match ask(&hashes, answers) {
        Step::Failed(error) => error,
        other => panic!("{other:?}"),
    };
    let error = failed(answer(503, &json!("down")));
    assert!(matches!(&error, LookupError::Status { status: 503, url, .. } if !url.contains("secret")), "{error:?}");
    for malformed in [json!({}), json!([{ "x": 1 }]), json!("x")] {
        assert!(matches!(failed(answer(200, &malformed)), LookupError::Malformed { .. }), "{malformed}");
    }
    let late = Unreachable::TimedOut { url: "https://log.test".into() };
    let answers = vec![Answer { outcome: Err(late), host: String::new(), url: String::new(), credential: None }];
    assert!(matches!(failed(answers), LookupError::Unreachable(_)));
    assert!(matches!(failed(Vec::new()), LookupError::Malformed { .. }));
}
