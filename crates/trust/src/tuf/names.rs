//! Names from metadata, on their way into URLs and file names.

use crate::{Error, limits};

/// Percent-encodes everything but unreserved characters, as python-tuf does with role names (`quote(role, "")`). The
/// result has no separator, so nothing that is built with it leaves its folder, whatever the name is.
pub fn encoded(name: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A target name that was found to stay in its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TargetName(String);

impl TargetName {
    pub(super) fn new(name: &str) -> Result<Self, Error> {
        let plain = !name.is_empty()
            && name.len() <= limits::NAME
            && !name.chars().any(|c| c.is_control() || c == '\\')
            && name.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
        if plain { Ok(Self(name.to_owned())) } else { Err(Error::BadTargetName { name: name.to_owned() }) }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below the targets URL. With consistent snapshots the digest stands before the file name, not before
    /// the folders (specification, section 6.2).
    pub(super) fn url_path(&self, digest: Option<&str>) -> String {
        let (folders, file) = match self.0.rsplit_once('/') {
            Some((folders, file)) => (Some(folders), file),
            None => (None, self.0.as_str()),
        };
        let mut path = String::new();
        for folder in folders.into_iter().flat_map(|folders| folders.split('/')) {
            path.push_str(&encoded(folder));
            path.push('/');
        }
        if let Some(digest) = digest {
            path.push_str(digest);
            path.push('.');
        }
        path.push_str(&encoded(file));
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_their_folder() {
        for name in
            ["../x", "a/../../x", "/etc/passwd", "a//b", "a/", ".", "", "a/./b", "..", "a\\..\\b", "a\0b", "a\nb"]
        {
            assert!(matches!(TargetName::new(name), Err(Error::BadTargetName { .. })), "{name:?}");
        }
        assert!(TargetName::new(&"x".repeat(256)).is_err());
    }

    #[test]
    fn ordinary_names() {
        for (name, plain, hashed) in [
            ("trusted_root.json", "trusted_root.json", "ab.trusted_root.json"),
            ("registry.npmjs.org/keys.json", "registry.npmjs.org/keys.json", "registry.npmjs.org/ab.keys.json"),
            ("a b?#%2e", "a%20b%3F%23%252e", "ab.a%20b%3F%23%252e"),
            ("...", "...", "ab...."),
        ] {
            let name = TargetName::new(name).unwrap();
            assert_eq!(name.url_path(None), plain);
            assert_eq!(name.url_path(Some("ab")), hashed);
        }
    }

    #[test]
    fn role_names_become_one_segment() {
        assert_eq!(encoded("../delegatedrole"), "..%2Fdelegatedrole");
        assert_eq!(encoded("/?#é"), "%2F%3F%23%C3%A9");
    }
}
