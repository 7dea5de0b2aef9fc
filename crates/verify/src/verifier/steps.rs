//! The steps of the flow. Every proof has private fields and is made by the one function that checks it.

use jiff::Timestamp;

use super::signature::{SelfConsistent, describe_artifact, self_consistent};
use super::{
    Claims, EvidenceIntermediates, LogUse, ProvedSigner, Requirements, SctUse, Signer, TimeUse, Verified, Waiver,
};
use crate::certificate::Certificate;
use crate::certificate::chain::{self, Purpose, TrustedPath};
use crate::certificate::sct::{Sct, SignedCertificate, issuer_key_hash};
use crate::digest::{Artifact, Digest, hex};
use crate::entity::{SignedEntity, SignerMaterial};
use crate::error::{Error, LogFault, SctFault};
use crate::identity;
use crate::material::TrustMaterial;
use crate::profile::IssuanceRule;
use crate::report::{Check, Report};
use crate::timestamp::{self, ProvedTimestamp};
use crate::tlog::{self, LogEntry, ProvedEntry};

/// Entries of logs are about this signature, and trusted logs stand behind them; or no log was asked for.
pub(super) struct Logged<'e> {
    before: SelfConsistent<'e>,
    entries: Vec<ProvedEntry>,
    waivers: Vec<Waiver>,
}

/// Times at which the signature existed.
pub(super) struct Timed<'e> {
    before: Logged<'e>,
    times: Times,
    timestamps: Vec<ProvedTimestamp>,
}

/// Where the times come from.
enum Times {
    /// Proved by logs or timestamps; not empty.
    Proven(Vec<Timestamp>),
    /// Nothing proved: the present, and the setting that allows it is in the waivers.
    Present(Timestamp),
    /// A managed key without log or timestamp: no time is claimed.
    NotClaimed,
}

/// The signer's key is trusted: by a chain at every time and an SCT, or because it is the managed key.
pub(super) struct Trusted<'e> {
    before: Timed<'e>,
}

/// The signed content is about the artifact.
pub(super) struct Bound<'e> {
    before: Trusted<'e>,
    digest: Option<Digest>,
}

/// The signer is the one wanted.
pub(super) struct Identified<'e> {
    before: Bound<'e>,
    signer: ProvedSigner,
}

pub(super) fn record_self_consistent<'e>(
    entity: &'e SignedEntity,
    artifact: &Artifact,
    wanted: &Requirements,
    report: &mut Report,
) -> Result<SelfConsistent<'e>, Error> {
    const EXPECTED: &str = "the signature is over this artifact, by the signer's key";
    match self_consistent(entity, artifact, wanted) {
        Ok(proof) => {
            let over = proof.signed_digest().map_or_else(|| "the message".to_owned(), ToString::to_string);
            report.passed(Check::Signature, EXPECTED, format!("{} signature over {over}", proof.key().kind()));
            Ok(proof)
        }
        Err(error) => {
            report.failed(Check::Signature, EXPECTED, &error);
            Err(error)
        }
    }
}

