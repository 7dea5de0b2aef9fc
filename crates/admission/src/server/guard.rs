//! A review always has an answer: within its time, and also where our own code panics.

use std::time::{Duration, Instant};

use super::{Hook, Reviewing};
use crate::limits;
use crate::review::{Answer, BadReview, Denial};

/// What a review may be late before it is given up; less than the shortest of [`limits::MARGIN`].
const GRACE: Duration = Duration::from_millis(25);

/// Until when a review that came at `start` must be judged, so that its answer still arrives. `timeout` is the one of the
/// webhook's URL, which the API server adds.
pub fn deadline(start: Instant, timeout: Option<Duration>) -> Instant {
    let whole = timeout.unwrap_or(limits::REVIEW).min(limits::REVIEW_MAX);
    let margin = (whole / 10).clamp(*limits::MARGIN.start(), *limits::MARGIN.end());
    start.checked_add(whole.saturating_sub(margin)).unwrap_or(start)
}

/// The value of `timeout` in a query, as Go prints durations: `10s`, `1m30s`, `500ms`. What cannot be read is not there.
pub fn timeout_of(query: Option<&str>) -> Option<Duration> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let text = pairs.into_iter().find(|(name, _)| *name == "timeout")?.1;
    go_duration(text).filter(|duration| !duration.is_zero())
}

/// A duration as Go's `time.ParseDuration` reads it, without sign and without fractions.
pub(crate) fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let number: u32 = number.parse().ok()?;
        let (unit, after) = [
            ("ms", Duration::from_millis(1)),
            ("h", Duration::from_secs(3_600)),
            ("m", Duration::from_secs(60)),
            ("s", Duration::from_secs(1)),
        ]
        .into_iter()
        .find_map(|(name, unit)| Some((unit, after.strip_prefix(name)?)))?;
        sum = sum.checked_add(unit.checked_mul(number)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

/// The answer of `reviewing`; a denial if it panics, or is not there at `deadline`. It is aborted then.
pub async fn guarded(hook: Hook, start: Instant, deadline: Instant, reviewing: Reviewing) -> Answer {
    let deny = |code, text: String| Answer::denied(Denial::new(code, format!("{}{text}", hook.prefix())), Vec::new());
    let mut task = AbortOnDrop(tokio::spawn(reviewing));
    // Whoever judges knows the deadline and says more about it; this is for those who forget it.
    let last = deadline.checked_add(GRACE).unwrap_or(deadline);
    match tokio::time::timeout_at(last.into(), &mut task.0).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => deny("internal-error", "internal error: this review ended in a panic, see the log".to_owned()),
        Err(_) => {
            let had = deadline.saturating_duration_since(start).as_secs_f32();
            deny(
                "deadline",
                format!("context was canceled before validation completed: nothing was decided within {had:.1} s"),
            )
        }
    }
}

/// The answer to a request that cannot be read.
pub fn unreadable(hook: Hook, error: &BadReview) -> Answer {
    let begin = match hook {
        Hook::Mutations | Hook::Defaulting => "mutation failed",
        Hook::Validations | Hook::Validating => "decoding request failed",
    };
    let message = format!("{begin}: cannot decode incoming new object: {error}");
    Answer::denied(Denial::new("malformed-request", message), Vec::new())
}

struct AbortOnDrop(tokio::task::JoinHandle<Answer>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_of_the_api_server() {
        let seconds = |query: &str| timeout_of(Some(query)).map(|duration| duration.as_secs_f32());
        assert_eq!(seconds("timeout=10s"), Some(10.0));
        assert_eq!(seconds("a=b&timeout=1m30s"), Some(90.0));
        assert_eq!(seconds("timeout=500ms"), Some(0.5));
        for query in ["", "timeout=", "timeout=0s", "timeout=ten", "timeout=10", "timeout=-5s", "timeout=99999999999s"]
        {
            assert_eq!(seconds(query), None, "{query}");
        }
        assert_eq!(timeout_of(None), None);
    }

    #[test]
    fn something_of_the_time_is_left_for_the_answer() {
        let start = Instant::now();
        let has = |timeout: Option<u64>| deadline(start, timeout.map(Duration::from_millis)).duration_since(start);
        assert_eq!(has(None), Duration::from_secs(9));
        assert_eq!(has(Some(30_000)), Duration::from_secs(29));
        assert_eq!(has(Some(1_000)), Duration::from_millis(900));
        assert_eq!(has(Some(100)), Duration::from_millis(50));
        assert_eq!(has(Some(1)), Duration::ZERO);
        // A caller cannot have us work for an hour.
        assert_eq!(has(Some(3_600_000)), Duration::from_secs(29));
    }

    async fn answer_of(reviewing: Reviewing, has: Duration) -> Answer {
        let start = Instant::now();
        guarded(Hook::Validations, start, start + has, reviewing).await
    }

    #[tokio::test]
    async fn panic_denies() {
        let answer = answer_of(Box::pin(async { panic!("injected") }), Duration::from_secs(60)).await;
        let denial = answer.denial().unwrap();
        assert_eq!(denial.codes, ["internal-error"]);
        assert!(!denial.message.contains("injected"));
    }

    #[tokio::test]
    async fn deadline_denies_and_says_so() {
        let answer = answer_of(Box::pin(std::future::pending()), Duration::from_millis(1)).await;
        let denial = answer.denial().unwrap();
        assert_eq!(denial.codes, ["deadline"]);
        assert!(denial.message.starts_with("validation failed: context was canceled before validation completed: "));
    }
}
