//! An AdmissionReview as the webhooks get it. No panic; every image that is judged is the one that a patch would replace;
//! an object is no change of itself, as far as its replicas can be told.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward_admission::resources;
use sigward_admission::review::Review;
use sigward_admission::workload::{Inputs, Workload, is_unchanged, kind_of};

const ALL: Inputs = Inputs { labels: true, metadata: true, spec: true };

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = serde_json::from_slice(bytes) {
        let _ = resources::convert(value);
    }
    let Ok(review) = Review::parse(bytes) else { return };
    let Ok(request) = review.request else { return };
    let answer = resources::defaulting(&request);
    let _ = answer.to_json(review.version, &review.uid);
    let Some(kind) = kind_of(&request.kind) else { return };
    let Ok(workload) = Workload::read(kind, &request, &request.object) else { return };
    for field in &workload.images {
        let found = request.object.pointer(&field.pointer).and_then(serde_json::Value::as_str).unwrap_or_default();
        assert_eq!(found, field.image, "{}", field.pointer);
    }
    let told = request.object.pointer("/spec/replicas").is_none_or(|replicas| replicas.is_null() || replicas.is_i64());
    assert!(!told || is_unchanged(&workload, &workload, ALL));
    let _ = (workload.pull_secrets(), workload.service_account(), workload.labels().count());
});
