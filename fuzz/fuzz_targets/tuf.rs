//! A TUF repository: the input is what it answers, one part after the other, to a refresh from the embedded root; and
//! the same parts as a cache. `PART%%PART%%…`
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use sigward_fuzz::answer;
use sigward_trust::embedded::PRODUCTION;
use sigward_trust::limits::Limits;
use sigward_trust::tuf::{CachedFiles, Refresh, Start, TRUSTED_ROOT, load_cached};
use sigward_verify::evidence::{Inquiry, Step};

fuzz_target!(|bytes: &[u8]| {
    let parts = split(bytes);
    // What real signers signed for the corpus had ended by now; before, it had not.
    let now = Timestamp::UNIX_EPOCH;
    let cached = cache(&parts);
    let _ = load_cached(PRODUCTION.tuf_root, &cached, TRUSTED_ROOT, now);
    let start = |root: &[u8], cached: CachedFiles| Start {
        root: root.to_vec(),
        cached,
        mirror: PRODUCTION.mirror.to_owned(),
        targets_url: None,
        names: vec![TRUSTED_ROOT.to_owned(), "registry.npmjs.org/keys.json".to_owned()],
        now,
        limits: Limits::default(),
    };
    refresh(start(PRODUCTION.tuf_root, CachedFiles::default()), &parts);
    refresh(start(PRODUCTION.tuf_root, cached), &parts);
    if let Some((root, rest)) = parts.split_first() {
        refresh(start(root, CachedFiles::default()), rest);
    }
});

fn split(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some(at) = bytes.windows(2).position(|w| w == b"%%").filter(|_| parts.len() < 16) {
        parts.push(&bytes[..at]);
        bytes = &bytes[at + 2..];
    }
    parts.push(bytes);
    parts
}

fn cache(parts: &[&[u8]]) -> CachedFiles {
    let part = |at: usize| parts.get(at).map(|p| p.to_vec());
    CachedFiles {
        roots: part(0).into_iter().collect(),
        timestamp: part(1),
        snapshot: part(2),
        targets: part(3),
        target_files: part(4).map(|file| (TRUSTED_ROOT.to_owned(), file)).into_iter().collect(),
        ..CachedFiles::default()
    }
}

fn refresh(start: Start, parts: &[&[u8]]) {
    let Ok(mut refresh) = Refresh::new(start) else { return };
    let mut parts = parts.iter();
    let mut answers = Vec::new();
    while let Step::Need(needs) = refresh.step(answers) {
        // An empty part, and all after the last one, is a file that is not there.
        answers = needs.iter().map(|need| answer(need, parts.next().copied().unwrap_or_default())).collect();
    }
    let _ = format!("{:?}", refresh.accepted());
}
