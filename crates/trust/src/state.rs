//! Whether the trust at hand may be used, or must be refreshed first. Pure: the caller says what is there and what
//! time it is.
//!
//! The rules of [`plan`], first match wins. "Age" is the time since the trust at hand was known to be the newest.
//!
//! | mode | requests | why asked | trust at hand | plan |
//! |---|---|---|---|---|
//! | always | forbidden | | | refuse: `OfflineButAlways` |
//! | always | allowed | | | refresh |
//! | auto, never | forbidden | | none | refuse: `NothingAtHand` |
//! | never | | | none | refuse: `NothingAtHand` |
//! | auto | allowed | | none | refresh |
//! | never | | | some | use it, silently |
//! | auto | forbidden | | some | use it, silently |
//! | auto | allowed | it does not know a key | not refreshed or tried within the back-off | refresh |
//! | auto | needed anyway | | age above TTL, not tried within the back-off | refresh |
//! | auto | needed anyway | | age above the maximum, tried within the back-off | refuse: `TooOld` |
//! | auto | needed anyway | | age above 24 h | use it, with a warning |
//! | auto | not needed | | cache with an age above 24 h | use it, with a warning |
//! | auto | | | else | use it |
//!
//! So a verification whose evidence is complete makes no request, whatever the age of the embedded root: that is
//! what makes the program usable without a network, and a verifier that asks for nothing cannot be frozen by a
//! mirror either. What it gives up is to learn of a revoked key; who wants that says `always`.
//! An unknown key asks for a refresh at most once per back-off: evidence is written by strangers, and must not be
//! able to make us ask a mirror each time.

use jiff::{SignedDuration, Timestamp};

use crate::Error;

/// When the trust root is refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TufMode {
    /// In each run; a failure is an error. What cosign does.
    Always,
    /// When it is old, or does not suffice, and the network is used anyway.
    #[default]
    Auto,
    /// Never.
    Never,
}

/// The user's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// When to refresh.
    pub mode: TufMode,
    /// Age above which a refresh is due. At most 24 h: see [`Rules::new`].
    ttl: SignedDuration,
    /// Age above which the trust at hand is refused where the run is online.
    pub max_age: SignedDuration,
}

/// Longest TTL, and the age from which on there is a warning. A timestamp of the public instance is valid for seven
/// days; a day is what sigstore-go's `CacheValidity` is by default.
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Default of `--trust-max-age`: two lifetimes of a timestamp of the public instance.
pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How long a refresh is not tried again after a failure, or for another unknown key.
pub const BACK_OFF: SignedDuration = SignedDuration::from_mins(15);

impl Default for Rules {
    fn default() -> Self {
        Self::new(TufMode::Auto, DAY, MAX_AGE)
    }
}

impl Rules {
    /// Rules with a TTL of at most 24 h; a longer one is shortened.
    pub fn new(mode: TufMode, ttl: SignedDuration, max_age: SignedDuration) -> Self {
        Self { mode, ttl: ttl.min(DAY), max_age }
    }
}

/// Whether requests may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// `--offline`.
    Forbidden,
    /// Allowed, but nothing in this run needs any.
    Unneeded,
    /// The run makes requests anyway: a log look-up, a URL, a registry.
    Needed,
}

/// Why trust is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// To verify.
    Ordinary,
    /// The evidence names a log, authority or key that the trust at hand does not know.
    UnknownKey,
}

/// Which trust is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The cache of a former refresh.
    Cached,
    /// What is part of the program.
    Embedded,
}

/// The cache, after it was verified ([`crate::tuf::load_cached`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cached {
    /// When the last refresh succeeded, if that was recorded. A time in the future counts as not recorded.
    pub refreshed: Option<Timestamp>,
    /// Until when the cached timestamp metadata is signed.
    pub timestamp_expires: Timestamp,
}

/// What there is before any request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AtHand {
    /// The cache, if it has a verified trusted root.
    pub cached: Option<Cached>,
    /// As of when the embedded material is, if there is any for this mirror.
    pub embedded: Option<Timestamp>,
    /// When the last refresh failed, if that was recorded.
    pub failed: Option<Timestamp>,
}

