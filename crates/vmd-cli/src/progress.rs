//! Prints the progress of a training run to standard error.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use vmd::model::BoundEstimate;
use vmd::train::{MetricRecord, Observer};
use vmd::training::describe;

/// Interval between progress lines if standard error is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(20);

/// A progress bar on a terminal, or periodic lines elsewhere.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    steps: u64,
    last_line: Instant,
    /// The last validation, one estimate per number of steps.
    pub(crate) last_validation: Vec<BoundEstimate>,
    last_step: u64,
}

impl Progress {
    /// Starts the progress of a run of `steps` steps, of which `done` are done.
    pub(crate) fn new(steps: u64, done: u64) -> Self {
        let style = "{elapsed_precise} {wide_bar} step {pos}/{len}, {eta} left  {msg}";
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr())
            .with_style(ProgressStyle::with_template(style).expect("the template is constant"))
            .with_position(done);
        bar.reset_eta();
        Self { bar, steps, last_line: Instant::now(), last_validation: Vec::new(), last_step: 0 }
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }
}

impl Observer for Progress {
    fn on_record(&mut self, record: &MetricRecord) {
        match record {
            MetricRecord::Train { step, recon, kl, seconds, .. } => {
                self.bar.set_position(*step);
                let kl = kl.map_or(String::new(), |kl| format!(", KL {kl:.2}"));
                let message = format!("reconstruction {recon:.2}{kl} nats");
                if self.bar.is_hidden() && self.last_line.elapsed() >= LINE_EVERY {
                    self.last_line = Instant::now();
                    eprintln!("step {step}/{} after {seconds:.0} s: {message}", self.steps);
                }
                self.bar.set_message(message);
            }
            MetricRecord::Validation { step, estimate } => {
                if self.last_step != *step {
                    self.last_validation.clear();
                    self.last_step = *step;
                }
                self.last_validation.push(*estimate);
                self.line(&format!("step {step}/{}: validation {}", self.steps, describe(estimate)));
            }
        }
    }
}
