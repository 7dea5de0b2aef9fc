//! Which transparency log and which timestamps an authority asks for: one table.
//!
//! Facts about policy-controller are those of specs/policy-controller.md §2.9. Where its outcome is that nothing proves
//! when a certificate was used, ours is another one: `docs/differences.md`.

use super::authority::SignerKind;

/// Where keys and certificates come from.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TrustRef {
    /// Sigstore's public instance.
    PublicGood,
    /// The TrustRoot of this name.
    TrustRoot(String),
}

/// What an authority says about its certificate authority.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RootStatement {
    /// `keyless.trustRootRef` is absent.
    Unnamed,
    /// `keyless.trustRootRef`.
    Named,
}

/// What an authority says in `ctlog`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogStatement {
    /// Nothing, or `ctlog: {}`, which says nothing either.
    Silent,
    /// A URL alone.
    Url,
    /// A TrustRoot, and perhaps a URL.
    TrustRoot,
}

/// What an authority says in `rfc3161timestamp`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StampStatement {
    /// Nothing.
    Silent,
    /// `rfc3161timestamp: {}`: a timestamp, and not by whom.
    Anybody,
    /// A TrustRoot.
    TrustRoot,
}

/// Which log must know a signature.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum LogRule {
    /// None: the policy says so by naming a key or a timestamp authority, and no log.
    NotChecked,
    /// A log of Sigstore's public instance; an entry must come along.
    PublicOffline,
    /// A log of Sigstore's public instance; an entry that does not come along is looked up at the policy's URL.
    PublicAtUrl,
    /// A log of the TrustRoot in `ctlog`; looked up at the URL of its last log, else at the policy's.
    OfLogRoot,
    /// A log of the certificate authority's TrustRoot, looked up there. If it has none, a timestamp of its authorities
    /// instead; if it has neither, nobody is trusted.
    OfSignersRootOrStamp,
}

/// Whose timestamp a signature must have.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum StampRule {
    /// Nobody's, as far as the log gives a time.
    AsTheLogSays,
    /// Of an authority of the TrustRoot in `rfc3161timestamp`.
    OfStampRoot,
    /// Of an authority of the certificate authority's TrustRoot; of Sigstore's public instance where none is named.
    OfSignersRoot,
}

/// Both.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct TrustRule {
    pub(crate) log: LogRule,
    pub(crate) stamp: StampRule,
}

/// One row. `None` stands for "whatever is said".
struct Row {
    signer: Option<SignerKind>,
    root: Option<RootStatement>,
    log: Option<LogStatement>,
    stamp: Option<StampStatement>,
    rule: LogRule,
    /// What policy-controller does with signatures in its own format, and the row of §2.9 that says so.
    #[cfg_attr(not(test), expect(dead_code, reason = "it is what the row is compared with; a test reads it"))]
    upstream: &'static str,
}

use LogStatement as L;
use RootStatement as R;
use SignerKind as S;
use StampStatement as T;

/// The first row that fits counts. Rows are the same for both formats of signatures: bundles carry their entries, so that
/// nothing of them is looked up.
const ROWS: [Row; 7] = [
    // A log that the policy names is always needed, also beside a timestamp authority: what is asked for is needed.
    row(None, None, Some(L::TrustRoot), None, LogRule::OfLogRoot, "ctlog.trustRootRef: keys of TrustRoot.tLogs"),
    row(None, None, Some(L::Url), None, LogRule::PublicAtUrl, "ctlog.url: keys of the public instance"),
    // The policy's own statement: this key, and no log.
    row(Some(S::Key), None, Some(L::Silent), None, LogRule::NotChecked, "key, ctlog nil or {}: not checked"),
    // The policy's own statement: this timestamp authority, and no log.
    row(
        Some(S::Keyless),
        None,
        Some(L::Silent),
        Some(T::TrustRoot),
        LogRule::NotChecked,
        "rfc3161timestamp.trustRootRef: not checked",
    ),
    row(
        Some(S::Keyless),
        Some(R::Unnamed),
        Some(L::Silent),
        Some(T::Silent),
        LogRule::PublicOffline,
        "keyless, ctlog nil: public instance, offline; `ctlog: {}`: not checked [BUG]",
    ),
    row(
        Some(S::Keyless),
        Some(R::Unnamed),
        Some(L::Silent),
        Some(T::Anybody),
        LogRule::PublicOffline,
        "rfc3161timestamp without trustRootRef: ignored",
    ),
    row(
        Some(S::Keyless),
        Some(R::Named),
        Some(L::Silent),
        None,
        LogRule::OfSignersRootOrStamp,
        "keyless with trustRootRef, ctlog nil: not checked",
    ),
];

const fn row(
    signer: Option<SignerKind>,
    root: Option<RootStatement>,
    log: Option<LogStatement>,
    stamp: Option<StampStatement>,
    rule: LogRule,
    upstream: &'static str,
) -> Row {
    Row { signer, root, log, stamp, rule, upstream }
}

