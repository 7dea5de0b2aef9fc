//! What a person sees while images are asked for: a bar on a terminal, and with `--verbose` each request.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sigward_verify::evidence::{Answer, Inquiry, Step};

use crate::network::Network;

/// Fewer images than this are done before a bar is of use.
const MANY: usize = 4;

/// Watches inquiries; the bar goes when it is dropped.
#[derive(Debug)]
pub struct Watch<'n> {
    network: &'n Network,
    bar: ProgressBar,
}

impl<'n> Watch<'n> {
    /// A watch over `count` images. Without a terminal, or where requests are logged, there is no bar.
    pub fn new(count: usize, network: &'n Network) -> Self {
        let target = match count < MANY || network.logs_requests() {
            true => ProgressDrawTarget::hidden(),
            // Hides itself where standard error is no terminal.
            false => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(u64::try_from(count).ok(), target);
        if let Ok(style) = ProgressStyle::with_template("verifying images {bar:30} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        Self { network, bar }
    }

    /// Watches one inquiry.
    pub fn over<I: Inquiry>(&self, inquiry: I) -> Watched<'_, I> {
        Watched { inquiry, watch: self }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// An inquiry that is watched.
#[derive(Debug)]
pub struct Watched<'w, I> {
    inquiry: I,
    watch: &'w Watch<'w>,
}

impl<I: Inquiry> Inquiry for Watched<'_, I> {
    type Out = I::Out;
    type Error = I::Error;

    fn step(&mut self, answers: Vec<Answer>) -> Step<I::Out, I::Error> {
        let step = self.inquiry.step(answers);
        match &step {
            Step::Need(needs) => {
                for need in needs {
                    self.watch.network.log("GET", &need.url);
                }
            }
            Step::Done(_) | Step::Failed(_) => self.watch.bar.inc(1),
        }
        step
    }
}