impl<'e> SelfConsistent<'e> {
    /// Log inclusion. What is said about another signature is an error; what no trusted log vouches for counts nothing.
    pub(super) fn find_in_logs(
        self,
        artifact: &Artifact,
        material: &TrustMaterial,
        wanted: &Requirements,
        report: &mut Report,
    ) -> Result<Logged<'e>, Error> {
        let LogUse::Required { threshold } = wanted.log else {
            report.waived(Check::TransparencyLog, Waiver::LogIgnored.setting());
            return Ok(Logged { before: self, entries: Vec::new(), waivers: vec![Waiver::LogIgnored] });
        };
        let expected = format!("entries about this signature in {threshold} trusted log(s)");
        match self.prove_entries(artifact, material, threshold) {
            Ok(entries) => {
                let words: Vec<_> = entries.iter().map(describe_entry).collect();
                report.passed(Check::TransparencyLog, expected, words.join("; "));
                Ok(Logged { before: self, entries, waivers: Vec::new() })
            }
            Err(error) => {
                report.failed(Check::TransparencyLog, expected, &error);
                Err(error)
            }
        }
    }

    fn prove_entries(
        &self,
        artifact: &Artifact,
        material: &TrustMaterial,
        threshold: usize,
    ) -> Result<Vec<ProvedEntry>, Error> {
        let entity = self.entity();
        tlog::check_count(&entity.log_entries)?;
        let mut proved: Vec<ProvedEntry> = Vec::new();
        let mut faults = Vec::new();
        for entry in &entity.log_entries {
            // What an unknown log says counts for nothing and against nothing, nor does a promise that fails; another
            // entry may count (sigstore-go).
            if let Err(fault) = entry.find_log(&material.logs) {
                faults.push(fault);
                continue;
            }
            self.bind(entry, artifact.digests()).map_err(Error::Log)?;
            match entry.prove(&material.logs, entity.profile.rules().log_proofs) {
                Ok(entry) => proved.push(entry),
                Err(fault @ (LogFault::PromiseInvalid { .. } | LogFault::OutsideLogValidity { .. })) => {
                    faults.push(fault);
                    continue;
                }
                Err(fault) => return Err(Error::Log(fault)),
            }
            self.check_claimed_time(entry)?;
        }
        // CVE-2026-49834: distinct logs are counted, not entries.
        let mut logs: Vec<_> = proved.iter().map(|e| &e.log_id).collect();
        logs.sort();
        logs.dedup();
        let found = logs.len();
        if found < threshold.max(1) {
            return Err(Error::LogThreshold { needed: threshold.max(1), found, faults });
        }
        Ok(proved)
    }

    /// A time that an entry claims must lie in the certificate's window, even where it is not used.
    fn check_claimed_time(&self, entry: &LogEntry) -> Result<(), Error> {
        let Some(leaf) = self.entity().certificate() else { return Ok(()) };
        if entry.integrated_time == 0 {
            return Ok(());
        }
        let seconds = entry.integrated_time;
        let time = Timestamp::from_second(seconds).map_err(|_| Error::Log(LogFault::TimeOutOfRange { seconds }))?;
        let window = leaf.validity();
        if window.contains(time) { Ok(()) } else { Err(Error::IntegratedTimeOutsideCertificate { time, window }) }
    }
}

fn describe_entry(entry: &ProvedEntry) -> String {
    let proofs = match (entry.integrated_time, entry.inclusion) {
        (Some(time), true) => format!("promised at {time}, included"),
        (Some(time), false) => format!("promised at {time}"),
        (None, _) => "included".to_owned(),
    };
    format!("{} index {} ({proofs})", entry.log, entry.log_index)
}

