//! Figures that the chart's board and alerts ask for are figures that the program has.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files, and a panic is a failed test")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use sigward_admission::metrics::{Levels, Metrics};

#[test]
fn board_and_alerts_ask_for_figures_that_there_are() {
    let metrics = Metrics::default();
    metrics.answered("validations", false, &["image-unsigned"], Duration::from_millis(1));
    metrics.verdict("p", "fail");
    metrics.keep_policies(&BTreeSet::from(["p"]), 0);
    metrics.cache_lookup("proof", "hit");
    metrics.gathered(Duration::from_millis(1));
    metrics.tag("resolved");
    metrics.trust_age("public-good", Duration::from_secs(1));
    let text = metrics.text(Levels::default());
    let has = |name: &str| {
        let name = name.strip_suffix("_total").unwrap_or(name);
        text.lines().any(|line| line.starts_with(&format!("# HELP {} ", name.strip_suffix("_bucket").unwrap_or(name))))
    };
    let mut asked = BTreeSet::new();
    for file in ["files/dashboards/sigward.json", "templates/monitoring.yaml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/sigward").join(file);
        for word in std::fs::read_to_string(path).unwrap().split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if word.starts_with("sigward_") {
                asked.insert(word.to_owned());
            }
        }
    }
    assert!(asked.len() > 8, "{asked:?}");
    let missing: Vec<_> = asked.iter().filter(|name| !has(name)).collect();
    assert!(missing.is_empty(), "{missing:?}\n{text}");
}