/// What to do.
#[derive(Debug)]
pub enum Plan {
    /// Use the cache.
    UseCached {
        /// Say that it is old.
        warning: Option<Stale>,
    },
    /// Use the embedded material.
    UseEmbedded {
        /// Say that it is old.
        warning: Option<Stale>,
    },
    /// Refresh, then use the result. When that fails, ask [`after_failure`].
    Refresh,
    /// Verify nothing.
    Refuse(Error),
}

/// The trust at hand is used although it is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale {
    /// When it was known to be the newest.
    pub as_of: Timestamp,
    /// How long ago that is.
    pub age: SignedDuration,
}

impl std::fmt::Display for Stale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the trust root was last refreshed {} hours ago ({})", self.age.as_hours(), self.as_of)
    }
}

/// What to do before verifying.
pub fn plan(rules: &Rules, at_hand: &AtHand, network: Network, demand: Demand, now: Timestamp) -> Plan {
    let newest = at_hand.newest(now);
    match (rules.mode, network, &newest) {
        (TufMode::Always, Network::Forbidden, _) => return Plan::Refuse(Error::OfflineButAlways),
        (TufMode::Always, ..) => return Plan::Refresh,
        (TufMode::Never, _, None) => return Plan::Refuse(Error::NothingAtHand { forbidden_by: "--tuf=never" }),
        (_, Network::Forbidden, None) => return Plan::Refuse(Error::NothingAtHand { forbidden_by: "--offline" }),
        (TufMode::Auto, _, None) => return Plan::Refresh,
        _ => {}
    }
    let Some(newest) = newest else { return Plan::Refresh };
    if rules.mode == TufMode::Never || network == Network::Forbidden {
        return newest.used(None);
    }
    let backing_off = is_recent(at_hand.failed, now, BACK_OFF);
    if demand == Demand::UnknownKey {
        let refreshed = at_hand.cached.and_then(|cached| cached.refreshed);
        if !backing_off && !is_recent(refreshed, now, BACK_OFF) {
            return Plan::Refresh;
        }
    }
    if network == Network::Needed {
        if newest.age > rules.ttl && !backing_off {
            return Plan::Refresh;
        }
        if newest.age > rules.max_age {
            return Plan::Refuse(newest.too_old(rules));
        }
        return newest.used(newest.stale());
    }
    newest.used(newest.stale().filter(|_| newest.source == Source::Cached))
}

/// What to do after a refresh that [`plan`] wanted has failed: the newest trust at hand, or the error.
///
/// With `auto`, a refresh for an unknown key in a run that needs no network never refuses what was usable before.
pub fn after_failure(
    rules: &Rules,
    at_hand: &AtHand,
    network: Network,
    failure: Error,
    now: Timestamp,
) -> Result<Plan, Error> {
    let newest = match (rules.mode, at_hand.newest(now)) {
        (TufMode::Auto, Some(newest)) => newest,
        _ => return Err(failure),
    };
    if network == Network::Needed && newest.age > rules.max_age {
        return Err(newest.too_old(rules));
    }
    Ok(newest.used(newest.stale()))
}

/// The newest trust at hand.
struct Newest {
    source: Source,
    as_of: Timestamp,
    age: SignedDuration,
}

impl AtHand {
    fn newest(&self, now: Timestamp) -> Option<Newest> {
        let cached = self.cached.map(|cached| cached.as_of(now));
        let (source, as_of) = match (cached, self.embedded) {
            (Some(cached), Some(embedded)) if cached < embedded => (Source::Embedded, embedded),
            (Some(cached), _) => (Source::Cached, cached),
            (None, Some(embedded)) => (Source::Embedded, embedded),
            (None, None) => return None,
        };
        // A clock that is behind the embedded date says nothing about the age.
        let age = now.duration_since(as_of).max(SignedDuration::ZERO);
        Some(Newest { source, as_of, age })
    }
}

impl Cached {
    /// When the cache was known to be the newest. A cache that cosign wrote does not say; then it is stale, but it
    /// was current at some time before its timestamp's expiry.
    fn as_of(&self, now: Timestamp) -> Timestamp {
        if let Some(refreshed) = self.refreshed
            && refreshed <= now
        {
            return refreshed;
        }
        let stale = now.checked_sub(DAY + SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN);
        stale.min(self.timestamp_expires)
    }
}

