//! `trust show`, `trust update`, `trust export`: which keys count.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use sigward_verify::{CertificateAuthority, TransparencyLog, TrustMaterial, Window, hex, limits};

use crate::args::request::{ExportTarget, OutputFormat, TrustCommand, TrustSource, TufRefresh};
use crate::commands::Streams;
use crate::engine::write_atomically;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::small_file;
use crate::network::Network;
use crate::tuf_source::{InUse, TufSource};

/// Runs a `trust` command.
pub fn run(command: &TrustCommand, network: &Network, streams: &mut Streams<'_>) -> Exit {
    let outcome = match command {
        TrustCommand::Show { source, output } => show(source, *output, network, streams),
        TrustCommand::Update { refresh, output } => update(*refresh, *output, network, streams),
        TrustCommand::Export { source, target } => export(source, target, network, streams),
    };
    match outcome {
        Ok(()) => Exit::Success,
        Err(failure) => streams.fail(&failure),
    }
}

/// The trust root that a verification would use without a request.
///
/// # Errors
/// [`Failure::Read`] or [`Failure::Trust`] if there is none.
pub(crate) fn in_use(source: &TrustSource, network: &Network) -> Result<InUse, Failure> {
    match source {
        TrustSource::File(path) => Ok(InUse {
            trusted_root: small_file(path, limits::TRUSTED_ROOT_BYTES)?,
            origin: path.display().to_string(),
            as_of: None,
        }),
        TrustSource::Tuf { .. } => TufSource::new(source, &network.environment.tuf).in_use(Timestamp::now()),
    }
}

fn parse(root: &InUse) -> Result<TrustMaterial, Failure> {
    TrustMaterial::from_trusted_root(&root.trusted_root)
        .map_err(|error| Failure::Evidence { what: format!("{}: ", root.origin), error })
}

fn show(
    source: &TrustSource,
    output: OutputFormat,
    network: &Network,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let root = in_use(source, network)?;
    let material = parse(&root)?;
    match output {
        OutputFormat::Json => streams.result(format_args!("{:#}", as_json(&root, &material))),
        OutputFormat::Text => streams.result(super::plain(as_text(&root, &material).trim_end())),
    }
}

fn as_text(root: &InUse, material: &TrustMaterial) -> String {
    let mut out = format!("trust root: {}\n", root.origin);
    if let Some(as_of) = root.as_of {
        out.push_str(&format!("as of:      {as_of}\n"));
    }
    let mut section = |title: &str, lines: Vec<(String, Window, String)>| {
        out.push_str(&format!("\n{title}\n"));
        if lines.is_empty() {
            out.push_str("  none\n");
        }
        for (name, window, detail) in lines {
            out.push_str(&format!("  {name}\n    {window}\n    {detail}\n"));
        }
    };
    section("Transparency logs", material.logs.iter().map(log_line).collect());
    section("Certificate authorities", material.certificate_authorities.iter().map(authority_line).collect());
    section("Certificate transparency logs", material.ct_logs.iter().map(log_line).collect());
    section("Timestamp authorities", material.timestamp_authorities.iter().map(authority_line).collect());
    if !material.warnings.is_empty() {
        out.push_str("\nNot counted\n");
        for warning in &material.warnings {
            out.push_str(&format!("  {}: {}\n", warning.place, warning.reason));
        }
    }
    out
}

fn log_line(log: &TransparencyLog) -> (String, Window, String) {
    (log.name(), log.valid_for, format!("{} {}", log.key.kind(), hex(&log.id)))
}

fn authority_line(authority: &CertificateAuthority) -> (String, Window, String) {
    let count = authority.chain.len();
    let until = authority.chain.iter().filter_map(|c| c.validity().end).min();
    let until = until.map_or_else(String::new, |end| format!(", valid until {end}"));
    (authority.name(), authority.valid_for, format!("{count} certificate(s){until}"))
}

fn as_json(root: &InUse, material: &TrustMaterial) -> Value {
    let window = |w: &Window| json!({ "start": w.start.to_string(), "end": w.end.map(|e| e.to_string()) });
    let log = |l: &TransparencyLog| json!({ "name": l.name(), "id": hex(&l.id), "key": l.key.kind().to_string(), "validFor": window(&l.valid_for) });
    let authority = |a: &CertificateAuthority| {
        let until = a.chain.iter().filter_map(|c| c.validity().end).min().map(|t| t.to_string());
        json!({ "name": a.name(), "certificates": a.chain.len(), "validUntil": until, "validFor": window(&a.valid_for) })
    };
    json!({
        "origin": root.origin,
        "asOf": root.as_of.map(|t| t.to_string()),
        "transparencyLogs": material.logs.iter().map(log).collect::<Vec<_>>(),
        "certificateAuthorities": material.certificate_authorities.iter().map(authority).collect::<Vec<_>>(),
        "certificateTransparencyLogs": material.ct_logs.iter().map(log).collect::<Vec<_>>(),
        "timestampAuthorities": material.timestamp_authorities.iter().map(authority).collect::<Vec<_>>(),
        "notCounted": material.warnings.iter()
            .map(|w| json!({ "place": w.place, "reason": w.reason })).collect::<Vec<_>>(),
    })
}

fn update(
    refresh: TufRefresh,
    output: OutputFormat,
    network: &Network,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let source = TrustSource::Tuf { refresh, max_age: std::time::Duration::MAX };
    let refreshed = TufSource::new(&source, &network.environment.tuf).update(network, Timestamp::now())?;
    if let Some(error) = &refreshed.not_cached {
        return Err(Failure::Write { path: "TUF_ROOT".into(), reason: error.to_string() });
    }
    let metadata = &refreshed.metadata;
    match output {
        OutputFormat::Json => streams.result(json!({
            "root": metadata.root.version,
            "timestamp": metadata.timestamp.version,
            "signedUntil": metadata.signed_until().to_string(),
            "newRoots": metadata.new_roots.iter().map(|(version, _)| version).collect::<Vec<_>>(),
        })),
        OutputFormat::Text => streams.result(format_args!(
            "trust root is up to date: TUF root {}, timestamp {}, signed until {}",
            metadata.root.version,
            metadata.timestamp.version,
            metadata.signed_until()
        )),
    }
}

fn export(
    source: &TrustSource,
    target: &ExportTarget,
    network: &Network,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let root = in_use(source, network)?;
    parse(&root)?;
    match target {
        ExportTarget::Stdout => streams.result(String::from_utf8_lossy(&root.trusted_root).trim_end()),
        ExportTarget::Path(path) => {
            let path = if path.is_dir() { path.join("trusted_root.json") } else { path.clone() };
            write_atomically(&path, &root.trusted_root)?;
            streams.say(format_args!("{} written to {}", root.origin, Path::display(&path)));
            Ok(())
        }
    }
}