impl<'e> Logged<'e> {
    /// Times at which the signature existed, and log keys judged at them.
    pub(super) fn find_times(
        mut self,
        material: &TrustMaterial,
        wanted: &Requirements,
        now: Timestamp,
        report: &mut Report,
    ) -> Result<Timed<'e>, Error> {
        let expected = match wanted.time {
            TimeUse::Default => "a time that a log or a timestamp authority vouches for".to_owned(),
            TimeUse::Signed { threshold } => format!("timestamps of {threshold} trusted authority(ies)"),
        };
        match self.prove_times(material, wanted, now) {
            Ok((times, timestamps)) => {
                match &times {
                    Times::Proven(times) => {
                        let words: Vec<_> = times.iter().map(ToString::to_string).collect();
                        report.passed(Check::Time, expected, words.join(", "));
                    }
                    Times::Present(_) => {
                        self.waivers.push(Waiver::PresentTime);
                        report.waived(Check::Time, Waiver::PresentTime.setting());
                    }
                    Times::NotClaimed => report.not_applicable(Check::Time, "a managed key needs no time"),
                }
                Ok(Timed { before: self, times, timestamps })
            }
            Err(error) => {
                report.failed(Check::Time, expected, &error);
                Err(error)
            }
        }
    }

    fn prove_times(
        &self,
        material: &TrustMaterial,
        wanted: &Requirements,
        now: Timestamp,
    ) -> Result<(Times, Vec<ProvedTimestamp>), Error> {
        let keyless = matches!(wanted.signer, Signer::Keyless(_));
        let mut times: Vec<_> = self.entries.iter().filter_map(|e| e.integrated_time).collect();
        // Rekor v2 knows no time; a timestamp is then required (§2.6). A v1 entry whose promise is missing claims a
        // time that nobody signed (CVE-2026-48816), and that is not made good by a timestamp nobody asked for.
        let only_timeless =
            !self.entries.is_empty() && self.before.entity().log_entries.iter().all(|e| e.integrated_time == 0);
        let threshold = match wanted.time {
            TimeUse::Signed { threshold } => Some(threshold.max(1)),
            TimeUse::Default if keyless && only_timeless => Some(1),
            TimeUse::Default => None,
        };
        let timestamps = match threshold {
            Some(threshold) => self.prove_timestamps(material, threshold)?,
            None => Vec::new(),
        };
        times.extend(timestamps.iter().map(|t| t.time));
        times.sort();
        times.dedup();
        // Entries without a signed time: the log's key must have counted at the times proved otherwise.
        // A managed key without any proved time leaves no moment to judge at, and none is judged, as in cosign.
        for entry in self.entries.iter().filter(|e| e.integrated_time.is_none()) {
            times.iter().try_for_each(|time| entry.check_key_at(*time)).map_err(Error::Log)?;
        }
        let times = match (times.is_empty(), keyless, wanted.log) {
            (false, ..) => Times::Proven(times),
            (true, false, _) => Times::NotClaimed,
            (true, true, LogUse::SkippedUnsafe) => Times::Present(now),
            (true, true, LogUse::Required { .. }) => return Err(Error::TimeMissing),
        };
        Ok((times, timestamps))
    }

    fn prove_timestamps(&self, material: &TrustMaterial, threshold: usize) -> Result<Vec<ProvedTimestamp>, Error> {
        let entity = self.before.entity();
        let (mut proved, mut faults): (Vec<ProvedTimestamp>, _) = (Vec::new(), Vec::new());
        for der in entity.timestamps.iter().take(crate::limits::TIMESTAMPS) {
            match timestamp::verify(der, self.before.stamped(), &material.timestamp_authorities) {
                Ok(stamp) => proved.push(stamp),
                Err(fault) => faults.push(fault),
            }
        }
        // Distinct authorities are counted.
        let mut authorities: Vec<_> = proved.iter().map(|t| &t.identity).collect();
        authorities.sort();
        authorities.dedup();
        let found = authorities.len();
        if found < threshold {
            return Err(Error::TimestampThreshold { needed: threshold, found, faults });
        }
        Ok(proved)
    }
}