impl Newest {
    fn used(&self, warning: Option<Stale>) -> Plan {
        match self.source {
            Source::Cached => Plan::UseCached { warning },
            Source::Embedded => Plan::UseEmbedded { warning },
        }
    }

    fn stale(&self) -> Option<Stale> {
        (self.age > DAY).then_some(Stale { as_of: self.as_of, age: self.age })
    }

    fn too_old(&self, rules: &Rules) -> Error {
        Error::TooOld { as_of: self.as_of, age: self.age, max_age: rules.max_age }
    }
}

/// Whether something happened at most `span` ago. A time in the future does not count.
fn is_recent(at: Option<Timestamp>, now: Timestamp, span: SignedDuration) -> bool {
    at.is_some_and(|at| at <= now && now.duration_since(at) <= span)
}

#[cfg(test)]
mod tests {
    use Demand::{Ordinary, UnknownKey};
    use Network::{Forbidden, Needed, Unneeded};
    use TufMode::{Always, Auto, Never};

    use super::*;

    const HOUR: i64 = 3600;
    const DAYS: i64 = 24 * HOUR;

    fn now() -> Timestamp {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }

    fn ago(seconds: i64) -> Timestamp {
        now() - SignedDuration::from_secs(seconds)
    }

    fn embedded(seconds: i64) -> AtHand {
        AtHand { embedded: Some(ago(seconds)), ..AtHand::default() }
    }

    /// A cache beside embedded material of 100 days ago.
    fn cached(seconds: i64) -> AtHand {
        let cached = Cached { refreshed: Some(ago(seconds)), timestamp_expires: ago(seconds - 7 * DAYS) };
        AtHand { cached: Some(cached), ..embedded(100 * DAYS) }
    }

    fn failed(at_hand: AtHand, seconds: i64) -> AtHand {
        AtHand { failed: Some(ago(seconds)), ..at_hand }
    }

