//! Figures for Prometheus. Labels are words of ours, names of policies and hooks: never anything that whoever creates a Pod
//! can choose, or their number would have no bound.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use sigward_verify::evidence::Answer;

type Words<const N: usize> = [(&'static str, &'static str); N];
type Counted<const N: usize> = Family<Words<N>, Counter>;

/// All figures.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Counted<2>,
    seconds: Family<Words<1>, Histogram, fn() -> Histogram>,
    denials: Counted<1>,
    verdicts: Family<[(&'static str, String); 2], Counter>,
    lookups: Counted<2>,
    gathers: Histogram,
    registry_answers: Counted<1>,
    resolved: Counted<1>,
    handshakes_failed: Counter,
    policies: Family<Words<1>, Gauge>,
    trust_age: Family<[(&'static str, String); 1], Gauge<f64, AtomicU64>>,
    cache_entries: Gauge,
    cache_bytes: Gauge,
    under_way: Gauge,
    log_lines_dropped: Gauge,
}

/// What is looked up when somebody asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Levels {
    /// Entries of the cache, and their bytes.
    pub cache: (u64, u64),
    /// Questions that are being asked.
    pub under_way: usize,
    /// Lines that the log had no room for.
    pub log_lines_dropped: u64,
}

fn review_seconds() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("sigward"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(review_seconds),
            denials: Family::default(),
            verdicts: Family::default(),
            lookups: Family::default(),
            gathers: Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0]),
            registry_answers: Family::default(),
            resolved: Family::default(),
            handshakes_failed: Counter::default(),
            policies: Family::default(),
            trust_age: Family::default(),
            cache_entries: Gauge::default(),
            cache_bytes: Gauge::default(),
            under_way: Gauge::default(),
            log_lines_dropped: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("reviews", "Admission reviews by webhook and answer", self.requests.clone());
        registry.register("review_seconds", "Time to answer a review", self.seconds.clone());
        registry.register("denials", "Denials by reason; one review may have several", self.denials.clone());
        registry.register("policy_verdicts", "Verdicts about images by policy", self.verdicts.clone());
        registry.register("cache_lookups", "Look-ups of what authorities proved", self.lookups.clone());
        registry.register("gather_seconds", "Time to gather the evidence of an image", self.gathers.clone());
        registry.register("registry_answers", "Answers of registries and logs", self.registry_answers.clone());
        registry.register("tags", "Tags that were to become digests", self.resolved.clone());
        registry.register("tls_handshakes_failed", "Connections without TLS", self.handshakes_failed.clone());
        registry.register("policies", "Policies in force", self.policies.clone());
        registry.register(
            "trust_age_seconds",
            "Since when trust material is known to be the newest",
            self.trust_age.clone(),
        );
        registry.register("cache_entries", "Entries of the cache", self.cache_entries.clone());
        registry.register("cache_bytes", "Bytes of the cache, about", self.cache_bytes.clone());
        registry.register("gathers_under_way", "Questions that are being asked", self.under_way.clone());
        registry.register("log_lines_dropped", "Lines that the log had no room for", self.log_lines_dropped.clone());
    }

    /// A review was answered.
    pub fn answered(&self, hook: &'static str, is_allowed: bool, codes: &[&'static str], took: Duration) {
        let answer = if is_allowed { "allowed" } else { "denied" };
        self.requests.get_or_create(&[("webhook", hook), ("answer", answer)]).inc();
        self.seconds.get_or_create(&[("webhook", hook)]).observe(took.as_secs_f64());
        for code in codes {
            self.denials.get_or_create(&[("reason", code)]).inc();
        }
    }

    /// A policy was for an image, and this is what it says.
    pub fn verdict(&self, policy: &str, verdict: &'static str) {
        self.verdicts.get_or_create(&[("policy", policy.to_owned()), ("verdict", verdict.to_owned())]).inc();
    }

    /// Policies that are gone have no figures any more: their names are not ours to collect.
    pub fn keep_policies(&self, names: &BTreeSet<&str>, broken: usize) {
        if self.known_policies_exceed(names.len()) {
            self.verdicts.clear();
        }
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.policies.get_or_create(&[("state", "broken")]).set(count(broken));
        self.policies.get_or_create(&[("state", "sound")]).set(count(names.len().saturating_sub(broken)));
    }

    /// Forgetting all figures is cheap and rare; counters may start again at any time.
    fn known_policies_exceed(&self, names: usize) -> bool {
        let known = self.policies.get_or_create(&[("state", "known")]).clone();
        let names = i64::try_from(names).unwrap_or(i64::MAX);
        let exceed = known.get() > names;
        known.set(names);
        exceed
    }

    /// Something was looked up.
    pub fn cache_lookup(&self, what: &'static str, result: &'static str) {
        self.lookups.get_or_create(&[("what", what), ("result", result)]).inc();
    }

    /// Evidence was gathered.
    pub fn gathered(&self, took: Duration) {
        self.gathers.observe(took.as_secs_f64());
    }

    /// A registry or a log answered, or did not.
    pub fn registry_answer(&self, answer: &Answer) {
        let status = match &answer.outcome {
            Err(_) => "none",
            Ok(response) => match response.status {
                200..=299 => "2xx",
                401 => "401",
                403 => "403",
                404 => "404",
                429 => "429",
                400..=499 => "4xx",
                500..=599 => "5xx",
                _ => "other",
            },
        };
        self.registry_answers.get_or_create(&[("status", status)]).inc();
    }

    /// A tag was to become a digest.
    pub fn tag(&self, result: &'static str) {
        self.resolved.get_or_create(&[("result", result)]).inc();
    }

    /// A connection had no TLS.
    pub fn handshake_failed(&self) {
        self.handshakes_failed.inc();
    }

    /// How old trust material is.
    pub fn trust_age(&self, root: &str, age: Duration) {
        self.trust_age.get_or_create(&[("root", root.to_owned())]).set(age.as_secs_f64());
    }

    /// Everything, as Prometheus reads it.
    pub fn text(&self, levels: Levels) -> String {
        let level = |level: u64| i64::try_from(level).unwrap_or(i64::MAX);
        self.cache_entries.set(level(levels.cache.0));
        self.cache_bytes.set(level(levels.cache.1));
        self.under_way.set(i64::try_from(levels.under_way).unwrap_or(i64::MAX));
        self.log_lines_dropped.set(level(levels.log_lines_dropped));
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_names_and_words() {
        let metrics = Metrics::default();
        metrics.answered("validations", false, &["image-unsigned"], Duration::from_millis(3));
        metrics.verdict("p", "fail");
        metrics.keep_policies(&BTreeSet::from(["p", "q"]), 1);
        let text = metrics.text(Levels { cache: (1, 2), ..Levels::default() });
        for line in [
            "sigward_reviews_total{webhook=\"validations\",answer=\"denied\"} 1",
            "sigward_denials_total{reason=\"image-unsigned\"} 1",
            "sigward_policy_verdicts_total{policy=\"p\",verdict=\"fail\"} 1",
            "sigward_policies{state=\"broken\"} 1",
            "sigward_cache_bytes 2",
            "sigward_review_seconds_bucket{le=\"0.005\",webhook=\"validations\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        metrics.keep_policies(&BTreeSet::from(["q"]), 0);
        assert!(!metrics.text(Levels::default()).contains("policy=\"p\""));
    }
}
