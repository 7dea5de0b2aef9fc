//! Budgets for manifests: strangers write them (charts, pull requests), and a check in CI must end.

/// Bytes of one file. The largest bundles of resource definitions in use have about 5 MB; etcd takes 1.5 MiB an object.
pub const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of all files of a run.
pub const ALL_BYTES: u64 = 256 * 1024 * 1024;
/// Files of a run.
pub const FILES: usize = 10_000;
/// Folders within folders.
pub const FOLDER_DEPTH: usize = 64;
/// Entries of all folders that are looked through.
pub const FOLDER_ENTRIES: usize = 1_000_000;
/// Documents of one file.
pub const DOCUMENTS: usize = 10_000;
/// Keys, values and lists of one file, as written.
pub const NODES: usize = 1_000_000;
/// The same with every alias replaced by what it stands for ("billion laughs"). Between 400,000 and 4,000,000 values that
/// stem mostly from aliases Kubernetes' own reader gives up (go-yaml, `allowedAliasRatio`).
pub const EXPANDED_NODES: u64 = 1_000_000;
/// Values within values, aliases replaced. Schemas of resource definitions reach about 60.
pub const DEPTH: usize = 128;
/// Images of a run, each name once.
pub const IMAGES: usize = 10_000;
/// Characters of a name in a table or message.
pub const SHOWN: usize = 300;