impl TrustRule {
    /// What the statements of an authority amount to.
    pub(crate) fn of(signer: SignerKind, root: RootStatement, log: LogStatement, stamp: StampStatement) -> Self {
        let fits = |row: &&Row| {
            row.signer.is_none_or(|wanted| wanted == signer)
                && row.root.is_none_or(|wanted| wanted == root)
                && row.log.is_none_or(|wanted| wanted == log)
                && row.stamp.is_none_or(|wanted| wanted == stamp)
        };
        // Every combination has a row (a test walks them all); the strictest rule stands in for one that has none.
        let rule = ROWS.iter().find(fits).map_or(LogRule::PublicOffline, |row| row.rule);
        let stamp = match stamp {
            StampStatement::Silent => StampRule::AsTheLogSays,
            StampStatement::TrustRoot => StampRule::OfStampRoot,
            StampStatement::Anybody => StampRule::OfSignersRoot,
        };
        Self { log: rule, stamp }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOTS: [RootStatement; 2] = [R::Unnamed, R::Named];
    const LOGS: [LogStatement; 3] = [L::Silent, L::Url, L::TrustRoot];
    const STAMPS: [StampStatement; 3] = [T::Silent, T::Anybody, T::TrustRoot];

    fn all() -> impl Iterator<Item = (SignerKind, RootStatement, LogStatement, StampStatement)> {
        [S::Key, S::Keyless].into_iter().flat_map(|signer| {
            ROOTS.into_iter().flat_map(move |root| {
                LOGS.into_iter().flat_map(move |log| STAMPS.into_iter().map(move |stamp| (signer, root, log, stamp)))
            })
        })
    }

    #[test]
    fn every_combination_has_a_row_and_every_row_a_combination() {
        let mut used = vec![0; ROWS.len()];
        for (signer, root, log, stamp) in all() {
            let found = ROWS.iter().position(|row| {
                row.signer.is_none_or(|s| s == signer)
                    && row.root.is_none_or(|r| r == root)
                    && row.log.is_none_or(|l| l == log)
                    && row.stamp.is_none_or(|t| t == stamp)
            });
            used[found.unwrap_or_else(|| panic!("no row for {signer:?} {root:?} {log:?} {stamp:?}"))] += 1;
        }
        for (row, used) in ROWS.iter().zip(used) {
            assert!(used > 0, "never used: {}", row.upstream);
        }
    }

    /// A certificate is valid for ten minutes and its key is thrown away: without a proof of when it was used, who steals
    /// one later can sign for ever.
    #[test]
    fn a_certificate_is_never_taken_without_a_proof_of_time() {
        for (signer, root, log, stamp) in all().filter(|(signer, ..)| *signer == S::Keyless) {
            let rule = TrustRule::of(signer, root, log, stamp);
            let proved = rule.log != LogRule::NotChecked || rule.stamp != StampRule::AsTheLogSays;
            assert!(proved, "{root:?} {log:?} {stamp:?}");
        }
    }

    #[test]
    fn what_is_named_is_needed() {
        for (signer, root, log, stamp) in all() {
            let rule = TrustRule::of(signer, root, log, stamp);
            if log != L::Silent {
                assert!(matches!(rule.log, LogRule::PublicAtUrl | LogRule::OfLogRoot), "{signer:?} {log:?} {stamp:?}");
            }
            assert_eq!(stamp == T::Silent, rule.stamp == StampRule::AsTheLogSays, "{signer:?} {log:?} {stamp:?}");
        }
    }

    #[test]
    fn the_rows_of_the_specification() {
        let rule = |signer, root, log, stamp| TrustRule::of(signer, root, log, stamp).log;
        assert_eq!(rule(S::Key, R::Unnamed, L::Silent, T::Silent), LogRule::NotChecked);
        assert_eq!(rule(S::Key, R::Unnamed, L::Url, T::Silent), LogRule::PublicAtUrl);
        assert_eq!(rule(S::Keyless, R::Named, L::Url, T::Silent), LogRule::PublicAtUrl);
        assert_eq!(rule(S::Keyless, R::Unnamed, L::TrustRoot, T::Silent), LogRule::OfLogRoot);
        assert_eq!(rule(S::Keyless, R::Unnamed, L::Silent, T::Silent), LogRule::PublicOffline);
        assert_eq!(rule(S::Keyless, R::Named, L::Silent, T::Silent), LogRule::OfSignersRootOrStamp);
        assert_eq!(rule(S::Keyless, R::Named, L::Silent, T::TrustRoot), LogRule::NotChecked);
        assert_eq!(rule(S::Key, R::Unnamed, L::Silent, T::TrustRoot), LogRule::NotChecked);
    }
}
