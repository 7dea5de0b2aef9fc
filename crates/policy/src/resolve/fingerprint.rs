//! Names for what decides an outcome.

use sigward_verify::sha256;

/// SHA-256 over everything that can change an outcome, each part with its name and its length, so that no two different
/// inputs are written alike.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// A fingerprint that was made elsewhere.
    pub fn of_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn build() -> Builder {
        Builder(Vec::new())
    }
}

/// Collects the parts.
#[derive(Debug)]
pub(crate) struct Builder(Vec<u8>);

impl Builder {
    /// One part. The same name may come several times: order counts.
    pub(crate) fn part(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        for bytes in [name.as_bytes(), value.as_ref()] {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.0.extend_from_slice(&length.to_be_bytes());
            self.0.extend_from_slice(bytes);
        }
        self
    }

    /// One part that may be absent: absent is not the same as empty.
    pub(crate) fn optional(self, name: &str, value: Option<impl AsRef<[u8]>>) -> Self {
        match value {
            Some(value) => self.part(name, value),
            None => self.part("-", name),
        }
    }

    pub(crate) fn finish(self) -> Fingerprint {
        Fingerprint(sha256(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_run_into_each_other() {
        let of = |parts: &[(&str, &str)]| {
            parts.iter().fold(Fingerprint::build(), |all, (name, value)| all.part(name, value)).finish()
        };
        let all = [
            of(&[]),
            of(&[("a", "bc")]),
            of(&[("ab", "c")]),
            of(&[("a", "b"), ("c", "")]),
            of(&[("a", "b"), ("", "c")]),
            of(&[("c", ""), ("a", "b")]),
            Fingerprint::build().optional("a", None::<&str>).finish(),
            Fingerprint::build().optional("a", Some("")).finish(),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|other| one != other), "{i}");
        }
    }
}
