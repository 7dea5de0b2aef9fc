//! Every bound on what a TUF repository may make us do, with its source.

use sigward_verify::limits::TRUSTED_ROOT_BYTES;

/// The bounds of one TUF refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Root versions that are walked in one refresh.
    pub root_steps: u32,
    /// Bytes of a root.
    pub root: usize,
    /// Bytes of a timestamp.
    pub timestamp: usize,
    /// Bytes of a snapshot.
    pub snapshot: usize,
    /// Bytes of targets metadata, top-level or delegated.
    pub targets: usize,
    /// Bytes of a target file.
    pub target: usize,
    /// Targets roles that are visited while looking for one target.
    pub delegations: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // go-tuf v2 `MaxRootRotations`, which is cosign's. python-tuf and sigstore-tuf once had 32; the first
            // root of a private instance, given as TUF_ROOT_JSON, may well be older than that.
            root_steps: 256,
            // python-tuf `UpdaterConfig` and go-tuf `config.New` agree on these four.
            root: 512_000,
            timestamp: 16_384,
            snapshot: 2_000_000,
            targets: 5_000_000,
            // The only targets are trust roots, and the verifier takes none that is larger. The public one has 7 KB.
            target: TRUSTED_ROOT_BYTES,
            // python-tuf and go-tuf `max_delegations`.
            delegations: 32,
        }
    }
}

/// Longest target or role name. Source: most file systems take 255 bytes for a name.
pub const NAME: usize = 255;
