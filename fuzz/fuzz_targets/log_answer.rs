//! What a transparency log answers to a look-up, and what a cache of its entries holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward_fuzz::{BLOB, REKOR1, answer, strict};
use sigward_verify::evidence::{Inquiry, Step};
use sigward_verify::{Artifact, EntryLookup, EntrySearch, HashAlgorithm, LookupRequest, Verifier};

fuzz_target!(|json: &[u8]| {
    let entity = REKOR1.entity();
    let requirements = strict(&entity);
    let Ok(artifact) = entity.needs(None, None).and_then(|needs| Artifact::from_bytes(BLOB, &needs)) else { return };
    let verifier = Verifier::new(&REKOR1.material, &requirements);
    let Ok(proof) = verifier.check_locally(&entity, &artifact) else { return };
    let request = LookupRequest::for_message(&proof, &HashAlgorithm::Sha256.digest(BLOB));
    let url = "https://rekor.sigstore.dev";
    if let Some(entries) = EntrySearch::read_cached(json) {
        let _ = EntrySearch::choose(&proof, artifact.digests(), entries, &REKOR1.material.logs);
    }
    let mut lookup = EntryLookup::new(&proof, artifact.digests(), request, url, &REKOR1.material.logs);
    let mut answers = Vec::new();
    loop {
        match lookup.step(answers) {
            Step::Need(needs) => answers = needs.iter().map(|need| answer(need, json)).collect(),
            Step::Done(entry) => break drop(format!("{entry:?}")),
            Step::Failed(error) => break drop(format!("{error} {}", error.code())),
        }
    }
});
