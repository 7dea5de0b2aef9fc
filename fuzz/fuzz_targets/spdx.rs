//! An SBOM of a release, in tag-value or JSON, by a stranger: in pieces, and then as a witness.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward::release::markers::Version;
use sigward::release::spdx::{Keep, SpdxReader};
use sigward::release::witness::{Subject, Witness, check_head};

fuzz_target!(|bytes: &[u8]| {
    let read = |piece: usize| {
        let mut reader = SpdxReader::new(Keep::Everything);
        bytes.chunks(piece).for_each(|bytes| reader.push(bytes));
        reader.finish()
    };
    let whole = read(bytes.len().max(1));
    // How a network cuts a document must not count.
    assert_eq!(whole, read(7));
    let (Ok(document), Some(version)) = (whole, Version::parse("v1.30.0")) else { return };
    let _ = check_head(&document, &version, Subject::Release).map_err(|fault| fault.to_string());
    let witness = Witness::new(&document, &version);
    for path in witness.paths() {
        assert!(!path.as_str().split('/').any(|part| part.is_empty() || part.starts_with('.')));
        witness.judge(path, &[]);
    }
    drop(format!("{:?}", witness.images()));
});
