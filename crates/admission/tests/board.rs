//! Figures that the chart's board and alerts ask for are figures that the program has.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files, and a panic is a failed test")]

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn board_and_alerts_ask_for_figures_that_there_are() {
    let read = |file: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    // A figure without a value yet is not in the program's answer, so its names are taken from where it is registered.
    let source = read("src/metrics.rs");
    let has = |asked: &str| {
        let name = asked.strip_prefix("sigward_").unwrap();
        let base = name.strip_suffix("_total").or(name.strip_suffix("_bucket")).unwrap_or(name);
        source.contains(&format!("\"{base}\""))
    };
    let mut asked = BTreeSet::new();
    for file in ["files/dashboards/sigward.json", "templates/monitoring.yaml"] {
        let text = read(&format!("../../charts/sigward/{file}"));
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        asked.extend(words.filter(|word| word.starts_with("sigward_")).map(str::to_owned));
    }
    assert!(asked.len() > 8, "{asked:?}");
    let missing: Vec<_> = asked.iter().filter(|name| !has(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
