//! The command line. Flags of policy-controller keep their names (specs/policy-controller.md §0.1); one dash is as good as
//! two, as in Go.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use sigward_fetch::Network;

use crate::cluster::ClusterArgs;
use crate::limits;
use crate::logs::{LogFormat, LogLevel};
use crate::roots::PUBLIC_MIRROR;
use crate::server::guard::go_duration;

/// Kubernetes admission controller for ClusterImagePolicy: judges every Pod that asks to run.
#[derive(Debug, Clone, Parser)]
#[command(name = "sigward-admission", version, disable_help_subcommand = true)]
pub struct Args {
    /// Serve the policies in this folder (YAML or JSON, as one would apply them) instead of those of a cluster.
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,

    /// Where to serve webhooks. Port 0 takes any; it is told on standard error. [default: 0.0.0.0 and --secure-port]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,

    /// Port of the webhooks where --listen is not given.
    #[arg(long, value_name = "PORT", default_value_t = 8443)]
    pub secure_port: u16,

    /// Certificate chain, PEM; read again when it changes. Without it webhooks are served over plain HTTP, on loopback only.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// Key of --tls-cert, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Where to serve /metrics and probes over plain HTTP.
    #[arg(long, value_name = "ADDR")]
    pub metrics_listen: Option<SocketAddr>,

    /// Namespace of the controller: Secrets and ConfigMaps of policies are there.
    #[arg(long, env = "SYSTEM_NAMESPACE", value_name = "NAME", default_value = "cosign-system")]
    pub system_namespace: String,

    /// Never ask registries in this network (such as 10.0.0.0/8), beside loopback, link-local and metadata addresses.
    #[arg(long, value_name = "CIDR")]
    pub refuse_network: Vec<Network>,

    /// Ask registries in this network, whatever refuses it. For tests: 127.0.0.0/8.
    #[arg(long, value_name = "CIDR")]
    pub allow_network: Vec<Network>,

    /// Speak http with registries that do not speak TLS, and show them credentials.
    #[arg(long)]
    pub allow_http_registry: bool,

    /// Certificate authorities of registries, PEM, in place of the system's.
    #[arg(long, value_name = "FILE")]
    pub registry_cacert: Option<PathBuf>,

    /// Certificate authorities of one registry, PEM, in place of all others.
    #[arg(long, value_name = "HOST=FILE", value_parser = host_and_file)]
    pub registry_ca: Vec<(String, PathBuf)>,

    /// Token server (HOST or HOST:PORT) that may see passwords though its name is no relative of its registry's.
    #[arg(long, value_name = "HOST")]
    pub registry_trusted_realm: Vec<String>,

    /// Trust material of the public instance, a trusted_root.json, in place of TUF.
    #[arg(long, value_name = "FILE", env = "SIGSTORE_TRUSTED_ROOT")]
    pub trusted_root: Option<PathBuf>,

    /// TUF repository of the public instance's trust material.
    #[arg(long, value_name = "URL", default_value = PUBLIC_MIRROR)]
    pub tuf_mirror: String,

    /// The root.json that --tuf-mirror is trusted from.
    #[arg(long, value_name = "FILE")]
    pub tuf_root: Option<PathBuf>,

    /// What means something only in a cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,

    /// Never ask --tuf-mirror.
    #[arg(long)]
    pub disable_tuf: bool,

    /// How often all policies are resolved again.
    #[arg(long, value_name = "DURATION", default_value = "10h", value_parser = duration)]
    pub policy_resync_period: Duration,

    /// How often trust material is refreshed.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    pub trustroot_resync_period: Duration,

    /// Trust material that was refreshed longer ago does not count. [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub trust_max_age: Option<Duration>,

    /// Memory for what authorities proved, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = limits::CACHE_KB / 1024)]
    pub cache_size: u64,

    /// Memory for answers of registries that are being read, in MiB; a namespace has a third of it at most.
    #[arg(long, value_name = "MIB", default_value_t = 150)]
    pub answer_memory: u64,

    /// How long a proof is used. Keys, identities and trust material are part of what it is kept under; this is for
    /// certificates of logs and authorities that time would take away.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub proof_ttl: Duration,

    /// How long a refusal is used: an image is signed after it was pushed, perhaps after it was refused.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    pub refusal_ttl: Duration,

    /// Folder for what survives a restart: TUF metadata, and evidence for when a registry is down.
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,

    /// Room for evidence in --cache-dir, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    pub evidence_size: u64,

    /// Largest signature, attestation or bundle that is read, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 32 << 20)]
    pub max_attachment_size: u64,

    /// After SIGTERM: how long nobody must have asked before the door closes. [default: 0s with --policies, else 45s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub drain_quiet_period: Option<Duration>,

    /// How lines of the log look.
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// How much is told.
    #[arg(long, value_enum, default_value_t)]
    pub log_level: LogLevel,
}

impl Args {
    /// Reads the command line.
    ///
    /// # Errors
    /// What is wrong with it, or help that was asked for.
    pub fn read(argv: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(
            argv.into_iter().enumerate().map(|(place, text)| if place == 0 { text } else { two_dashes(text) }),
        )
    }
}

/// `-policies` is `--policies`, as in Go.
fn two_dashes(text: OsString) -> OsString {
    match text.to_str() {
        Some(flag) if flag.len() > 2 && flag.starts_with('-') && !flag.starts_with("--") => format!("-{flag}").into(),
        _ => text,
    }
}

fn host_and_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((host, file)) if !host.is_empty() && !file.is_empty() => Ok((host.to_owned(), file.into())),
        _ => Err(format!("expected HOST=FILE, found {text:?}")),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    go_duration(text).ok_or_else(|| format!("expected a duration such as 10s, 5m or 1h30m, found {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: &[&str]) -> Result<Args, String> {
        let argv = ["sigward-admission"].iter().chain(flags).map(OsString::from);
        Args::read(argv).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_of_policy_controller() {
        let args = read(&["-disable-tuf", "--policy-resync-period=1h30m", "-secure-port", "9443"]).unwrap();
        assert!(args.disable_tuf);
        assert_eq!((args.policy_resync_period, args.secure_port), (Duration::from_secs(5_400), 9443));
    }

    #[test]
    fn bad_values_are_errors() {
        for flags in [
            &["--listen", "localhost"][..],
            &["--tls-cert", "x"],
            &["--allow-network", "127.0.0.1/99"],
            &["--proof-ttl", "soon"],
            &["--log-format", "xml"],
            &["--registry-ca", "registry.test"],
            &["extra"],
        ] {
            assert!(read(flags).is_err(), "{flags:?}");
        }
    }
}