    fn short(plan: Plan) -> &'static str {
        match plan {
            Plan::UseCached { warning: None } => "cached",
            Plan::UseCached { warning: Some(_) } => "cached, warning",
            Plan::UseEmbedded { warning: None } => "embedded",
            Plan::UseEmbedded { warning: Some(_) } => "embedded, warning",
            Plan::Refresh => "refresh",
            Plan::Refuse(Error::OfflineButAlways) => "refuse, always",
            Plan::Refuse(Error::NothingAtHand { .. }) => "refuse, nothing",
            Plan::Refuse(Error::TooOld { .. }) => "refuse, too old",
            Plan::Refuse(_) => "refuse",
        }
    }

    #[test]
    fn the_table() {
        let nothing = AtHand::default();
        for (mode, network, demand, at_hand, expected) in [
            (Always, Forbidden, Ordinary, cached(0), "refuse, always"),
            (Always, Unneeded, Ordinary, cached(0), "refresh"),
            (Always, Needed, Ordinary, failed(cached(0), 1), "refresh"),
            (Auto, Forbidden, Ordinary, nothing, "refuse, nothing"),
            (Never, Needed, Ordinary, nothing, "refuse, nothing"),
            (Auto, Unneeded, Ordinary, nothing, "refresh"),
            (Auto, Unneeded, Ordinary, failed(nothing, 1), "refresh"),
            (Never, Needed, UnknownKey, embedded(900 * DAYS), "embedded"),
            (Never, Needed, Ordinary, cached(90 * DAYS), "cached"),
            (Auto, Forbidden, UnknownKey, embedded(900 * DAYS), "embedded"),
            (Auto, Forbidden, Ordinary, cached(90 * DAYS), "cached"),
            // Nothing needs the network.
            (Auto, Unneeded, Ordinary, embedded(900 * DAYS), "embedded"),
            (Auto, Unneeded, Ordinary, cached(HOUR), "cached"),
            (Auto, Unneeded, Ordinary, cached(90 * DAYS), "cached, warning"),
            // The evidence names an unknown key.
            (Auto, Unneeded, UnknownKey, embedded(HOUR), "refresh"),
            (Auto, Unneeded, UnknownKey, cached(HOUR), "refresh"),
            (Auto, Unneeded, UnknownKey, cached(60), "cached"),
            (Auto, Unneeded, UnknownKey, failed(embedded(90 * DAYS), 60), "embedded"),
            (Auto, Unneeded, UnknownKey, failed(embedded(90 * DAYS), HOUR), "refresh"),
            // The network is used anyway.
            (Auto, Needed, Ordinary, cached(23 * HOUR), "cached"),
            (Auto, Needed, Ordinary, cached(25 * HOUR), "refresh"),
            (Auto, Needed, Ordinary, embedded(33 * DAYS), "refresh"),
            (Auto, Needed, Ordinary, failed(cached(2 * DAYS), 60), "cached, warning"),
            (Auto, Needed, Ordinary, failed(embedded(2 * DAYS), 60), "embedded, warning"),
            (Auto, Needed, Ordinary, failed(cached(15 * DAYS), 60), "refuse, too old"),
            (Auto, Needed, Ordinary, failed(cached(15 * DAYS), HOUR), "refresh"),
            (Auto, Needed, UnknownKey, failed(cached(HOUR), 60), "cached"),
        ] {
            let rules = Rules { mode, ..Rules::default() };
            let found = short(plan(&rules, &at_hand, network, demand, now()));
            assert_eq!(found, expected, "{mode:?} {network:?} {demand:?} {at_hand:?}");
        }
    }

    #[test]
    fn after_a_failed_refresh() {
        let failure = || Error::NotCached { file: "stands for any failure".into() };
        for (mode, network, at_hand, expected) in [
            (Always, Needed, cached(0), Err("failure")),
            (Auto, Needed, AtHand::default(), Err("failure")),
            (Auto, Needed, cached(HOUR), Ok("cached")),
            (Auto, Needed, cached(2 * DAYS), Ok("cached, warning")),
            (Auto, Needed, embedded(2 * DAYS), Ok("embedded, warning")),
            (Auto, Needed, embedded(33 * DAYS), Err("too old")),
            (Auto, Unneeded, embedded(33 * DAYS), Ok("embedded, warning")),
        ] {
            let rules = Rules { mode, ..Rules::default() };
            let found = match after_failure(&rules, &at_hand, network, failure(), now()) {
                Ok(plan) => Ok(short(plan)),
                Err(Error::TooOld { .. }) => Err("too old"),
                Err(_) => Err("failure"),
            };
            assert_eq!(found, expected, "{mode:?} {network:?} {at_hand:?}");
        }
    }

    #[test]
    fn refresh_time_in_the_future_counts_as_stale() {
        let mut at_hand = cached(-HOUR);
        assert_eq!(short(plan(&Rules::default(), &at_hand, Needed, Ordinary, now())), "refresh");
        at_hand.failed = Some(ago(-HOUR));
        assert_eq!(short(plan(&Rules::default(), &at_hand, Needed, Ordinary, now())), "refresh");
    }

    #[test]
    fn cache_of_cosign_is_stale_but_used() {
        let mut at_hand = cached(0);
        if let Some(cached) = &mut at_hand.cached {
            cached.refreshed = None;
        }
        assert_eq!(short(plan(&Rules::default(), &at_hand, Needed, Ordinary, now())), "refresh");
        at_hand.failed = Some(now());
        assert_eq!(short(plan(&Rules::default(), &at_hand, Needed, Ordinary, now())), "cached, warning");
        if let Some(cached) = &mut at_hand.cached {
            cached.timestamp_expires = ago(20 * DAYS);
        }
        assert_eq!(short(plan(&Rules::default(), &at_hand, Needed, Ordinary, now())), "refuse, too old");
    }

    #[test]
    fn newer_program_beats_an_old_cache() {
        let at_hand = AtHand { embedded: Some(ago(DAYS)), ..cached(90 * DAYS) };
        assert_eq!(short(plan(&Rules::default(), &at_hand, Unneeded, Ordinary, now())), "embedded");
    }

    #[test]
    fn longer_ttl_than_a_day_is_a_day() {
        let rules = Rules::new(Auto, SignedDuration::from_hours(500), MAX_AGE);
        assert_eq!(short(plan(&rules, &cached(25 * HOUR), Needed, Ordinary, now())), "refresh");
        let rules = Rules::new(Auto, SignedDuration::from_mins(1), MAX_AGE);
        assert_eq!(short(plan(&rules, &cached(120), Needed, Ordinary, now())), "refresh");
    }
}