impl<'e> Timed<'e> {
    /// The certificate's chain at every time and its SCTs; or the managed key.
    pub(super) fn trust_signer(
        mut self,
        material: &TrustMaterial,
        wanted: &Requirements,
        report: &mut Report,
    ) -> Result<Trusted<'e>, Error> {
        let entity = self.before.before.entity();
        let leaf = match (&wanted.signer, entity.certificate()) {
            (Signer::Keyless(_), None) => return Err(Error::KeyNeeded),
            (Signer::Key(_), _) => {
                report.not_applicable(Check::CertificateChain, Waiver::ManagedKey.setting());
                report.not_applicable(Check::CertificateTransparency, Waiver::ManagedKey.setting());
                self.before.waivers.push(Waiver::ManagedKey);
                return Ok(Trusted { before: self });
            }
            (Signer::Keyless(_), Some(leaf)) => leaf,
        };
        let path = self.check_chain(leaf, entity, material, wanted).inspect_err(|error| {
            report.failed(Check::CertificateChain, CHAIN_EXPECTED, error);
        })?;
        report.passed(Check::CertificateChain, CHAIN_EXPECTED, format!("issued by {}", path.authority));
        match wanted.sct {
            SctUse::SkippedUnsafe => {
                report.waived(Check::CertificateTransparency, Waiver::SctIgnored.setting());
                self.before.waivers.push(Waiver::SctIgnored);
            }
            SctUse::Required { threshold } => {
                let expected = format!("SCTs of {threshold} trusted CT log(s)");
                let logs = check_scts(leaf, entity, &path, material, threshold.max(1))
                    .inspect_err(|error| report.failed(Check::CertificateTransparency, expected.clone(), error))?;
                report.passed(Check::CertificateTransparency, expected, logs.join(", "));
            }
        }
        Ok(Trusted { before: self })
    }

    fn check_chain(
        &self,
        leaf: &Certificate,
        entity: &SignedEntity,
        material: &TrustMaterial,
        wanted: &Requirements,
    ) -> Result<TrustedPath, Error> {
        let mut times = match &self.times {
            Times::Proven(times) => times.clone(),
            Times::Present(now) => vec![*now],
            Times::NotClaimed => return Err(Error::TimeMissing),
        };
        if entity.profile.rules().issuance == IssuanceRule::AlsoAtNotBefore {
            times.push(leaf.not_before());
        }
        let extra = match (wanted.evidence_intermediates, &entity.signer) {
            (EvidenceIntermediates::Tried, SignerMaterial::Certificate { chain, .. }) => chain.as_slice(),
            _ => &[],
        };
        chain::check(leaf, extra, &material.certificate_authorities, &times, Purpose::CodeSigning)
    }
}

const CHAIN_EXPECTED: &str = "a code signing certificate of a trusted authority, valid at every proven time";

fn check_scts(
    leaf: &Certificate,
    entity: &SignedEntity,
    path: &TrustedPath,
    material: &TrustMaterial,
    threshold: usize,
) -> Result<Vec<String>, Error> {
    let embedded = Sct::embedded(leaf)?;
    let (scts, what) = match (&entity.detached_sct, embedded.is_empty()) {
        (_, false) => {
            let issuer_key_hash = issuer_key_hash(&path.issuer_spki);
            (embedded, SignedCertificate::Precertificate { leaf, issuer_key_hash })
        }
        (Some(json), true) => (vec![Sct::from_add_chain_response(json)?], SignedCertificate::Final { leaf }),
        (None, true) => return Err(Error::Sct(SctFault::Missing)),
    };
    let (mut logs, mut faults) = (Vec::new(), Vec::new());
    for sct in &scts {
        match sct.verify(what, &material.ct_logs) {
            Ok(_) => logs.push(hex(sct.log_id())),
            Err(fault) => faults.push(fault),
        }
        // One valid SCT of each log is enough; no more signatures are checked than are asked for.
        logs.sort();
        logs.dedup();
        if logs.len() >= threshold {
            return Ok(logs);
        }
    }
    Err(Error::SctThreshold { needed: threshold, found: logs.len(), faults })
}

impl<'e> Trusted<'e> {
    /// A statement must name the artifact and have the type asked for; a plain signature is over it already.
    pub(super) fn bind_subject(
        mut self,
        artifact: &Artifact,
        wanted: &Requirements,
        report: &mut Report,
    ) -> Result<Bound<'e>, Error> {
        let consistent = &self.before.before.before;
        let Some(statement) = consistent.statement() else {
            report.passed(Check::Subject, "the artifact was signed", describe_artifact(artifact));
            let digest = consistent.signed_digest().copied().or_else(|| artifact.digests().first().copied());
            return Ok(Bound { before: self, digest });
        };
        let expected = format!("a statement about {}", describe_artifact(artifact));
        if let Some(kind) = &wanted.predicate_type
            && statement.predicate_type != *kind
        {
            let error = Error::PredicateType { expected: kind.clone(), found: statement.predicate_type.clone() };
            report.failed(Check::Subject, expected, &error);
            return Err(error);
        }
        match wanted.claims {
            Claims::SkippedUnsafe => {
                report.waived(Check::Subject, Waiver::ClaimsIgnored.setting());
                self.before.before.waivers.push(Waiver::ClaimsIgnored);
                Ok(Bound { before: self, digest: None })
            }
            Claims::Checked => {
                let digest = statement
                    .check_subject(artifact)
                    .inspect_err(|error| report.failed(Check::Subject, expected.clone(), error))?;
                report.passed(Check::Subject, expected, format!("{} about {digest}", statement.predicate_type));
                Ok(Bound { before: self, digest: Some(digest) })
            }
        }
    }
}

