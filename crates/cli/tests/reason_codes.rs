//! The documented reason codes are those of the program.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn documentation_lists_every_code_and_no_other() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reason-codes.md");
    let page = std::fs::read_to_string(page).unwrap();
    let documented: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let known: BTreeSet<&str> = sigward_verify::Error::CODES
        .iter()
        .chain(sigward_verify::LookupError::CODES)
        .chain(sigward_verify::image::ImageError::CODES)
        .chain(sigward::failure::Failure::CODES)
        .chain(sigward::release::fault::Fault::CODES)
        .chain(&["log-lookup-forbidden"])
        .copied()
        .chain(sigward_policy::Reason::ALL.map(sigward_policy::Reason::code))
        .collect();
    assert_eq!(documented.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new(), "documented, not known");
    assert_eq!(known.difference(&documented).collect::<Vec<_>>(), Vec::<&&str>::new(), "known, not documented");
}
