//! How it goes, while it goes: bars on a terminal, one line a file otherwise.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::mpsc::Receiver;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::fault::State;
use super::rules::Event;
use crate::commands::Streams;
use crate::network::Network;

/// Shows events until there are no more. Where requests are logged, bars would stand in their way.
pub fn show(events: &Receiver<Event>, network: &Network, streams: &mut Streams<'_>) {
    let mut bars = (std::io::stderr().is_terminal() && !network.logs_requests()).then(Bars::new);
    for event in events {
        match (&mut bars, event) {
            (Some(bars), event) => bars.take(event),
            (None, Event::Done(name, state, reason)) => streams.say(line(&name, state, reason.as_deref())),
            (None, Event::FilesDone | Event::Planned(_) | Event::Reading(..)) => {}
        }
    }
    if let Some(bars) = bars {
        bars.end();
    }
}

fn line(name: &str, state: State, reason: Option<&str>) -> String {
    match reason {
        None => format!("{name}: {}", state.name()),
        Some(reason) => format!("{name}: {}: {reason}", state.name()),
    }
}

/// Bars at a time; files beyond them are only counted.
const MOST: usize = 16;

struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    files: BTreeMap<String, ProgressBar>,
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let total = all.add(ProgressBar::new(0).with_style(style("{pos}/{len} files {wide_bar} {elapsed}")));
        Self { all, total, files: BTreeMap::new() }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Planned(count) => self.total.set_length(u64::try_from(count).unwrap_or_default()),
            Event::FilesDone => self.total.finish_and_clear(),
            Event::Reading(name, length, seen) => {
                if !self.files.contains_key(&name) && self.files.len() >= MOST {
                    return;
                }
                let (all, total) = (&self.all, &self.total);
                let bar = self.files.entry(name.clone()).or_insert_with(|| {
                    let bar = ProgressBar::new(length.unwrap_or_default());
                    bar.set_style(style("{msg:40!} {wide_bar} {bytes}/{total_bytes}"));
                    bar.set_message(name);
                    all.insert_before(total, bar)
                });
                bar.set_position(seen);
                if length.is_some_and(|length| seen >= length) {
                    bar.finish_and_clear();
                }
            }
            Event::Done(name, state, reason) => {
                if let Some(bar) = self.files.iter().find(|(path, _)| name.ends_with(path.as_str())) {
                    bar.1.finish_and_clear();
                    let path = bar.0.clone();
                    self.files.remove(&path);
                }
                self.total.inc(1);
                if state != State::Verified {
                    // Names and reasons are strangers' texts.
                    let text = crate::commands::plain(&line(&name, state, reason.as_deref()));
                    let _ = self.all.println(text);
                }
            }
        }
    }

    fn end(self) {
        self.total.finish_and_clear();
    }
}

/// A style; colours are indicatif's, which asks `NO_COLOR`.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