impl<'e> Bound<'e> {
    /// The certified name is one that is wanted; or the key is the managed one.
    pub(super) fn identify(self, wanted: &Requirements, report: &mut Report) -> Result<Identified<'e>, Error> {
        let consistent = &self.before.before.before.before;
        let expected = describe_wanted(wanted);
        let signer = match &wanted.signer {
            Signer::Key(key) => {
                let fingerprint = hex(&key.fingerprint());
                report.passed(Check::Identity, expected, format!("key {fingerprint}"));
                ProvedSigner::Key { fingerprint }
            }
            Signer::Keyless(identities) => {
                let found = check_identities(consistent.entity(), identities)
                    .inspect_err(|error| report.failed(Check::Identity, expected.clone(), error))?;
                report.passed(Check::Identity, expected, format!("{} by {}", found.subject, found.issuer));
                ProvedSigner::Identity(found)
            }
        };
        Ok(Identified { before: self, signer })
    }
}

fn describe_wanted(wanted: &Requirements) -> String {
    match &wanted.signer {
        Signer::Key(key) => format!("key {}", hex(&key.fingerprint())),
        Signer::Keyless(identities) => identities
            .iter()
            .map(|i| format!("{} by {}", i.subject.describe(), i.issuer.describe()))
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

pub(super) fn check_identities(
    entity: &SignedEntity,
    identities: &[crate::identity::Identity],
) -> Result<identity::ProvedIdentity, Error> {
    let leaf = entity.certificate().ok_or(Error::KeyNeeded)?;
    let rules = entity.profile.rules().identity;
    let mut last = Error::KeyNeeded;
    for wanted in identities {
        match identity::check(leaf, wanted, rules) {
            Ok(found) => return Ok(found),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Identified<'_> {
    /// The one place where a [`Verified`] is made.
    pub(super) fn conclude(self, report: Report) -> Verified {
        let Self { before: Bound { before: trusted, digest }, signer } = self;
        let Timed { before: logged, timestamps, .. } = trusted.before;
        let Logged { before: consistent, entries, waivers } = logged;
        Verified {
            profile: consistent.entity().profile,
            digest,
            statement: consistent.statement().cloned(),
            signer,
            entries,
            timestamps,
            waivers,
            report,
        }
    }
}

/// After a failure: the checks that do not depend on what failed, for the reader's sake. They make no proofs.
pub(super) fn diagnose(entity: &SignedEntity, material: &TrustMaterial, wanted: &Requirements, report: &mut Report) {
    if let LogUse::Required { threshold } = wanted.log {
        let expected = format!("entries in {threshold} trusted log(s)");
        let proofs = entity.profile.rules().log_proofs;
        let result = entity.log_entries.iter().take(crate::limits::LOG_ENTRIES).map(|entry| {
            let proved = entry.prove(&material.logs, proofs).map_err(Error::Log)?;
            Ok(describe_entry(&proved))
        });
        if !entity.log_entries.is_empty() {
            let result = result.collect::<Result<Vec<_>, _>>().map(|words| words.join("; "));
            report.diagnostic(Check::TransparencyLog, expected, result);
        }
    }
    if let Signer::Keyless(identities) = &wanted.signer
        && entity.certificate().is_some()
    {
        let result = check_identities(entity, identities).map(|i| format!("{} by {}", i.subject, i.issuer));
        report.diagnostic(Check::Identity, describe_wanted(wanted), result);
    }
}
