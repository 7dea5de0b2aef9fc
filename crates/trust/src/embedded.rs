//! What the program knows by itself: the roots of sigstore's public instances as of a date.

use jiff::Timestamp;

/// A public sigstore instance whose trust root is part of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instance {
    /// <https://sigstore.dev>.
    Production,
    /// <https://sigstage.dev>.
    Staging,
}

/// The embedded material of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedRoot {
    /// Which instance.
    pub instance: Instance,
    /// The TUF root that every refresh starts from. It may have expired: only the newest root must not.
    pub tuf_root: &'static [u8],
    /// The trusted root itself, `trusted_root.json`.
    pub trusted_root: &'static [u8],
    /// The URL of the TUF repository.
    pub mirror: &'static str,
    /// Where the bytes come from: package and version.
    pub origin: &'static str,
    /// Seconds since 1970 of the moment as of which the material was known to be the newest.
    as_of: i64,
}

/// The material of the production instance, which signs Kubernetes.
pub const PRODUCTION: EmbeddedRoot = EmbeddedRoot {
    instance: Instance::Production,
    tuf_root: include_bytes!("../data/production.root.json"),
    trusted_root: sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes(),
    mirror: "https://tuf-repo-cdn.sigstore.dev",
    origin: ORIGIN,
    as_of: AS_OF,
};

/// The material of the staging instance.
pub const STAGING: EmbeddedRoot = EmbeddedRoot {
    instance: Instance::Staging,
    tuf_root: include_bytes!("../data/staging.root.json"),
    trusted_root: sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT.as_bytes(),
    mirror: "https://tuf-repo-cdn.sigstage.dev",
    origin: ORIGIN,
    as_of: AS_OF,
};

const ORIGIN: &str = "sigstore-trust-root 0.15.1";

/// 2026-10-23T00:00:00Z, when that package was published after a refresh (see data/ORIGIN).
const AS_OF: i64 = 1_792_713_600;

impl EmbeddedRoot {
    /// The embedded material for a TUF mirror, if it is one of the public ones. For any other mirror the embedded
    /// root must not be used (cosign `setTUFOpts`).
    pub fn for_mirror(mirror: &str) -> Option<Self> {
        [PRODUCTION, STAGING].into_iter().find(|it| it.mirror == mirror.trim_end_matches('/'))
    }

    /// As of when the material was known to be the newest.
    pub fn as_of(&self) -> Timestamp {
        Timestamp::from_second(self.as_of).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use sigward_verify::{TrustMaterial, hex, sha256};

    use super::*;

    #[test]
    fn copied_files_are_those_of_the_package() {
        let origin = include_str!("../data/ORIGIN");
        for root in [PRODUCTION, STAGING] {
            assert!(origin.contains(&hex(&sha256(root.tuf_root))), "{:?}", root.instance);
        }
        assert!(origin.contains("sigstore-trust-root 0.15.1"));
    }

    #[test]
    fn embedded_roots_load() {
        for root in [PRODUCTION, STAGING] {
            sigstore_tuf::TrustedMetadataSet::from_root(root.tuf_root).unwrap();
            TrustMaterial::from_trusted_root(root.trusted_root).unwrap();
        }
    }

    #[test]
    fn date_is_that_of_the_package() {
        assert_eq!(PRODUCTION.as_of(), "2026-10-23T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn other_mirrors_have_no_embedded_root() {
        assert_eq!(EmbeddedRoot::for_mirror("https://tuf-repo-cdn.sigstore.dev/"), Some(PRODUCTION));
        assert_eq!(EmbeddedRoot::for_mirror("http://tuf-repo-cdn.sigstore.dev"), None);
        assert_eq!(EmbeddedRoot::for_mirror("https://tuf.example"), None);
    }
}
